"""A click becomes request rows: the one way in for the command line and the web hook."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection, Insert, Select, func, select

from samzip.catalog import people
from samzip.database.tables import ziprequest
from samzip.dossier.parts import part_slices
from samzip.errors import RequestRefused
from samzip.requests.states import LIVE


@dataclass(frozen=True, slots=True)
class Inserted:
    """What one click asked for."""

    company_id: int
    company: str
    user: str
    equipment: int
    request_ids: tuple[int, ...]  # one for each part, in order


def insert_requests(
    connection: Connection, now: datetime, *, user: str, company_id: int | None, part_size: int
) -> Inserted:
    """One pending row for each part that the company's instruments make now.

    Raises RequestRefused when the user may not, or when the company has no instruments; nothing is inserted then.
    """
    return insert_for(connection, now, people.authorise(connection, user, company_id), part_size)


def insert_for(connection: Connection, now: datetime, requester: people.Requester, part_size: int) -> Inserted:
    """The same for a user who is known to be allowed."""
    equipment = people.count_equipment(connection, requester.company_id)
    if equipment == 0:
        raise RequestRefused(
            f"{requester.company} has no instruments: there is nothing to put into an archive", "nothing_to_pack"
        )
    ahead = connection.execute(_live()).scalar_one()
    slices = part_slices(equipment, part_size)
    rows = [
        pending_row(
            user_id=requester.user_id,
            company_id=requester.company_id,
            part=index + 1,
            parts=len(slices),
            first=piece.start + 1,
            last=piece.stop,
            now=now,
            position=ahead + index + 1,
        )
        for index, piece in enumerate(slices)
    ]
    ids = tuple(connection.execute(_in_order(), rows).scalars())
    return Inserted(requester.company_id, requester.company, requester.username, equipment, ids)


@cache
def _live() -> Select[int]:
    return select(func.count()).select_from(ziprequest).where(ziprequest.c.status.in_(LIVE))


@cache
def _in_order() -> Insert:
    return ziprequest.insert().returning(ziprequest.c.id, sort_by_parameter_order=True)


def pending_row(
    *, user_id: int, company_id: int, part: int, parts: int, first: int, last: int, now: datetime, position: int
) -> dict[str, object]:
    """A row as SAM's application writes it; `first` and `last` are instrument numbers from 1."""
    return {
        "status": "pending",
        "position_in_queue": position,
        "parte_numero": part,
        "created_at": now,
        "empresa_id": company_id,
        "user_id": user_id,
        "equipos_procesados": 0,
        "progress_percentage": 0,
        "total_equipos": last - first + 1,
        "rango_equipos_inicio": first,
        "rango_equipos_fin": last,
        "total_partes": parts,
    }
