"""What a run is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from samzip.database import Database
from samzip.errors import LockBusy
from samzip.events import Counts, DeletionFailed, Event
from samzip.executors import Executor
from samzip.housekeeping.alone import TAKEN_OVER
from samzip.requests import lease
from samzip.settings import Settings
from samzip.storage import Store

if TYPE_CHECKING:
    from sqlalchemy import Connection

LEASE_LOST = "LEASE_LOST"
ROW_S = 10  # for a row that somebody else changes: they will be done sooner, or not at all
MOMENT_S = 1


class Stop:
    """Whether the run was asked to end: by a signal, by its name, or because another host took its place."""

    def __init__(self) -> None:
        self.signal: str | None = None

    def ask(self, why: str) -> None:
        """The first reason is the one that is told."""
        self.signal = self.signal or why

    def __bool__(self) -> bool:
        return self.signal is not None


class Waits:
    """How long a run waits for somebody else's row, with all that is in work: hardly any more, once it was in vain."""

    def __init__(self) -> None:
        self.seconds: float = ROW_S

    def was_in_vain(self) -> None:
        self.seconds = MOMENT_S


class Asked:
    """Whether somebody wants to know how far the run is."""

    def __init__(self) -> None:
        self._is_set = False

    def __bool__(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True

    def clear(self) -> None:
        self._is_set = False


@dataclass(frozen=True, slots=True)
class Context:
    """The world of one run."""

    settings: Settings
    database: Database
    media: Store
    archives: Store
    make_executor: Callable[[], Executor]
    publish: Callable[[Event], None]
    stop: Stop
    run_id: str
    host: str  # tells file locks apart: one for each state folder
    grant_time: Callable[[], None] = lambda: None  # a moment more for the database, of a run that was asked to end
    asked: Asked = field(default_factory=Asked)
    waits: Waits = field(default_factory=Waits)
    tally: Counter[str] = field(default_factory=Counter)  # by the names of events.Counts
    unremoved: set[str] = field(default_factory=set)  # names that were told since the run last looked at the queue

    @contextmanager
    def alone(self, lock_s: float | None = None) -> Iterator[tuple[Connection, datetime]]:
        """A transaction of a run that is alone until it ends, and its time. Raises LockBusy when another host has taken
        over, as when this one was frozen: what it knows of the queue is over then."""
        with self.database.write(lock_s=lock_s) as connection:
            if not self.is_alone(connection):
                raise LockBusy(TAKEN_OVER)
            yield connection, self.database.now(connection)

    def is_alone(self, connection: Connection) -> bool:
        """Whether this run has the lease until the transaction ends. One that has lost it is asked to end."""
        if lease.holds(connection, self.run_id):
            return True
        self.stop.ask(LEASE_LOST)
        return False

    def counts(self) -> Counts:
        return Counts(**self.tally)

    def tell_unremoved(self, path: str, reason: str) -> None:
        """A file that nobody needs is still there, and the next run tries again. It is told once in a run."""
        if path not in self.unremoved:
            self.unremoved.add(path)
            self.tally["unremoved"] += 1
            self.publish(DeletionFailed(path, reason))

    def local(self, moment: datetime) -> datetime:
        """Naive local time of the customers."""
        return moment.astimezone(ZoneInfo(self.settings.timezone)).replace(tzinfo=None)
