"""Parts of one click that were published from different inventories are no whole: an instrument at the border would be
in none of them, or in two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from samzip.database.tables import archive, ziprequest
from samzip.requests.line import IMPOSSIBLE_PART, in_groups
from samzip.requests.states import Move, move

OTHER_CUT = "el inventario cambió; se genera de nuevo"


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of one user for one company."""

    id: int
    part: int


def clicks(requests: Iterable[Asked]) -> list[list[Asked]]:
    """Requests of one user for one company, in the order of their numbers, told apart by click: nothing but their order
    says what belongs together. A click asks for parts in ascending order; another one may come in between."""
    found: list[list[Asked]] = []
    for request in requests:
        next_in_line = (click for click in reversed(found) if click[-1].part == request.part - 1)
        any_before = (click for click in reversed(found) if click[-1].part < request.part)
        click = next(next_in_line, None) or next(any_before, None)
        if click is None:
            found.append([request])
        else:
            click.append(request)
    return found


def take_back_other_cuts(
    connection: Connection, now: datetime, company_id: int, digest: str, seen: frozenset[int]
) -> list[int]:
    """Puts back what a click got that still waits for more (`seen`), where its archive is of another cut than `digest`.
    Returns these requests. Their archives stay until they expire: the inventory may be as it was again."""
    others = connection.execute(
        select(ziprequest.c.id, ziprequest.c.user_id)
        .join(archive, archive.c.path == ziprequest.c.file_path)
        .where(
            ziprequest.c.empresa_id == company_id,
            ziprequest.c.status == "completed",
            ziprequest.c.expires_at > now,
            archive.c.cut != digest,
            archive.c.expires_at > now,
            ~archive.c.deleting,
        )
    ).all()
    stale = {row.id for row in others}
    found = []
    for user_id in sorted({row.user_id for row in others}):
        for click in clicks(_asked(connection, company_id, user_id)):
            ids = {request.id for request in click}
            if ids & seen:
                found += sorted(ids & stale)
    taken = []
    for group in in_groups(found):
        rows = move(connection, Move.REBUILD, ziprequest.c.id.in_(group), error_message=OTHER_CUT)
        taken += [row.id for row in rows]
    return taken


def _asked(connection: Connection, company_id: int, user_id: int) -> Sequence[Asked]:
    rows = connection.execute(
        select(ziprequest.c.id, ziprequest.c.parte_numero)
        .where(ziprequest.c.empresa_id == company_id, ziprequest.c.user_id == user_id, ~IMPOSSIBLE_PART)
        .order_by(ziprequest.c.id)
    )
    return [Asked(*row) for row in rows]
