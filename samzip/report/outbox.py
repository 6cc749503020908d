"""Tells the world outside, and never at the run's cost: from a thread of its own, each thing twice at most."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from samzip.events import Event, Listener, ReportFailed, ReportSent

RETRY_AFTER_S = 1.0
PATIENCE_S = 30.0  # for what is still to be sent when the run is over
HURRIED_S = 1.0  # when it was asked to end
SLICE_S = 0.1


class NotSent(Exception):
    """It did not arrive. The argument is the reason, without secrets."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Something to be sent."""

    channel: str  # as in events.ReportSent
    about: str
    send: Callable[[], None]  # raises NotSent, or anything else


class Outbox:
    """A context manager: leaving it waits a while for what is still to be sent, less in a run that is asked to end.

    `tell` hears how each went.
    """

    def __init__(
        self,
        tell: Listener,
        retry_after: float = RETRY_AFTER_S,
        patience: float = PATIENCE_S,
        is_hurried: Callable[[], bool] = lambda: False,
    ) -> None:
        self._tell = tell
        self._is_hurried = is_hurried
        self._retry_after = retry_after
        self._patience = patience
        self._parcels: queue.SimpleQueue[Parcel | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._left: list[Parcel] = []  # not yet sent, or given up

    def put(self, parcel: Parcel) -> None:
        self._left.append(parcel)
        self._parcels.put(parcel)
        if self._thread is None:  # a run that has nothing to tell starts none
            self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
            self._thread.start()

    def __enter__(self) -> Outbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is None:
            return
        self._parcels.put(None)
        ended = time.monotonic()
        while self._thread.is_alive() and time.monotonic() < ended + self._allowed():
            self._thread.join(SLICE_S)
        for parcel in list(self._left):
            why = f"given up {self._allowed():g} s after the run's end"
            self._tell(ReportFailed(parcel.channel, parcel.about, why))

    def _allowed(self) -> float:
        return min(HURRIED_S, self._patience) if self._is_hurried() else self._patience

    def _work(self) -> None:
        while (parcel := self._parcels.get()) is not None:
            outcome = self._deliver(parcel)
            self._left.remove(parcel)
            self._tell(outcome)

    def _deliver(self, parcel: Parcel) -> Event:
        try:
            try:
                parcel.send()
            except Exception:  # noqa: BLE001 -- the second attempt tells
                time.sleep(self._retry_after)
                parcel.send()
        except Exception as error:  # noqa: BLE001 -- whatever it is, it must not reach the run
            return ReportFailed(parcel.channel, parcel.about, reason(error))
        return ReportSent(parcel.channel, parcel.about)


def harmless(listener: Listener, channel: str, tell: Listener) -> Listener:
    """A listener whose trouble is told, once in a run, and harms nobody."""
    told = False

    def guarded(event: Event) -> None:
        nonlocal told
        try:
            listener(event)
        except Exception as error:  # noqa: BLE001 -- as above
            if not told:
                told = True
                tell(ReportFailed(channel, type(event).__name__, reason(error)))

    return guarded


def reason(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        extra = {"prometheus_client": "metrics", "apprise": "notify"}.get(error.name or "", "all")
        return f"{error.name} is not installed: pip install 'samzip[{extra}]'"
    return str(error) or type(error).__name__
