"""Alone on a queue: this host's file lock, the fleet's lease, and a fence against whoever had them before."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from samzip.database import Database
from samzip.errors import DatabaseUnreachable, LockBusy
from samzip.locks import file_lock
from samzip.requests import lease
from samzip.requests.recover import fence

if TYPE_CHECKING:
    from sqlalchemy import Connection

LEASE_POLL_S = 1.0
SLEEP_SLICE_S = 0.2
TAKEN_OVER = "another host has taken over this queue"


@dataclass(frozen=True, slots=True)
class Tenure:
    """The time for which a command is alone. It ends early when another host takes over, which it may do after this
    one was frozen, or without its database, for the lease's whole life."""

    database: Database
    token: str
    _lost: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def write(self) -> Iterator[tuple[Connection, datetime]]:
        """A transaction of somebody who is alone until it ends, and its time. Raises LockBusy, DatabaseUnreachable."""
        with self.database.write() as connection:
            now = self.database.now(connection)
            if not lease.renew(connection, now, self.token):
                raise LockBusy(TAKEN_OVER)
            yield connection, now

    def check(self) -> None:
        """Before a step that no transaction guards. Raises LockBusy once the lease is known to be lost."""
        if self._lost.is_set():
            raise LockBusy(TAKEN_OVER)


@dataclass(frozen=True, slots=True)
class Fleet:
    """One queue, and one of those who want it for themselves."""

    database: Database
    lock_path: Path
    host: str  # tells file locks apart: one for each state folder
    run_id: str  # names the holder, for people
    give_up: Callable[[], bool] = lambda: False  # whether to wait no longer
    lost: Callable[[], None] = lambda: None  # called when the lease is found lost, perhaps from another thread

    @contextmanager
    def alone(self, wait: float) -> Iterator[Tenure]:
        """Waits at most `wait` seconds for both locks together. Raises LockBusy, StorageFailed, DatabaseUnreachable."""
        until = time.monotonic() + wait
        with file_lock(self.lock_path, wait=wait, run_id=self.run_id, host=self.host, give_up=self.give_up):
            tenure = Tenure(self.database, secrets.token_hex(16))
            while (holder := self._acquire(tenure.token)) is not None:
                if time.monotonic() >= until or self.give_up():
                    raise LockBusy(f"host {holder} works on this queue")
                self._sleep(min(LEASE_POLL_S, until - time.monotonic()))
            try:
                with self._kept_alive(tenure):
                    yield tenure
            finally:
                # A database that is away keeps the lease: this host takes it back at once, others when it lapses.
                with suppress(DatabaseUnreachable), self.database.write() as connection:
                    if not lease.release(connection, tenure.token):  # taken since the last beat
                        self.lost()

    def _acquire(self, token: str) -> str | None:
        """None, or the host that has the lease. Whoever gets it has in the same moment taken all that was in work away
        from its old holder, which may be frozen and no more than that."""
        with self.database.write() as connection:
            now = self.database.now(connection)
            holder = lease.acquire(connection, now, token=token, host=self.host, run_id=self.run_id)
            if holder is None:
                fence(connection, now, token)
        return holder

    @contextmanager
    def _kept_alive(self, tenure: Tenure) -> Iterator[None]:
        """Renews the lease from a thread of its own: a long step must not let it lapse."""
        ended = threading.Event()
        keeper = threading.Thread(target=self._renew, args=(tenure, ended), name="lease", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            ended.set()
            keeper.join()

    def _renew(self, tenure: Tenure, ended: threading.Event) -> None:
        renewed = time.monotonic()
        while not ended.wait(lease.HEARTBEAT.total_seconds()):
            kept = None
            with suppress(DatabaseUnreachable), self.database.write() as connection:  # the next beat tries again
                kept = lease.renew(connection, self.database.now(connection), tenure.token)
            if kept:
                renewed = time.monotonic()
            elif kept is False or time.monotonic() - renewed > lease.TIME_TO_LIVE.total_seconds():
                tenure._lost.set()
                self.lost()
                return

    def _sleep(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.give_up() and time.monotonic() < until:
            time.sleep(max(0.0, min(SLEEP_SLICE_S, until - time.monotonic())))
