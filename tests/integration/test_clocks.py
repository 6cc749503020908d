"""Hosts whose clocks are apart by minutes: on PostgreSQL its server's clock counts, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from samzip.database import tables
from samzip.errors import StorageFailed
from samzip.requests import lease, runs
from samzip.requests.health import last_starts
from samzip.requests.line import put_in_line
from samzip.requests.pulse import pulse
from tests.support.live_runs import LiveRun, LiveRuns
from tests.support.world import ShiftedDatabase, World, make_world, new_postgres_database

APART = timedelta(minutes=10)
SOON = timedelta(minutes=5)
BUSY = 75


@pytest.fixture
def hosts(postgres_server: str, tmp_path: Path) -> Iterator[tuple[LiveRuns, LiveRuns]]:
    """One is 10 minutes behind, the other 10 minutes ahead."""
    ShiftedDatabase.shift = timedelta(0)
    world = make_world(tmp_path / "behind", new_postgres_database(postgres_server))
    world.company(equipment=1)
    world.click()
    state = tmp_path / "ahead"
    state.mkdir()
    other = replace(world, settings=replace(world.settings, state_dir=state))
    shared = {"SAMZIP_MEDIA_ROOT": world.settings.media_root, "SAMZIP_ARCHIVE_ROOT": world.settings.archive_root}
    made = []
    for name, its, shift in (("one", world, -APART), ("two", other, APART)):
        (tmp_path / name).mkdir()
        environment = {**shared, "CLOCK_SHIFT_S": str(shift.total_seconds())}
        made.append(LiveRuns(its, tmp_path / name, environment=environment))
    yield made[0], made[1]
    for host in made:
        host.close()


def now(world: World) -> datetime:
    with world.database.read() as connection:
        return world.database.now(connection)


def off(run: LiveRun, world: World) -> timedelta:
    """How far the clock of an ended run is from the server's, by its last line."""
    return datetime.fromisoformat(run.told("run.finished")[-1]["timestamp"]) - now(world)


def expire_at(world: World, moment: datetime) -> None:
    with world.database.write() as connection:
        connection.execute(update(tables.archive).values(expires_at=moment))
        connection.execute(update(tables.ziprequest).values(expires_at=moment))


def test_a_clock_that_was_ahead_for_a_moment_lets_no_part_wait_for_that_day_and_hides_no_dead_timer(
    tmp_path: Path,
) -> None:
    ShiftedDatabase.shift = timedelta(days=365)
    world = make_world(tmp_path)
    world.company(equipment=3)
    world.click()
    world.executor.before = lambda job: (_ for _ in ()).throw(StorageFailed("no space"))
    assert world.run().counts.failed == 2
    ShiftedDatabase.shift = timedelta(0)
    with world.database.write() as connection:
        now = world.database.now(connection)
        connection.execute(update(tables.ziprequest).values(created_at=now - timedelta(hours=2)))
        connection.execute(update(tables.work).values(queued_at=now - timedelta(hours=2)))
        assert not pulse(connection, now).is_alive
        assert last_starts(connection, now, 3) == []
    world.executor.before = lambda job: None
    assert world.run().counts.published == 2
    with world.database.read() as connection:
        now = world.database.now(connection)
        assert all(row.started_at <= row.finished_at <= now for row in world.rows(tables.run))
        assert len(last_starts(connection, now, 3)) == 2
    world.database.close()


@pytest.mark.parametrize(("ahead", "is_free"), [(lease.TIME_TO_LIVE, False), (timedelta(days=1), True)])
def test_a_lease_that_a_clock_which_was_ahead_has_noted_is_free(
    tmp_path: Path, ahead: timedelta, is_free: bool
) -> None:
    world = make_world(tmp_path)
    with world.database.write() as connection:
        now = world.database.now(connection)
        lease.acquire(connection, now, token="a", host="dead", run_id="dead")
        connection.execute(update(tables.lease).values(expires_at=now + ahead))
        refused_by = lease.acquire(connection, now, token="b", host="other", run_id="other")
    assert refused_by == (None if is_free else "dead")
    world.database.close()


@pytest.mark.parametrize("how", ["was killed", "ended once the clock was right"])
def test_a_run_that_began_while_the_clock_was_ahead_lets_nobody_wait_since_then(tmp_path: Path, how: str) -> None:
    world = make_world(tmp_path)
    world.company(equipment=1)
    with world.database.write() as connection:
        now = world.database.now(connection)
        runs.begin(connection, now + timedelta(days=1), run_id="old", host="host", pid=1, version="1")
        if how != "was killed":
            runs.end(connection, now, "old", runs.Ending("done", None), {})
        runs.begin(connection, now, run_id="new", host="host", pid=1, version="1")
    world.click()
    with world.database.write() as connection:
        now = world.database.now(connection)
        put_in_line(connection, now, tables.ziprequest.c.id > 0)
    assert [row.queued_at for row in world.rows(tables.work)] == [now]
    world.database.close()


def test_a_clock_that_is_ten_minutes_off_takes_nobodys_lease_and_lets_no_archive_expire(
    hosts: tuple[LiveRuns, LiveRuns],
) -> None:
    behind, ahead = hosts
    world = behind.world
    run = behind.hold(1)
    assert ahead.start().wait() == BUSY
    behind.recall("hold")
    assert run.wait() == 0, run.text
    assert off(run, world) < -SOON
    (archive,) = world.rows(tables.archive)
    assert archive.expires_at - archive.published_at == world.settings.ttl
    assert abs(now(world) - archive.published_at) < SOON

    expire_at(world, now(world) + SOON)
    run = ahead.start()
    assert run.wait() == 0, run.text
    assert off(run, world) > SOON
    assert world.files() == [archive.path]
    assert [row.status for row in world.requests()] == ["completed"]

    expire_at(world, now(world))
    assert behind.start().wait() == 0
    assert world.files() == []
    assert [row.status for row in world.requests()] == ["expired"]
