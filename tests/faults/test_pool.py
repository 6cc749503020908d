"""The pool of processes by itself: whatever of it dies, every job ends, and the next one finds workers."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

from samzip.archive.part import Progress
from samzip.executors import WorkerDied, WorkerMissing, WorkerSilent
from samzip.local_pool import LocalPool
from tests.support.live_runs import parent, status, wait_until


def my_process(_job: None, _report: Callable[[Any], None]) -> int:
    return os.getpid()


def wait_for_ever(mark: Path, _report: Callable[[Any], None]) -> None:
    mark.write_text(str(os.getpid()))
    time.sleep(600)


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[LocalPool]:
    made = LocalPool(tmp_path)
    yield made
    made.stop()


def outcome(pool: LocalPool, future: Future[Any]) -> Any:
    wait_until(lambda: pool.poll(0.1) is not None and future.done())
    return future.exception() or future.result()


def works_again(pool: LocalPool) -> bool:
    """After some jobs that died with their worker: how soon the pool notices is chance."""
    for _ in range(50):
        end = outcome(pool, pool.submit(my_process, None, "b"))
        if isinstance(end, int):
            return True
        assert isinstance(end, WorkerDied | WorkerMissing)
    return False


def lives(process: int) -> bool:
    try:
        return status(process)[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_worker_that_was_killed_while_it_had_nothing_to_do_costs_nobody_anything(pool: LocalPool) -> None:
    for number in range(5):
        worker = outcome(pool, pool.submit(my_process, None, "a"))
        os.kill(worker, signal.SIGKILL)
        time.sleep(number * 0.002)
        assert isinstance(outcome(pool, pool.submit(my_process, None, "b")), int)


def test_the_pool_works_again_after_its_fork_server_was_killed(pool: LocalPool) -> None:
    worker = outcome(pool, pool.submit(my_process, None, "a"))
    os.kill(parent(worker), signal.SIGKILL)
    assert works_again(pool)


def children_of(process: int) -> set[int]:
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            found |= {int(folder.name)} if parent(int(folder.name)) == process else set()
    return found


@pytest.mark.parametrize("moment", [0.0, 0.001, 0.003, 0.01, 0.03])
def test_a_worker_that_dies_in_its_first_moments_fails_its_own_job_only(
    pool: LocalPool, tmp_path: Path, moment: float
) -> None:
    """Before it has said that it has the job, too."""
    neighbour = pool.submit(tell_for, 1.0, "a")
    struck = pool.submit(my_process, None, "b")
    time.sleep(moment)
    os.kill(max(children_of(forkserver._forkserver._forkserver_pid)), signal.SIGKILL)  # type: ignore[attr-defined]
    assert isinstance(outcome(pool, struck), WorkerDied | WorkerMissing | int)
    assert outcome(pool, neighbour) == "told"
    assert works_again(pool)


def test_no_worker_outlives_its_fork_server(pool: LocalPool, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    future = pool.submit(wait_for_ever, mark, "a")
    wait_until(lambda: mark.exists() and mark.read_text())
    worker = int(mark.read_text())
    os.kill(parent(worker), signal.SIGKILL)
    end = outcome(pool, future)
    assert isinstance(end, WorkerDied)
    wait_until(lambda: not lives(worker))


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
    pool = LocalPool(tmp_path)
    worker = outcome(pool, pool.submit(my_process, None, "a"))
    os.kill(parent(worker), signal.SIGSTOP)
    ending = threading.Thread(target=pool.stop, daemon=True)
    ending.start()
    ending.join(timeout=60)
    assert not ending.is_alive()
    assert not lives(worker)


def come_back_odd(kind: str, _report: Callable[[Any], None]) -> Any:
    if kind == "is large":
        return b"x" * (8 << 20)
    if kind == "cannot be sent":
        return lambda: None
    if kind == "ends its process":
        os._exit(0)
    if kind == "leaves":
        sys.exit(3)
    raise Unreadable("code", 1)


class Unreadable(Exception):
    """Its pickle cannot be read."""

    def __init__(self, code: str, number: int) -> None:
        super().__init__(code)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("is large", bytes),
        ("cannot be sent", TypeError),
        ("ends its process", WorkerDied),
        ("leaves", RuntimeError),
        ("raises", TypeError),
    ],
)
def test_a_job_ends_whatever_comes_of_it_and_its_neighbour_goes_on(
    pool: LocalPool, kind: str, expected: type[object]
) -> None:
    neighbour = pool.submit(tell_for, 1.0, "a")
    assert isinstance(outcome(pool, pool.submit(come_back_odd, kind, "b")), expected)
    assert outcome(pool, neighbour) == "told"
    assert isinstance(outcome(pool, pool.submit(my_process, None, "c")), int)


def test_a_job_that_cannot_be_sent_fails_alone_and_a_large_one_reaches_a_worker(pool: LocalPool) -> None:
    assert isinstance(outcome(pool, pool.submit(my_process, threading.Lock(), "a")), TypeError)  # type: ignore[arg-type]
    assert isinstance(outcome(pool, pool.submit(my_process, b"x" * (8 << 20), "b")), int)  # type: ignore[arg-type]


def test_a_large_job_of_a_worker_that_is_stopped_holds_nobody_up(
    pool: LocalPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = outcome(pool, pool.submit(my_process, None, "a"))
    os.kill(worker, signal.SIGSTOP)
    monkeypatch.setattr("samzip.executors.SILENT_S", 5.0)
    stuck = pool.submit(my_process, b"x" * (8 << 20), "b")  # type: ignore[arg-type]
    assert isinstance(outcome(pool, pool.submit(my_process, None, "c")), int)
    assert isinstance(outcome(pool, stuck), WorkerSilent)
    assert not lives(worker)


def test_a_fork_server_that_is_stopped_while_a_worker_ends_holds_nobody_up(pool: LocalPool, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    future = pool.submit(wait_for_ever, mark, "a")
    wait_until(lambda: mark.exists() and mark.read_text())
    server = parent(int(mark.read_text()))
    over = threading.Event()

    def stop_it() -> None:
        while not over.wait(0.005):
            os.kill(server, signal.SIGSTOP)

    stopping = threading.Thread(target=stop_it)
    stopping.start()
    began = time.monotonic()
    pool.cancel("a")
    took = time.monotonic() - began
    over.set()
    stopping.join()
    os.kill(server, signal.SIGCONT)
    assert future.cancelled()
    assert took < 5
    assert works_again(pool)


def test_a_host_without_room_for_a_worker_says_so(pool: LocalPool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patched:
        patched.setattr("samzip.local_worker.Pipe", refuse)
        end = outcome(pool, pool.submit(my_process, None, "a"))
    assert isinstance(end, WorkerMissing)
    assert str(end) == "no se pudo iniciar un proceso para generar esta parte (Too many open files)"
    assert works_again(pool)


def test_a_job_of_a_dead_worker_fails_alone_where_there_is_no_room_for_another(
    pool: LocalPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    worker = outcome(pool, pool.submit(my_process, None, "a"))
    os.kill(worker, signal.SIGSTOP)
    struck = pool.submit(my_process, None, "b")
    neighbour = pool.submit(tell_for, 1.0, "c")
    with monkeypatch.context() as patched:
        patched.setattr("samzip.local_worker.Pipe", refuse)
        os.kill(worker, signal.SIGKILL)
        end = outcome(pool, struck)
    assert isinstance(end, WorkerMissing)
    assert str(end) == "no se pudo iniciar un proceso para generar esta parte (Too many open files)"
    assert outcome(pool, neighbour) == "told"
    assert works_again(pool)


def test_nothing_is_left_of_workers_that_died_before_the_pool_ended(tmp_path: Path) -> None:
    pool = LocalPool(tmp_path)
    jobs = [pool.submit(tell_for, 60.0, key) for key in "abc"]
    wait_until(lambda: len({key for key, _ in pool.poll(0.1)}) > 0)
    for process in children_of(forkserver._forkserver._forkserver_pid):  # type: ignore[attr-defined]
        os.kill(process, signal.SIGKILL)
    pool.stop()
    assert all(isinstance(job.exception(), WorkerDied) for job in jobs)
    assert not multiprocessing.process._children  # type: ignore[attr-defined]


@pytest.mark.parametrize("moment", [0.0, 0.003, 0.01, 0.03])
def test_a_worker_whose_fork_server_died_as_it_started_is_ended_all_the_same(
    pool: LocalPool, tmp_path: Path, moment: float
) -> None:
    """It cannot know yet that it should end with it."""
    pool.start()
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    time.sleep(moment)
    workers = children_of(server)
    os.kill(server, signal.SIGKILL)
    pool.submit(wait_for_ever, tmp_path / "mark", "a")
    pool.poll(0.1)
    began = time.monotonic()
    pool.cancel("a")
    assert time.monotonic() - began < 3
    pool.stop()
    wait_until(lambda: not any(map(lives, workers)), lambda: workers, 2)
