"""Requests as the person who made them follows them: two queries for any number of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from samzip.catalog import people
from samzip.database.tables import archive, customuser, empresa, work, ziprequest
from samzip.requests.expire import is_over_by
from samzip.requests.line import ITS_PART
from samzip.requests.shown import Owner, read_warnings
from samzip.requests.states import NO_COMPANY, NO_USER, PENDING


@dataclass(frozen=True, slots=True)
class Watched:
    """One request, that is one part of a company, as it is now."""

    id: int
    user_id: int
    user: str
    company_id: int
    company: str
    may: bool  # whether its user may still have it
    part: int
    parts: int
    status: str  # pending, processing, completed, failed, cancelled, expired
    step: str | None
    percent: int
    done: int  # instruments
    total: int | None
    position: int | None  # in the queue, from 1; None once it has begun or ended
    attempt: int | None  # of a part that waits or is in work; from 1
    retry_at: datetime | None  # when a part that failed once is tried again
    error: str | None
    created: datetime | None
    started: datetime | None
    estimated: datetime | None  # when it should be ready
    completed: datetime | None  # or failed, or cancelled
    expires: datetime | None  # when its archive goes
    path: str | None  # of an archive that may be downloaded now
    size: int | None  # bytes
    sha256: str | None
    download_name: str | None
    warnings: list[dict[str, str]]  # as in shown.ArchiveShown

    @property
    def owner(self) -> Owner:
        return Owner(self.user_id, self.company_id)


def watch(connection: Connection, now: datetime, ttl: timedelta, ids: Sequence[int]) -> list[Watched]:
    """In the order of their parts. Ids that are not there (any more) are left out."""
    rows = connection.execute(_named(), {"ids": list(ids), "now": now, "earliest": now - ttl}).all()
    companies = {row.empresa_id for row in rows if row.status in PENDING}
    positions = _positions(connection, companies) if companies else {}
    return [_watched(row, positions.get((row.empresa_id, row.parte_numero)), ttl) for row in rows]


def gained(connection: Connection, click: Sequence[Watched]) -> list[int]:
    """Requests for parts that the inventory gained between a click and its build (reconcile.py): who asked for all
    gets them, too. `click` is all of it, in the order of its parts. A click that was cancelled gains nothing, and what
    comes after the user's next click is that one's."""
    first, last = click[0], click[-1]
    newest = max(one.id for one in click)
    if last.part >= first.parts or all(one.status == "cancelled" for one in click):
        return []
    later = (
        (ziprequest.c.user_id == first.user_id)
        & (ziprequest.c.empresa_id == first.company_id)
        & (ziprequest.c.id > newest)
    )
    query = select(ziprequest.c.id, ziprequest.c.parte_numero, ziprequest.c.status).where(later)
    found: list[int] = []
    for row in connection.execute(query.order_by(ziprequest.c.id)):
        if row.parte_numero <= last.part:
            break
        if row.parte_numero <= first.parts and row.status != "cancelled":
            found.append(row.id)
    return found


def _positions(connection: Connection, companies: set[int]) -> dict[tuple[int, int], int]:
    """Place in the queue of each waiting part of these companies: parts whose first click is older come before it."""
    rows = connection.execute(_queue(), {"companies": list(companies)})
    return {(row.empresa_id, row.parte_numero): row.position for row in rows}


# Made once: a page asks every few seconds, and to put such a statement together takes longer than to answer it.


@cache
def _named() -> Select[Any]:
    return (
        select(
            ziprequest,
            customuser.c.username,
            customuser.c.is_active,
            customuser.c.is_superuser,
            customuser.c.rol_usuario,
            customuser.c.empresa_id.label("users_company"),
            empresa.c.nombre,
            empresa.c.is_deleted,
            work.c.attempts,
            work.c.token,
            work.c.not_before,
            archive.c.sha256,
            archive.c.download_name,
            archive.c.warnings,
            archive.c.deleting,
            is_over_by(bindparam("now"), bindparam("earliest")).label("over"),
        )
        .outerjoin(customuser, customuser.c.id == ziprequest.c.user_id)
        .outerjoin(empresa, empresa.c.id == ziprequest.c.empresa_id)
        .outerjoin(work, ITS_PART)
        .outerjoin(archive, archive.c.path == ziprequest.c.file_path)
        .where(ziprequest.c.id.in_(bindparam("ids", expanding=True)))
        .order_by(ziprequest.c.parte_numero, ziprequest.c.id)
    )


@cache
def _queue() -> Select[Any]:
    first = func.min(ziprequest.c.id)
    queue = (
        select(
            ziprequest.c.empresa_id, ziprequest.c.parte_numero, func.row_number().over(order_by=first).label("position")
        )
        .where(ziprequest.c.status.in_(PENDING))
        .group_by(ziprequest.c.empresa_id, ziprequest.c.parte_numero)
        .subquery()
    )
    return select(queue).where(queue.c.empresa_id.in_(bindparam("companies", expanding=True)))


def _watched(row: Any, position: int | None, ttl: timedelta) -> Watched:
    status = "pending" if row.status in PENDING else row.status
    gone = status == "completed" and bool(row.over or row.deleting)
    status = "expired" if gone else status
    ready = status == "completed"
    waits = status in ("pending", "processing")
    ended = row.completed_at or row.created_at
    return Watched(
        id=row.id,
        user_id=row.user_id,
        user=row.username or NO_USER,
        company_id=row.empresa_id,
        company=row.nombre or NO_COMPANY,
        may=_may(row),
        part=row.parte_numero,
        parts=row.total_partes,
        status=status,
        step=row.current_step,
        percent=row.progress_percentage or 0,
        done=row.equipos_procesados or 0,
        total=row.total_equipos,
        position=position if status == "pending" else None,
        attempt=max(1, row.attempts + (row.token is None)) if waits and row.attempts is not None else None,
        retry_at=row.not_before if waits and row.token is None else None,
        error=row.error_message,
        created=row.created_at,
        started=row.started_at,
        estimated=row.estimated_completion,
        completed=row.completed_at,
        expires=(row.expires_at or (ended + ttl if ended else None)) if ready else row.expires_at,
        path=row.file_path if ready else None,
        size=row.file_size if ready else None,
        sha256=(row.sha256 or None) if ready else None,
        download_name=(row.download_name or None) if ready else None,
        warnings=read_warnings(row.warnings) if ready else [],
    )


def _may(row: Any) -> bool:
    user = people.Rights(row.is_active, row.is_superuser, row.rol_usuario, row.users_company)
    return row.username is not None and row.nombre is not None and not row.is_deleted and user.cover(row.empresa_id)
