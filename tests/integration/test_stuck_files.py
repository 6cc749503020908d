"""A part that ends without its archive, while its files cannot be removed: its own reason is told, and the next run
removes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from samzip.archive.part import PartJob
from samzip.batch import ending
from samzip.batch.run import Mode, run
from samzip.database import tables
from samzip.errors import StorageFailed
from samzip.events import DeletionFailed, PartDropped, PartFailed, PartReleased
from samzip.storage.local import LocalStore
from tests.support.world import World


@pytest.fixture
def stuck(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world with a click, whose archive root cannot delete; `monkeypatch.undo()` mends it."""

    def refuse(self: LocalStore, name: str) -> bool:
        raise StorageFailed("the bucket does not answer")

    monkeypatch.setattr(LocalStore, "delete", refuse)
    world.company(equipment=1)
    world.click()
    return world


def half(world: World, then: Callable[[], None]) -> Callable[[Any], None]:
    """What a part does: half an archive, and `then`."""

    def begin(job: Any) -> None:
        if isinstance(job, PartJob):
            made = Path(world.settings.archive_root) / job.temporary
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_bytes(b"PK")
            then()

    return begin


def assert_cleared_by_the_next_run(world: World, published: int) -> None:
    assert len(world.files()) == 1
    assert [row.deleting for row in world.rows(tables.archive)] == [True]
    world.executor.before = lambda job: None
    world.later(minutes=2)
    assert world.run().counts.published == published
    assert len(world.files()) == published
    assert [row.path for row in world.rows(tables.archive)] == world.files()


def test_a_failed_attempt_keeps_its_own_reason_and_its_pause(stuck: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise StorageFailed("the disk is full")

    stuck.executor.before = half(stuck, fail)
    assert stuck.run().counts.failed == 1
    (told,) = stuck.seen(PartFailed)
    assert told.reason == "the disk is full"
    assert told.retry_at is not None
    assert [event.reason for event in stuck.seen(DeletionFailed)] == ["the bucket does not answer"]
    (row,) = stuck.rows(tables.work)
    assert (row.token, row.last_error, row.attempts) == (None, "the disk is full", 1)
    assert stuck.requests()[0].status == "pending"
    monkeypatch.undo()
    assert_cleared_by_the_next_run(stuck, published=1)


def test_a_last_attempt_fails_at_once_with_its_own_reason(stuck: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise StorageFailed("the disk is full")

    stuck.settings = replace(stuck.settings, max_attempts=1)
    stuck.executor.before = half(stuck, fail)
    assert stuck.run().counts.failed == 1
    assert stuck.requests()[0].status == "failed"
    assert stuck.rows(tables.attempt)[0].error == "the disk is full"
    monkeypatch.undo()
    assert_cleared_by_the_next_run(stuck, published=0)


def test_what_nobody_wants_any_more_is_dropped(stuck: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck.executor.before = half(stuck, lambda: stuck.set_request(1, status="cancelled"))
    counts = stuck.run().counts
    assert (counts.dropped, counts.unremoved) == (1, 1)
    assert len(stuck.seen(PartDropped)) == 1
    monkeypatch.undo()
    assert_cleared_by_the_next_run(stuck, published=0)


def test_what_is_cancelled_in_the_last_moment_is_dropped(stuck: World, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = ending._finish

    def cancel(*arguments: Any) -> Any:
        stuck.set_request(1, status="cancelled")
        return finish(*arguments)

    monkeypatch.setattr(ending, "_finish", cancel)
    counts = stuck.run().counts
    assert (counts.dropped, counts.unremoved, counts.published) == (1, 1, 0)
    monkeypatch.undo()
    assert_cleared_by_the_next_run(stuck, published=0)


def test_a_part_that_is_given_back_spends_no_attempt(stuck: World, monkeypatch: pytest.MonkeyPatch) -> None:
    context = stuck.context()
    stuck.executor.before = half(stuck, lambda: context.stop.ask("SIGTERM"))
    stuck.executor.holds = lambda job: isinstance(job, PartJob)
    assert run(context, Mode()).outcome == "interrupted"
    assert len(stuck.seen(PartReleased)) == 1
    (row,) = stuck.rows(tables.work)
    assert (row.token, row.attempts) == (None, 0)
    monkeypatch.undo()
    stuck.executor.holds = lambda job: False
    assert_cleared_by_the_next_run(stuck, published=1)
