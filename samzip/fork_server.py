"""The process that workers come from: it has the heavy imports done, and none of the leader's locks or connections."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import forkserver, resource_tracker
from pathlib import Path

from samzip.sockets import prepare_sockets

BLOCKED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)  # for the leader alone


def warm_up(notes: Path) -> None:
    """Starts it, for who knows that it will be needed. `notes` as in LocalPool."""
    with suppress(OSError), running(notes):  # who starts the pool meets what goes wrong again
        pass


@contextmanager
def running(notes: Path) -> Iterator[None]:
    """With what workers come from running, if it was not, and BLOCKED signals blocked. Raises OSError.

    They are so in the fork server and in the workers that come from it. systemd and terminals signal all processes of a
    run. That is the leader's to answer: it puts the parts in work back, whereas a worker that just ended would count as
    one that died. SIGCHLD is not, whatever the caller had blocked: without it, no worker's end is told.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload(["samzip.archive.preload", "samzip.cli"])
    before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGCHLD,))
    try:
        resource_tracker.ensure_running()  # it unblocks SIGTERM and SIGINT when it starts
        signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
        prepare_sockets(notes)
        forkserver.ensure_running()
        atexit.unregister(wake)
        atexit.register(wake)  # it ends with this process, and cannot while somebody has it stopped
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def wake() -> None:
    """Only it tells that a worker has ended: while somebody has it stopped, the pool would wait for ever."""
    _send(signal.SIGCONT)


def kill() -> None:
    """And with it the workers that it has started."""
    _send(signal.SIGKILL)


def _send(number: signal.Signals) -> None:
    process: int | None = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    if process is not None:
        with suppress(ProcessLookupError):
            os.kill(process, number)
