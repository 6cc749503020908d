"""Who changes what runs hand out is alone in the fleet, and stops when another host has taken its place."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from samzip.archive.part import PartJob
from samzip.batch import ending
from samzip.batch.context import LEASE_LOST
from samzip.batch.run import Mode, run
from samzip.cli import main
from samzip.database import tables
from samzip.errors import DatabaseUnreachable, LockBusy, StorageFailed
from samzip.events import RequestsCollapsed, RunStarted
from samzip.host import host_id
from samzip.housekeeping.alone import Fleet
from samzip.housekeeping.items import Options
from samzip.housekeeping.purge import Purge
from samzip.housekeeping.verify import Verifier
from samzip.requests import lease, runs
from samzip.requests.collapse import collapse
from samzip.requests.recover import fence
from samzip.storage.local import LocalStore
from tests.support.world import World

ORPHAN = "zip_requests/99/20261001_101500_parte_1_req_9.zip"


def leave_an_orphan(world: World) -> None:
    if not world.rows(tables.empresa):
        world.company(equipment=1)
    if not world.requests():  # a database that remembers no archive takes none for an orphan
        world.click()
        world.set_request(1, status="expired")
    path = world.media / ORPHAN
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"PK")
    os.utime(path, (time.time() - 3600,) * 2)


def purge(world: World, *arguments: str) -> object:
    """Its exit code."""
    where = ["--state-dir", str(world.settings.state_dir), "--database-url", world.settings.database_url]
    with pytest.raises(SystemExit) as ended:
        main(["purge", "--yes", *arguments, *where])
    return ended.value.code


def take_the_lease(world: World, host: str, after: timedelta = timedelta(0)) -> None:
    with world.database.write() as connection:
        now = world.database.now(connection) + after
        assert lease.acquire(connection, now, token="t", host=host, run_id="r") is None


def test_a_purge_waits_for_another_hosts_run_as_long_as_it_was_told(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_an_orphan(world)
    take_the_lease(world, "elsewhere")
    assert purge(world) == 75
    assert "host elsewhere works on this queue" in capsys.readouterr().err
    assert world.files() == [ORPHAN]
    with world.database.write() as connection:
        soon = world.database.now(connection) + timedelta(seconds=1)
        connection.execute(update(tables.lease).values(expires_at=soon))
    assert purge(world, "--wait", "30s") == 0
    assert world.files() == world.rows(tables.lease) == []


def test_a_lease_that_a_dead_run_of_this_host_left_holds_no_purge_up(world: World) -> None:
    leave_an_orphan(world)
    take_the_lease(world, host_id(world.settings))
    assert purge(world) == 0
    assert world.files() == world.rows(tables.lease) == []


def test_a_purge_whose_place_another_host_took_does_nothing_more(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.company(equipment=1)
    world.click()
    world.run()
    leave_an_orphan(world)
    delete = LocalStore.delete

    def freeze(self: LocalStore, name: str) -> bool:
        monkeypatch.undo()
        take_the_lease(world, "elsewhere", after=timedelta(seconds=61))
        return delete(self, name)

    monkeypatch.setattr(LocalStore, "delete", freeze)
    with pytest.raises(LockBusy, match="another host has taken over"):
        Purge(world.settings, world.database, world.archives, Options(all_archives=True), world.host).run(wait=0)
    assert world.files() == [ORPHAN]
    assert [row.deleting for row in world.rows(tables.archive)] == [True]  # the next run forgets it
    assert [row.host for row in world.rows(tables.lease)] == ["elsewhere"]


def test_a_run_whose_place_another_host_took_begins_nothing_more(world: World) -> None:
    world.company(equipment=3)
    world.click()

    def freeze(job: Any) -> None:
        if isinstance(job, PartJob):
            take_the_lease(world, "elsewhere", after=timedelta(seconds=61))

    world.executor.before = freeze
    assert world.run().outcome == "interrupted"
    assert [row.status for row in world.requests()] == ["completed", "pending"]
    assert [row.token for row in world.rows(tables.work)] == [None]


def test_a_store_that_fails_is_told_though_another_host_took_over_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=1)
    world.click()
    context = world.context()

    def fail(self: LocalStore, prefix: str) -> None:
        context.stop.ask(LEASE_LOST)
        raise StorageFailed("No space left on device")

    monkeypatch.setattr(LocalStore, "check_writable", fail)
    with pytest.raises(StorageFailed, match="No space left"):
        run(context, Mode())


@pytest.mark.parametrize("how", ["purge", "verify"])
def test_a_run_that_was_frozen_gives_nobody_an_archive_that_another_host_took_away_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    world.company(equipment=1)
    world.click()
    world.run()
    (path,) = world.files()
    world.click()
    state = world.settings.state_dir.parent / "second"
    state.mkdir()
    other = replace(world, host="other-host", settings=replace(world.settings, state_dir=state))
    complete = ending._complete

    def freeze(*arguments: Any) -> Any:
        monkeypatch.undo()
        world.later(seconds=61)
        if how == "purge":
            options = Options(all_archives=True)
            Purge(other.settings, other.database, other.archives, options, other.host).run(wait=0)
        else:
            (world.media / path).write_bytes(b"PK")
            verifier = Verifier(other.settings, other.database, other.archives, other.host)
            list(verifier.repair(list(verifier.verify(verifier.find(None))), wait=0))
        assert world.files() == []
        return complete(*arguments)

    monkeypatch.setattr(ending, "_complete", freeze)
    assert world.run().counts.completed == 0
    assert world.requests()[1].status == "processing"
    assert world.rows(tables.archive) == []
    world.later(seconds=2)
    world.run()
    assert world.requests()[1].status == "completed"
    assert world.files() == [world.requests()[1].file_path]


def test_a_run_that_lost_its_lease_and_its_database_removes_the_files_of_all_its_parts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settings = replace(world.settings, jobs=2)
    world.company(equipment=3)
    world.click()
    context = world.context()
    begun = []

    def lose(job: Any) -> None:
        if isinstance(job, PartJob):
            begun.append(Path(world.settings.archive_root) / job.temporary)
            begun[-1].parent.mkdir(parents=True, exist_ok=True)
            begun[-1].write_bytes(b"PK")
            if len(begun) == 2:
                context.stop.ask(LEASE_LOST)

    def away(*_: Any) -> None:
        raise DatabaseUnreachable("away")

    world.executor.before = lose
    world.executor.holds = lambda job: isinstance(job, PartJob)
    monkeypatch.setattr(ending.work, "release", away)
    with pytest.raises(DatabaseUnreachable):
        run(context, Mode())
    assert len(begun) == 2
    assert world.files() == []


def let_another_host_take_over(world: World) -> None:
    """As this one is frozen: it has the lease, and a part in work."""
    with world.database.write() as connection:
        now = world.database.now(connection) + 2 * lease.TIME_TO_LIVE
        assert lease.acquire(connection, now, token="t", host="elsewhere", run_id="r1") is None
        fence(connection, now, "t")
        runs.begin(connection, now, run_id="r1", host="elsewhere", pid=1, version="0")
        collapse(connection, now)
    world.claim(1, 1)


@pytest.mark.parametrize("moment", ["the lease", RunStarted, RequestsCollapsed])
def test_a_host_that_wakes_takes_nothing_from_the_one_that_has_taken_over(
    world: World, monkeypatch: pytest.MonkeyPatch, moment: Any
) -> None:
    """Whatever it was about to do with the queue."""
    world.settings = replace(world.settings, max_attempts=1)
    world.company(equipment=4)
    world.click()
    undisturbed = Fleet._kept_alive

    def freeze(fleet: Fleet, tenure: Any) -> Any:
        if moment == "the lease":
            let_another_host_take_over(world)
        return undisturbed(fleet, tenure)

    def tell(event: Any) -> None:
        world.events.append(event)
        if moment is type(event):
            let_another_host_take_over(world)

    monkeypatch.setattr(Fleet, "_kept_alive", freeze)
    context = world.context(publish=tell)
    assert run(context, Mode()).outcome == "interrupted"
    assert context.stop.signal == LEASE_LOST
    assert [row.status for row in world.requests()] == ["processing", "pending"]
    held = next(row for row in world.rows(tables.work) if row.part == 1)
    assert (held.attempts, held.token, held.run_id) == (1, "t" * 32, "r1")
    assert [row.outcome for row in world.rows(tables.attempt)] == [None]
    assert [row.finished_at for row in world.rows(tables.run) if row.id == "r1"] == [None]
    assert [row.run_id for row in world.rows(tables.lease)] == ["r1"]
