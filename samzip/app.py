"""Wires settings to database, stores, executor and reporters. The only place that knows them all."""

from __future__ import annotations

import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TextIO
from zoneinfo import ZoneInfo

from samzip.batch.context import Asked, Context, Stop
from samzip.database import Database, open_database
from samzip.database.engine import BUSY_TIMEOUT_S
from samzip.database.patience import Patience
from samzip.database.setup import require_ready
from samzip.errors import as_told
from samzip.events import Listener, Publisher, RunEnded
from samzip.executors import Executor
from samzip.host import host_id
from samzip.report.told import told
from samzip.settings import Settings
from samzip.storage import Store, open_store

if TYPE_CHECKING:
    from samzip.report.letters import Link
    from samzip.report.metrics import Queue
    from samzip.requests.shown import Delivery

AGAIN_S = 1  # for the database, once files were removed or a long statement was cut
STUCK_S = 30  # then the kernel ends a run that was asked to end and waits for somebody to read what it says
GIVE_BACK_S = 2  # for database and bucket, in all, when a run was asked to end: of the 5 s that people wait for that


@contextmanager
def ready_database(
    settings: Settings, patience: Patience | None = None, *, patience_s: int | None = None
) -> Iterator[Database]:
    """A database that `samzip init` has prepared; `patience` and `patience_s` as in `open_database`.

    Raises DatabaseNotReady, DatabaseUnreachable.
    """
    database = open_database(settings.database_url, patience_s=patience_s, patience=patience)
    try:
        require_ready(database)
        yield database
    finally:
        database.close()


def archive_store(settings: Settings) -> Store:
    """Where archives are published."""
    return open_store(settings.archive_root)


@contextmanager
def run_context(
    settings: Settings,
    *,
    progress: bool,
    quiet: bool = False,
    stream: TextIO | None = None,
    link: Link | None = None,
) -> Iterator[Context]:
    """Everything a run needs. While it is open, SIGTERM, SIGINT and SIGHUP, of a terminal that is gone unless nohup is
    in front, ask the run to stop, a second SIGINT ends it, and SIGUSR1 asks how far it is.

    `quiet` leaves only warnings and errors on `stream` (standard error).

    An error is published as the run's end, also when the run could not begin; a good end is published by who knows the
    exit code. `link` makes addresses of the web hook for letters.
    """
    stream = stream or sys.stderr
    with ExitStack() as stack:
        stop, asked, patience = Stop(), Asked(), Patience(BUSY_TIMEOUT_S)
        stack.enter_context(_heard_signals(stop, asked, patience))
        run_id = secrets.token_hex(6)
        log = stack.enter_context(told(settings, run_id, stream, progress=progress, quiet=quiet))
        listeners = [log, *stack.enter_context(_reports(settings, log, link, stop, patience))]
        stack.enter_context(_error_published(Publisher(listeners), run_id))
        database = stack.enter_context(ready_database(settings, patience))
        yield Context(
            settings=settings,
            database=database,
            media=open_store(settings.media_root, lambda: patience.is_over),
            archives=open_store(settings.archive_root, lambda: patience.is_over),
            make_executor=lambda: _executor(settings, run_id, stop),
            publish=Publisher(listeners).publish,
            stop=stop,
            grant_time=lambda: patience.grant(AGAIN_S),
            asked=asked,
            run_id=run_id,
            host=host_id(settings),
        )


def _executor(settings: Settings, run_id: str, stop: Stop) -> Executor:
    if settings.executor == "local":
        from samzip.local_pool import LocalPool

        return LocalPool(settings.temporary_dir, lambda: bool(stop))
    from samzip.cluster import DaskCluster

    return DaskCluster(settings, settings.temporary_dir / run_id, lambda: bool(stop))


@contextmanager
def _reports(
    settings: Settings, tell: Listener, link: Link | None, stop: Stop, patience: Patience
) -> Iterator[list[Listener]]:
    """Those who tell the world outside. Their libraries are imported only when there is something to tell."""
    listeners: list[Listener] = []
    if not (settings.metrics_file or settings.notify_operators or settings.notify_requesters or settings.ping_url):
        yield listeners
        return
    from samzip.report.outbox import Outbox, harmless

    zone = ZoneInfo(settings.timezone)
    with ExitStack() as stack:
        if settings.metrics_file:
            from samzip.report.metrics import MetricsFile

            metrics = MetricsFile(Path(settings.metrics_file), partial(_queue, settings, patience))
            listeners.append(harmless(metrics, "metrics", tell))
        if settings.notify_operators or settings.notify_requesters:
            from samzip.report.notify import Operators, Requesters

            letters = stack.enter_context(Outbox(tell, is_hurried=lambda: bool(stop)))
            if settings.notify_operators:
                memory = settings.state_dir / "operators-told.json"
                operators = Operators(settings.notify_operators, letters, memory, socket.gethostname(), zone)
                listeners.append(harmless(operators, "operators", tell))
            if settings.notify_requesters:
                find = partial(_deliveries, settings, patience)
                requesters = Requesters(settings.notify_requesters, letters, find, link, zone)
                listeners.append(harmless(requesters, "requester", tell))
        if settings.ping_url:
            from samzip.report.pings import Pings

            pings = Pings(settings.ping_url, stack.enter_context(Outbox(tell, is_hurried=lambda: bool(stop))), zone)
            listeners.append(harmless(pings, "ping", tell))
        yield listeners


def _queue(settings: Settings, patience: Patience) -> Queue:
    from samzip.report.metrics import Queue
    from samzip.requests.pulse import by_state, pulse

    with ready_database(settings, patience) as database, database.read() as connection:
        return Queue(by_state(connection), pulse(connection, database.now(connection)).oldest)


def _deliveries(settings: Settings, patience: Patience, company_id: int, part: int) -> list[Delivery]:
    from samzip.requests.deliveries import deliveries

    with ready_database(settings, patience) as database, database.read() as connection:
        return deliveries(connection, database.now(connection), company_id, part)


@contextmanager
def _error_published(publisher: Publisher, run_id: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        known = as_told(error)
        publisher.publish(RunEnded(run_id, known.exit_code, str(known)))
        raise


@contextmanager
def _heard_signals(stop: Stop, asked: Asked, patience: Patience) -> Iterator[None]:
    def ask(number: int, _frame: FrameType | None) -> None:
        stop.ask(signal.Signals(number).name)
        patience.end_in(GIVE_BACK_S)
        signal.alarm(STUCK_S)  # by SIGALRM, which nobody handles
        if number == signal.SIGINT:
            # The kernel answers the second one: a handler would wait while the run waits for the database.
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    heard = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        heard.append(signal.SIGHUP)
    before = {number: signal.signal(number, ask) for number in heard}
    before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, lambda _number, _frame: asked.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*before, signal.SIGALRM})  # whoever started this may have blocked some
    try:
        yield
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)
