"""Where jobs run: what both ways of it have in common."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from samzip.threads import in_thread

if TYPE_CHECKING:
    from samzip.archive.part import Progress

J = TypeVar("J")
R = TypeVar("R")

SILENT_S = 900.0  # a job tells of every document, and of a long one every few seconds
LOOK_S = 1.0  # so much of the time between two looks counts, however long it was


class WorkerDied(Exception):
    """The process that worked on a job ended: killed by hand, or by the kernel for lack of memory."""


class WorkerMissing(Exception):
    """None could be started for a job, which is not the job's doing."""


class WorkerSilent(WorkerDied):
    """It lived, but told nothing for SILENT_S and was ended: somebody stopped it, or a disk did not answer it."""

    def __init__(self) -> None:
        super().__init__(f"el proceso que generaba esta parte no dio señales durante {SILENT_S / 60:g} minutos")


def end_early(ended: Future[Any], was_silent: bool) -> None:
    """Of a job that was cancelled: by a caller, or since it was silent."""
    if was_silent:
        ended.set_exception(WorkerSilent())
    else:
        ended.cancel()


class Executor(Protocol):
    """Runs jobs elsewhere and hears of their progress."""

    def start(self) -> None:
        """Gets ready, for who knows that a job will come. Raises StorageFailed."""

    def submit(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        """`key` names the job in `poll`. A future may fail with WorkerDied, WorkerMissing."""

    def submit_here(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        """In this process, for a job that waits more than it computes. It must report often: there it is stopped."""

    def poll(self, timeout: float) -> list[tuple[str, Progress]]:
        """Waits until a job ends or tells something, at most `timeout` seconds; what was told since.

        Here it is seen that a job is silent, and jobs in this process end here only.
        """

    def cancel(self, key: str) -> None:
        """Ends one submitted job at once; its future is cancelled then."""

    def stop(self) -> None:
        """Ends all jobs at once, without waiting for them to finish."""


class Silence:
    """Which jobs say nothing. Only time in which somebody listened counts: a leader that was stopped itself, or was
    busy, takes nobody for silent."""

    def __init__(self) -> None:
        self._listened = 0.0  # seconds
        self._looked = time.monotonic()
        self._heard: dict[str, float] = {}
        self._found: set[str] = set()
        self._lock = threading.Lock()  # jobs begin here and end in threads of their libraries

    def begin(self, key: str) -> None:
        with self._lock:
            self._found.discard(key)
            self._heard[key] = self._listened

    def hear(self, key: str) -> None:
        with self._lock:
            if key in self._heard:
                self._heard[key] = self._listened

    def found(self) -> list[str]:
        """Those that have said nothing for SILENT_S, whatever they said since; to be called often."""
        now = time.monotonic()
        with self._lock:
            self._listened += min(now - self._looked, LOOK_S)
            self._looked = now
            self._found |= {key for key, heard in self._heard.items() if self._listened - heard > SILENT_S}
            return sorted(self._found)

    def end(self, key: str) -> bool:
        """Whether it was silent."""
        with self._lock:
            self._heard.pop(key, None)
            was_silent = key in self._found
            self._found.discard(key)
            return was_silent


class Here:
    """Jobs in threads of this process. They report often: there they are stopped."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` is called when a job has ended."""
        self._wake = wake
        self._jobs: dict[str, tuple[Future[Any], Future[Any]]] = {}  # the thread's future, and the caller's
        self._silence = Silence()
        self._stopped = False

    def submit(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        ended: Future[R] = Future()
        self._silence.begin(key)
        done = in_thread(lambda: function(job, lambda _: self._go_on(key)), key)
        self._jobs[key] = (done, ended)
        done.add_done_callback(lambda _: self._wake())
        return ended

    def look(self) -> None:
        """Tells the callers of those that have ended. A thread that is silent is left to itself."""
        silent = self._silence.found()
        for key, (done, ended) in list(self._jobs.items()):
            if done.done():
                if error := done.exception():
                    ended.set_exception(error)
                else:
                    ended.set_result(done.result())
            elif key in silent:
                ended.set_exception(WorkerSilent())
            else:
                continue
            self._silence.end(key)
            del self._jobs[key]

    def stop(self) -> None:
        self._stopped = True
        wait([done for done, _ in self._jobs.values()], timeout=1)
        self.look()

    def _go_on(self, key: str) -> None:
        if self._stopped:
            raise CancelledError
        self._silence.hear(key)
