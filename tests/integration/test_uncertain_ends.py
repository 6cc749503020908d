"""What is not known for sure is never removed or given away: a commit whose answer got lost, an archive that somebody
ends in the same moment, one of SAM's that no row of samzip knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, text, update

from samzip.batch import ending
from samzip.database import tables
from samzip.dossier.keys import WRITE_TEST
from samzip.errors import DatabaseDiskFails, DatabaseReadOnly, DatabaseUnreachable, StorageFailed
from samzip.housekeeping.items import Options
from samzip.housekeeping.purge import Purge
from samzip.requests import work
from samzip.requests.integrity import take_back
from samzip.storage.local import LocalStore
from tests.support.world import World


class Clock:
    """Time passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Killed(BaseException):
    """What a test raises where a run would die."""


@pytest.mark.parametrize("then", [ValueError("nobody foresaw it"), StorageFailed("no"), DatabaseUnreachable("away")])
@pytest.mark.parametrize("went_through", [True, False])
def test_after_a_commit_whose_answer_got_lost_nothing_is_removed_until_the_next_run_knows_more(
    world: World, monkeypatch: pytest.MonkeyPatch, then: Exception, went_through: bool
) -> None:
    world.company(equipment=1)
    world.click()
    finish, errors = work.finish, [DatabaseUnreachable("the server closed the connection"), then]

    def lose(connection: Connection, *arguments: Any) -> int:
        finish(connection, *arguments)
        error = errors.pop(0)
        if went_through and isinstance(error, DatabaseUnreachable) and errors:
            connection.commit()
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(ending, "PATIENCE_S", 0.5)
        patched.setattr(ending, "time", Clock())
        patched.setattr(work, "finish", lose)
        if went_through:  # what follows the lost answer meets another error before the fence
            patched.setattr(work, "_touch", _touch_until_committed(work._touch, errors, then))
        with pytest.raises(type(then)):
            world.run()
    (request,) = world.requests()
    assert (request.status == "completed") == went_through
    assert len(world.files()) == 1
    world.later(minutes=2)
    world.run()
    (request,) = world.requests()
    assert request.status == "completed"
    assert world.files() == [request.file_path]
    assert world.rows(tables.work) == []


@pytest.mark.parametrize("newest", ["cancelled", "gone"])
def test_a_lost_answer_is_understood_though_the_newest_request_is_not_served(
    world: World, monkeypatch: pytest.MonkeyPatch, newest: str
) -> None:
    """What was published is never removed: another request has it."""
    world.company(equipment=1)
    world.click()
    last = world.click().request_ids[-1]
    finish, lost = work.finish, [True]

    def lose(connection: Connection, *arguments: Any) -> int:
        if lost:
            which = tables.ziprequest.c.id == last
            gone = delete(tables.ziprequest).where(which)
            connection.execute(
                gone if newest == "gone" else update(tables.ziprequest).where(which).values(status=newest)
            )
        done = finish(connection, *arguments)
        if lost:
            lost.clear()
            connection.commit()
            raise DatabaseUnreachable("the server closed the connection")
        return done

    with monkeypatch.context() as patched:
        patched.setattr(work, "finish", lose)
        counts = world.run().counts
    assert (counts.published, counts.completed, counts.dropped) == (1, 1, 0)
    first = world.requests()[0]
    assert (first.status, world.files()) == ("completed", [first.file_path])


def test_a_part_that_was_taken_over_while_it_is_given_again_is_told_as_dropped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests that the same archive has served before prove nothing of this one."""
    world.at_noon()
    world.company(equipment=1)
    world.click()
    world.run()
    world.click()
    finish = work.finish

    def taken_over(connection: Connection, now: Any, held: work.Claim, *arguments: Any) -> int:
        return finish(connection, now, replace(held, token="0" * 32), *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(work, "finish", taken_over)
        counts = world.run().counts
    assert (counts.reused, counts.completed, counts.dropped) == (0, 0, 1)
    assert world.run().counts.reused == 1


def test_a_run_that_died_as_it_tried_the_store_leaves_nothing_to_one_without_work(world: World) -> None:
    world.company(equipment=1)
    world.click()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LocalStore, "check_writable", _die_between)
        with pytest.raises(Killed):
            world.run()
    with world.database.write() as connection:  # as a process that is killed leaves it
        connection.execute(update(tables.run).values(finished_at=None, outcome=None))
        connection.execute(update(tables.ziprequest).values(status="cancelled"))
    assert world.files() == [WRITE_TEST]
    world.run()
    assert world.files() == []


def _die_between(store: LocalStore, prefix: str) -> None:
    Path(store.url, prefix).mkdir()
    with store.create(WRITE_TEST) as file:
        file.write(b"samzip")
    raise Killed


def _touch_until_committed(touch: Any, errors: list[Exception], then: Exception) -> Any:
    def touched(*arguments: Any, **named: Any) -> None:
        if len(errors) == 1:
            errors.clear()
            raise then
        touch(*arguments, **named)

    return touched


@contextmanager
def read_only(world: World) -> Iterator[None]:
    """As a standby is until it is promoted."""
    name = world.database.url.database

    def set_to(value: str) -> None:
        with world.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SET default_transaction_read_only = off"))
            connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}"))
        world.database.engine.dispose()

    set_to("on")
    try:
        yield
    finally:
        set_to("off")


def test_a_server_that_is_read_only_is_told_as_one_that_cannot_be_used_now(world: World) -> None:
    if world.database.is_sqlite:
        pytest.skip("there is no such server")
    world.company(equipment=1)
    world.click()
    with read_only(world), pytest.raises(DatabaseReadOnly, match="read-only transaction") as told:
        world.run()
    assert told.value.exit_code == DatabaseUnreachable.exit_code
    assert "standby" in told.value.advice
    assert world.run().counts.published == 1


def test_a_database_whose_disk_is_full_is_told_as_that(world: World) -> None:
    if not world.database.is_sqlite:
        pytest.skip("a server's disk is not filled for a test")
    world.company(equipment=1)
    now = datetime.now(UTC)
    run = {"host": "h", "pid": 1, "version": "0", "started_at": now, "heartbeat_at": now}

    def fill() -> None:
        with world.database.write() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")  # as many as it has
            connection.execute(insert(tables.run), [{**run, "id": f"{number:032}"} for number in range(10_000)])

    with pytest.raises(DatabaseDiskFails, match="disk is full") as told:
        fill()
    assert told.value.exit_code == DatabaseUnreachable.exit_code
    assert "free some by other means" in told.value.advice


def test_of_what_nobody_foresaw_in_the_database_its_words_are_told_and_not_the_statement(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=1)
    world.click()

    def break_a_rule(connection: Connection, *_: Any) -> int:
        connection.execute(insert(tables.work).values(company_id=None, part=1, queued_at=datetime.now(UTC)))
        return 1

    monkeypatch.setattr(work, "finish", break_a_rule)
    assert world.run().counts.failed == 1
    (part,) = world.rows(tables.work)
    assert part.last_error.startswith("error inesperado: IntegrityError: ")
    assert "company_id" in part.last_error
    assert "INSERT" not in part.last_error


def test_an_archive_that_is_taken_back_while_it_is_given_again_is_built_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=1)
    world.click()
    world.run()
    (path,) = world.files()
    world.later(minutes=2)
    world.click()
    reuse = ending.reuse

    def meanwhile(*arguments: Any) -> None:
        if world.archives.delete(path):
            with world.database.write() as connection:
                take_back(connection, world.database.now(connection), world.settings.ttl, path)
        reuse(*arguments)

    monkeypatch.setattr(ending, "reuse", meanwhile)
    counts = world.run().counts
    assert (counts.reused, counts.published, counts.failed) == (0, 1, 0)
    assert {row.status for row in world.requests()} == {"completed"}
    assert {row.file_path for row in world.requests()} == set(world.files())


@pytest.mark.parametrize("how", ["killed", "refused"])
def test_an_archive_that_sam_made_goes_with_the_next_run_when_a_purge_could_not_remove_it(
    world: World, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    world.company(equipment=1)
    world.click()
    path = "zip_requests/1/20260101_000000_parte_1_req_1.zip"
    world.put(path, b"PK" * 100)
    with world.database.read() as connection:
        now = world.database.now(connection)
    ends = now + timedelta(hours=6)
    world.set_request(1, status="completed", file_path=path, file_size=200, completed_at=now, expires_at=ends)

    def delete(_store: LocalStore, _name: str) -> bool:
        raise Killed if how == "killed" else StorageFailed("no")

    with monkeypatch.context() as patched, suppress(Killed):
        patched.setattr(LocalStore, "delete", delete)
        Purge(world.settings, world.database, world.archives, Options(all_archives=True), world.host).run(wait=0)
    assert [row.deleting for row in world.rows(tables.archive)] == [True]
    world.run()
    assert world.requests()[0].status == "expired"
    assert world.files() == world.rows(tables.archive) == []
