"""A job that says nothing any more is ended, and counts unless it is the storage that does not answer."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from samzip.archive import build
from samzip.archive.part import PartJob, Progress
from samzip.archive.prepare import PrepareJob
from samzip.archive.survey import SurveyJob
from samzip.batch.context import Stop
from samzip.batch.run import Mode, run
from samzip.database import tables
from samzip.errors import StorageFailed
from samzip.events import CompanyPreparing
from samzip.executors import Silence, WorkerSilent
from samzip.local_pool import LocalPool
from samzip.requests import single
from tests.support.world import InlineExecutor, World

JOBS = [SurveyJob, PrepareJob, PartJob]
TOLD = "el proceso que generaba esta parte no dio señales durante 15 minutos"


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A file server answers once it is set."""
    monkeypatch.setattr("samzip.housekeeping.absence.ANSWER_S", 0.5)
    answers = threading.Event()
    yield answers
    answers.set()


@pytest.mark.parametrize("kind", JOBS)
@pytest.mark.parametrize(("store", "check"), [("archives", "check_writable"), ("media", "check_readable")])
def test_a_silent_job_is_nobodys_attempt_when_a_store_does_not_answer_the_run_either(
    world: World, monkeypatch: pytest.MonkeyPatch, away: threading.Event, kind: type, store: str, check: str
) -> None:
    world.company(equipment=4)
    world.click()
    context = world.context()

    def be_silent(job: Any) -> None:
        if isinstance(job, kind):
            monkeypatch.setattr(getattr(context, store), check, lambda *_: away.wait(60))
            raise WorkerSilent

    world.executor.before = be_silent
    with pytest.raises(StorageFailed, match="has not answered for"):
        run(context, Mode())
    assert [row.status for row in world.requests()] == ["pending", "pending"]
    assert {(row.attempts, row.token) for row in world.rows(tables.work)} == {(0, None)}


@pytest.mark.parametrize("kind", JOBS)
def test_a_silent_job_costs_an_attempt_when_the_stores_answer(world: World, kind: type) -> None:
    world.company(equipment=1)
    world.click()

    def be_silent(job: Any) -> None:
        if isinstance(job, kind):
            raise WorkerSilent

    world.executor.before = be_silent
    world.run()
    (row,) = world.requests()
    assert (row.status, row.error_message) == ("pending", TOLD)
    assert [(row.attempts, row.deaths) for row in world.rows(tables.work)] == [(1, 1)]


def test_what_an_archive_server_that_is_away_may_hold_is_removed_by_the_next_run(
    world: World, monkeypatch: pytest.MonkeyPatch, away: threading.Event
) -> None:
    world.company(equipment=1)
    world.click()
    context = world.context()

    def be_silent(job: Any) -> None:
        if isinstance(job, PartJob):
            half = Path(world.settings.archive_root, job.temporary)
            half.parent.mkdir(parents=True, exist_ok=True)
            half.write_bytes(b"PK")
            monkeypatch.setattr(context.archives, "check_writable", lambda *_: away.wait(60))
            monkeypatch.setattr(context.archives, "delete", lambda *_: pytest.fail("it would not come back"))
            raise WorkerSilent

    world.executor.before = be_silent
    with pytest.raises(StorageFailed, match="has not answered for"):
        run(context, Mode())
    monkeypatch.undo()
    world.executor.before = lambda job: None
    world.run()
    assert [row.status for row in world.requests()] == ["completed"]
    assert len(world.files()) == 1


class DyingSlowly(InlineExecutor):
    """Its worker is told to end, and writes once more before it is gone."""

    def __init__(self, world: World, end: Callable[[Future[Any]], object]) -> None:
        super().__init__()
        self.world = world
        self.end = end
        self.last: Path | None = None

    def submit(self, function: Callable[..., Any], job: Any, key: str) -> Future[Any]:
        if not isinstance(job, PartJob):
            return super().submit(function, job, key)
        future: Future[Any] = Future()
        self.last = Path(self.world.settings.archive_root, job.temporary)
        self.key, self.future = key, future
        if self.end is not Future.cancel:
            self.end(future)
        else:
            with self.world.database.write() as connection:
                single.cancel(connection, self.world.database.now(connection), 1)
        return future

    def cancel(self, key: str) -> None:
        assert key == self.key
        assert self.future.cancel()

    def stop(self) -> None:
        if self.last is not None:
            self.last.parent.mkdir(parents=True, exist_ok=True)
            self.last.write_bytes(b"PK")


def be_silent_in(future: Future[Any]) -> None:
    future.set_exception(WorkerSilent())


@pytest.mark.parametrize("end", [be_silent_in, Future.cancel])
def test_what_a_worker_writes_after_it_was_told_to_end_is_removed(
    world: World, monkeypatch: pytest.MonkeyPatch, end: Callable[[Future[Any]], object]
) -> None:
    monkeypatch.setattr("samzip.batch.building.WRITE_EVERY_S", 0)
    world.company(equipment=1)
    world.click()
    world.executor = DyingSlowly(world, end)
    world.run()
    assert world.executor.last is not None
    assert [row.status for row in world.requests()] == ["cancelled" if end is Future.cancel else "pending"]
    assert world.files() == []
    assert world.rows(tables.archive) == []


@pytest.fixture
def told(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Progress]]:
    """What jobs told, and under which keys."""
    heard: list[tuple[str, Progress]] = []
    hear = world.executor.poll

    def poll(timeout: float) -> list[tuple[str, Any]]:
        new = hear(timeout)
        heard.extend(new)
        return new

    monkeypatch.setattr(world.executor, "poll", poll)
    return heard


def test_a_run_that_is_asked_to_end_meanwhile_counts_no_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch, away: threading.Event
) -> None:
    monkeypatch.setattr("samzip.housekeeping.absence.ANSWER_S", 60)
    world.company(equipment=4)
    world.click()
    for kind in JOBS:
        context = world.context()

        def wait(stop: Stop = context.stop) -> None:
            stop.signal = "SIGTERM"
            away.wait(60)

        def be_silent(job: Any, kind: type = kind, media: Any = context.media, wait: Any = wait) -> None:
            if isinstance(job, kind):
                monkeypatch.setattr(media, "check_readable", wait)
                raise WorkerSilent

        world.executor.before = be_silent
        assert run(context, Mode()).outcome == "interrupted"
        assert [row.status for row in world.requests()] == ["pending", "pending"]
        assert {(row.attempts, row.token) for row in world.rows(tables.work)} == {(0, None)}


def test_what_a_silent_job_does_later_is_not_in_what_is_opened_anew(world: World) -> None:
    """Each opening has a folder of its own, and jobs with names of their own."""
    world.company(equipment=1)
    world.click()
    folders: list[Path] = []

    def be_silent(job: Any) -> None:
        if isinstance(job, SurveyJob):
            folders.append(job.spool.folder)
            raise WorkerSilent

    world.executor.before = be_silent
    for _ in range(2):
        world.run(run_id="run")
        world.later(minutes=6)
    assert len(set(folders)) == 2
    assert {folder.parent.name for folder in folders} == {"run"}


def test_a_job_that_was_found_silent_stays_so_whatever_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samzip.executors.SILENT_S", -1.0)
    silence = Silence()
    silence.begin("a")
    assert silence.found() == ["a"]
    silence.hear("a")
    assert silence.end("a")
    assert not silence.end("a")
    silence.begin("b")
    silence.found()
    silence.begin("b")  # another one of the same name, or it waits for a worker
    monkeypatch.setattr("samzip.executors.SILENT_S", 900.0)
    assert silence.found() == []
    assert not silence.end("b")


def test_a_builder_tells_also_within_a_large_document(
    world: World, told: list[tuple[str, Progress]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=1)
    world.click()
    monkeypatch.setattr(build, "TELL_S", 0.0)
    world.run()
    token = told[-1][0]
    of_document = [progress for key, progress in told if key == token and progress.step.startswith("Procesando equipo")]
    assert len(of_document) > 1
    assert len({progress.step for progress in of_document}) == 1
    assert of_document[0].bytes < of_document[-1].bytes


def test_an_archive_that_is_read_again_tells_too(
    world: World, told: list[tuple[str, Progress]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=1)
    world.click()
    monkeypatch.setattr(build, "TELL_S", 0.0)
    world.run()
    assert [progress.step for _, progress in told].count(build.VERIFYING) > 1
    (archive,) = world.rows(tables.archive)
    assert archive.sha256 == hashlib.sha256(Path(world.settings.archive_root, archive.path).read_bytes()).hexdigest()


def test_a_preparation_tells_after_each_part_and_is_shown_once(
    world: World, told: list[tuple[str, Progress]], tmp_path: Path
) -> None:
    world.company(equipment=5)
    world.click()
    world.run()
    assert [progress.percent for key, progress in told if key.startswith("1-")] == [0, 0, 0, 5]
    world.company("OTRA", equipment=5, user="OTRA")
    world.click(user="OTRA")
    world.run(make_executor=lambda: LocalPool(tmp_path))
    assert len(world.seen(CompanyPreparing)) == 1
