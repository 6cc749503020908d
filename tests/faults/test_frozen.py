"""A host that freezes for a minute and wakes: what it had in hand belongs to somebody else by then."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from samzip.archive.part import PartJob
from samzip.batch.context import Context
from samzip.database import tables
from samzip.errors import StorageFailed
from samzip.events import OrphansRecovered
from samzip.requests import attempts, lease
from samzip.storage.local import LocalStore
from tests.support.live_runs import LiveRuns, status, wait_until
from tests.support.world import InlineExecutor, ShiftedDatabase, make_world, new_postgres_database

TAKEN_OVER = 75


@pytest.fixture
def live(postgres_server: str, tmp_path: Path) -> Iterator[LiveRuns]:
    """One part waits. On PostgreSQL: a SQLite file is for one host, and a frozen process may hold its lock."""
    ShiftedDatabase.shift = timedelta(0)
    orders = tmp_path / "orders"
    orders.mkdir()
    made = LiveRuns(make_world(tmp_path / "world", new_postgres_database(postgres_server)), orders)
    made.world.company(equipment=1)
    made.world.click()
    yield made
    ShiftedDatabase.shift = timedelta(0)
    made.close()


class Interrupted(LocalStore):
    """Something happens before the first file goes."""

    def __init__(self, root: str, meanwhile: Callable[[], None]) -> None:
        super().__init__(root)
        self.meanwhile: Callable[[], None] | None = meanwhile

    def delete(self, name: str) -> bool:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().delete(name)


def test_two_hosts_that_claim_a_part_in_the_same_second_never_write_one_name(
    postgres_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first froze until its lease ran out, and claims just before the second takes it."""
    ShiftedDatabase.shift = timedelta(0)
    world = make_world(tmp_path / "first", new_postgres_database(postgres_server))
    world.company(equipment=1)
    world.click()
    state = tmp_path / "second"
    state.mkdir()
    settings = replace(world.settings, state_dir=state)
    other = replace(world, host="other-host", settings=settings, events=[], executor=InlineExecutor())
    monkeypatch.setattr(Context, "local", lambda *_: datetime(2026, 11, 28, 16, 34, 12))  # noqa: DTZ001 -- as it is

    def overtake(job: object) -> None:
        if not isinstance(job, PartJob):
            return
        world.executor.before = lambda job: None
        with world.database.write() as connection:
            connection.execute(update(tables.lease).values(expires_at=world.database.now(connection)))
        assert other.run().counts.published == 1

    world.executor.before = overtake
    assert world.run().outcome == "interrupted"
    (request,) = world.requests()
    assert request.status == "completed"
    assert world.files() == [request.file_path]
    world.database.close()


def test_an_attempt_keeps_its_name_when_it_is_given_back(tmp_path: Path) -> None:
    """A bucket may publish it all the same, once nobody waits for that any more."""
    ShiftedDatabase.shift = timedelta(0)
    world = make_world(tmp_path)
    world.company(equipment=1)
    world.click()
    world.executor.before = lambda job: (_ for _ in ()).throw(StorageFailed("no space"))
    assert world.run().counts.failed == 1
    (row,) = world.rows(tables.attempt)
    with world.database.read() as connection:
        assert attempts.is_named(connection, row.path)
    world.database.close()


@pytest.mark.parametrize(
    ("frozen", "wakes"),
    [
        ("freeze-before-rename", "while the other recovers"),
        ("freeze-before-commit", "while the other recovers"),
        ("freeze-before-commit", "when the other is done"),
    ],
)
def test_a_run_that_froze_beside_a_rename_completes_nothing_and_leaves_nothing(
    live: LiveRuns, frozen: str, wakes: str
) -> None:
    live.order(frozen)
    run = live.start()
    wait_until(lambda: status(run.process.pid)[0] == "T", lambda: run.text)
    world = live.world
    ShiftedDatabase.shift = lease.TIME_TO_LIVE + timedelta(seconds=1)  # the clock by which the other host lives
    state = world.settings.state_dir.parent / "second"
    state.mkdir()
    executor = InlineExecutor()
    other = replace(
        world, host="other-host", settings=replace(world.settings, state_dir=state), events=[], executor=executor
    )

    def wake() -> None:
        os.kill(run.process.pid, signal.SIGCONT)
        assert run.wait() == TAKEN_OVER, run.text
        assert [row.status for row in world.requests()] != ["failed"]

    changes: dict[str, Any] = {}
    if wakes == "while the other recovers":
        changes["archives"] = Interrupted(world.settings.archive_root, wake)
    assert other.run(**changes).counts.published == 1
    if wakes == "when the other is done":
        assert other.seen(OrphansRecovered)[0].files == 1
        wake()
    assert len(run.told("part.dropped")) == 1, run.text
    (request,) = world.requests()
    assert request.status == "completed"
    assert world.files() == [request.file_path]
    assert [row.path for row in world.rows(tables.archive)] == [request.file_path]
    assert world.rows(tables.work) == world.rows(tables.lease) == []
