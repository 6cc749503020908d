"""One run, told top to bottom."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace

from samzip import __version__
from samzip.batch import cleaning, last_words
from samzip.batch.context import LEASE_LOST, Context
from samzip.dossier import keys
from samzip.errors import DatabaseUnreachable, LockBusy, RowLocked, StorageFailed, words
from samzip.events import Counts, PartsLeft, QueueEmpty, RequestRejected, RequestsCollapsed, RunFinished, RunStarted
from samzip.housekeeping.absence import require_place
from samzip.housekeeping.alone import Fleet
from samzip.requests import runs, work
from samzip.requests.collapse import Collapsed, collapse

SLEEP_SLICE_S = 0.2


@dataclass(frozen=True, slots=True)
class Mode:
    """How often a run passes over the queue."""

    once: bool = False  # exactly one pass
    interval: float | None = None  # seconds between passes, until stopped
    wait: float = 0  # seconds to wait for the lock


def run(context: Context, mode: Mode) -> RunFinished:
    """Passes over the queue as `mode` says. Raises LockBusy, DatabaseUnreachable, StorageFailed."""
    started = time.monotonic()
    announced = False
    iteration = 0
    fleet = Fleet(
        context.database,
        context.settings.lock_path,
        context.host,
        context.run_id,
        give_up=lambda: bool(context.stop),
        lost=lambda: context.stop.ask(LEASE_LOST),
    )
    while True:
        try:
            with fleet.alone(mode.wait), _noted(context):
                if not announced:
                    announced = True
                    context.publish(
                        RunStarted(context.run_id, context.host, os.getpid(), context.settings.jobs, mode.interval)
                    )
                iteration = _passes(context, mode, iteration)
        except LockBusy:
            if mode.interval is None and not context.stop:
                raise
        except (DatabaseUnreachable, StorageFailed) as error:
            if context.stop.signal in (None, LEASE_LOST):
                raise
            context.publish(PartsLeft(str(error)))
        if mode.interval is None or context.stop:
            break
        _sleep(context, mode.interval)
        if context.stop:
            break
    finished = RunFinished(context.run_id, outcome(context), context.counts(), time.monotonic() - started)
    context.publish(finished)
    return finished


def _passes(context: Context, mode: Mode, iteration: int) -> int:
    """Passes until nothing is left that may be begun now. Returns the number of the last pass. Raises why anything was
    left aside, once all the rest is done."""
    context.unremoved.clear()
    left = cleaning.recover(context)
    cleaning.delete_history(context)
    while not context.stop:
        iteration += 1
        worked, aside = _one_pass(context, mode, iteration)
        left += aside
        if context.stop:
            break
        left += cleaning.expire(context)
        if mode.once or left or not worked:
            break
    cleaning.trim(context)
    if left and not context.stop:
        raise left[0]
    return iteration


def _one_pass(context: Context, mode: Mode, iteration: int) -> tuple[bool, list[Exception]]:
    """Whether there was anything to build, and why companies were left aside."""
    collapsed, waiting = _look(context)
    if not waiting:
        _count_waiting(context)
        context.publish(QueueEmpty(iteration, context.tally["waiting"]))
        return False, []
    if collapsed.requests:
        context.publish(RequestsCollapsed(collapsed.requests, collapsed.parts))
    context.media.check_readable()
    _check_archives(context)
    from samzip.batch.building import build_all  # an idle run never needs it

    aside = build_all(context, waiting, None if mode.once else lambda: _look(context)[1])
    if mode.once:
        _count_waiting(context)
    return True, aside


def _count_waiting(context: Context) -> None:
    with context.database.read() as connection:
        context.tally["waiting"] = work.count_retrying(connection)


def _check_archives(context: Context) -> None:
    """Raises StorageFailed. A folder made anew would hide that the volume with archives is away."""
    with context.database.read() as connection:
        require_place(connection, context.archives)
    context.archives.check_writable(keys.FOLDER)


def _look(context: Context) -> tuple[Collapsed, list[work.Waiting]]:
    """Makes work of what was clicked, and tells what may be begun now."""
    try:
        collapsed, waiting = _collapsed(context)
    except RowLocked:  # what cannot be served at all waits for another run
        context.waits.was_in_vain()
        collapsed, waiting = _collapsed(context, rejects=False)
    for request_id, reason in collapsed.rejected:
        context.tally["rejected"] += 1
        context.publish(RequestRejected(request_id, reason))
    return collapsed, waiting


def _collapsed(context: Context, *, rejects: bool = True) -> tuple[Collapsed, list[work.Waiting]]:
    with context.database.write(lock_s=context.waits.seconds) as connection:
        now = context.database.now(connection)
        return collapse(connection, now, rejects=rejects), work.waiting(connection, now)


def outcome(context: Context) -> str:
    """nothing, done, problems (something failed, stays, is missing or damaged), waiting or interrupted.

    `waiting`: nothing to do now, but what failed in an earlier run is not mended yet. That is no success: the cause
    may well be there still, and only the next attempt can tell.
    """
    counts = context.counts()
    if context.stop:
        return runs.INTERRUPTED
    if counts.failed or counts.unremoved or counts.missing or counts.damaged or counts.rejected:
        return "problems"
    if replace(counts, expired=0, waiting=0) == Counts():
        return "waiting" if counts.waiting else "nothing"
    return "problems" if counts.waiting else "done"


@contextmanager
def _noted(context: Context) -> Iterator[None]:
    """Notes this run while it is alone."""
    with context.alone() as (connection, now):
        host, pid = context.host, os.getpid()
        died = runs.begin(connection, now, run_id=context.run_id, host=host, pid=pid, version=__version__)
        told = last_words.read(context.settings.state_dir) if died else {}
        for run_id in told.keys() & died:
            runs.explain(connection, run_id, told[run_id])
    try:
        if died:
            last_words.forget(context.settings.state_dir)
            cleaning.remove_probes(context)
        yield
    except Exception as error:
        is_away = context.stop.signal == LEASE_LOST and isinstance(error, DatabaseUnreachable)
        how = runs.INTERRUPTED if context.stop and not is_away else runs.ERROR
        ending = runs.Ending(how, words(error))
        if not _note_end(context, ending) and not isinstance(error, LockBusy):  # after which it may go on
            last_words.leave(context.settings.state_dir, context.run_id, ending)
        raise
    _note_end(context, runs.Ending(outcome(context), None))


def _note_end(context: Context, ending: runs.Ending) -> bool:
    """False: the note stays open, since the database is away. Whoever gets the lease next closes it."""
    try:
        with context.database.write() as connection:
            now = context.database.now(connection)
            runs.end(connection, now, context.run_id, ending, asdict(context.counts()))
    except DatabaseUnreachable:
        return False
    return True


def _sleep(context: Context, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not context.stop and time.monotonic() < until:
        if context.asked:
            from samzip.batch.asked import answer  # an idle run never needs it

            answer(context)
        time.sleep(min(SLEEP_SLICE_S, seconds))
