"""Whoever holds the lock knows that claimed work is an orphan: its run is dead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, delete, func, literal, select, true, tuple_, update

from samzip.database.tables import empresa, work, ziprequest
from samzip.dossier.keys import temporary_key
from samzip.requests import attempts, wording
from samzip.requests.expire import mark_unfinished
from samzip.requests.line import IMPOSSIBLE_PART, add_work, keep_in_line, lock_parts
from samzip.requests.notices import fail_requests
from samzip.requests.states import NO_COMPANY, Move, move
from samzip.requests.work import drop_unwanted

CRASHED = "la ejecución terminó sin acabar esta parte"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What dead runs left."""

    requests: int  # back to pending
    failed: int  # out of attempts
    parts: int  # that these were of


def fence(connection: Connection, now: datetime, token: str) -> None:
    """Takes all claimed work from its run, which may be frozen and not dead: none of its writes goes through any more.

    The work is claimed as before, by nobody who works. What was in the making is marked for deletion in the same
    moment: from now on nobody can complete it.
    """
    rows = connection.execute(
        select(work).where(work.c.token.is_not(None)).order_by(work.c.company_id, work.c.part).with_for_update()
    ).all()
    for row in rows:
        if row.path:
            mark_unfinished(connection, now, row.company_id, row.part, temporary_key(row.path, row.token))
    if rows:
        connection.execute(update(work).where(work.c.token.is_not(None)).values(token=token, path=None))


def recover(connection: Connection, now: datetime, max_attempts: int, *, but_locked: bool = False) -> Recovered:
    """Work and requests in `processing` go back to pending at once; the attempt that died counts, also that of a run
    which ended and could not give it back: its part may be what ends runs. `fence` came before.

    A request in `processing` without a work row is what SAM's own worker left: it gets one, an attempt counted too.
    `but_locked`: parts of which somebody else holds a request at this moment stay as they are, for the next run.
    """
    lock_parts(connection, work.c.token.is_not(None))
    locked = _locked(connection) if but_locked else []
    its_work = tuple_(work.c.company_id, work.c.part).not_in(locked)
    its_requests = tuple_(ziprequest.c.empresa_id, ziprequest.c.parte_numero).not_in(locked)
    orphaned = work.c.token.is_not(None) & its_work
    left_by_sam = (
        select(ziprequest.c.empresa_id, ziprequest.c.parte_numero, func.min(ziprequest.c.created_at), literal(1))
        .where(ziprequest.c.status == "processing", its_requests, ~IMPOSSIBLE_PART)
        .group_by(ziprequest.c.empresa_id, ziprequest.c.parte_numero)
        .order_by(ziprequest.c.empresa_id, ziprequest.c.parte_numero)
    )
    add_work(connection, left_by_sam)
    failed = 0
    spent = connection.execute(
        select(work.c.company_id, work.c.part, empresa.c.nombre)
        .outerjoin(empresa, empresa.c.id == work.c.company_id)
        .where(orphaned, work.c.attempts >= max_attempts)
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
        keep_in_line(connection, company_id, part)
    why = func.coalesce(attempts.why_ended(work.c.run_id), CRASHED)
    connection.execute(
        update(work).where(orphaned).values(token=None, run_id=None, path=None, not_before=None, last_error=why)
    )
    drop_unwanted(connection, true())
    back = len(move(connection, Move.PUT_BACK, its_requests))
    attempts.end_orphans(connection, now)
    return Recovered(back, failed, len(spent))


def _locked(connection: Connection) -> list[tuple[int, int]]:
    """Company and part of requests in `processing` that somebody else holds. There are none on SQLite."""
    mine = ziprequest.c.status == "processing"
    free = set(connection.execute(select(ziprequest.c.id).where(mine).with_for_update(skip_locked=True)).scalars())
    its = select(ziprequest.c.id, ziprequest.c.empresa_id, ziprequest.c.parte_numero).where(mine)
    return sorted({(row.empresa_id, row.parte_numero) for row in connection.execute(its) if row.id not in free})
