"""In which order disk and database change: what makes a kill at any moment harmless.

A store and a database that write down what they are asked for, and what anybody else could see at that moment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from sqlalchemy import Connection, select, update

from samzip.archive import build
from samzip.archive.part import PartJob
from samzip.batch import ending
from samzip.database import Database, tables
from samzip.events import OrphansRecovered, PartDropped, PartFailed, PartPublished
from samzip.requests import work
from samzip.requests.collapse import collapse
from samzip.requests.single import cancel
from samzip.storage import Store
from samzip.storage.local import LocalStore
from tests.support.world import ShiftedDatabase, World


@dataclass(frozen=True)
class Seen:
    """One step, and what everybody else saw when it began."""

    step: str  # create, sync, verify, publish, delete, or commit: that one is seen from just after it
    name: str  # of the file
    statuses: tuple[str, ...]  # of the requests
    noted: tuple[str | None, ...]  # paths on the work rows
    going: tuple[bool, ...]  # archive rows: whether they are marked for deletion
    files: tuple[str, ...]


@dataclass
class Watch:
    """Everything that a run did, in order."""

    world: World
    steps: list[Seen] = field(default_factory=list)
    meanwhile: dict[str, Callable[[], None]] = field(default_factory=dict)  # step -> what others do just before it

    def note(self, step: str, name: str = "") -> None:
        self.meanwhile.pop(step, lambda: None)()
        with self.world.database.read() as connection:
            statuses = connection.execute(select(tables.ziprequest.c.status).order_by(tables.ziprequest.c.id))
            noted = connection.execute(select(tables.work.c.path).order_by(tables.work.c.part))
            going = connection.execute(select(tables.archive.c.deleting).order_by(tables.archive.c.path))
            self.steps.append(
                Seen(
                    step,
                    name,
                    tuple(statuses.scalars()),
                    tuple(noted.scalars()),
                    tuple(going.scalars()),
                    tuple(self.world.files()),
                )
            )

    def only(self, *steps: str) -> list[str]:
        return [seen.step for seen in self.steps if seen.step in steps]

    def first(self, step: str, holds: Callable[[Seen], bool] = lambda seen: True) -> int:
        return next(index for index, seen in enumerate(self.steps) if seen.step == step and holds(seen))


class WatchedStore(LocalStore):
    def __init__(self, root: str, watch: Watch) -> None:
        super().__init__(root)
        self.watch = watch

    def create(self, name: str) -> BinaryIO:
        self.watch.note("create", name)
        return super().create(name)

    def sync(self, name: str) -> None:
        self.watch.note("sync", name)
        super().sync(name)

    def publish(self, temporary: str, name: str) -> None:
        self.watch.note("publish", name)
        super().publish(temporary, name)

    def delete(self, name: str) -> bool:
        if Path(self.url, name).exists():
            self.watch.note("delete", name)
        return super().delete(name)


@dataclass(frozen=True)
class WatchedDatabase(ShiftedDatabase):
    watch: Watch

    @contextmanager
    def write(self, **how: Any) -> Iterator[Connection]:
        with Database.write(self, **how) as connection:
            yield connection
        self.watch.note("commit")


@pytest.fixture
def watch(world: World, monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch(world)
    verify = build.verify_zip

    def verify_zip(*arguments: Any) -> Any:
        watch.note("verify")
        return verify(*arguments)

    def open_store(url: str) -> Store:
        return WatchedStore(url, watch)

    monkeypatch.setattr(build, "open_store", open_store)
    monkeypatch.setattr(build, "verify_zip", verify_zip)
    return watch


def run(watch: Watch) -> None:
    world = watch.world
    database = WatchedDatabase(world.database.engine, world.database.url, watch)
    world.run(archives=WatchedStore(world.settings.archive_root, watch), database=database)


def click(world: World) -> None:
    world.company(equipment=1)
    world.click()


def test_an_archive_is_written_verified_synced_named_and_only_then_noted_as_completed(watch: Watch) -> None:
    click(watch.world)
    run(watch)
    assert watch.only("create", "verify", "sync", "publish") == ["create", "verify", "sync", "publish"]
    published = watch.first("publish")
    assert watch.steps[published].statuses == ("processing",)
    assert watch.steps[published].going == ()
    completed = watch.first("commit", lambda seen: seen.statuses == ("completed",))
    assert completed > published
    assert watch.steps[completed].files == (watch.world.requests()[0].file_path,)


def test_no_observer_ever_sees_a_completed_request_without_its_file(watch: Watch) -> None:
    watch.world.company(equipment=5)
    watch.world.click()
    run(watch)
    for seen in watch.steps:
        assert len([name for name in seen.files if name.endswith(".zip")]) >= seen.statuses.count("completed")


def test_the_name_is_noted_before_a_byte_is_written(watch: Watch) -> None:
    click(watch.world)
    run(watch)
    created = watch.steps[watch.first("create")]
    (path,) = created.noted
    assert path is not None
    assert created.name.startswith(path)
    assert watch.steps[watch.first("publish")].name == path


def test_rows_expire_before_the_file_goes_and_a_row_remembers_it_until_it_has_gone(watch: Watch) -> None:
    click(watch.world)
    watch.world.run()
    watch.world.later(hours=6, seconds=1)
    run(watch)
    deleted = watch.steps[watch.first("delete")]
    assert deleted.statuses == ("expired",)
    assert deleted.going == (True,)
    assert watch.steps[-1].files == ()
    assert watch.world.rows(tables.archive) == []


def test_recovery_takes_a_part_from_its_run_before_the_file_goes_and_a_row_remembers_that_one(watch: Watch) -> None:
    world = watch.world
    click(world)
    die_while_building(world)
    assert [name.endswith(".samzip-part") for name in world.files()] == [True]
    run(watch)
    deleted = watch.steps[watch.first("delete")]
    assert deleted.statuses == ("pending",)
    assert deleted.noted == (None,)
    assert deleted.going == (True,)
    assert deleted.name.endswith(".samzip-part")
    assert world.seen(OrphansRecovered)[0].files == 1
    assert world.files() == [world.requests()[0].file_path]


def test_what_a_run_published_and_did_not_commit_goes_with_recovery(world: World) -> None:
    click(world)
    with pytest.raises(Killed):
        world.run(archives=DiesAfterPublishing(world.settings.archive_root))
    assert len(world.files()) == 1
    world.later(seconds=2)
    world.run()
    assert world.files() == [world.requests()[0].file_path]
    assert world.rows(tables.work) == []


def test_recovery_drops_what_everybody_cancelled_meanwhile(world: World) -> None:
    click(world)
    die_while_building(world)
    for request in world.requests():
        with world.database.write() as connection:
            cancel(connection, world.database.now(connection), request.id)
    world.run()
    assert world.files() == []
    assert world.rows(tables.work) == []


def test_each_death_of_a_run_counts_and_the_last_one_fails_the_request_with_the_reason(world: World) -> None:
    click(world)
    for _ in range(world.settings.max_attempts):
        assert world.requests()[0].status != "failed"
        die_while_building(world)
    world.run()
    (request,) = world.requests()
    assert request.status == "failed"
    assert "3 intentos" in request.error_message
    assert world.files() == []
    assert world.rows(tables.work) == []
    assert [row.tipo for row in world.rows(tables.notificacionzip)] == ["zip_failed"]


def test_a_part_that_is_claimed_stays_with_whoever_claimed_it(world: World) -> None:
    click(world)
    with world.database.write() as connection:
        now = world.database.now(connection)
        collapse(connection, now)
        first, second = (
            work.claim(connection, now, company_id=1, part=1, token=run * 32, run_id=run, requests=[1]) for run in "ab"
        )
    assert first is not None
    assert second is None
    assert [row.token for row in world.rows(tables.work)] == ["a" * 32]


def test_a_part_that_is_taken_over_at_the_last_moment_is_not_completed_by_the_old_run(watch: Watch) -> None:
    """Between the last look and the finishing transaction: only the token in that one can tell."""
    world = watch.world
    click(world)

    def take_over() -> None:
        with world.database.write() as connection:
            connection.execute(update(tables.work).values(token="f" * 32))

    watch.meanwhile["publish"] = take_over
    run(watch)
    assert world.requests()[0].status == "processing"  # it is the other run's
    assert [row.token for row in world.rows(tables.work)] == ["f" * 32]
    assert world.rows(tables.archive) == []
    assert world.files() == []
    assert world.seen(PartPublished) == []
    assert len(world.seen(PartDropped)) == 1


def test_a_part_that_is_cancelled_at_the_last_moment_leaves_no_file(watch: Watch) -> None:
    world = watch.world
    click(world)

    def cancel_it() -> None:
        with world.database.write() as connection:
            cancel(connection, world.database.now(connection), 1)

    watch.meanwhile["publish"] = cancel_it
    run(watch)
    assert world.requests()[0].status == "cancelled"
    assert world.files() == []
    assert world.rows(tables.archive) == world.rows(tables.work) == []


def test_a_run_that_dies_before_it_removes_what_nobody_wants_leaves_nothing_for_ever(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = watch.world
    click(world)

    class Killed(BaseException):
        pass

    def cancel_it() -> None:
        with world.database.write() as connection:
            cancel(connection, world.database.now(connection), 1)

    def die(*_: Any) -> None:
        raise Killed

    watch.meanwhile["publish"] = cancel_it
    with monkeypatch.context() as patched:
        patched.setattr(ending, "remove_files", die)
        with pytest.raises(Killed):
            run(watch)
    assert len(world.files()) == 1
    run(watch)
    assert world.files() == []
    assert world.rows(tables.archive) == world.rows(tables.work) == []
    assert world.requests()[0].status == "cancelled"


def test_what_the_disk_gives_back_changed_is_never_named(watch: Watch) -> None:
    world = watch.world
    click(world)

    def flip_a_byte() -> None:
        (path,) = (world.media / name for name in world.files())
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 0xFF
        path.write_bytes(raw)

    watch.meanwhile["verify"] = flip_a_byte
    run(watch)
    assert watch.only("publish") == []
    assert world.requests()[0].status == "pending"
    assert len(world.seen(PartFailed)) == 1
    assert world.files() == []


def test_a_file_that_a_live_request_points_to_outlives_its_archives_time(world: World) -> None:
    world.at_noon()
    click(world)
    world.run()
    world.later(hours=5)
    with world.database.read() as connection:
        later = world.database.now(connection)
    world.set_request(1, expires_at=later.replace(year=later.year + 1))  # someone prolonged it by hand
    world.later(hours=2)
    world.run()
    assert world.requests()[0].status == "completed"
    assert world.files() == [world.requests()[0].file_path]


def test_an_archive_whose_time_is_over_is_not_given_again(world: World) -> None:
    world.at_noon()
    click(world)
    world.run()
    (old,) = world.files()
    world.later(hours=7)
    world.click()
    finished = world.run()
    assert (finished.counts.published, finished.counts.reused) == (1, 0)
    assert [row.outcome for row in world.rows(tables.attempt)] == ["published"] * 2  # without a try to give it again
    assert world.requests()[1].file_path != old
    assert world.files() == [world.requests()[1].file_path]


def test_a_local_file_is_on_the_disk_before_its_name_is_and_the_name_before_publish_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut after publish() finds the whole file under its name."""
    calls: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def note_fsync(handle: int) -> None:
        calls.append(f"fsync {Path(f'/proc/self/fd/{handle}').readlink().relative_to(tmp_path.resolve())}")
        fsync(handle)

    def note_rename(path: Path, target: Path) -> Path:
        calls.append(f"rename {path.name} {target.name}")
        return rename(path, target)

    (tmp_path / "zip_requests").mkdir()
    store = LocalStore(str(tmp_path))
    with store.create("zip_requests/1/a.part") as file:
        file.write(b"content")
    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(Path, "rename", note_rename)
    store.sync("zip_requests/1/a.part")
    store.publish("zip_requests/1/a.part", "zip_requests/1/a.zip")
    assert calls == ["fsync zip_requests/1/a.part", "rename a.part a.zip", "fsync zip_requests/1"]
    calls.clear()
    store.delete("zip_requests/1/a.zip")
    assert calls == ["fsync zip_requests/1"]


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


class DiesAfterPublishing(LocalStore):
    def publish(self, temporary: str, name: str) -> None:
        super().publish(temporary, name)
        raise Killed


def die_while_building(world: World) -> None:
    """A run that ends in the middle of a part, its temporary file half-written."""

    def die(job: Any) -> None:
        if isinstance(job, PartJob):
            with world.archives.create(job.temporary) as file:
                file.write(b"PK")
            raise Killed

    world.executor.before = die
    with pytest.raises(Killed):
        world.run()
    world.executor.before = lambda job: None
