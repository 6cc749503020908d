"""The states of a request, and the moves between them: `move` and `remove` make these and no others.

A move is one conditional statement. What somebody else changes at the same moment comes before it, and then the move
is not made, or after it; it is never undone in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, select, update

from samzip.database.tables import notificacionzip, ziprequest

PENDING = ("pending", "queued")  # SAM's old worker wrote 'queued' for the same thing
LIVE = (*PENDING, "processing")
ENDED = ("failed", "expired", "cancelled")
GONE = "[*]"  # no state: the row is there no more

NO_COMPANY = "(empresa eliminada)"
COMPANY_DELETED = "la empresa fue eliminada"  # why its requests fail
NO_USER = "(usuario eliminado)"


class Move(Enum):
    """From which states to which. docs/architecture.md draws the same."""

    CLAIM = (PENDING, "processing")
    PUBLISH = (("processing",), "completed")
    PUT_BACK = (("processing",), "pending")  # the attempt failed, the run ended or died
    FAIL = (LIVE, "failed")
    CANCEL = (LIVE, "cancelled")
    EXPIRE = (("completed",), "expired")
    REBUILD = (("completed",), "pending")  # its archive is damaged, or of another inventory than the rest of its click
    LOSE = (("completed",), "failed")  # its archive is gone
    RETRY = (ENDED, "pending")
    FORGET = (ENDED, GONE)  # its time in the history is over
    DELETE = (LIVE, GONE)  # an operator purges what is stuck

    def __init__(self, sources: tuple[str, ...], target: str) -> None:
        self.sources = sources
        self.target = target


_STOPPED = {"current_step": None, "estimated_completion": None}
_FIELDS: dict[str, dict[str, Any]] = {  # what a state says beside its name
    "pending": {
        "started_at": None,
        "completed_at": None,
        "expires_at": None,
        "file_path": None,
        "file_size": None,
        "error_message": None,
        "progress_percentage": 0,
        "equipos_procesados": 0,
        **_STOPPED,
    },
    "processing": {"error_message": None, "progress_percentage": 0, "equipos_procesados": 0},
    "completed": {
        "error_message": None,
        "progress_percentage": 100,
        "equipos_procesados": func.coalesce(ziprequest.c.total_equipos, ziprequest.c.equipos_procesados),
        **_STOPPED,
        "current_step": "ZIP completado y listo para descarga",
    },
    "failed": _STOPPED,
    "cancelled": _STOPPED,
    "expired": {},
}


def move(connection: Connection, how: Move, which: ColumnElement[bool], **values: Any) -> Sequence[Row[Any]]:
    """Makes a move for those of `which` that may make it. Returns their rows as they are now, oldest request first."""
    statement = update(ziprequest).where(_may(how, which)).values(status=how.target, **_FIELDS[how.target] | values)
    return sorted(connection.execute(statement.returning(ziprequest)).all(), key=lambda row: row.id)


def remove(connection: Connection, how: Move, which: ColumnElement[bool], most: int | None = None) -> int:
    """Deletes those of `which` that may go, the oldest `most` of them, with their notifications. Returns how many."""
    # By number, not by the index on the status: most of a history has ended, and `which` says how little of it goes.
    may = which & (ziprequest.c.status + "").in_(how.sources)
    query = select(ziprequest.c.id).where(may).order_by(ziprequest.c.id).limit(most)
    # The history can wait for somebody who holds a row of it.
    ids = connection.execute(query.with_for_update(skip_locked=how is Move.FORGET)).scalars().all()
    connection.execute(delete(notificacionzip).where(notificacionzip.c.zip_request_id.in_(ids)))
    connection.execute(delete(ziprequest).where(ziprequest.c.id.in_(ids)))
    return len(ids)


def _may(how: Move, which: ColumnElement[bool]) -> ColumnElement[bool]:
    return which & ziprequest.c.status.in_(how.sources)
