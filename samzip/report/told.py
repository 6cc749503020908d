"""What a run tells the one who started it, and its log file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

from samzip.events import Listener, LogUnwritable, Publisher
from samzip.settings import Settings


@contextmanager
def told(settings: Settings, run_id: str, stream: TextIO, *, progress: bool, quiet: bool) -> Iterator[Listener]:
    """Where its events go. `quiet` leaves only warnings and errors on `stream`."""
    zone = ZoneInfo(settings.timezone)
    listeners: list[Listener] = []
    with ExitStack() as stack:
        unwritable = None
        if settings.log_file:
            from samzip.report.log import configure
            from samzip.report.log_file import WatchedFile

            try:
                file = stack.enter_context(WatchedFile(Path(settings.log_file)))
            except OSError as error:
                unwritable = LogUnwritable(settings.log_file, error.strerror or str(error))
            else:
                listeners.append(
                    configure(settings.log_format, settings.log_level, file, run_id, zone=zone, alone=True)
                )
        if progress and not quiet and stream.isatty() and settings.log_format == "auto":
            from samzip.report.progress import ProgressDisplay

            listeners.append(stack.enter_context(ProgressDisplay(file=stream, zone=zone)))
        elif quiet or not listeners:
            from samzip.report.log import configure

            level, format_ = settings.log_level, settings.log_format
            if quiet:  # whoever reads that is a person: cron mails it
                level = "error" if level == "error" else "warning"
                format_ = "text" if format_ == "auto" else format_
            listeners.append(configure(format_, level, stream, run_id, zone=zone))
        publish = Publisher(listeners).publish
        if unwritable:
            publish(unwritable)
        yield publish
