"""The log: Spanish lines for people, or one JSON object per event for machines, both through structlog."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from types import ModuleType
from typing import Any, TextIO, cast

from samzip import events as e
from samzip.errors import LockBusy
from samzip.report.wording import lines

Clock = Callable[[], datetime]

_TEXTS = "_texts"  # the event's lines on their way through the processors; never printed as a field


class GuardedStream:
    """A stream whose reader may go away or whose disk may fill: the run outlives its log.

    `lost` is the first error, kept for the one who wants to tell it elsewhere.
    """

    def __init__(self, stream: TextIO | io.TextIOBase) -> None:
        self._stream = stream
        self.lost: OSError | ValueError | None = None
        self.encoding: str = getattr(stream, "encoding", None) or "utf-8"
        self._handle: int | None = None
        with suppress(OSError, ValueError):
            self._handle = stream.fileno()

    def write(self, text: str) -> int:
        try:
            # A character that the terminal's encoding lacks is shown escaped: the line is not lost.
            encoded = text.encode(self.encoding, "backslashreplace")
            if self._handle is None:
                self._stream.write(encoded.decode(self.encoding))
            else:
                self._write_through(encoded)
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            self.lost = self.lost or error
        return len(text)

    def _write_through(self, encoded: bytes) -> None:
        """Past the stream's buffer: what cannot be written must not stay there, or every later flush of the stream
        fails too: that of multiprocessing before a worker starts, and that of the interpreter, which ends with 120."""
        while encoded:
            encoded = encoded[os.write(cast(int, self._handle), encoded) :]

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self.lost = self.lost or error

    def isatty(self) -> bool:
        try:
            return self._stream.isatty()
        except ValueError:
            return False

    def fileno(self) -> int:
        return self._stream.fileno()


class LogListener:
    """Writes every event of the level or above. Not to be called from a signal handler."""

    def __init__(self, logger: Any, stream: GuardedStream, zone: tzinfo, *, alone: bool = False) -> None:
        self._logger = logger
        self._alone = alone
        self._stream = stream
        self._zone = zone
        self._at: dict[tuple[int, int], str] = {}  # the instrument last named of each part in work

    @property
    def lost(self) -> OSError | ValueError | None:
        """The first error met in writing, if any; lines since then may be missing."""
        return self._stream.lost

    def __call__(self, event: e.Event) -> None:
        if isinstance(event, e.RunStarted):
            self._logger = self._logger.bind(run=event.run)
        worded = lines(event, self._zone)
        level = logging.DEBUG if self._repeats(event) else worded[0].level
        if self._alone and isinstance(event, e.RunEnded) and event.reason:
            level = logging.INFO if event.exit_code == LockBusy.exit_code else logging.ERROR
        fields = worded[0].fields | {_TEXTS: [line.text for line in worded]}
        self._logger.log(level, worded[0].event_id, **fields)

    def _repeats(self, event: e.Event) -> bool:
        """Whether this only says that the same instrument is still in work."""
        if isinstance(event, e.PartProgressed):
            if not event.code:
                return False
            key = (event.ref.company_id, event.ref.part)
            known = self._at.get(key)
            self._at[key] = event.code
            return known == event.code
        if isinstance(event, e.PartStarted | e.PartPublished | e.PartFailed | e.PartDropped | e.PartReleased):
            self._at.pop((event.ref.company_id, event.ref.part), None)
        return False


class _Sink:
    """What structlog calls a logger: one write per event, so that lines of two processes do not mix."""

    def __init__(self, stream: GuardedStream) -> None:
        self._stream = stream

    def msg(self, message: str) -> None:
        self._stream.write(message + "\n")
        self._stream.flush()

    debug = info = warning = error = msg


def configure(
    format: str,  # noqa: A002 -- the setting's name
    level: str,
    stream: TextIO | io.TextIOBase,
    run_id: str | None,
    zone: tzinfo = UTC,
    clock: Clock = lambda: datetime.now(UTC),
    *,
    alone: bool = False,
) -> LogListener:
    """A listener that writes to `stream`. Format: text, json, or auto: text on a terminal, JSON elsewhere.

    The text's times are in `zone`, the JSON's in UTC. Without `run_id`, the run's id is that of its RunStarted.

    `alone`: nothing else that is printed goes there, so that it also gets the error which ended the run.

    Listeners of one process share nothing: structlog's global configuration is left alone.
    """
    structlog = _import_structlog()
    guarded = GuardedStream(stream)
    text = format == "text" or (format == "auto" and guarded.isatty())
    # A processor's arguments are structlog's: (logger, method name, event dict).
    logger = structlog.wrap_logger(
        _Sink(guarded),
        processors=[_text_renderer(clock, zone, named=not guarded.isatty()) if text else _json_renderer(clock)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
    ).bind(**({"run": run_id} if run_id else {}))
    return LogListener(logger, guarded, zone, alone=alone)


def _text_renderer(clock: Clock, zone: tzinfo, *, named: bool) -> Callable[[Any, str, Mapping[str, Any]], str]:
    """`named`: each line has its run's id, as a file that many runs write needs it and a terminal does not."""

    def render(_logger: Any, _name: str, event: Mapping[str, Any]) -> str:
        stamp = f"{clock().astimezone(zone):%Y-%m-%d %H:%M:%S}"
        if named and "run" in event:
            stamp += f" {event['run']}"
        return "\n".join(f"{stamp} {text}" for text in event[_TEXTS])

    return render


def _json_renderer(clock: Clock) -> Callable[[Any, str, Mapping[str, Any]], str]:
    def render(_logger: Any, name: str, event: Mapping[str, Any]) -> str:
        stamp = clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        # These come first: people read JSON lines too.
        head = {"timestamp": stamp, "level": name, "event": event["event"]}
        rest = {key: value for key, value in event.items() if key not in (_TEXTS, "event")}
        # The operators' words too: whoever greps a log for [EXITOSO] finds it in both formats.
        message = " ".join(event[_TEXTS])
        return _one_line(json.dumps(head | rest | {"message": message}, ensure_ascii=False))

    return render


def _one_line(document: str) -> str:
    """Accents stay readable; separators, bidi controls and the like, which JSON allows raw, are escaped."""
    if document.isprintable():
        return document
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in document)


def _import_structlog() -> ModuleType:
    """structlog imports rich for tracebacks that are never rendered here.

    That is 50 of its 110 ms of CPU, a fifth of what an idle run may use. structlog takes rich's absence well.
    """
    if "structlog" not in sys.modules and "rich" not in sys.modules:
        # Python's documented way to have an import fail; the stubs do not know it.
        sys.modules["rich"] = None  # type: ignore[assignment]
        try:
            import structlog
        finally:
            del sys.modules["rich"]
        return structlog
    import structlog

    return structlog
