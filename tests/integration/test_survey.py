"""The survey of a company: the leader does it, opens no document, and starts a worker only for what must be built."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from samzip.archive.part import Progress
from samzip.archive.survey import SurveyJob
from samzip.batch.run import Mode, run
from samzip.errors import StorageFailed
from samzip.events import PartFailed
from samzip.local_pool import LocalPool
from samzip.storage import MissingFile
from samzip.storage.local import LocalStore
from tests.support.world import World


def test_an_unchanged_company_is_served_without_a_worker_and_without_opening_a_document(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=5)
    world.click()
    world.run()
    world.click()

    def refuse(self: LocalStore, name: str) -> Any:
        raise AssertionError(f"{name} was opened")

    monkeypatch.setattr(LocalStore, "open", refuse)
    monkeypatch.setattr("samzip.local_worker._started", lambda *_: pytest.fail("a worker was started"))
    settings = world.settings
    finished = world.run(make_executor=lambda: LocalPool(settings.temporary_dir))
    assert (finished.counts.reused, finished.counts.published) == (3, 0)
    assert {row.status for row in world.requests()} == {"completed"}


def test_a_survey_that_fails_costs_its_company_an_attempt_and_no_other(world: World) -> None:
    lucky = world.company("Con Suerte Ltda", equipment=1, user="luz")
    unlucky = world.company(equipment=3)
    world.click()
    world.click("luz")

    def fail(job: Any) -> None:
        if isinstance(job, SurveyJob) and job.spool.records().company.id == unlucky:
            raise StorageFailed("spool: No space left on device")

    world.executor.before = fail
    finished = world.run()
    assert (finished.counts.failed, finished.counts.published) == (2, 1)
    found = {(row.empresa_id, row.status, row.error_message) for row in world.requests()}
    assert found == {(unlucky, "pending", "no hay espacio en el servidor"), (lucky, "completed", None)}


def test_a_run_that_is_asked_to_stop_does_not_wait_for_a_survey(world: World) -> None:
    world.company(equipment=1)
    world.click()
    context = world.context()

    def stop(job: Any) -> bool:
        context.stop.signal = "SIGTERM"
        return isinstance(job, SurveyJob)

    world.executor.holds = stop
    assert run(context, Mode()).outcome == "interrupted"
    assert [row.status for row in world.requests()] == ["pending"]
    assert world.files() == []


def test_a_job_in_the_leader_ends_where_it_reports_once_the_pool_is_stopped(tmp_path: Path) -> None:
    pool = LocalPool(tmp_path)
    begun = threading.Event()

    def work(job: str, report: Any) -> None:
        while True:
            begun.set()
            report(Progress(0, "", 0, job, 0))

    future = pool.submit_here(work, "for ever", "key")
    assert begun.wait(30)
    pool.stop()
    assert isinstance(future.exception(30), CancelledError)


def test_storage_that_never_answers_holds_up_no_stop(tmp_path: Path) -> None:
    pool = LocalPool(tmp_path)
    answers = threading.Event()
    future = pool.submit_here(lambda job, report: answers.wait(60), None, "key")
    pool.stop()
    assert not future.done()
    answers.set()


@pytest.mark.parametrize(("equipment", "published"), [(3, 0), (2, 1)])
def test_documents_of_which_not_one_can_be_read_are_the_storages_trouble(
    world: World, monkeypatch: pytest.MonkeyPatch, equipment: int, published: int
) -> None:
    """Keys that may list and not read, a worker that reaches another bucket: no archive goes out without documents."""

    def refuse(_store: LocalStore, wanted: Any, _length: int) -> Iterator[Exception]:
        return iter([MissingFile("sin permiso de lectura") for _ in wanted])

    world.settings = replace(world.settings, part_size=9)
    world.company(equipment=equipment)
    world.click()
    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "heads", refuse)
        assert world.run().counts.published == published
    if not published:
        (failed,) = world.seen(PartFailed)
        assert "not one of 3 documents that are there can be read: sin permiso de lectura" in failed.reason
        world.later(minutes=2)
        assert world.run().counts.missing == 0
