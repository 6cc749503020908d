"""Clicks become work: any number of pending requests for one part of a company are one row of samzip_work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Connection,
    Text,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    true,
)

from samzip.database.tables import empresa, ziprequest
from samzip.requests import wording
from samzip.requests.line import IMPOSSIBLE_PART, add_work
from samzip.requests.notices import fail_requests
from samzip.requests.states import COMPANY_DELETED, NO_COMPANY, PENDING
from samzip.requests.work import drop_unwanted


@dataclass(frozen=True, slots=True)
class Collapsed:
    """What waits, and what cannot be served at all."""

    requests: int  # pending clicks
    parts: int  # distinct (company, part) among them
    rejected: tuple[tuple[int, str], ...]  # request id, reason


def collapse(connection: Connection, now: datetime, *, rejects: bool = True) -> Collapsed:
    """Rejects impossible rows, drops work that nobody wants, and makes the missing work rows in one statement."""
    rejected = _reject(connection, now) if rejects else ()
    drop_unwanted(connection, true())
    pending = ziprequest.c.status.in_(PENDING) & ~IMPOSSIBLE_PART
    requests, parts = connection.execute(
        select(
            func.count(),
            func.count(
                func.distinct(cast(ziprequest.c.empresa_id, Text) + "/" + cast(ziprequest.c.parte_numero, Text))
            ),
        ).where(pending)
    ).one()
    if requests:
        queued = (
            select(ziprequest.c.empresa_id, ziprequest.c.parte_numero, func.min(ziprequest.c.created_at), literal(0))
            .where(pending)
            .group_by(ziprequest.c.empresa_id, ziprequest.c.parte_numero)
            .order_by(ziprequest.c.empresa_id, ziprequest.c.parte_numero)
        )
        add_work(connection, queued)
    return Collapsed(requests, parts, rejected)


def _reject(connection: Connection, now: datetime) -> tuple[tuple[int, str], ...]:
    reason = case(
        (IMPOSSIBLE_PART, "número de parte imposible"),
        (empresa.c.id == null(), "la empresa ya no existe"),
        (empresa.c.is_deleted, COMPANY_DELETED),
        else_=null(),
    )
    found = connection.execute(
        select(
            ziprequest.c.id,
            ziprequest.c.parte_numero,
            ziprequest.c.total_partes,
            empresa.c.nombre,
            reason.label("why"),
        )
        .outerjoin(empresa, empresa.c.id == ziprequest.c.empresa_id)
        .where(
            ziprequest.c.status.in_(PENDING),
            or_(IMPOSSIBLE_PART, empresa.c.id.is_(None), empresa.c.is_deleted),
        )
        .order_by(ziprequest.c.id)
        .with_for_update(of=ziprequest, skip_locked=True)  # what somebody else holds is rejected by the next run
    ).all()
    rejected = []
    for row in found:
        notice = wording.failed(row.nombre or NO_COMPANY, row.parte_numero, row.total_partes, row.why)
        if fail_requests(connection, now, ziprequest.c.id == row.id, row.why, notice):
            rejected.append((row.id, row.why))
    return tuple(rejected)
