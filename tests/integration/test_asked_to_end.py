"""A run that is asked to end in the middle of something long leaves the rest to the next one, and counts no attempt."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from samzip.archive.part import PartJob
from samzip.batch.run import Mode, run
from samzip.catalog import read
from samzip.database import open_database, tables
from samzip.database.patience import Patience
from samzip.errors import StatementCut
from samzip.requests import expire, work
from tests.support.world import InlineExecutor, World

COUNT = (  # for ever; a statement of one kind or the other
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
)


def run_until(world: World, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, calls: int) -> int:
    """Runs until a function was called so often, and asks to end then. Returns how often it was called in all."""
    context, called = world.context(), 0
    true: Callable[..., Any] = getattr(where, name)

    def asks(*arguments: Any, **named: Any) -> Any:
        nonlocal called
        called += 1
        if called == calls:
            context.stop.ask("SIGTERM")
        return true(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(where, name, asks)
        assert run(context, Mode()).outcome == "interrupted"
    return called


def test_while_it_reads_an_inventory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.company(equipment=10)
    world.click()
    assert run_until(world, monkeypatch, read, "_read_batch", 2) == 2
    assert {row.status for row in world.requests()} == {"pending"}
    assert {(row.attempts, row.token) for row in world.rows(tables.work)} == {(0, None)}
    assert list(world.settings.temporary_dir.iterdir()) == []
    assert world.run().counts.completed == 5


def test_what_is_built_meanwhile_is_given_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy(InlineExecutor):
        """Has the first part in work for ever."""

        def submit(self, function: Callable[..., Any], job: Any, key: str) -> Any:
            if isinstance(job, PartJob):
                world.click("LUIS")
            return super().submit(function, job, key)

    world.company(equipment=1)
    world.company("Otra S.A.S.", equipment=10, user="LUIS")
    world.click("CERTIBOY")
    world.executor = Busy()
    world.executor.holds = lambda job: isinstance(job, PartJob)
    monkeypatch.setattr("samzip.batch.building.WRITE_EVERY_S", 0)
    object.__setattr__(world.settings, "jobs", 2)
    assert run_until(world, monkeypatch, read, "_read_batch", 3) == 3
    assert {row.status for row in world.requests()} == {"pending"}
    assert {(row.attempts, row.token) for row in world.rows(tables.work)} == {(0, None)}


def test_while_requests_expire(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire, "BATCH", 1)
    world.company(equipment=10)
    world.click()
    world.run()
    world.later(hours=7)
    assert run_until(world, monkeypatch, expire, "expire", 2) == 2
    assert sorted(row.status for row in world.requests()) == ["completed"] * 3 + ["expired"] * 2


def test_while_the_history_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire, "BATCH", 1)
    world.company(equipment=10)
    world.click()
    for request in world.requests():
        world.set_request(request.id, status="failed")
    world.later(days=30)
    assert run_until(world, monkeypatch, expire, "delete_history", 2) == 2
    assert len(world.requests()) == 3


def test_what_is_built_is_given_back_although_a_statement_had_to_be_cut(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = Patience(300)
    its = world.patient(patience, settings=replace(world.settings, jobs=2))
    world.company(equipment=1)
    world.company("Otra S.A.S.", equipment=4, user="LUIS")
    world.click("CERTIBOY")
    world.executor.holds = lambda job: isinstance(job, PartJob)
    read_batch = read._read_batch

    def read_for_ever(connection: Connection, ids: Sequence[int]) -> Any:
        if len(ids) > 1:
            its.stop.ask("SIGTERM")
            patience.end_in(0.3)
            connection.exec_driver_sql(COUNT)
        return read_batch(connection, ids)

    def click(job: Any) -> None:
        if isinstance(job, PartJob):
            world.click("LUIS")

    world.executor.before = click
    monkeypatch.setattr("samzip.batch.building.WRITE_EVERY_S", 0)
    monkeypatch.setattr(read, "_read_batch", read_for_ever)
    assert run(its, Mode()).outcome == "interrupted"
    assert {row.status for row in world.requests()} == {"pending"}
    assert {(row.attempts, row.token) for row in world.rows(tables.work)} == {(0, None)}
    its.database.close()


def test_an_archive_that_was_not_noted_is_given_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its statement was cut, and so it is certain that it was not."""
    its = world.context()
    world.company(equipment=1)
    world.click()

    def be_cut(*_: Any) -> int:
        its.stop.ask("SIGTERM")
        raise StatementCut("cut")

    with monkeypatch.context() as patch:
        patch.setattr(work, "finish", be_cut)
        assert run(its, Mode()).outcome == "interrupted"
    assert [row.status for row in world.requests()] == ["pending"]
    assert [(row.attempts, row.token) for row in world.rows(tables.work)] == [(0, None)]
    assert world.files() == []


WATCH = """
import sys
from samzip.database import open_database

database = open_database(sys.argv[1])
try:
    with database.read() as connection:
        print("begun", flush=True)
        while True:
            connection.exec_driver_sql(sys.argv[2])
except KeyboardInterrupt:
    print("through", flush=True)
"""


def test_ctrl_c_comes_through_a_statement(world: World) -> None:
    """Where nobody handles the signal, as in samzip status."""
    arguments = (world.settings.database_url, COUNT.replace("FROM n)", "FROM n WHERE i < 300000)"))
    with subprocess.Popen([sys.executable, "-c", WATCH, *arguments], stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline() == "begun\n"
        watching.send_signal(signal.SIGINT)
        assert watching.communicate(timeout=60)[0] == "through\n"
    assert watching.returncode == 0


def test_a_long_statement_is_cut_short(world: World) -> None:
    patience = Patience(300)
    database = open_database(world.settings.database_url, patience=patience)
    patience.end_in(0.3)
    with pytest.raises(StatementCut) as cut, database.read() as connection:
        connection.exec_driver_sql(COUNT)
    assert cut.value.exit_code == 10
    database.close()


def test_nothing_is_cut_short_before(world: World) -> None:
    patience = Patience(300)
    patience.end_in(timedelta(minutes=5).total_seconds())
    database = open_database(world.settings.database_url, patience=patience)
    with database.read() as connection:
        found = connection.exec_driver_sql(COUNT.replace("FROM n)", "FROM n WHERE i < 100000)")).scalar()
    assert found == 100_000
    database.close()
