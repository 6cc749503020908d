"""Where jobs run: a pool of processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samzip import fork_server
from samzip.errors import StorageFailed
from samzip.executors import Here, J, R, Silence, WorkerDied, end_early
from samzip.storage import be_patient
from samzip.threads import Abandoned, awaited, in_thread

if TYPE_CHECKING:
    from pebble import ProcessPool

    from samzip.archive.part import Progress

BROKEN = "los procesos que generaban las partes murieron"
UNSEEN = 255  # multiprocessing's exit code of a process whose fork server died: it may live
END_S = 5  # for processes that were killed
FROZEN_S = 1.0  # after which somebody may have stopped what starts it
CODE, STEP = 100, 200  # characters that a worker tells of an instrument's code, and of what it does
PR_SET_PDEATHSIG = 1  # Linux, prctl(2): the signal that tells of the parent's death


_told: Connection | None = None  # in a worker: its end of the leader's pipe


class LocalPool:
    """Processes of this machine. One that dies fails its own job only, and is replaced.

    Workers come from a fork server, a small process with the heavy imports done: a worker starts in milliseconds,
    inherits none of the leader's locks, threads or connections, and shares the imported code's memory. Nothing of that
    is there before the first job.
    """

    def __init__(self, jobs: int, notes: Path, is_over: Callable[[], bool] = lambda: False) -> None:
        """`notes` is the folder in which the next run looks for what a killed one left; `is_over`: nobody wants workers
        any more that are not there yet."""
        self._is_over = is_over
        self._jobs = jobs
        self._notes = notes
        self._reader, self._writer = _pipe()
        self._write_lock = threading.Lock()
        self._running: dict[str, tuple[Future[Any], Future[Any]]] = {}  # the pool's future, and the caller's
        self._pool: ProcessPool | None = None
        self._broken = False
        self._silence = Silence()
        self._here = Here(self._wake)

    def start(self) -> None:
        with suppress(RuntimeError):  # who submits meets it again
            self._started()

    def submit(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        ended: Future[R] = Future()
        try:
            future: Future[R] = self._started().schedule(_run, args=(function, job, key))
        except Abandoned:
            return ended  # it is given back with all that does not end
        except RuntimeError:  # it breaks now, or broke before, and `poll` will replace it
            ended.set_exception(WorkerDied(BROKEN))
            return ended
        self._running[key] = (future, ended)
        self._silence.begin(key)
        future.add_done_callback(lambda done: self._finish(done, ended, key))
        return ended

    def submit_here(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        return self._here.submit(function, job, key)

    def cancel(self, key: str) -> None:
        if running := self._running.get(key):
            running[0].cancel()

    def poll(self, timeout: float) -> list[tuple[str, Progress]]:
        told = []
        if self._reader.poll(timeout):
            while self._reader.poll(0):
                message = self._reader.recv()
                if message is not None:
                    told.append(message)
                    self._silence.hear(message[0])
        for key in self._silence.found():
            self.cancel(key)
        self._here.look()
        if self._pool is not None and (self._broken or not self._pool.active):
            self._end_pool()
        return told

    def stop(self) -> None:
        self._end_pool()
        self._here.stop()
        self._reader.close()
        self._writer.close()

    def _end_pool(self) -> None:
        """Ends its workers, then what they had in hand: no worker may still write when its part is given up."""
        if self._pool is None:
            return
        fork_server.wake()
        _kill_pool(self._pool)
        self._pool, self._broken = None, False
        with self._write_lock:
            self._writer.close()
            with suppress(EOFError, OSError):  # the end comes when the last worker is gone, seen by a parent or not
                while self._reader.poll(END_S):
                    self._reader.recv()
            self._reader.close()
            self._reader, self._writer = _pipe()
        while self._running:
            key, (_, ended) = self._running.popitem()
            self._silence.end(key)
            ended.set_exception(WorkerDied(BROKEN))

    def _finish(self, done: Future[R], ended: Future[R], key: str) -> None:
        from pebble import ProcessExpired

        error = None if done.cancelled() else done.exception()
        if isinstance(error, ProcessExpired) and error.exitcode != UNSEEN:
            error = WorkerDied(_death(error.exitcode))
        if isinstance(error, BrokenExecutor | ProcessExpired):
            self._broken = True  # workers may still live: it ends with the pool
            self._wake()
            return
        del self._running[key]
        was_silent = self._silence.end(key)
        if done.cancelled():
            end_early(ended, was_silent)
        elif error is None:
            ended.set_result(done.result())
        else:
            ended.set_exception(error)
        self._wake()

    def _started(self) -> ProcessPool:
        if self._pool is None:
            self._pool = _start_pool(self._jobs, self._notes, self._writer, self._is_over)
        return self._pool

    def _wake(self) -> None:
        with self._write_lock:
            _tell(self._writer, None)


def _pipe() -> tuple[Connection, Connection]:
    """Its end that reads, its end that writes."""
    reader, writer = Pipe(duplex=False)
    os.set_blocking(writer.fileno(), False)  # a worker never waits for a slow leader
    return reader, writer


def _start_pool(jobs: int, notes: Path, writer: Connection, is_over: Callable[[], bool]) -> ProcessPool:
    """Raises StorageFailed; BrokenExecutor when the first worker does not come up; Abandoned.

    A thread does it, with signals blocked as what it starts shall have them; here they are answered meanwhile.
    """
    began = time.monotonic()
    started = in_thread(lambda: _make_pool(jobs, notes, writer), "pool")

    def wake() -> None:
        if time.monotonic() - began > FROZEN_S:  # or it is slow, and does not mind
            fork_server.wake()

    try:
        return awaited(started, is_over, wake)
    except Abandoned:
        started.add_done_callback(_discard)
        fork_server.kill()
        raise
    except RuntimeError as error:
        if is_over():  # the fork server was killed for the one before
            raise Abandoned from error
        raise


def _discard(started: Future[ProcessPool]) -> None:
    """A pool that came up too late."""
    if started.exception() is None:
        _kill_pool(started.result())


def _kill_pool(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join(timeout=END_S)


def _make_pool(jobs: int, notes: Path, writer: Connection) -> ProcessPool:
    from pebble import CONSTS, ProcessPool

    CONSTS.term_timeout = 0  # SIGKILL at once: SIGTERM means nothing to a worker, and it has nothing to tidy
    context = multiprocessing.get_context("forkserver")
    pool = ProcessPool(max_workers=jobs, initializer=_start_worker, initargs=(writer,), context=context)
    try:
        with fork_server.running(notes):
            if not pool.active:  # asking starts it
                raise BrokenExecutor
    except RuntimeError:
        _kill_pool(pool)
        raise
    except OSError as error:
        raise StorageFailed(f"{error.filename or tempfile.gettempdir()}: {error.strerror or error}") from error
    return pool


def _death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        hint = ", quizá por falta de memoria" if exit_code == -9 else ""
        return f"el proceso que generaba esta parte murió (señal {-exit_code}{hint})"
    return f"el proceso que generaba esta parte terminó con el código {exit_code}"


def _start_worker(writer: Connection) -> None:
    global _told
    _told = writer
    be_patient()
    import ctypes

    # Without the fork server the leader takes a worker for dead: it must not write any more.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_leader, daemon=True).start()


def _end_with_leader() -> None:
    """A worker whose leader is dead must not go on writing."""
    leader = multiprocessing.parent_process()
    if leader is not None:
        leader.join()
        os._exit(1)


def _run(function: Callable[[Any, Callable[[Progress], None]], Any], job: Any, key: str) -> Any:
    return function(job, lambda progress: _tell(_told, (key, _in_short(progress))))


def _in_short(progress: Progress) -> Progress:
    """An instrument's code may be of any length."""
    return replace(progress, code=progress.code[:CODE], step=progress.step[:STEP])


def _tell(pipe: Connection | None, message: object) -> None:
    """One short message is one write, which a pipe never mixes with another's (POSIX: up to PIPE_BUF bytes)."""
    if pipe is None:
        return
    try:
        pipe.send(message)
    except (BlockingIOError, BrokenPipeError, OSError):
        return  # progress is a courtesy: the leader is slow or gone
