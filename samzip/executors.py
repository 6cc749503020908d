"""Where jobs run: a pool of processes of this machine."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from pebble import ProcessPool

    from samzip.archive.build import Progress

J = TypeVar("J")
R = TypeVar("R")

SOCKETS = "pymp-"  # how multiprocessing names the folder of its sockets
_AFTER_SOCKETS = -200  # among the things to do at exit; multiprocessing removes that folder at -100
_notes: dict[Path, int] = {}  # of this process, with the descriptors that lock them


class WorkerDied(Exception):
    """The process that worked on a job ended: killed by hand, or by the kernel for lack of memory."""


class Executor(Protocol):
    """Runs jobs elsewhere and hears of their progress."""

    def submit(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        """`key` names the job in `poll`. A future may fail with WorkerDied."""

    def submit_here(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        """In this process, for a job that waits more than it computes. It must report often: there it is stopped."""

    def poll(self, timeout: float) -> list[tuple[str, Progress]]:
        """Waits until a job ends or tells something, at most `timeout` seconds; what was told since."""

    def cancel(self, key: str) -> None:
        """Ends one submitted job at once; its future is cancelled then."""

    def stop(self) -> None:
        """Ends all jobs at once, without waiting for them to finish."""


_told: Connection | None = None  # in a worker: its end of the leader's pipe


class LocalPool:
    """Processes of this machine. One that dies fails its own job only, and is replaced.

    Workers come from a fork server, a small process with the heavy imports done: a worker starts in milliseconds,
    inherits none of the leader's locks, threads or connections, and shares the imported code's memory. All that begins
    with the first job that is submitted to them.
    """

    def __init__(self, jobs: int, notes: Path) -> None:
        """`notes` is the folder in which the next run looks for what a killed one left."""
        self._jobs = jobs
        self._notes = notes
        self._reader, self._writer = Pipe(duplex=False)
        os.set_blocking(self._writer.fileno(), False)  # a worker never waits for a slow leader
        self._write_lock = threading.Lock()
        self._running: dict[str, Future[Any]] = {}
        self._pool: ProcessPool | None = None
        self._threads: list[threading.Thread] = []
        self._stopped = False

    def submit(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        if self._pool is None:
            self._pool = _start_pool(self._jobs, self._notes, self._writer)
        future: Future[R] = self._pool.schedule(_run, args=(function, job, key))
        ended: Future[R] = Future()
        self._running[key] = future
        future.add_done_callback(lambda done: self._finish(done, ended, key))
        return ended

    def submit_here(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        ended: Future[R] = Future()

        def work() -> None:
            try:
                ended.set_result(function(job, self._go_on))
            except BaseException as error:  # noqa: BLE001 -- whoever waits for the future has it
                ended.set_exception(error)
            self._wake()

        self._threads.append(threading.Thread(target=work, name=key, daemon=True))  # no storage can hold up the exit
        self._threads[-1].start()
        return ended

    def cancel(self, key: str) -> None:
        future = self._running.get(key)
        if future is not None:
            future.cancel()

    def poll(self, timeout: float) -> list[tuple[str, Progress]]:
        told = []
        if self._reader.poll(timeout):
            while self._reader.poll(0):
                message = self._reader.recv()
                if message is not None:
                    told.append(message)
        return told

    def stop(self) -> None:
        self._stopped = True
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join(timeout=5)
        for thread in self._threads:
            thread.join(timeout=1)
        self._reader.close()
        self._writer.close()

    def _finish(self, done: Future[R], ended: Future[R], key: str) -> None:
        from pebble import ProcessExpired

        self._running.pop(key, None)
        if done.cancelled():
            ended.cancel()
        elif (error := done.exception()) is None:
            ended.set_result(done.result())
        elif isinstance(error, ProcessExpired):
            ended.set_exception(WorkerDied(_death(error.exitcode)))
        else:
            ended.set_exception(error)
        self._wake()

    def _go_on(self, _progress: Progress) -> None:
        if self._stopped:
            raise CancelledError

    def _wake(self) -> None:
        with self._write_lock:
            _tell(self._writer, None)


def _start_pool(jobs: int, notes: Path, writer: Connection) -> ProcessPool:
    from pebble import CONSTS, ProcessPool

    CONSTS.term_timeout = 0  # SIGKILL at once: SIGTERM means nothing to a worker, and it has nothing to tidy
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["samzip.archive.preload", "samzip.cli"])
    _note_sockets(notes)
    _start_fork_server()
    return ProcessPool(max_workers=jobs, initializer=_start_worker, initargs=(writer,), context=context)


def _death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        hint = ", quizá por falta de memoria" if exit_code == -9 else ""
        return f"el proceso que generaba esta parte murió (señal {-exit_code}{hint})"
    return f"el proceso que generaba esta parte terminó con el código {exit_code}"


def _start_fork_server() -> None:
    """With SIGTERM and SIGINT blocked, for itself and for the workers that come from it.

    systemd and terminals signal all processes of a run. That is the leader's to answer: it puts the parts in work
    back, whereas a worker that just ended would count as one that died.
    """
    resource_tracker.ensure_running()  # it unblocks both signals when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _note_sockets(folder: Path) -> None:
    """The fork server's socket lies in a folder of the system's temporary one, which only a process that ends in peace
    removes. A locked file of the same name tells the next run of it; the lock falls with this process."""
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / Path(util.get_temp_dir()).name
    if note not in _notes:
        _notes[note] = os.open(note, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(_notes[note], fcntl.LOCK_EX | fcntl.LOCK_NB)
        util.Finalize(None, note.unlink, kwargs={"missing_ok": True}, exitpriority=_AFTER_SOCKETS)


def remove_sockets(note: Path) -> None:
    """What a dead run left, if it is dead: one with an interval lives without the queue's lock between two passes."""
    with note.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(Path(tempfile.gettempdir(), note.name), ignore_errors=True)
        note.unlink(missing_ok=True)


def _start_worker(writer: Connection) -> None:
    global _told
    _told = writer
    threading.Thread(target=_end_with_leader, daemon=True).start()


def _end_with_leader() -> None:
    """A worker whose leader is dead must not go on writing."""
    leader = multiprocessing.parent_process()
    if leader is not None:
        leader.join()
        os._exit(1)


def _run(function: Callable[[Any, Callable[[Progress], None]], Any], job: Any, key: str) -> Any:
    return function(job, lambda progress: _tell(_told, (key, progress)))


def _tell(pipe: Connection | None, message: object) -> None:
    """One short message is one write, which a pipe never mixes with another's (POSIX: up to PIPE_BUF bytes)."""
    if pipe is None:
        return
    try:
        pipe.send(message)
    except (BlockingIOError, BrokenPipeError, OSError):
        return  # progress is a courtesy: the leader is slow or gone
