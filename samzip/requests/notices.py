"""What people are told of their requests, in the transaction that changes these."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select

from samzip.database.tables import customuser, notificacionzip
from samzip.requests.states import Move, move
from samzip.requests.wording import Notice


def fail_requests(
    connection: Connection,
    now: datetime,
    which: ColumnElement[bool],
    reason: str,
    notice: Notice,
    how: Move = Move.FAIL,
) -> int:
    """Ends requests without an archive and tells their users. Returns how many."""
    rows = move(connection, how, which, completed_at=now, error_message=reason)
    notify(connection, now, rows, notice)
    return len(rows)


def notify(connection: Connection, now: datetime, rows: Sequence[Row[Any]], notice: Notice) -> None:
    """One notification for each request whose user still exists."""
    users = {row.user_id for row in rows}
    known = set(connection.execute(select(customuser.c.id).where(customuser.c.id.in_(users))).scalars())
    values: list[dict[str, Any]] = [
        {
            "tipo": notice.kind,
            "status": "unread",
            "titulo": notice.title[:200],
            "mensaje": notice.text,
            "created_at": now,
            "user_id": row.user_id,
            "zip_request_id": row.id,
        }
        for row in rows
        if row.user_id in known
    ]
    if values:
        connection.execute(insert(notificacionzip), values)
