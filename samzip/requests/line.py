"""The line in which parts wait: rows of samzip_work, in the order of `queued_at`.

Whoever makes several of them at once makes them in the order of company and part, so that no two wait in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, case, cast, func, literal, or_, select

from samzip.database.tables import run, work, ziprequest
from samzip.database.upsert import insert_for
from samzip.requests.states import PENDING

COLUMNS = ("company_id", "part", "queued_at", "attempts")
GROUP = 10_000  # numbers in one statement: SQLite takes some 32,000 values


def asked(connection: Connection, company_id: int, part: int | None = None) -> frozenset[int]:
    """The requests that wait for a company, or for one part of it. To be read with its inventory: one that came later
    may be for another."""
    query = select(ziprequest.c.id).where(ziprequest.c.empresa_id == company_id, ziprequest.c.status.in_(PENDING))
    if part is not None:
        query = query.where(ziprequest.c.parte_numero == part)
    return frozenset(connection.execute(query).scalars())


def in_groups(requests: Collection[int]) -> Iterator[Sequence[int]]:
    """As many numbers of requests as one statement takes, in ascending order."""
    ordered = sorted(requests)
    return (ordered[start : start + GROUP] for start in range(0, len(ordered), GROUP))


def is_whole(number: ColumnElement[Any]) -> ColumnElement[bool]:
    """SQLite keeps fractions and words in a column of whole numbers."""
    return cast(number, Integer) == number


IMPOSSIBLE_PART = or_(ziprequest.c.parte_numero < 1, ~is_whole(ziprequest.c.parte_numero))

# Since when a live request waits, where its part is outer-joined: its click, or when the part was last put in line.
ITS_PART = and_(work.c.company_id == ziprequest.c.empresa_id, work.c.part == ziprequest.c.parte_numero)
WAITS_SINCE: ColumnElement[datetime] = case(
    (work.c.queued_at > ziprequest.c.created_at, work.c.queued_at), else_=ziprequest.c.created_at
)


def add_work(connection: Connection, rows: Select[Any]) -> int:
    """INSERT ... SELECT (company, part, queued_at, attempts), skipping what is there. Returns how many were new."""
    statement = insert_for(connection, work).on_conflict_do_nothing()
    return connection.execute(statement.from_select(list(COLUMNS), rows)).rowcount


def put_in_line(connection: Connection, now: datetime, which: ColumnElement[bool]) -> None:
    """Requests that wait anew: none of the runs that began so far has passed them over (`purge.PASSED_OVER`).

    Their parts wait from now on. Where others wait for the same part it keeps its place before whoever clicked since
    the newest run began.
    """
    kind = work.c.queued_at.type
    rows = (
        select(ziprequest.c.empresa_id, ziprequest.c.parte_numero, literal(now, kind), literal(0))
        .where(which, ziprequest.c.status.in_(PENDING), ~IMPOSSIBLE_PART)
        .distinct()
        .order_by(ziprequest.c.empresa_id, ziprequest.c.parte_numero)
    )
    newest = select(func.max(run.c.started_at)).scalar_subquery()
    later = case((newest > work.c.queued_at, newest), else_=work.c.queued_at)
    connection.execute(
        insert_for(connection, work)
        .from_select(list(COLUMNS), rows)
        .on_conflict_do_update(index_elements=[work.c.company_id, work.c.part], set_={"queued_at": later})
    )


def lock_parts(connection: Connection, which: ColumnElement[bool]) -> None:
    """Work rows before requests, and in their order, as everywhere: two transactions that lock in one order never wait
    for each other in a circle. On SQLite a transaction is alone anyway."""
    mine = select(work.c.part).where(which).order_by(work.c.company_id, work.c.part)
    connection.execute(mine.with_for_update())


def keep_in_line(connection: Connection, company_id: int, part: int) -> None:
    """Of a part whose row is going: requests that came while it was in work wait on, since their click, or since the
    newest run began if that is later: they may be older, and have been asked for again."""
    mine = (ziprequest.c.empresa_id == company_id) & (ziprequest.c.parte_numero == part)
    newest = select(func.max(run.c.started_at)).scalar_subquery()
    first = func.min(ziprequest.c.created_at)
    rows = (
        select(
            ziprequest.c.empresa_id, ziprequest.c.parte_numero, case((newest > first, newest), else_=first), literal(0)
        )
        .where(mine, ziprequest.c.status.in_(PENDING), ~IMPOSSIBLE_PART)
        .group_by(ziprequest.c.empresa_id, ziprequest.c.parte_numero)
    )
    add_work(connection, rows)
