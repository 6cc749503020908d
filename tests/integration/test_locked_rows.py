"""Somebody else changed a row of PostgreSQL and does not end the transaction: that is one company's trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from samzip.archive.part import PartJob
from samzip.batch import building, cleaning
from samzip.database import engine, open_database, tables
from samzip.errors import RowLocked
from tests.support.world import InlineExecutor, ShiftedDatabase, World, make_world, new_postgres_database

OLD = timedelta(days=4000)
USERS = ("ANA", "LUIS")  # one in each company


@pytest.fixture
def world(postgres_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Two companies, and a run that waits for a lock no longer than a second."""
    monkeypatch.setattr(engine, "LOCK_S", 1)
    monkeypatch.setattr(cleaning, "MOMENT_S", 1)
    ShiftedDatabase.shift = timedelta(0)
    made = make_world(tmp_path, new_postgres_database(postgres_server))
    for user in USERS:
        made.company(f"Empresa de {user}", equipment=1, user=user)
    yield made
    ShiftedDatabase.shift = timedelta(0)
    made.database.close()


@contextmanager
def held(world: World, *requests: int) -> Iterator[None]:
    """Locked by a connection that says nothing more."""
    other = open_database(world.settings.database_url)
    with other.write(pauses=True) as connection:
        mine = select(tables.ziprequest.c.id).where(tables.ziprequest.c.id.in_(requests)).with_for_update()
        connection.execute(mine)
        yield
    other.close()


def click(world: World, user: str) -> int:
    (number,) = world.click(user).request_ids
    return number


def states(world: World) -> dict[int, str]:
    return {row.id: row.status for row in world.requests()}


def attempts(world: World) -> list[int]:
    return [row.attempts for row in world.rows(tables.work)]


def test_others_are_served_beside_a_company_with_a_locked_row(world: World) -> None:
    first, second = click(world, "ANA"), click(world, "LUIS")
    with held(world, first), pytest.raises(RowLocked, match="lock timeout") as left:
        world.run()
    assert left.value.exit_code == 10
    assert "pg_stat_activity" in left.value.advice
    assert states(world) == {first: "pending", second: "completed"}
    assert attempts(world) == [0]
    world.run()
    assert states(world) == {first: "completed", second: "completed"}


def lock_when_begun(world: World, request: int, held_by: ExitStack) -> None:
    """Once the archive of this request is being made."""

    def before(job: Any) -> None:
        if isinstance(job, PartJob) and job.records.company.id == 1:
            held_by.enter_context(held(world, request))

    world.executor.before = before


def test_nor_do_runs_after_it_wait_for_a_part_that_cannot_be_ended(world: World) -> None:
    first = click(world, "ANA")
    with ExitStack() as held_by:
        lock_when_begun(world, first, held_by)
        with pytest.raises(RowLocked):
            world.run()
        assert states(world) == {first: "processing"}
        world.executor.before = lambda job: None
        second = click(world, "LUIS")
        assert world.run().counts.completed == 1
        assert states(world) == {first: "processing", second: "completed"}
        again = click(world, "ANA")
        world.run()
        assert states(world)[again] == "pending"
    assert world.run().counts.completed == 2
    assert set(states(world).values()) == {"completed"}
    assert world.rows(tables.work) == []
    assert sorted(world.files()) == sorted({row.file_path for row in world.requests()})


def test_what_a_dead_run_left_is_recovered_but_for_the_locked_row(world: World) -> None:
    first, second = click(world, "ANA"), click(world, "LUIS")
    for number in (first, second):
        world.set_request(number, status="processing")
    with held(world, first):
        assert world.run().counts.completed == 1
        assert states(world) == {first: "processing", second: "completed"}
    assert world.run().counts.completed == 1
    assert set(states(world).values()) == {"completed"}


def test_locked_rows_expire_and_leave_the_history_later(world: World) -> None:
    first, second = click(world, "ANA"), click(world, "LUIS")
    world.run()
    world.later(hours=100)
    with held(world, first):
        world.run()
        assert states(world) == {first: "completed", second: "expired"}
        assert len(world.files()) == 1
    world.run()
    assert set(states(world).values()) == {"expired"}
    assert world.files() == []
    world.later(days=OLD.days)
    with held(world, first):
        world.run()
        assert set(states(world)) == {first}
    world.run()
    assert states(world) == {}


def test_archives_expire_although_a_company_was_left_aside(world: World) -> None:
    first = click(world, "ANA")
    world.run()
    world.later(hours=100)
    second = click(world, "LUIS")
    with held(world, second), pytest.raises(RowLocked):
        world.run()
    assert states(world) == {first: "expired", second: "pending"}
    assert world.files() == []


def test_a_locked_row_that_cannot_be_served_is_rejected_later(world: World) -> None:
    first, second = click(world, "ANA"), click(world, "LUIS")
    world.set_request(first, parte_numero=0)
    with held(world, first):
        world.run()
        assert states(world) == {first: "pending", second: "completed"}
    world.run()
    assert states(world) == {first: "failed", second: "completed"}


class Slow(InlineExecutor):
    """Begins parts at once, tells of them, and ends them when `is_over`."""

    def __init__(self, is_over: Callable[[], bool]) -> None:
        super().__init__()
        self.is_over = is_over
        self.begun: list[tuple[Future[Any], Future[Any]]] = []  # what is given away, and the job's own

    def submit(self, function: Callable[..., Any], job: Any, key: str) -> Future[Any]:
        done = super().submit(function, job, key)
        if not isinstance(job, PartJob):
            return done
        given: Future[Any] = Future()
        self.begun.append((given, done))
        return given

    def poll(self, timeout: float) -> list[tuple[str, Any]]:
        told = super().poll(timeout)
        if len(self.begun) == len(USERS) and self.is_over():
            for given, done in self.begun:
                given.set_result(done.result())
            self.begun = []
        return told


def test_progress_of_others_is_written_beside_a_locked_row(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "WRITE_EVERY_S", 0)
    first, second = click(world, "ANA"), click(world, "LUIS")
    polls = iter(range(5))
    seen: list[dict[int, int]] = []

    def is_over() -> bool:
        seen.append({row.id: row.progress_percentage for row in world.requests()})
        return next(polls, None) is None

    world.executor = Slow(is_over)
    with ExitStack() as held_by:
        lock_when_begun(world, first, held_by)
        with pytest.raises(RowLocked):
            world.run(settings=replace(world.settings, jobs=2))
        assert seen[-1][first] == 0
        assert seen[-1][second] > 0
    assert states(world)[second] == "completed"
