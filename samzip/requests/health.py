"""What `samzip doctor` asks the database, beside the overview and the pulse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from samzip.database.tables import empresa, equipo, lease, run, work
from samzip.requests.pulse import HEARTBEAT_LIFE
from samzip.requests.work import RETRYING, count_retrying


@dataclass(frozen=True, slots=True)
class Retrying:
    """Parts that wait for another attempt."""

    parts: int
    last_error: str | None


def last_starts(connection: Connection, now: datetime, number: int) -> list[datetime]:
    """When the last runs began, newest first; none that a clock which was ahead has noted."""
    began = run.c.started_at
    rows = connection.execute(select(began).where(began <= now + HEARTBEAT_LIFE).order_by(began.desc()).limit(number))
    return [row.started_at for row in rows]


def lease_holder(connection: Connection) -> tuple[str, datetime] | None:
    """Host and end of the fleet's lease."""
    row = connection.execute(select(lease.c.host, lease.c.expires_at)).first()
    return None if row is None else (row.host, row.expires_at)


def retrying(connection: Connection) -> Retrying:
    error = connection.execute(select(work.c.last_error).where(RETRYING).order_by(work.c.queued_at).limit(1)).scalar()
    return Retrying(count_retrying(connection), error)


def largest_company(connection: Connection) -> tuple[int | None, int]:
    """The one with the most instruments, None when nobody has any; and the instruments of all."""
    rows = connection.execute(
        select(equipo.c.empresa_id, func.count())
        .join(empresa, (empresa.c.id == equipo.c.empresa_id) & ~empresa.c.is_deleted)
        .group_by(equipo.c.empresa_id)
        .order_by(func.count().desc(), equipo.c.empresa_id)
    ).all()
    return (rows[0][0] if rows else None), sum(row[1] for row in rows)
