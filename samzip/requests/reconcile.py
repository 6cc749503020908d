"""Fits a company's pending requests to the inventory of this pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, literal, select, update

from samzip.database.tables import customuser, empresa, work, ziprequest
from samzip.dossier.parts import part_slices
from samzip.requests import wording
from samzip.requests.insert import pending_row
from samzip.requests.line import IMPOSSIBLE_PART, add_work, is_whole
from samzip.requests.notices import fail_requests
from samzip.requests.states import LIVE, NO_COMPANY, PENDING, Move, move

NO_EQUIPMENT = "la empresa no tiene equipos"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What had to change."""

    parts: int  # of the company now; 0 when it has no instruments
    inserted: int  # requests for parts that the inventory gained
    cancelled: int  # requests for parts that it lost


def reconcile(connection: Connection, now: datetime, *, company_id: int, equipment: int, part_size: int) -> Reconciled:
    """Whoever asked for all parts of a smaller inventory gets the new ones too; surplus parts are cancelled."""
    slices = part_slices(equipment, part_size)
    parts = len(slices)
    pending = (ziprequest.c.empresa_id == company_id) & ziprequest.c.status.in_(PENDING)
    cancelled = _cancel_surplus(connection, now, company_id, parts)
    grown = connection.execute(
        select(ziprequest.c.user_id, func.max(ziprequest.c.total_partes))
        .join(customuser, customuser.c.id == ziprequest.c.user_id)  # who is gone asks for nothing more
        .where(pending, ziprequest.c.total_partes >= 1, is_whole(ziprequest.c.total_partes))
        .group_by(ziprequest.c.user_id)
        .having(func.max(ziprequest.c.total_partes) < parts)
        .order_by(ziprequest.c.user_id)
    ).all()
    inserted = 0
    for user_id, old in grown:
        for part in range(old + 1, parts + 1):
            if _has_live(connection, company_id, user_id, part):
                continue
            piece = slices[part - 1]
            row = pending_row(
                user_id=user_id,
                company_id=company_id,
                part=part,
                parts=parts,
                first=piece.start + 1,
                last=piece.stop,
                now=now,
                position=part,
            )
            connection.execute(ziprequest.insert().values(row))
            inserted += 1
    if inserted:
        queued = (
            select(ziprequest.c.empresa_id, ziprequest.c.parte_numero, func.min(ziprequest.c.created_at), literal(0))
            .where(pending, ~IMPOSSIBLE_PART)
            .group_by(ziprequest.c.empresa_id, ziprequest.c.parte_numero)
        )
        add_work(connection, queued)
    _refresh(connection, company_id, slices)
    return Reconciled(parts, inserted, cancelled)


def numbers(slices: Sequence[range], part: int) -> dict[str, int]:
    """What SAM's page shows of a part, by column. Who clicks beside samzip may leave it out."""
    piece = slices[part - 1]
    return {
        "total_partes": len(slices),
        "total_equipos": len(piece),
        "rango_equipos_inicio": piece.start + 1,
        "rango_equipos_fin": piece.stop,
    }


def _cancel_surplus(connection: Connection, now: datetime, company_id: int, parts: int) -> int:
    surplus = (
        (ziprequest.c.empresa_id == company_id) & ziprequest.c.status.in_(PENDING) & (ziprequest.c.parte_numero > parts)
    )
    # The work row first, as everywhere: two transactions that lock in one order never wait for each other in a circle.
    connection.execute(delete(work).where(work.c.company_id == company_id, work.c.part > parts, work.c.token.is_(None)))
    if not parts:
        name = connection.execute(select(empresa.c.nombre).where(empresa.c.id == company_id)).scalar() or NO_COMPANY
        notice = wording.failed(name, 1, 1, NO_EQUIPMENT)
        return fail_requests(connection, now, surplus, NO_EQUIPMENT, notice)
    reason = f"el inventario cambió: ahora {'es 1 parte' if parts == 1 else f'son {parts} partes'}"
    return len(move(connection, Move.CANCEL, surplus, completed_at=now, error_message=reason))


def _has_live(connection: Connection, company_id: int, user_id: int, part: int) -> bool:
    found = select(ziprequest.c.id).where(
        ziprequest.c.empresa_id == company_id,
        ziprequest.c.user_id == user_id,
        ziprequest.c.parte_numero == part,
        ziprequest.c.status.in_(LIVE),
    )
    return connection.execute(found.limit(1)).first() is not None


def _refresh(connection: Connection, company_id: int, slices: list[range]) -> None:
    """The numbers that SAM's page shows follow the inventory. A part that cannot be came after the run looked for such:
    the next one rejects it."""
    parts = range(1, len(slices) + 1)
    stale = connection.execute(
        select(ziprequest.c.id, ziprequest.c.parte_numero)
        .where(ziprequest.c.empresa_id == company_id, ziprequest.c.status.in_(PENDING))
        .order_by(ziprequest.c.id)
    ).all()
    for part in sorted({part for _, part in stale if part in parts}):
        connection.execute(
            update(ziprequest)
            .where(
                ziprequest.c.empresa_id == company_id,
                ziprequest.c.parte_numero == part,
                ziprequest.c.status.in_(PENDING),
            )
            .values(numbers(slices, part))
        )
