"""Whoever holds the lock knows that claimed work is an orphan: its run is dead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, delete, exists, func, literal, select, true, update

from samzip.database.tables import archive, empresa, work, ziprequest
from samzip.requests import wording
from samzip.requests.collapse import add_work
from samzip.requests.notices import fail_requests
from samzip.requests.states import NO_COMPANY, Move, move
from samzip.requests.work import drop_unwanted

CRASHED = "la ejecución terminó sin acabar esta parte"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What dead runs left."""

    requests: int  # back to pending
    failed: int  # out of attempts


@dataclass(frozen=True, slots=True)
class Orphan:
    """An archive that was in the making when its run died; no archive row names it."""

    path: str
    token: str  # names its temporary file


def orphans(connection: Connection) -> list[Orphan]:
    """Their files go before `recover` forgets the paths: a kill between the two leaves the note in place."""
    rows = connection.execute(
        select(work.c.path, work.c.token)
        .where(work.c.path.is_not(None), work.c.token.is_not(None), ~exists().where(archive.c.path == work.c.path))
        .order_by(work.c.company_id, work.c.part)
    )
    return [Orphan(*row) for row in rows]


def recover(connection: Connection, now: datetime, max_attempts: int) -> Recovered:
    """Work and requests in `processing` go back to pending at once; the attempt that died counts.

    A request in `processing` without a work row is what SAM's own worker left: it gets one, an attempt counted too.
    """
    # Work before requests, as everywhere: who cancels one of these at this moment never waits in a circle.
    left = select(work.c.part).where(work.c.token.is_not(None)).order_by(work.c.company_id, work.c.part)
    connection.execute(left.with_for_update())
    left_by_sam = (
        select(ziprequest.c.empresa_id, ziprequest.c.parte_numero, func.min(ziprequest.c.created_at), literal(1))
        .where(ziprequest.c.status == "processing")
        .group_by(ziprequest.c.empresa_id, ziprequest.c.parte_numero)
    )
    add_work(connection, left_by_sam)
    failed = 0
    spent = connection.execute(
        select(work.c.company_id, work.c.part, empresa.c.nombre)
        .outerjoin(empresa, empresa.c.id == work.c.company_id)
        .where(work.c.token.is_not(None), work.c.attempts >= max_attempts)
    ).all()
    for company_id, part, company in spent:
        which = and_(
            ziprequest.c.empresa_id == company_id,
            ziprequest.c.parte_numero == part,
            ziprequest.c.status == "processing",
        )
        reason = f"{CRASHED} ({max_attempts} intentos)"
        parts = connection.execute(select(func.max(ziprequest.c.total_partes)).where(which)).scalar() or part
        notice = wording.failed(company or NO_COMPANY, part, parts, reason)
        failed += fail_requests(connection, now, which, reason, notice)
        connection.execute(delete(work).where(work.c.company_id == company_id, work.c.part == part))
    connection.execute(
        update(work)
        .where(work.c.token.is_not(None))
        .values(token=None, run_id=None, path=None, not_before=None, last_error=CRASHED)
    )
    drop_unwanted(connection, true())
    return Recovered(len(move(connection, Move.PUT_BACK, true())), failed)
