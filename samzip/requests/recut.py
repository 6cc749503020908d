"""Which requests are one click, and what of it was published from another inventory than the rest will be: there an
instrument at the border would be in none of its parts, or in two."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, or_, select

from samzip.database.tables import archive, ziprequest
from samzip.dossier.keys import parse_key
from samzip.requests.expire import adopt, is_over
from samzip.requests.line import IMPOSSIBLE_PART, in_groups
from samzip.requests.states import PENDING, Move, move

OTHER_CUT = "el inventario cambió; se genera de nuevo"
NEXT = timedelta(seconds=2)  # from one part of a click to the next, where an application inserts row after row
WHOLE = timedelta(minutes=15)  # from the first to the last of them


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of one user for one company."""

    id: int
    part: int
    created: datetime | None  # None: unreadable
    status: str


def clicks(requests: Iterable[Asked]) -> list[list[Asked]]:
    """Requests of one user for one company, in the order of their numbers, told apart by click.

    A click asks for its parts at one moment where samzip inserts them, also those that the inventory gained since. Of
    two clicks at one moment each has its own request for a part; one that was cancelled makes room for another. Other
    applications insert part after part, each within NEXT of the one before. Whoever asks for a single part later on
    has made a click of its own.
    """
    found: list[list[Asked]] = []
    moments: dict[datetime | None, list[list[Asked]]] = defaultdict(list)
    standing: Counter[tuple[datetime | None, int]] = Counter()  # by moment and part, without those that were cancelled
    ends: dict[int, list[list[Asked]]] = defaultdict(list)  # by last part, the newest last
    for request in requests:
        then = moments[request.created]
        before = standing[request.created, request.part]
        if request.created is None:
            before = max(before, len(then) - 1)  # the newest: nothing tells how old the others are
        if before == len(then):
            if (click := _gone_before(ends[request.part - 1], request)) is None:
                found.append(click := [])
            then.append(click)
        click = then[before]
        click.append(request)
        ends[request.part].append(click)
        if request.status != "cancelled":
            standing[request.created, request.part] = before + 1
    return found


def _gone_before(ended: list[list[Asked]], request: Asked) -> list[Asked] | None:
    """The newest of these clicks that still ends in the part before, if that was asked for a moment ago. Those that
    went on are forgotten."""
    while ended and ended[-1][-1].part != request.part - 1:
        ended.pop()
    if not ended or request.created is None or (made := ended[-1][-1].created) is None:
        return None
    return ended.pop() if abs(request.created - made) <= NEXT else None


def waiting_clicks(connection: Connection, company_id: int, seen: frozenset[int]) -> dict[int, list[list[Asked]]]:
    """By user: the clicks for a company of which one of these requests is still to be served, with all their requests,
    whatever became of them."""
    mine = ziprequest.c.empresa_id == company_id
    waits = mine & ziprequest.c.status.in_(PENDING)
    its = (ziprequest.c.id, ziprequest.c.parte_numero, ziprequest.c.created_at, ziprequest.c.status)
    query = select(ziprequest.c.user_id, *its).where(
        mine, ~IMPOSSIBLE_PART, ziprequest.c.user_id.in_(select(ziprequest.c.user_id).where(waits))
    )
    first = connection.execute(select(func.min(ziprequest.c.created_at)).where(waits)).scalar()
    if first is not None and first.year > 1:  # otherwise it cannot be told how far back they reach
        made = ziprequest.c.created_at
        query = query.where(or_(made >= first - WHOLE, made.is_(None)))
    by_user: dict[int, list[Asked]] = defaultdict(list)
    for user_id, number, part, created, status in connection.execute(query.order_by(ziprequest.c.id)):
        is_read = created is not None and 1 < created.year < 9999  # PostgreSQL's -infinity and infinity
        by_user[user_id].append(Asked(number, part, created if is_read else None, status))
    return {
        user_id: [click for click in clicks(requests) if any(request.id in seen for request in click)]
        for user_id, requests in by_user.items()
    }


def take_back_other_cuts(
    connection: Connection, now: datetime, ttl: timedelta, waiting: Iterable[Sequence[Asked]], digest: str
) -> list[int]:
    """Puts back what these clicks, which wait for more, already got of another cut than `digest`. Returns these
    requests. Their archives stay until they expire: the inventory may be as it was again."""
    taken: list[int] = []
    for group in in_groups([request.id for click in waiting for request in click]):
        query = (
            select(ziprequest, archive.c.path.label("known"))
            .outerjoin(archive, archive.c.path == ziprequest.c.file_path)
            .where(
                ziprequest.c.id.in_(group),
                ziprequest.c.status == "completed",
                ~is_over(now, ttl),
                # One without a row was made by SAM's own worker.
                or_(
                    archive.c.path.is_(None),
                    (archive.c.cut != digest) & (archive.c.expires_at > now) & ~archive.c.deleting,
                ),
            )
        )
        others = {row.id: row for row in connection.execute(query)}
        for row in move(connection, Move.REBUILD, ziprequest.c.id.in_(others), error_message=OTHER_CUT):
            taken.append(row.id)
            if others[row.id].known is None and parse_key(others[row.id].file_path or ""):
                adopt(connection, now, others[row.id])
    return taken
