"""Fits a company's pending requests to the inventory of this pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, null, select, update

from samzip.database.tables import customuser, empresa, work, ziprequest
from samzip.dossier.parts import Cut, part_slices
from samzip.requests import wording
from samzip.requests.insert import pending_row
from samzip.requests.line import IMPOSSIBLE_PART, in_groups, is_whole, put_in_line
from samzip.requests.notices import fail_requests
from samzip.requests.recut import take_back_other_cuts
from samzip.requests.states import COMPANY_DELETED, LIVE, NO_COMPANY, PENDING, Move, move
from samzip.requests.work import MAY_BE_CLAIMED, drop_unwanted

NO_EQUIPMENT = "la empresa no tiene equipos"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What had to change, and whom this pass may serve."""

    inserted: int  # requests for parts that the inventory gained
    cancelled: int  # requests for parts that it lost
    recut: int  # requests whose archive is of another inventory than the rest of their click's
    waiting: Mapping[int, Sequence[int]]  # requests by part


def reconcile(
    connection: Connection, now: datetime, *, company_id: int, cut: Cut | None, seen: frozenset[int], part_size: int
) -> Reconciled:
    """Whoever asked for all parts of a smaller inventory gets the new ones too; surplus parts are cancelled; what a
    click already got of another inventory is built again with what it still waits for.

    `seen` are the requests that were there when the inventory was read; those that came since wait for the next pass.
    `cut` is None when the company is gone.
    """
    slices = part_slices(cut.equipment, part_size) if cut else []
    recut = take_back_other_cuts(connection, now, company_id, cut.digest, seen) if cut and slices else []
    mine = seen.union(recut)
    live = _live(connection, company_id)
    fitted = [row for row in live if row.status in PENDING and row.id in mine]
    surplus = [row.id for row in fitted if row.parte_numero > len(slices)]
    fitted = [row for row in fitted if row.parte_numero <= len(slices)]
    waiting: dict[int, list[int]] = defaultdict(list)
    for row in fitted:
        waiting[row.parte_numero].append(row.id)
    if surplus:
        _end_surplus(connection, now, company_id, surplus, len(slices), is_gone=cut is None)
    _refresh(connection, slices, waiting)
    wanted = {(row.user_id, row.parte_numero) for row in live}
    gained = _insert_gained(connection, now, company_id, slices, fitted, wanted)
    for part, request_id in gained:
        waiting[part].append(request_id)
    anew = [*recut, *(request_id for _, request_id in gained)]
    for group in in_groups(anew):
        put_in_line(connection, now, ziprequest.c.id.in_(group))
    drop_unwanted(connection, work.c.company_id == company_id, MAY_BE_CLAIMED)
    return Reconciled(len(gained), len(surplus), len(recut), waiting)


def _live(connection: Connection, company_id: int) -> list[Row[Any]]:
    """Of each: id, status, part, user, how many parts its click was for (None: nobody knows, or nobody is to get more).

    A part that cannot be came after the run looked for such: the next pass rejects it.
    """
    parts, known = ziprequest.c.total_partes, customuser.c.id.is_not(None)  # who is gone asks for nothing more
    query = (
        select(
            ziprequest.c.id,
            ziprequest.c.status,
            ziprequest.c.parte_numero,
            ziprequest.c.user_id,
            case((known & is_whole(parts) & (parts >= 1), parts), else_=null()).label("parts"),
        )
        .outerjoin(customuser, customuser.c.id == ziprequest.c.user_id)
        .where(ziprequest.c.empresa_id == company_id, ziprequest.c.status.in_(LIVE), ~IMPOSSIBLE_PART)
        .order_by(ziprequest.c.id)
    )
    return list(connection.execute(query))


def _end_surplus(
    connection: Connection, now: datetime, company_id: int, surplus: Sequence[int], parts: int, *, is_gone: bool
) -> None:
    mine = (work.c.company_id == company_id) & (work.c.part > parts)
    # The work rows first, as everywhere: two transactions that lock in one order never wait for each other in a circle.
    connection.execute(update(work).where(mine).values(attempts=work.c.attempts))
    name = connection.execute(select(empresa.c.nombre).where(empresa.c.id == company_id)).scalar() or NO_COMPANY
    for group in in_groups(surplus):
        which = ziprequest.c.id.in_(group)
        if parts:
            reason = f"el inventario cambió: ahora {'es 1 parte' if parts == 1 else f'son {parts} partes'}"
            move(connection, Move.CANCEL, which, completed_at=now, error_message=reason)
        else:
            reason = COMPANY_DELETED if is_gone else NO_EQUIPMENT
            fail_requests(connection, now, which, reason, wording.failed(name, 1, 1, reason))


def _refresh(connection: Connection, slices: Sequence[range], waiting: Mapping[int, Sequence[int]]) -> None:
    """The numbers that SAM's page shows follow the inventory. Who clicks beside samzip may leave them out."""
    for part, requests in sorted(waiting.items()):
        piece = slices[part - 1]
        values = {
            "total_partes": len(slices),
            "total_equipos": len(piece),
            "rango_equipos_inicio": piece.start + 1,
            "rango_equipos_fin": piece.stop,
        }
        for group in in_groups(requests):
            which = ziprequest.c.id.in_(group) & ziprequest.c.status.in_(PENDING)
            connection.execute(update(ziprequest).where(which).values(values))


def _insert_gained(
    connection: Connection,
    now: datetime,
    company_id: int,
    slices: Sequence[range],
    fitted: Iterable[Row[Any]],
    wanted: set[tuple[int, int]],
) -> list[tuple[int, int]]:
    """Part and number of each new request. `wanted`: user and part of all live ones."""
    known: dict[int, int] = {}  # parts that each user asked for
    for row in fitted:
        if row.parts is not None:
            known[row.user_id] = max(row.parts, known.get(row.user_id, 0))
    gained = []
    for user_id, old in sorted(known.items()):
        for part in range(old + 1, len(slices) + 1):
            if (user_id, part) in wanted:
                continue
            piece = slices[part - 1]
            new = pending_row(
                user_id=user_id,
                company_id=company_id,
                part=part,
                parts=len(slices),
                first=piece.start + 1,
                last=piece.stop,
                now=now,
                position=part,
            )
            inserted = connection.execute(ziprequest.insert().values(new).returning(ziprequest.c.id))
            gained.append((part, inserted.scalar_one()))
    return gained
