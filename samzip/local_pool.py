"""Where jobs run: processes of this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Pipe, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samzip.executors import Here, J, R, Silence, WorkerDied, WorkerMissing, end_early
from samzip.local_worker import LocalWorker, NoWorker, kill_all
from samzip.threads import Abandoned

if TYPE_CHECKING:
    from samzip.archive.part import Progress

DIED = "el proceso que generaba esta parte murió"
MISSING = "no se pudo iniciar un proceso para generar esta parte"
UNSEEN = 255  # multiprocessing's exit code of a process whose fork server died


@dataclass(frozen=True)
class _InHand:
    worker: LocalWorker
    ended: Future[Any]  # its caller's
    # Function and job, where the worker was idle, and may have ended unseen.
    given: tuple[Callable[..., Any], Any] | None


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
        self._woken, self._waker = Pipe(duplex=False)
        for end in (self._woken, self._waker):
            os.set_blocking(end.fileno(), False)
        self._waker_lock = threading.Lock()
        self._here = Here(self._wake)

    def start(self) -> None:
        if not self._idle:
            with suppress(NoWorker, Abandoned):  # who submits meets it again
                self._idle.append(LocalWorker(self._notes, self._is_over))

    def submit(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        ended: Future[R] = Future()
        self._give(ended, function, job, key, self._idle_one())
        return ended

    def submit_here(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        return self._here.submit(function, job, key)

    def cancel(self, key: str) -> None:
        in_hand = self._running.get(key)
        if in_hand is None or in_hand.worker.outcome or in_hand.worker.is_gone:  # `poll` hands it over
            return
        in_hand.worker.kill()
        del self._running[key]
        end_early(in_hand.ended, self._silence.end(key))

    def poll(self, timeout: float) -> list[tuple[str, Progress]]:
        wait([self._woken, *(in_hand.worker.words for in_hand in self._running.values())], timeout)
        with suppress(BlockingIOError):
            os.read(self._woken.fileno(), 1 << 16)
        told = []
        for key, in_hand in list(self._running.items()):
            told += in_hand.worker.hear()
            if in_hand.worker.outcome or in_hand.worker.is_gone:
                self._hand_over(key, in_hand)
        for key, _ in told:
            self._silence.hear(key)
        for key in self._silence.found():
            self.cancel(key)
        self._here.look()
        return told

    def stop(self) -> None:
        kill_all([*self._idle, *(in_hand.worker for in_hand in self._running.values())])
        self._idle.clear()
        while self._running:
            key, in_hand = self._running.popitem()
            self._silence.end(key)
            in_hand.ended.set_exception(WorkerDied(DIED))
        self._here.stop()
        with self._waker_lock:
            self._woken.close()
            self._waker.close()

    def _idle_one(self) -> LocalWorker | None:
        while self._idle:
            worker = self._idle.pop()
            worker.hear()
            if not worker.is_gone:
                return worker
            worker.kill()  # what is left of it
        return None

    def _give(
        self, ended: Future[Any], function: Callable[..., Any], job: Any, key: str, idle: LocalWorker | None
    ) -> None:
        """To this worker, or to a new one."""
        try:
            worker = idle or LocalWorker(self._notes, self._is_over)
        except Abandoned:
            return  # it is given back with all that does not end
        except NoWorker as error:
            ended.set_exception(WorkerMissing(f"{MISSING} ({error})"))
            return
        try:
            worker.give(function, job, key)
        except Exception as error:  # noqa: BLE001 -- of a job that cannot be sent: its caller has it
            self._idle.append(worker)
            ended.set_exception(error)
            return
        self._running[key] = _InHand(worker, ended, (function, job) if idle else None)
        self._silence.begin(key)

    def _hand_over(self, key: str, in_hand: _InHand) -> None:
        """What became of a job, to its caller."""
        worker, outcome = in_hand.worker, in_hand.worker.outcome
        del self._running[key]
        self._silence.end(key)
        if outcome is None and in_hand.given and not worker.has_begun:  # it had ended before, which nobody had seen yet
            worker.kill()
            self._give(in_hand.ended, *in_hand.given, key, None)
            return
        error = outcome.error if outcome else WorkerDied(_death(worker.exit_code()))
        if worker.is_gone:
            worker.kill()
        else:
            self._idle.append(worker)
        if error is not None:
            in_hand.ended.set_exception(error)
        elif outcome is not None:
            in_hand.ended.set_result(outcome.result)

    def _wake(self) -> None:
        with self._waker_lock, suppress(BlockingIOError, OSError):  # it is awake, or has stopped
            os.write(self._waker.fileno(), b"x")


def _death(code: int | None) -> str:
    if code is None or code == UNSEEN:
        return DIED
    if code < 0:
        hint = ", quizá por falta de memoria" if code == -9 else ""
        return f"{DIED} (señal {-code}{hint})"
    return f"el proceso que generaba esta parte terminó con el código {code}"
