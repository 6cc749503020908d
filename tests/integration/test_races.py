"""Many at once: clicks, runs, hosts. Each part is built once, and nobody starves."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert, update

from samzip.archive.part import PartJob
from samzip.batch.run import Mode, run
from samzip.database import tables
from samzip.errors import LockBusy, UsageProblem
from samzip.events import PartDropped, PartPublished, PartStarted
from samzip.requests import collapse, expire, integrity, purge, recover, single
from tests.support.world import InlineExecutor, ShiftedDatabase, World, make_world, new_postgres_database

CLICKERS = 50
EXIT_BUSY = 75


@pytest.fixture
def two_hosts(tmp_path: Path, postgres_server: str) -> Iterator[tuple[World, World]]:
    """Two state folders; one PostgreSQL and one archive folder."""
    first = make_world(tmp_path / "first", new_postgres_database(postgres_server))
    state = tmp_path / "second"
    state.mkdir()
    yield first, replace(first, host="other-host", settings=replace(first.settings, state_dir=state), events=[])
    first.database.close()


def start_run(world: World, *arguments: str) -> subprocess.Popen[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "SAMZIP_STATE_DIR": str(world.settings.state_dir),
        "SAMZIP_DATABASE_URL": world.settings.database_url,
        "SAMZIP_MEDIA_ROOT": world.settings.media_root,
        "SAMZIP_ARCHIVE_ROOT": world.settings.archive_root,
        "SAMZIP_PART_SIZE": str(world.settings.part_size),
        "SAMZIP_JOBS": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "samzip", "run", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def check_one_archive_for_each_part(world: World, parts: int) -> None:
    archives = world.rows(tables.archive)
    assert sorted(row.part for row in archives) == list(range(1, parts + 1))
    assert world.files() == sorted(row.path for row in archives)
    path = {row.part: row.path for row in archives}
    for row in world.requests():
        assert (row.status, row.file_path) == ("completed", path[row.parte_numero])
    assert world.rows(tables.work) == world.rows(tables.lease) == []


def test_fifty_people_click_while_runs_start_and_end_and_each_part_is_built_once(world: World) -> None:
    world.company(equipment=3)
    start = threading.Barrier(CLICKERS + 1)

    def click_three_times() -> None:
        start.wait()
        for _ in range(3):
            world.click()

    with ThreadPoolExecutor(CLICKERS) as people:
        clicks = [people.submit(click_three_times) for _ in range(CLICKERS)]
        start.wait()
        runs = 0
        while not all(click.done() for click in clicks) or not runs:
            world.run()
            runs += 1
        for click in clicks:
            click.result()
    world.run()
    assert len(world.requests()) == CLICKERS * 3 * 2
    assert len([event for event in world.seen(PartPublished) if not event.reused]) == 2
    check_one_archive_for_each_part(world, 2)
    told = Counter(row.zip_request_id for row in world.rows(tables.notificacionzip))
    assert set(told.values()) == {1}
    assert len(told) == CLICKERS * 3 * 2


def test_of_runs_that_start_together_one_works_and_the_others_say_so(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.company(equipment=7)
    world.click()
    runs = [start_run(world) for _ in range(4)]
    texts = [process.communicate(timeout=60)[0] for process in runs]
    codes = Counter(process.returncode for process in runs)
    assert codes[0] >= 1, "\n".join(texts)
    assert codes[0] + codes[EXIT_BUSY] == 4, f"{codes}\n" + "\n".join(texts)
    check_one_archive_for_each_part(world, 4)
    assert sum("4 archives published" in text for text in texts) == 1
    world.database.close()


def test_two_hosts_that_run_at_once_take_turns_and_build_each_part_once(two_hosts: tuple[World, World]) -> None:
    first, second = two_hosts
    first.company(equipment=7)
    first.click()
    runs = [start_run(host, "--wait", "60s") for host in (first, second)]
    for process in runs:
        text = process.communicate(timeout=90)[0]
        assert process.returncode == 0, text
    check_one_archive_for_each_part(first, 4)
    one, other = sorted(first.rows(tables.run), key=lambda row: row.started_at)
    assert one.host != other.host
    assert one.finished_at <= other.started_at
    assert {one.outcome, other.outcome} == {"done", "nothing"}


def test_two_hosts_that_run_again_and_again_while_people_click_build_each_part_once(
    two_hosts: tuple[World, World],
) -> None:
    first, second = two_hosts
    second.executor = InlineExecutor()
    first.company(equipment=3)
    start, over = threading.Barrier(CLICKERS + 2), threading.Event()

    def click() -> None:
        start.wait()
        first.click()

    def run_again_and_again(host: World) -> int:
        runs = 0
        start.wait()
        while not over.is_set():
            with suppress(LockBusy):
                host.run()
                runs += 1
        return runs

    with ThreadPoolExecutor(CLICKERS + 2) as everybody:
        runners = [everybody.submit(run_again_and_again, host) for host in two_hosts]
        clicks = [everybody.submit(click) for _ in range(CLICKERS)]
        for click_made in clicks:
            click_made.result()
        over.set()
        assert sum(runner.result() for runner in runners) >= 1
    first.run()
    assert len(first.requests()) == CLICKERS * 2
    published = first.seen(PartPublished) + second.seen(PartPublished)
    assert len([event for event in published if not event.reused]) == 2
    check_one_archive_for_each_part(first, 2)


def test_while_one_host_works_another_stays_away(two_hosts: tuple[World, World]) -> None:
    first, second = two_hosts
    first.company(equipment=1)
    first.click()
    answers = []

    def other_host_tries(job: Any) -> None:
        if isinstance(job, PartJob):
            with pytest.raises(LockBusy, match="test-host"):
                second.run()
            answers.append(start_run(second).communicate(timeout=60)[0])

    first.executor.before = other_host_tries
    assert first.run().counts.published == 1
    assert "test-host works on this queue" in answers[0]
    assert [row.host for row in first.rows(tables.run)] == ["test-host"]


def test_a_host_that_froze_past_its_lease_publishes_nothing_after_another_took_over(world: World) -> None:
    world.company(equipment=3)
    world.click()
    state = world.settings.state_dir.parent / "second"
    state.mkdir()
    other = replace(world, host="other-host", settings=replace(world.settings, state_dir=state), events=[])
    other.executor = type(world.executor)()

    def freeze(job: Any) -> None:
        if isinstance(job, PartJob) and not other.events:
            world.later(seconds=61)
            other.run()

    world.executor.before = freeze
    world.run()
    assert len(other.seen(PartPublished)) == 2
    assert world.seen(PartPublished) == []
    assert len(world.seen(PartDropped)) == 1
    check_one_archive_for_each_part(world, 2)


def waits_for(world: World, company: str, click: int) -> int:
    """Parts of others that were begun between a click, made when `click` events were seen, and its part."""
    begun = [event.ref.company for event in world.events[click:] if isinstance(event, PartStarted)]
    return begun.index(company)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("when", ["before the run", "after some parts of the other"])
def test_one_part_never_waits_behind_the_three_hundred_of_another_company(tmp_path: Path, jobs: int, when: str) -> None:
    ShiftedDatabase.shift *= 0
    world = make_world(tmp_path, jobs=str(jobs), part_size="1")
    world.company("Grande S.A.", equipment=300, user="grande")
    world.company("Chica Ltda", equipment=1, user="chica")
    world.click("grande")
    context = world.context()
    clicked = 0
    if when == "before the run":
        world.click("chica")

    def before(job: Any) -> None:
        nonlocal clicked
        if not isinstance(job, PartJob):
            return
        if job.records.company.name == "Chica Ltda":
            context.stop.signal = "SIGTERM"
        elif job.part == 5 and when != "before the run":
            world.click("chica")
            clicked = len(world.events)

    world.executor.before = before
    run(context, Mode())
    assert waits_for(world, "Chica Ltda", clicked) <= 2
    world.database.close()


def test_a_pass_ends_although_others_keep_clicking(tmp_path: Path) -> None:
    ShiftedDatabase.shift *= 0
    world = make_world(tmp_path, part_size="1")
    for name in ("a", "b"):
        world.company(name, equipment=2, user=name, prefix=name.upper())
    world.click("a")
    clicks = iter("ba" * 20)

    def click_again(job: Any) -> None:
        if isinstance(job, PartJob) and len(world.seen(PartStarted)) < 20:
            world.click(next(clicks))
            with world.database.write() as connection:  # so that no archive can be given again
                connection.execute(tables.equipo.update().values(marca=f"marca {len(world.events)}"))

    world.executor.before = click_again
    world.run(Mode(once=False))
    assert {row.status for row in world.requests()} == {"completed"}
    world.database.close()


def changes_requests(statement: str) -> bool:
    return statement.startswith(("UPDATE core_", "DELETE FROM core_")) or statement.endswith(
        ("FOR UPDATE", "SKIP LOCKED")
    )


def changes_archives(statement: str) -> bool:
    return statement.startswith("UPDATE samzip_archive")


@contextmanager
def last_moment(
    world: World, act: Callable[[Connection, datetime], object], before: Callable[[str], bool] = changes_requests
) -> Iterator[tuple[Connection, datetime]]:
    """A transaction, and somebody who acts in another one just before the first such statement of this one."""

    def in_a_transaction() -> None:
        with world.database.write() as connection:
            act(connection, world.database.now(connection))

    somebody = threading.Thread(target=in_a_transaction)

    def look(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if somebody.ident is None and before(statement):
            somebody.start()
            somebody.join(timeout=1)

    event.listen(world.database.engine, "before_cursor_execute", look)
    try:
        with world.database.write() as connection:
            yield connection, world.database.now(connection)
    finally:
        event.remove(world.database.engine, "before_cursor_execute", look)
        somebody.join()


on_postgres = pytest.mark.parametrize("world", ["postgres"], indirect=True)  # SQLite has one writer at a time


@pytest.fixture
def served(world: World) -> World:
    """Request 1 has its archive, and its user was told."""
    world.company(equipment=1)
    world.click()
    world.run()
    return world


def check_request(world: World, status: str, told: list[str]) -> None:
    assert [row.status for row in world.requests()] == [status]
    assert [row.tipo for row in world.rows(tables.notificacionzip)] == told


@on_postgres
def test_who_asks_again_while_their_request_expires_is_not_forgotten(served: World) -> None:
    def ask_again(connection: Connection, now: datetime) -> None:
        expire.expire_early(connection, now, served.settings.ttl, [1])
        single.retry(connection, now, 1)

    served.later(hours=6)
    with last_moment(served, ask_again) as (connection, now):
        expire.expire(connection, now, served.settings.ttl)
    check_request(served, "pending", ["zip_ready"])


@on_postgres
def test_a_request_that_is_put_back_while_its_archive_is_purged_still_waits(served: World) -> None:
    path = served.files()[0]
    with last_moment(
        served, lambda connection, now: integrity.take_back(connection, now, served.settings.ttl, path)
    ) as (connection, now):
        purge.expire_now(connection, now, [path])
    check_request(served, "pending", ["zip_ready"])


@on_postgres
def test_a_request_that_is_cancelled_while_it_is_rejected_stays_cancelled(served: World) -> None:
    served.set_request(1, status="pending")
    with served.database.write() as connection:
        connection.execute(update(tables.empresa).values(is_deleted=True))
    with last_moment(served, lambda connection, now: single.cancel(connection, now, 1)) as (connection, now):
        assert collapse.collapse(connection, now).rejected == ()
    check_request(served, "cancelled", ["zip_ready"])


@on_postgres
def test_a_request_that_is_asked_for_again_while_the_history_is_cleared_stays(served: World) -> None:
    served.set_request(1, status="failed")
    served.later(days=8)
    with last_moment(served, lambda connection, now: single.retry(connection, now, 1)) as (connection, now):
        expire.delete_history(connection, now - served.settings.history)
    check_request(served, "pending", ["zip_ready"])


def drops_work(statement: str) -> bool:
    return statement.startswith("DELETE FROM samzip_work")


def cancel_or_be_refused(connection: Connection, now: datetime) -> None:
    with suppress(UsageProblem):
        single.cancel(connection, now, 1)


@on_postgres
def test_who_cancels_what_a_dead_run_has_spent_and_the_recovery_never_wait_for_each_other_in_a_circle(
    served: World,
) -> None:
    served.set_request(1, status="processing")
    with served.database.write() as connection:
        row = {"company_id": 1, "part": 1, "queued_at": served.database.now(connection), "token": "dead", "attempts": 3}
        connection.execute(insert(tables.work).values(row))
    with last_moment(served, cancel_or_be_refused, before=drops_work) as (connection, now):
        recover.recover(connection, now, max_attempts=3)
    check_request(served, "failed", ["zip_ready", "zip_failed"])
    assert served.rows(tables.work) == []


@on_postgres
def test_who_cancels_what_is_rejected_and_the_run_never_wait_for_each_other_in_a_circle(served: World) -> None:
    served.set_request(1, status="pending")
    with served.database.write() as connection:
        connection.execute(update(tables.empresa).values(is_deleted=True))
        row = {"company_id": 1, "part": 1, "queued_at": served.database.now(connection), "attempts": 1}
        connection.execute(insert(tables.work).values(row))
    with last_moment(served, cancel_or_be_refused, before=drops_work) as (connection, now):
        collapse.collapse(connection, now)
    check_request(served, "failed", ["zip_ready", "zip_failed"])
    served.run()
    assert served.rows(tables.work) == []


@on_postgres
def test_two_who_end_the_same_archive_never_wait_for_each_other_in_a_circle(served: World) -> None:
    path = served.files()[0]

    def notice_damage(connection: Connection, now: datetime) -> None:
        assert integrity.take_back(connection, now, served.settings.ttl, path) == 0  # they are over by then

    with last_moment(served, notice_damage, before=changes_archives) as (connection, now):
        assert purge.expire_now(connection, now, [path]) == 1
    check_request(served, "expired", ["zip_ready", "zip_expired"])
