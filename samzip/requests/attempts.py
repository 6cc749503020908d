"""What became of each attempt at a part, kept as long as the history: a request's story is told from it.

They decide three things only: that no two attempts write under one name; where the answer of a commit got lost,
whether it went through; and whether any archive was ever made. Each is written in the transaction that begins or ends
the attempt, after that has locked its other rows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect, case, delete, insert, select, update

from samzip.database.tables import archive, attempt, run
from samzip.requests.shown import AttemptShown
from samzip.requests.states import LIVE

PUBLISHED = "published"
FAILED = "failed"
DROPPED = "dropped"  # nobody wanted it any more
RELEASED = "released"  # its run ended early; it does not count
CRASHED = "crashed"  # its run died


def begin(
    connection: Connection,
    now: datetime,
    *,
    token: str,
    company_id: int,
    part: int,
    number: int,
    request_id: int,
    run_id: str,
) -> None:
    """`request_id` is the newest request that the attempt serves."""
    values = {"company_id": company_id, "part": part, "number": number, "request_id": request_id, "run_id": run_id}
    connection.execute(insert(attempt).values(token=token, begun_at=now, **values))


def name(connection: Connection, token: str, path: str) -> None:
    """Notes what the attempt writes: it stays when another host ends the attempt."""
    connection.execute(update(attempt).where(attempt.c.token == token).values(path=path))


def is_named(connection: Connection, path: str) -> bool:
    """Whether an archive has this name, or an attempt that may still write it."""
    return any(
        connection.execute(select(table.c.path).where(table.c.path == path).limit(1)).first()
        for table in (attempt, archive)
    )


def end(
    connection: Connection,
    now: datetime,
    token: str,
    outcome: str,
    *,
    error: str | None = None,
    path: str | None = None,
) -> None:
    """`path` is that of the archive which the attempt's requests got. Without one the attempt keeps its own: what it no
    longer waits for may still happen."""
    values = {"ended_at": now, "outcome": outcome, "error": error} | ({"path": path} if path else {})
    connection.execute(update(attempt).where(attempt.c.token == token).values(values))


def was_published(connection: Connection, token: str, path: str) -> bool:
    """Whether the transaction went through that gave this attempt's requests the archive under `path`."""
    mine = (attempt.c.token == token) & (attempt.c.outcome == PUBLISHED) & (attempt.c.path == path)
    return connection.execute(select(attempt.c.token).where(mine)).first() is not None


def why_ended(run_id: ColumnElement[Any]) -> ScalarSelect[Any]:
    """What ended a run early, of those that could tell."""
    return select(run.c.error).where(run.c.id == run_id).scalar_subquery()


def end_orphans(connection: Connection, now: datetime) -> None:
    """For whoever holds the locks: of attempts that have not ended, the runs have."""
    why = why_ended(attempt.c.run_id)
    outcome = case((why.is_not(None), FAILED), else_=CRASHED)
    mine = attempt.c.ended_at.is_(None)
    connection.execute(update(attempt).where(mine).values(ended_at=now, outcome=outcome, error=why))


def keep_downloads(connection: Connection, which: ColumnElement[bool]) -> None:
    """Before rows of archives are deleted: how often each was downloaded."""
    counted = which & (archive.c.downloads > 0)
    for row in connection.execute(select(archive.c.path, archive.c.downloads, archive.c.downloaded_at).where(counted)):
        values = {"downloads": row.downloads, "downloaded_at": row.downloaded_at}
        connection.execute(update(attempt).where(attempt.c.path == row.path).values(values))


def delete_old(connection: Connection, before: datetime) -> None:
    """Those that ended before `before`."""
    connection.execute(delete(attempt).where(attempt.c.ended_at < before))


def of_request(connection: Connection, row: Row[Any]) -> list[AttemptShown]:
    """Those that served a row of core_ziprequest, the first one first.

    An attempt serves the requests that are live when it begins: none that is newer than `request_id`, and none that
    had ended before. (SAM leaves `completed_at` empty on some; the last claim is noted in `started_at`.)
    """
    ended = row.completed_at or row.started_at or row.created_at
    mine = (
        (attempt.c.company_id == row.empresa_id)
        & (attempt.c.part == row.parte_numero)
        & (attempt.c.request_id >= row.id)
    )
    if row.status not in LIVE and ended:  # none of these may be readable
        mine &= attempt.c.begun_at <= ended
    found = connection.execute(select(attempt).where(mine).order_by(attempt.c.begun_at, attempt.c.number))
    return [AttemptShown(it.number, it.run_id, it.begun_at, it.ended_at, it.outcome, it.error) for it in found]


def downloads(connection: Connection, path: str) -> tuple[int, datetime | None]:
    """How often an archive was downloaded and when last, also when its row is gone."""
    row = (
        connection.execute(select(archive.c.downloads, archive.c.downloaded_at).where(archive.c.path == path)).first()
        or connection.execute(
            select(attempt.c.downloads, attempt.c.downloaded_at).where(attempt.c.path == path).limit(1)
        ).first()
    )
    return (row.downloads, row.downloaded_at) if row else (0, None)
