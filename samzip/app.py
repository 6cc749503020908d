"""Wires settings to database, stores, executor and reporters. The only place that knows them all."""

from __future__ import annotations

import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import TextIO
from zoneinfo import ZoneInfo

from samzip.batch.context import Context, Stop
from samzip.database import Database, open_database
from samzip.database.setup import require_ready
from samzip.errors import StorageFailed
from samzip.events import Listener, Publisher
from samzip.executors import Executor
from samzip.settings import Settings
from samzip.storage import Store, open_store


@contextmanager
def ready_database(settings: Settings) -> Iterator[Database]:
    """A database that `samzip init` has prepared. Raises DatabaseNotReady, DatabaseUnreachable."""
    database = open_database(settings.database_url)
    try:
        require_ready(database)
        yield database
    finally:
        database.close()


def archive_store(settings: Settings) -> Store:
    """Where archives are published."""
    return open_store(settings.archive_root)


@contextmanager
def run_context(settings: Settings, *, progress: bool, stream: TextIO | None = None) -> Iterator[Context]:
    """Everything a run needs. While it is open, SIGTERM and SIGINT ask the run to stop; a second SIGINT ends it."""
    stream = stream or sys.stderr
    with ExitStack() as stack:
        database = stack.enter_context(ready_database(settings))
        run_id = secrets.token_hex(6)
        listeners = [stack.enter_context(_listener(settings, run_id, stream, progress=progress))]
        yield Context(
            settings=settings,
            database=database,
            media=open_store(settings.media_root),
            archives=archive_store(settings),
            make_executor=lambda: _local_pool(settings),
            publish=Publisher(listeners).publish,
            stop=stack.enter_context(_stop_on_signals()),
            run_id=run_id,
            host=host_id(settings),
        )


def host_id(settings: Settings) -> str:
    """Names the reach of this state folder's file lock: a folder that is new has a new name."""
    path = settings.state_dir / "host-id"
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            if known := path.read_text(encoding="ascii").strip():
                return f"{socket.gethostname()}/{known}"
        new = path.with_suffix(".new")  # a name that the next one takes again, should this one die here
        new.write_text(secrets.token_hex(8), encoding="ascii")
        new.rename(path)
        return f"{socket.gethostname()}/{path.read_text(encoding='ascii').strip()}"
    except OSError as error:
        raise StorageFailed(f"{path}: {error.strerror}") from error


def _local_pool(settings: Settings) -> Executor:
    from samzip.executors import LocalPool

    return LocalPool(settings.jobs, settings.temporary_dir)


@contextmanager
def _listener(settings: Settings, run_id: str, stream: TextIO, *, progress: bool) -> Iterator[Listener]:
    zone = ZoneInfo(settings.timezone)
    if progress and stream.isatty() and settings.log_format == "auto":
        from samzip.report.progress import ProgressDisplay

        with ProgressDisplay(file=stream, zone=zone) as display:
            yield display
        return
    from samzip.report.log import configure

    yield configure(settings.log_format, settings.log_level, stream, run_id, zone=zone)


@contextmanager
def _stop_on_signals() -> Iterator[Stop]:
    stop = Stop()

    def ask(number: int, _frame: FrameType | None) -> None:
        stop.signal = stop.signal or signal.Signals(number).name
        if number == signal.SIGINT:
            # The kernel answers the second one: a handler would wait while the run waits for the database.
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
