"""Where jobs run: processes of this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samzip import fork_server
from samzip.executors import Here, J, R, Silence, WorkerDied, end_early
from samzip.local_worker import LocalWorker, pipe, tell
from samzip.threads import Abandoned

if TYPE_CHECKING:
    from samzip.archive.part import Progress

DIED = "el proceso que generaba esta parte murió"
TOLD_S = 2.0  # for what a process died of
UNSEEN = 255  # multiprocessing's exit code of a process whose fork server died


@dataclass(frozen=True)
class _InHand:
    worker: LocalWorker
    future: Future[Any]  # the worker's
    ended: Future[Any]  # the caller's


class LocalPool:
    """As many processes of this machine as there are jobs at a time. One that dies fails its own job only, and another
    takes its place.

    Workers come from a fork server, a small process with the heavy imports done: a worker starts in milliseconds,
    inherits none of the leader's locks, threads or connections, and shares the imported code's memory. Nothing of that
    is there before the first job.
    """

    def __init__(self, notes: Path, is_over: Callable[[], bool] = lambda: False) -> None:
        """`notes` is the folder in which the next run looks for what a killed one left; `is_over`: nobody wants workers
        any more that are not there yet."""
        self._notes = notes
        self._is_over = is_over
        self._running: dict[str, _InHand] = {}
        self._idle: list[LocalWorker] = []
        self._silence = Silence()
        self._woken, self._waker = pipe()
        self._waker_lock = threading.Lock()
        self._here = Here(self._wake)

    def start(self) -> None:
        if not self._idle:
            with suppress(RuntimeError):  # who submits meets it again
                self._idle.append(LocalWorker(self._notes, self._is_over))

    def submit(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        ended: Future[R] = Future()
        try:
            worker, future = self._given(function, job, key)
        except Abandoned:
            return ended  # it is given back with all that does not end
        except RuntimeError:  # no worker comes up
            ended.set_exception(WorkerDied(DIED))
            return ended
        self._running[key] = _InHand(worker, future, ended)
        self._silence.begin(key)
        future.add_done_callback(lambda _: self._wake())
        return ended

    def submit_here(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        return self._here.submit(function, job, key)

    def cancel(self, key: str) -> None:
        in_hand = self._running.get(key)
        if in_hand is None or in_hand.future.done() or in_hand.worker.is_gone:  # `poll` hands it over
            return
        in_hand.worker.kill()
        del self._running[key]
        end_early(in_hand.ended, self._silence.end(key))

    def poll(self, timeout: float) -> list[tuple[str, Progress]]:
        wait([self._woken, *(in_hand.worker.told for in_hand in self._running.values())], timeout)
        while self._woken.poll(0):
            self._woken.recv()
        done = {key for key, in_hand in self._running.items() if in_hand.future.done()}
        told = [message for in_hand in self._running.values() for message in in_hand.worker.hear()]
        for key, _ in told:
            self._silence.hear(key)
        for key, in_hand in list(self._running.items()):
            if key in done or in_hand.worker.is_gone:
                self._hand_over(key, in_hand)
        for key in self._silence.found():
            self.cancel(key)
        self._here.look()
        return told

    def stop(self) -> None:
        workers = [*self._idle, *(in_hand.worker for in_hand in self._running.values())]
        for worker in workers:
            worker.dismiss()
        for worker in workers:
            worker.kill()
        self._idle.clear()
        while self._running:
            key, in_hand = self._running.popitem()
            self._silence.end(key)
            in_hand.ended.set_exception(WorkerDied(DIED))
        self._here.stop()
        with self._waker_lock:
            self._woken.close()
            self._waker.close()

    def _given(self, function: Callable[..., R], job: Any, key: str) -> tuple[LocalWorker, Future[R]]:
        """To an idle worker, or to a new one. Raises as LocalWorker does; RuntimeError when that one ends at once."""
        while self._idle:
            worker = self._idle.pop()
            with suppress(RuntimeError):
                return worker, worker.do(function, job, key)
            worker.kill()  # what is left of it
        worker = LocalWorker(self._notes, self._is_over)
        try:
            return worker, worker.do(function, job, key)
        except RuntimeError:
            worker.kill()
            raise

    def _hand_over(self, key: str, in_hand: _InHand) -> None:
        """What became of a job, to its caller."""
        from pebble import ProcessExpired

        error = _error(in_hand)
        if isinstance(error, BrokenExecutor | ProcessExpired):
            in_hand.worker.kill()  # it may live, unseen, and must not write when its part is given up
            error = WorkerDied(_death(error))
        else:
            self._idle.append(in_hand.worker)
        del self._running[key]
        self._silence.end(key)
        if error is None:
            in_hand.ended.set_result(in_hand.future.result())
        else:
            in_hand.ended.set_exception(error)

    def _wake(self) -> None:
        with self._waker_lock:
            tell(self._waker, None)


def _error(in_hand: _InHand) -> BaseException | None:
    """Of a job that has ended, or whose worker has: what that died of is told a moment later."""
    if in_hand.worker.is_gone:
        fork_server.wake()  # who tells it
    try:
        return in_hand.future.exception(timeout=TOLD_S)
    except TimeoutError:
        return BrokenExecutor()


def _death(error: BaseException) -> str:
    code = getattr(error, "exitcode", None)  # a process that ended before it had begun has none
    if code is None or code == UNSEEN:
        return DIED
    if code < 0:
        hint = ", quizá por falta de memoria" if code == -9 else ""
        return f"{DIED} (señal {-code}{hint})"
    return f"el proceso que generaba esta parte terminó con el código {code}"
