"""Fits a company's pending requests to the inventory of this pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row, case, null, select, update

from samzip.database.tables import customuser, empresa, work, ziprequest
from samzip.dossier.parts import Cut, part_slices
from samzip.requests import wording
from samzip.requests.insert import pending_row
from samzip.requests.line import IMPOSSIBLE_PART, in_groups, is_whole, lock_parts, put_in_line
from samzip.requests.notices import fail_requests
from samzip.requests.recut import Asked, take_back_other_cuts, waiting_clicks
from samzip.requests.states import COMPANY_DELETED, LIVE, NO_COMPANY, PENDING, Move, move
from samzip.requests.work import MAY_BE_CLAIMED, drop_unwanted

NO_EQUIPMENT = "la empresa no tiene equipos"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What had to change, and whom this pass may serve."""

    inserted: int  # requests for parts that the inventory gained
    cancelled: int  # requests for parts that it lost
    recut: int  # requests whose archive is of another inventory than the rest of their click's
    rejected: Sequence[int]  # requests that nothing can be built for
    reason: str  # why they were
    waiting: Mapping[int, Sequence[int]]  # requests by part


def reconcile(
    connection: Connection,
    now: datetime,
    *,
    company_id: int,
    cut: Cut | None,
    seen: frozenset[int],
    part_size: int,
    ttl: timedelta,
) -> Reconciled:
    """Whoever asked for all parts of a smaller inventory gets the new ones too; surplus parts are cancelled; what a
    click already got of another inventory is built again with what it still waits for.

    `seen` are the requests that were there when the inventory was read; those that came since wait for the next pass.
    `cut` is None when the company is gone.
    """
    lock_parts(connection, work.c.company_id == company_id)
    slices = part_slices(cut.equipment, part_size) if cut else []
    clicks = waiting_clicks(connection, company_id, seen) if slices else {}
    recut = take_back_other_cuts(connection, now, ttl, chain(*clicks.values()), cut.digest) if cut else []
    mine = seen.union(recut)
    live = _live(connection, company_id)
    fitted = [row for row in live if row.status in PENDING and row.id in mine]
    surplus = [row.id for row in fitted if row.parte_numero > len(slices)]
    fitted = [row for row in fitted if row.parte_numero <= len(slices)]
    waiting: dict[int, list[int]] = defaultdict(list)
    for row in fitted:
        waiting[row.parte_numero].append(row.id)
    reason = NO_EQUIPMENT if cut else COMPANY_DELETED
    rejected = [] if slices else surplus
    if rejected:
        _reject(connection, now, company_id, rejected, reason)
    elif surplus:
        _cancel(connection, now, surplus, len(slices))
    _refresh(connection, slices, waiting)
    gained = _insert_gained(connection, now, company_id, slices, clicks, {row.id: row for row in fitted})
    for part, request_id in gained:
        waiting[part].append(request_id)
    anew = [*recut, *(request_id for _, request_id in gained)]
    for group in in_groups(anew):
        put_in_line(connection, now, ziprequest.c.id.in_(group))
    drop_unwanted(connection, work.c.company_id == company_id, MAY_BE_CLAIMED)
    cancelled = len(surplus) - len(rejected)
    return Reconciled(len(gained), cancelled, len(recut), rejected, reason, waiting)


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


def _reject(connection: Connection, now: datetime, company_id: int, requests: Sequence[int], reason: str) -> None:
    name = connection.execute(select(empresa.c.nombre).where(empresa.c.id == company_id)).scalar() or NO_COMPANY
    for group in in_groups(requests):
        fail_requests(connection, now, ziprequest.c.id.in_(group), reason, wording.failed(name, 1, 1, reason))


def _cancel(connection: Connection, now: datetime, surplus: Sequence[int], parts: int) -> None:
    reason = f"el inventario cambió: ahora {'es 1 parte' if parts == 1 else f'son {parts} partes'}"
    for group in in_groups(surplus):
        move(connection, Move.CANCEL, ziprequest.c.id.in_(group), completed_at=now, error_message=reason)


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
    clicks: Mapping[int, Sequence[Sequence[Asked]]],
    fitted: Mapping[int, Row[Any]],
) -> list[tuple[int, int]]:
    """Part and number of each new request. It was asked for when the rest of its click was."""
    rows, siblings = [], []
    for user_id, click in ((user_id, click) for user_id, of_user in clicks.items() for click in of_user):
        mine = [fitted[request.id] for request in click if request.id in fitted]
        old = min((row.parts for row in mine if row.parts is not None), default=len(slices))
        if not {request.part for request in click}.issuperset(range(1, min(old, len(slices)) + 1)):
            continue  # it asked for some of the parts alone
        there = {request.part for request in click if request.status != "cancelled"}
        for part in sorted(set(range(old + 1, len(slices) + 1)) - there):
            piece = slices[part - 1]
            row = pending_row(
                user_id=user_id,
                company_id=company_id,
                part=part,
                parts=len(slices),
                first=piece.start + 1,
                last=piece.stop,
                now=click[-1].created or now,
                position=part,
            )
            rows.append(row)
            siblings.append(click[-1])
    if not rows:
        return []
    new = ziprequest.insert().returning(ziprequest.c.parte_numero, ziprequest.c.id, sort_by_parameter_order=True)
    gained = [(part, number) for part, number in connection.execute(new, rows)]
    for (_, number), sibling in zip(gained, siblings, strict=True):
        if sibling.created is None:  # a moment that nobody can read is theirs all the same
            its = select(ziprequest.c.created_at).where(ziprequest.c.id == sibling.id).scalar_subquery()
            connection.execute(update(ziprequest).where(ziprequest.c.id == number).values(created_at=its))
    return gained
