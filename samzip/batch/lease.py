"""Keeps the fleet's lease while a run works."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from samzip.batch.context import LEASE_LOST, Context
from samzip.errors import DatabaseUnreachable
from samzip.requests import lease


@contextmanager
def kept_alive(context: Context, token: str) -> Iterator[None]:
    """Renews a lease that was just acquired, from a thread of its own: a long step of the run must not let it lapse.

    When it is lost, or could not be renewed for its whole life, the run is asked to stop.
    """
    ended = threading.Event()
    keeper = threading.Thread(target=_renew, args=(context, token, ended), name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()


def _renew(context: Context, token: str, ended: threading.Event) -> None:
    renewed = time.monotonic()
    while not ended.wait(lease.HEARTBEAT.total_seconds()):
        kept = None
        with suppress(DatabaseUnreachable), context.database.write() as connection:  # the next beat tries again
            kept = lease.renew(connection, context.database.now(connection), token)
        if kept:
            renewed = time.monotonic()
        elif kept is False or time.monotonic() - renewed > lease.TIME_TO_LIVE.total_seconds():
            context.stop.signal = context.stop.signal or LEASE_LOST
            return
