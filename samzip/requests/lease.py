"""One run at a time in the fleet: a row that its holder keeps renewing.

A host that dies or loses its network stops renewing; its lease can be taken TIME_TO_LIVE later. A host's own stale
lease is taken at once: whoever asks holds that host's file lock, which proves its owner dead.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from samzip.database.tables import lease
from samzip.database.upsert import insert_for

NAME = "run"
TIME_TO_LIVE = timedelta(seconds=60)
HEARTBEAT = timedelta(seconds=10)


def acquire(connection: Connection, now: datetime, *, token: str, host: str, run_id: str) -> str | None:
    """Takes the lease. Returns None, or the host that has it."""
    values = {"token": token, "host": host, "run_id": run_id, "expires_at": now + TIME_TO_LIVE}
    statement = insert_for(connection, lease).values(name=NAME, **values).on_conflict_do_nothing()
    if connection.execute(statement).rowcount == 1:
        return None
    ends = lease.c.expires_at
    free = (ends <= now) | (lease.c.host == host) | (ends > now + 2 * TIME_TO_LIVE)  # the clock was ahead
    if connection.execute(update(lease).where(lease.c.name == NAME, free).values(values)).rowcount:
        return None
    holder = connection.execute(select(lease.c.host).where(lease.c.name == NAME)).scalar()
    return str(holder or "another host")


def renew(connection: Connection, now: datetime, token: str) -> bool:
    """False: it was lost to another host."""
    mine = (lease.c.name == NAME) & (lease.c.token == token)
    return bool(connection.execute(update(lease).where(mine).values(expires_at=now + TIME_TO_LIVE)).rowcount)


def holds(connection: Connection, run_id: str) -> bool:
    """Whether that run has it. If so, nobody takes it before this transaction ends."""
    mine = select(lease.c.token).where(lease.c.name == NAME, lease.c.run_id == run_id)
    return connection.execute(mine.with_for_update(read=True)).first() is not None


def release(connection: Connection, token: str) -> bool:
    """Gives it back. False: it was lost to another host."""
    mine = (lease.c.name == NAME) & (lease.c.token == token)
    return bool(connection.execute(delete(lease).where(mine)).rowcount)
