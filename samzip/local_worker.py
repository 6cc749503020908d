"""One process of this machine that does jobs, one at a time: how it comes, tells, and ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from dataclasses import replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samzip import fork_server
from samzip.errors import StorageFailed
from samzip.storage import be_patient
from samzip.threads import Abandoned, awaited, in_thread

if TYPE_CHECKING:
    from pebble import ProcessPool

    from samzip.archive.part import Progress

END_S = 5  # for a process that was killed
FROZEN_S = 1.0  # after which somebody may have stopped what starts it
CODE, STEP = 100, 200  # characters that it tells of an instrument's code, and of what it does
PR_SET_PDEATHSIG = 1  # Linux, prctl(2): the signal that tells of the parent's death


_told: Connection | None = None  # in the worker: its end of the leader's pipe


class LocalWorker:
    """A pool of one process, with a pipe of its own that ends with it: it is known at once, and whose job that was, and
    nobody else waits for a lock that it held."""

    def __init__(self, notes: Path, is_over: Callable[[], bool]) -> None:
        """As LocalPool's. Raises StorageFailed; BrokenExecutor when it does not come up; Abandoned."""
        self.told, writer = pipe()
        self.is_gone = False  # as far as anybody has heard
        try:
            self._pool = _start_pool(notes, writer, is_over)
        except BaseException:
            self.told.close()
            raise
        finally:
            writer.close()  # the process has it now

    def do(self, function: Callable[..., Any], job: Any, key: str) -> Future[Any]:
        """`key` comes first in what it tells. The future fails with BrokenExecutor or pebble's ProcessExpired when the
        process ends, or stays as it is when it ends just now. Raises RuntimeError when it is gone."""
        self.hear()
        if self.is_gone:
            raise BrokenExecutor
        return self._pool.schedule(_run, args=(function, job, key))

    def hear(self) -> list[tuple[str, Progress]]:
        """What it has told since."""
        messages = []
        try:
            while not self.is_gone and self.told.poll(0):
                messages.append(self.told.recv())
        except EOFError:
            self.is_gone = True
        return messages

    def dismiss(self) -> None:
        """It will be killed: who kills several waits for all of them at a time then."""
        self._pool.stop()  # type: ignore[no-untyped-call]

    def kill(self) -> None:
        """It does not write any more when this returns. One that is not seen, since its fork server died, has END_S to
        follow it."""
        _kill_pool(self._pool)
        while not self.is_gone and self.told.poll(END_S):
            self.hear()
        self.told.close()


def pipe() -> tuple[Connection, Connection]:
    """Its end that reads, its end that writes."""
    reader, writer = Pipe(duplex=False)
    os.set_blocking(writer.fileno(), False)  # a worker never waits for a slow leader
    return reader, writer


def _start_pool(notes: Path, writer: Connection, is_over: Callable[[], bool]) -> ProcessPool:
    """A thread does it, with signals blocked as what it starts shall have them; here they are answered meanwhile."""
    began = time.monotonic()
    started = in_thread(lambda: _make_pool(notes, writer), "pool")

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
    fork_server.wake()
    pool.stop()  # type: ignore[no-untyped-call]
    pool.join(timeout=END_S)


def _make_pool(notes: Path, writer: Connection) -> ProcessPool:
    from pebble import CONSTS, ProcessPool

    CONSTS.term_timeout = 0  # SIGKILL at once: SIGTERM means nothing to a worker, and it has nothing to tidy
    context = multiprocessing.get_context("forkserver")
    pool = ProcessPool(max_workers=1, initializer=_start, initargs=(writer,), context=context)
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


def _start(writer: Connection) -> None:
    global _told
    _told = writer
    be_patient()
    import ctypes

    # Without the fork server the leader takes it for dead: it must not write any more.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_leader, daemon=True).start()


def _end_with_leader() -> None:
    """A worker whose leader is dead must not go on writing."""
    leader = multiprocessing.parent_process()
    if leader is not None:
        leader.join()
        os._exit(1)


def _run(function: Callable[[Any, Callable[[Progress], None]], Any], job: Any, key: str) -> Any:
    return function(job, lambda progress: tell(_told, (key, _in_short(progress))))


def _in_short(progress: Progress) -> Progress:
    """An instrument's code may be of any length."""
    return replace(progress, code=progress.code[:CODE], step=progress.step[:STEP])


def tell(pipe: Connection | None, message: object) -> None:
    """One short message is one write, which a pipe never mixes with another's (POSIX: up to PIPE_BUF bytes)."""
    if pipe is None:
        return
    try:
        pipe.send(message)
    except (BlockingIOError, BrokenPipeError, OSError):
        return  # progress is a courtesy: the leader is slow or gone
