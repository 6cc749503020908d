"""How long a statement waits for somebody else's lock, and how that is cut short when the command is asked to end."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

if TYPE_CHECKING:
    import psycopg

R = TypeVar("R")
GLANCE_S = 0.1  # SQLite's own wait: Python answers no signal until it is over
CANCEL_S = 1.0  # for a server that does not answer a cancellation, or what it was asked before


class Patience:
    """One command's. Made to be shortened by a signal handler: that sets one number and takes no lock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: float | None = None  # monotonic

    def end_in(self, seconds: float) -> None:
        """From then on nothing waits any more, whenever it began."""
        self._until = time.monotonic() + seconds

    def grant(self, seconds: float) -> None:
        """So much from now on, where less is left; for what was done instead of waiting."""
        if self._until is not None:
            self._until = max(self._until, time.monotonic() + seconds)

    @property
    def is_over(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until

    def lasts(self, began: float) -> bool:
        """Whether a statement that began to wait then (monotonic) may wait on."""
        return not self.is_over and time.monotonic() < began + self._seconds


class PatientConnection(sqlite3.Connection):
    """Waits for SQLite's locks in short steps; whoever connects sets `patience`."""

    patience: Patience

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or PatientCursor)

    def commit(self) -> None:
        self.wait_for(super().commit)

    def wait_for(self, act: Callable[[], R]) -> R:
        """Again and again as long as the file is locked. SQLite leaves the transaction as it was then, or says that it
        is over, and nothing is tried again in that case (sqlite.org, "Transactions", response to errors within one)."""
        began = time.monotonic()
        inside = self.in_transaction
        while True:
            try:
                return act()
            except sqlite3.OperationalError as error:
                is_locked = error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY)
                if not is_locked or self.in_transaction != inside or not self.patience.lasts(began):
                    raise


class PatientCursor(sqlite3.Cursor):
    """Of such a connection."""

    connection: PatientConnection

    def execute(self, *arguments: Any) -> PatientCursor:
        return self.connection.wait_for(lambda: super(PatientCursor, self).execute(*arguments))

    def executemany(self, *arguments: Any) -> PatientCursor:
        return self.connection.wait_for(lambda: super(PatientCursor, self).executemany(*arguments))


class Canceller:
    """Watches over connections to a server, and has it cancel what they still wait for when patience is over. Where a
    server does not answer that either, they are cut a moment later: whoever waits hears that it is gone."""

    def __init__(self, patience: Patience) -> None:
        self.in_use: set[psycopg.Connection[Any]] = set()
        self.opened: WeakSet[Any] = WeakSet()  # a connection that is asked whether it lives is not yet in use
        self._patience = patience
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="canceller", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    def _watch(self) -> None:
        over: float | None = None  # since when, monotonic
        while not self._closed.wait(GLANCE_S):
            if not self._patience.is_over:
                over = None  # some more was granted
                continue
            over = over or time.monotonic()
            is_cut = time.monotonic() > over + CANCEL_S
            with suppress(RuntimeError):  # another thread connects: the next glance sees all of them
                self._end(list(self.opened) if is_cut else self.in_use.copy(), is_cut=is_cut)

    def _end(self, connections: Iterable[psycopg.Connection[Any]], *, is_cut: bool) -> None:
        for connection in connections:
            with suppress(Exception):  # it is closed, or the server is gone: nobody waits for it then
                if is_cut:
                    _cut(connection)
                else:
                    connection.cancel_safe(timeout=CANCEL_S)


def _cut(connection: psycopg.Connection[Any]) -> None:
    """From another thread than that which waits for an answer; the descriptor stays open until that one closes it."""
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)
