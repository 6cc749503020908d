"""The pool of processes by itself: whatever of it dies, every job ends, and the next one finds workers."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from samzip.archive.part import Progress
from samzip.executors import WorkerDied, WorkerSilent
from samzip.local_pool import LocalPool
from tests.support.live_runs import parent, status, wait_until


def my_process(_job: None, _report: Callable[[Any], None]) -> int:
    return os.getpid()


def wait_for_ever(mark: Path, _report: Callable[[Any], None]) -> None:
    mark.write_text(str(os.getpid()))
    time.sleep(600)


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[LocalPool]:
    made = LocalPool(2, tmp_path)
    yield made
    made.stop()


def outcome(pool: LocalPool, future: Future[Any]) -> Any:
    wait_until(lambda: pool.poll(0.1) or future.done())
    return future.exception() or future.result()


def works_again(pool: LocalPool) -> bool:
    """After some jobs that died with their worker: how soon the pool notices is chance."""
    for _ in range(50):
        end = outcome(pool, pool.submit(my_process, None, "b"))
        if isinstance(end, int):
            return True
        assert isinstance(end, WorkerDied)
    return False


def lives(process: int) -> bool:
    try:
        return status(process)[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_pool_works_again_after_an_idle_worker_was_killed(pool: LocalPool) -> None:
    worker = outcome(pool, pool.submit(my_process, None, "a"))
    os.kill(worker, signal.SIGKILL)
    assert works_again(pool)


def test_the_pool_works_again_after_its_fork_server_was_killed(pool: LocalPool) -> None:
    worker = outcome(pool, pool.submit(my_process, None, "a"))
    os.kill(parent(worker), signal.SIGKILL)
    assert works_again(pool)


def test_no_worker_outlives_its_fork_server(pool: LocalPool, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    future = pool.submit(wait_for_ever, mark, "a")
    wait_until(lambda: mark.exists() and mark.read_text())
    worker = int(mark.read_text())
    os.kill(parent(worker), signal.SIGKILL)
    end = outcome(pool, future)
    assert isinstance(end, WorkerDied)
    assert not lives(worker)


def test_a_worker_that_was_stopped_fails_its_job_and_the_pool_works_again(
    pool: LocalPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samzip.executors.SILENT_S", 1.0)
    mark = tmp_path / "mark"
    future = pool.submit(wait_for_ever, mark, "a")
    wait_until(lambda: mark.exists() and mark.read_text())
    worker = int(mark.read_text())
    os.kill(worker, signal.SIGSTOP)
    end = outcome(pool, future)
    assert isinstance(end, WorkerSilent)
    wait_until(lambda: not lives(worker))
    assert works_again(pool)


def tell_for(seconds: float, report: Callable[[Any], None]) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        report(Progress(0, "", 0, "", 0))
        time.sleep(0.1)
    return "told"


def test_a_long_job_that_tells_something_is_left_alone(pool: LocalPool, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome(pool, pool.submit(my_process, None, "a"))  # a worker is there
    monkeypatch.setattr("samzip.executors.SILENT_S", 2.0)
    there, here = pool.submit(tell_for, 4.0, "a"), pool.submit_here(tell_for, 4.0, "b")
    assert outcome(pool, there) == outcome(pool, here) == "told"


def tell_much(_job: None, report: Callable[[Progress], None]) -> str:
    for done in range(500):
        report(Progress(done, "é" * 40_000, 0, "\U0001f4c4" * 40_000, 0))
    return "told"


def test_long_words_are_told_in_short(pool: LocalPool) -> None:
    """What a pipe does not take at once would be torn, or mixed with what another worker tells."""
    jobs = [pool.submit(tell_much, None, key) for key in "ab"]
    told: list[tuple[str, Progress]] = []
    wait_until(lambda: told.extend(pool.poll(0.1)) or all(job.done() for job in jobs))
    told += pool.poll(0.1)
    assert [job.result() for job in jobs] == ["told", "told"]
    assert {key for key, _ in told} == {"a", "b"}
    assert {(len(progress.code), len(progress.step)) for _, progress in told} == {(100, 200)}


def test_nobody_is_silent_while_the_leader_does_not_listen(
    pool: LocalPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was stopped itself, or is busy with an archive."""
    mark = tmp_path / "mark"
    outcome(pool, pool.submit(my_process, None, "a"))
    monkeypatch.setattr("samzip.executors.SILENT_S", 3.0)
    future = pool.submit(wait_for_ever, mark, "a")
    here = pool.submit_here(wait_for_ever, tmp_path / "another", "b")
    time.sleep(4)
    pool.poll(0)
    assert not future.done()
    assert not here.done()
    assert isinstance(outcome(pool, future), WorkerSilent)


def test_a_silent_job_in_the_leader_fails_too(pool: LocalPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samzip.executors.SILENT_S", 1.0)
    assert isinstance(outcome(pool, pool.submit_here(wait_for_ever, tmp_path / "mark", "a")), WorkerSilent)


def test_the_pool_ends_though_its_fork_server_is_stopped(tmp_path: Path) -> None:
    pool = LocalPool(2, tmp_path)
    worker = outcome(pool, pool.submit(my_process, None, "a"))
    os.kill(parent(worker), signal.SIGSTOP)
    ending = threading.Thread(target=pool.stop, daemon=True)
    ending.start()
    ending.join(timeout=60)
    assert not ending.is_alive()
    assert not lives(worker)
