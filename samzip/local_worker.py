"""One process of this machine that does jobs, one at a time: how it comes, tells, and ends."""

from __future__ import annotations

import errno
import multiprocessing
import os
import pickle
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samzip import fork_server
from samzip.errors import StorageFailed
from samzip.storage import be_patient
from samzip.threads import Abandoned, awaited, in_thread

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

    from samzip.archive.part import Progress

END_S = 5.0  # for a process that was killed
TOLD_S = 2.0  # for what it died of
FROZEN_S = 1.0  # after which somebody may have stopped what starts it
GLANCE_S = 0.1
CODE, STEP = 100, 200  # characters that it tells of an instrument's code, and of what it does
CHUNK = 1 << 20  # bytes
LENGTH = struct.Struct("!Q")  # before each message
FULL = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}  # no room for another process
FORKLESS = "the fork server does not answer"
PR_SET_PDEATHSIG = 1  # Linux, prctl(2): the signal that tells of the parent's death


class NoWorker(Exception):
    """None comes up."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job returned or raised."""

    result: Any = None
    error: BaseException | None = None


class LocalWorker:
    """A process with two pipes of its own, one for jobs, and one for its words that ends with it: so it is known at
    once, and whose job that was, and nobody else waits for a lock that it held."""

    def __init__(self, notes: Path, is_over: Callable[[], bool]) -> None:
        """As LocalPool's. Raises StorageFailed, NoWorker, Abandoned."""
        (jobs, self._jobs), (self.words, words) = _pipe(), _pipe()
        os.set_blocking(self.words.fileno(), False)
        self._unread = bytearray()
        self.is_gone = False  # as far as anybody has heard
        self.has_begun = False  # its job
        self.outcome: Outcome | None = None  # of its job
        try:
            self._process = _started(notes, (jobs, words), is_over)
        except BaseException:
            self._jobs.close()
            self.words.close()
            raise
        finally:
            jobs.close()  # the process has them now
            words.close()

    def give(self, function: Callable[..., Any], job: Any, key: str) -> None:
        """`key` comes first in what it tells of the job. Raises whatever pickling does."""
        self.has_begun, self.outcome = False, None
        message = pickle.dumps((function, job, key))
        # One that somebody stopped takes no long message; one that died takes none, which its other pipe tells.
        in_thread(lambda: self._jobs.send_bytes(message), "job")

    def hear(self) -> list[tuple[str, Progress]]:
        """What it has told since; that its job has begun, and its outcome, are kept."""
        told = []
        for message in self._messages():
            if isinstance(message, Outcome):
                self.outcome = message
            elif message is None:
                self.has_begun = True
            else:
                told.append(message)
        return told

    def kill(self) -> None:
        kill_all([self])

    def _strike(self) -> None:
        """Whether anybody sees it: its fork server may be dead. One that has not gone has its number still."""
        self.hear()
        if not self.is_gone and self._process.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)

    def _close(self, until: float) -> None:
        self.hear()  # of one whose time another took up
        while not self.is_gone and time.monotonic() < until:
            self.words.poll(GLANCE_S)
            self.hear()
        if self.is_gone:
            self.exit_code(GLANCE_S)
        else:
            multiprocessing.process._children.discard(self._process)  # type: ignore[attr-defined]  # the exit would wait
        self._jobs.close()
        self.words.close()

    def exit_code(self, seconds: float = TOLD_S) -> int | None:
        """Of one that is gone, as its parent tells it, who may be stopped: None after so long."""
        until = time.monotonic() + seconds
        while self._process.exitcode is None and time.monotonic() < until:
            fork_server.wake()
            self._process.join(GLANCE_S)
        self._process.join(0)  # multiprocessing keeps it until it was joined
        return self._process.exitcode

    def _messages(self) -> Iterator[Any]:
        with suppress(BlockingIOError):
            while not self.is_gone:
                data = os.read(self.words.fileno(), CHUNK)
                self._unread += data
                self.is_gone = not data
        while len(self._unread) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(self._unread)[0]
            if len(self._unread) < end:
                return
            message = bytes(self._unread[LENGTH.size : end])
            del self._unread[:end]
            yield _unpickled(message)


def kill_all(workers: Sequence[LocalWorker]) -> None:
    """They do not write any more when this returns, but for those that not even SIGKILL ends: they have END_S."""
    for worker in workers:
        worker._strike()
    until = time.monotonic() + END_S
    for worker in workers:
        worker._close(until)


def _pipe() -> tuple[Connection, Connection]:
    """Its end that reads, its end that writes."""
    try:
        return Pipe(duplex=False)
    except OSError as error:
        raise NoWorker(error.strerror) from error


def _unpickled(message: bytes) -> Any:
    try:
        return pickle.loads(message)  # noqa: S301 -- from our own process
    except Exception as error:  # noqa: BLE001 -- of an outcome: no words fail
        return Outcome(error=error)


def _started(notes: Path, pipes: tuple[Connection, ...], is_over: Callable[[], bool]) -> ForkServerProcess:
    """A thread does it, with signals blocked as what it starts shall have them; here they are answered meanwhile."""
    began = time.monotonic()
    process = in_thread(lambda: _start(notes, pipes), "worker")

    def wake() -> None:
        if time.monotonic() - began > FROZEN_S:  # or it is slow, and does not mind
            fork_server.wake()

    try:
        return awaited(process, is_over, wake)
    except Abandoned:
        process.add_done_callback(_discard)
        fork_server.kill()
        raise
    except NoWorker as error:
        if is_over():  # the fork server was killed for the one before
            raise Abandoned from error
        raise


def _discard(process: Future[ForkServerProcess]) -> None:
    """One that came up too late."""
    if process.exception() is None:
        process.result().kill()


def _start(notes: Path, pipes: tuple[Connection, ...]) -> ForkServerProcess:
    process = multiprocessing.get_context("forkserver").Process(target=_serve, args=pipes, daemon=True)
    try:
        with fork_server.running(notes):
            try:
                process.start()
            except (OSError, EOFError) as error:  # the fork server is gone, or has no room
                raise NoWorker(getattr(error, "strerror", None) or FORKLESS) from error
    except OSError as error:
        if error.errno in FULL:
            raise NoWorker(error.strerror) from error
        raise StorageFailed(f"{error.filename or notes}: {error.strerror or error}") from error
    return process


# -- in the worker


def _serve(jobs: Connection, words: Connection) -> None:
    be_patient()
    import ctypes

    # Without the fork server the leader takes it for dead: it must not write any more.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=_end_with_leader, daemon=True).start()
    os.set_blocking(words.fileno(), False)  # it never waits for a slow leader
    while True:
        try:
            message = jobs.recv_bytes()
        except EOFError:
            return
        _tell_outcome(words, _outcome(message, words))


def _end_with_leader() -> None:
    """A worker whose leader is dead must not go on writing."""
    leader = multiprocessing.parent_process()
    if leader is not None:
        leader.join()
        os._exit(1)


def _outcome(message: bytes, words: Connection) -> bytes:
    try:
        _tell(words, None)
        function, job, key = pickle.loads(message)  # noqa: S301 -- from our own process
        outcome = Outcome(function(job, lambda progress: _tell(words, (key, _in_short(progress)))))
    except Exception as error:  # noqa: BLE001 -- whoever gave the job has it
        outcome = Outcome(error=error)
    except BaseException as error:  # noqa: BLE001 -- which is not meant for the leader
        outcome = Outcome(error=RuntimeError(repr(error)))
    try:
        return pickle.dumps(outcome)
    except Exception as error:  # noqa: BLE001 -- as above
        return pickle.dumps(Outcome(error=TypeError(str(error))))


def _in_short(progress: Progress) -> Progress:
    """An instrument's code may be of any length."""
    return replace(progress, code=progress.code[:CODE], step=progress.step[:STEP])


def _tell(words: Connection, what: object) -> None:
    """One short message is one write, which comes whole or not at all (POSIX: up to PIPE_BUF bytes)."""
    message = pickle.dumps(what)
    with suppress(BlockingIOError, BrokenPipeError):  # progress is a courtesy: the leader is slow or gone
        os.write(words.fileno(), LENGTH.pack(len(message)) + message)


def _tell_outcome(words: Connection, message: bytes) -> None:
    os.set_blocking(words.fileno(), True)
    left = memoryview(LENGTH.pack(len(message)) + message)
    with suppress(BrokenPipeError):  # the leader is dead
        while left:
            left = left[os.write(words.fileno(), left) :]
    os.set_blocking(words.fileno(), False)
