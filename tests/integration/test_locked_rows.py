"""Somebody else changed a row of PostgreSQL and does not end the transaction: that is one company's trouble."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Executable, select, update

from samzip.archive.part import PartJob
from samzip.batch import building, context, run
from samzip.batch.context import Context
from samzip.database import Database, engine, open_database, tables
from samzip.database.patience import Patience
from samzip.errors import Deadlock, RowLocked, SamzipError, StorageFailed
from samzip.housekeeping.items import Options
from samzip.housekeeping.purge import Purge
from samzip.requests import integrity, reconcile, work
from samzip.requests.collapse import collapse
from samzip.requests.line import lock_parts
from samzip.requests.states import Move, move
from tests.support.world import InlineExecutor, ShiftedDatabase, World, make_world, new_postgres_database

OLD = timedelta(days=4000)
USERS = ("ANA", "LUIS")  # one in each company


@pytest.fixture
def world(postgres_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Two companies, and a run that waits for a lock no longer than a second."""
    monkeypatch.setattr(engine, "LOCK_S", 1)
    monkeypatch.setattr(context, "ROW_S", 1)
    ShiftedDatabase.shift = timedelta(0)
    made = make_world(tmp_path, new_postgres_database(postgres_server))
    for user in USERS:
        made.company(f"Empresa de {user}", equipment=1, user=user)
    yield made
    ShiftedDatabase.shift = timedelta(0)
    made.database.close()


@contextmanager
def locked(world: World, statement: Executable) -> Iterator[None]:
    """What it changes, by a connection that says nothing more."""
    other = open_database(world.settings.database_url)
    with other.write(pauses=True) as connection:
        connection.execute(statement)
        yield
    other.close()


def held(world: World, *requests: int) -> AbstractContextManager[None]:
    mine = select(tables.ziprequest.c.id).where(tables.ziprequest.c.id.in_(requests))
    return locked(world, mine.with_for_update())


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
        with pytest.raises(RowLocked):
            world.run()
        assert states(world) == {first: "processing", second: "completed"}
        again = click(world, "ANA")
        with pytest.raises(RowLocked):
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
        with pytest.raises(RowLocked):
            world.run()
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


def test_a_locked_notification_of_an_old_request_stops_nobody(world: World) -> None:
    first = click(world, "ANA")
    world.run()
    world.later(hours=100)
    world.run()
    world.later(days=OLD.days)
    second = click(world, "LUIS")
    with locked(world, update(tables.notificacionzip).values(status="read")):
        assert world.run().outcome == "done"
    assert states(world) == {first: "expired", second: "completed"}
    world.run()
    assert states(world) == {second: "completed"}


def test_nor_does_the_user_of_a_request_that_cannot_be_served(world: World) -> None:
    first, second = click(world, "ANA"), click(world, "LUIS")
    world.set_request(first, parte_numero=0)
    with ana(world):
        world.run()
    assert states(world) == {first: "pending", second: "completed"}
    world.run()
    assert states(world) == {first: "failed", second: "completed"}


def test_an_impossible_part_that_is_locked_keeps_no_run_busy(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """SAM's own worker had it in work."""
    first = click(world, "ANA")
    world.set_request(first, parte_numero=0, status="processing")
    recover = run.cleaning.recover
    with ExitStack() as held_by:

        def recover_and_lock(its: Context) -> list[Exception]:
            left = recover(its)
            held_by.enter_context(held(world, first))
            return left

        monkeypatch.setattr(run.cleaning, "recover", recover_and_lock)
        assert world.run().outcome == "nothing"
    assert states(world) == {first: "pending"}
    assert world.rows(tables.work) == []


def test_each_further_locked_company_is_waited_for_a_moment_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "MOMENT_S", 0.05)
    waited: list[float] = []
    write = Database.write

    def watched(self: Database, **how: Any) -> Any:
        waited.append(how.get("lock_s", 0))
        return write(self, **how)

    numbers = [click(world, user) for user in USERS]
    monkeypatch.setattr(Database, "write", watched)
    with held(world, *numbers), pytest.raises(RowLocked):
        world.run()
    assert [seconds for seconds in waited if seconds][-1] == 0.05


def end_in_a_moment(world: World, how: Callable[[], object]) -> InlineExecutor:
    """Both parts are in work, one has its request locked; then `how` ends the run."""

    class Ending(InlineExecutor):
        def poll(self, timeout: float) -> list[tuple[str, Any]]:
            if len(world.rows(tables.work)) == sum(row.token is not None for row in world.rows(tables.work)):
                how()
            return super().poll(timeout)

    executor = Ending()
    executor.holds = lambda job: isinstance(job, PartJob)
    return executor


def test_a_store_that_fails_costs_others_no_attempt(world: World) -> None:
    first, second = click(world, "ANA"), click(world, "LUIS")

    def fail() -> None:
        raise StorageFailed("away")

    world.executor = end_in_a_moment(world, fail)
    with ExitStack() as held_by:
        lock_when_begun(world, first, held_by)
        with pytest.raises(StorageFailed, match="away"):
            world.run(settings=replace(world.settings, jobs=2))
    assert states(world) == {first: "processing", second: "pending"}
    assert sorted(attempts(world)) == [0, 1]


def test_nor_does_a_signal_while_the_run_waits_for_the_row(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "ROW_S", 60)
    patience = Patience(60)
    its = world.patient(patience, settings=replace(world.settings, jobs=2))
    second = click(world, "LUIS")
    world.executor.holds = lambda job: isinstance(job, PartJob)
    first = 0
    with ExitStack() as held_by:

        def click_and_end(job: Any) -> None:
            nonlocal first
            if isinstance(job, PartJob):
                first = click(world, "ANA")
                held_by.enter_context(held(world, first))
                threading.Timer(0.5, its.stop.ask, ["SIGTERM"]).start()
                threading.Timer(0.5, patience.end_in, [0.5]).start()

        world.executor.before = click_and_end
        monkeypatch.setattr(building, "WRITE_EVERY_S", 0)
        assert run.run(its, run.Mode()).outcome == "interrupted"
        assert states(world) == {first: "pending", second: "pending"}
        assert attempts(world) == [0, 0]
    its.database.close()


def test_a_purge_leaves_the_file_of_a_request_that_somebody_holds(world: World) -> None:
    first = click(world, "ANA")
    world.run()
    files = world.files()
    world.later(hours=100)
    with held(world, first):
        _, done = Purge(world.settings, world.database, world.archives, Options(), "h").run(0)
    assert done.counts["expired archive"] == 0
    assert (states(world), world.files()) == ({first: "completed"}, files)
    world.run()
    assert (states(world), world.files()) == ({first: "expired"}, [])


def test_who_finds_an_archive_damaged_and_a_run_lock_rows_in_one_order(world: World) -> None:
    """Otherwise each could hold what the other one needs."""
    first = click(world, "ANA")
    world.run()
    (path,) = world.files()
    click(world, "ANA")
    errors: list[BaseException] = []

    def take_back() -> None:
        try:
            with world.database.write() as connection:
                integrity.take_back(connection, world.database.now(connection), world.settings.ttl, path)
        except SamzipError as error:
            errors.append(error)

    with world.database.write() as connection:
        collapse(connection, world.database.now(connection))
    somebody = threading.Thread(target=take_back)
    with world.database.write() as connection:
        lock_parts(connection, tables.work.c.company_id == 1)
        somebody.start()
        somebody.join(timeout=0.5)
        moved = move(connection, Move.REBUILD, tables.ziprequest.c.id == first)
    somebody.join()
    assert [row.id for row in moved] == [first]
    assert errors == []


def test_a_deadlock_is_one_companys_trouble(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody locks a request and then its work row, a run the other way round; the server ends the run's."""
    monkeypatch.setattr(context, "ROW_S", 20)
    monkeypatch.setattr(engine, "LOCK_S", 20)
    first, second = click(world, "ANA"), click(world, "LUIS")
    lock = reconcile.lock_parts
    somebody: list[threading.Thread] = []

    def lock_and_meet(connection: Connection, which: Any) -> None:
        lock(connection, which)
        if not somebody:
            request_is_held = threading.Event()

            def change() -> None:
                with world.database.write() as theirs:
                    theirs.execute(
                        update(tables.ziprequest).where(tables.ziprequest.c.id == first).values(position_in_queue=7)
                    )
                    request_is_held.set()
                    theirs.execute(update(tables.work).where(tables.work.c.company_id == 1).values(deaths=0))

            somebody.append(threading.Thread(target=change))
            somebody[0].start()
            request_is_held.wait()
            time.sleep(1.5)  # longer than the server waits before it looks for a circle

    monkeypatch.setattr(reconcile, "lock_parts", lock_and_meet)
    with pytest.raises(Deadlock) as met:
        world.run()
    somebody[0].join()
    assert "own log names both" in met.value.advice
    assert states(world) == {first: "pending", second: "completed"}
    assert attempts(world) == [0]
    world.run()
    assert states(world) == {first: "completed", second: "completed"}


def test_two_locked_rows_among_three_cost_the_third_one_no_attempt(world: World) -> None:
    world.company("Empresa de PEPE", equipment=1, user="PEPE")
    numbers = [click(world, user) for user in (*USERS, "PEPE")]
    patience = Patience(60)
    its = world.patient(patience, settings=replace(world.settings, jobs=3))
    with ExitStack() as held_by:

        def lock_and_end() -> None:
            held_by.enter_context(held(world, *numbers[:2]))
            patience.end_in(0)
            its.stop.ask("SIGTERM")

        world.executor = end_in_a_moment(world, lock_and_end)
        assert run.run(its, run.Mode()).outcome == "interrupted"
        assert list(states(world).values()) == ["processing", "processing", "pending"]
        assert sorted(attempts(world)) == [0, 1, 1]
    its.database.close()


def test_a_finished_archive_is_noted_once_more_after_a_deadlock(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody changes two requests for one part in the other order."""
    first, second = click(world, "ANA"), click(world, "ANA")
    finish = work.finish
    somebody: list[threading.Thread] = []

    def meet(*arguments: Any) -> int:
        if somebody:
            return finish(*arguments)
        is_held = threading.Event()

        def change() -> None:
            with world.database.write() as theirs:
                theirs.exec_driver_sql("SET LOCAL deadlock_timeout = '30s'")  # the server ends the run's
                for number in (second, first):
                    its = update(tables.ziprequest).where(tables.ziprequest.c.id == number)
                    theirs.execute(its.values(position_in_queue=7))
                    is_held.set()
                    time.sleep(0.5)

        somebody.append(threading.Thread(target=change))
        somebody[0].start()
        is_held.wait()
        return finish(*arguments)

    monkeypatch.setattr(engine, "LOCK_S", 20)
    monkeypatch.setattr(work, "finish", meet)
    assert world.run().outcome == "done"
    somebody[0].join()
    assert states(world) == {first: "completed", second: "completed"}
    assert [(row.number, row.outcome) for row in world.rows(tables.attempt)] == [(1, "published")]


def ana(world: World) -> AbstractContextManager[None]:
    """Her user is held, to whom a notification would be written."""
    return locked(world, select(tables.customuser).where(tables.customuser.c.username == "ANA").with_for_update())


def test_where_recovery_meets_a_second_lock_others_are_served_all_the_same(world: World) -> None:
    first, second = click(world, "ANA"), click(world, "LUIS")
    world.set_request(first, status="processing")
    with world.database.write() as connection:
        spent = {"queued_at": world.database.now(connection), "attempts": 3, "token": "x" * 32, "run_id": "dead"}
        connection.execute(tables.work.insert().values(company_id=1, part=1, **spent))
    with ana(world), pytest.raises(RowLocked):
        world.run()
    assert states(world) == {first: "processing", second: "completed"}
    world.run()
    assert states(world) == {first: "failed", second: "completed"}


def test_whose_user_is_held_expires_later(world: World) -> None:
    first = click(world, "ANA")
    world.run()
    world.later(hours=100)
    second = click(world, "LUIS")
    with ana(world), pytest.raises(RowLocked):
        world.run()
    assert states(world) == {first: "completed", second: "completed"}
    world.run()
    assert states(world) == {first: "expired", second: "completed"}
