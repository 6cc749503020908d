"""What `samzip verify` asks the database, and how a damaged archive is taken back.

Requests are locked before archives, as by everybody: two of them never wait for each other in a circle.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, exists, func, select, update

from samzip.database.tables import archive, ziprequest
from samzip.errors import UsageProblem
from samzip.requests.expire import adopt, is_over
from samzip.requests.line import ITS_PART, in_groups, lock_parts, put_in_line
from samzip.requests.states import Move, move

AGAIN = "el archivo estaba dañado; se genera de nuevo"


@dataclass(frozen=True, slots=True)
class Publication:
    """An archive that can be downloaded now."""

    path: str
    size: int  # bytes; 0 when no row tells
    sha256: str  # "" for what SAM's own worker made
    requests: int  # that were served with it


def publications(connection: Connection, now: datetime, ttl: timedelta) -> list[Publication]:
    """Every archive that customers may download at this moment, those that SAM's own worker made included."""
    served = {
        row.file_path: row
        for row in connection.execute(
            select(ziprequest.c.file_path, func.max(ziprequest.c.file_size).label("size"), func.count().label("number"))
            .where(_live(now, ttl))
            .group_by(ziprequest.c.file_path)
        )
    }
    found = []
    for row in connection.execute(
        select(archive.c.path, archive.c.size, archive.c.sha256, (archive.c.expires_at > now).label("lives")).where(
            ~archive.c.deleting
        )
    ):
        requests = served.pop(row.path, None)
        if requests is not None or row.lives:
            found.append(Publication(row.path, row.size, row.sha256, requests.number if requests else 0))
    found += [Publication(path or "", row.size or 0, "", row.number) for path, row in served.items()]
    return sorted(found, key=lambda publication: publication.path)


def publication_of(connection: Connection, now: datetime, ttl: timedelta, request_id: int) -> Publication:
    """The archive that one request was served with. Raises UsageProblem when there is none to download."""
    row = connection.execute(
        select(ziprequest.c.status, ziprequest.c.file_path, is_over(now, ttl).label("over")).where(
            ziprequest.c.id == request_id
        )
    ).first()
    if row is None:
        raise UsageProblem(f"there is no request #{request_id}; samzip status shows what was asked for")
    if row.status != "completed":
        raise UsageProblem(f"request #{request_id} is {row.status}: it has no archive to verify")
    if row.over:
        raise UsageProblem(f"request #{request_id}: its time is over, and the next run removes its archive")
    path = row.file_path or ""
    return next(found for found in publications(connection, now, ttl) if found.path == path)


def is_published(connection: Connection, now: datetime, ttl: timedelta, path: str) -> bool:
    """Whether an archive can still be downloaded: it may have expired while it was read."""
    return any(found.path == path for found in publications(connection, now, ttl))


def withdraw(connection: Connection, now: datetime, ttl: timedelta, path: str) -> int:
    """Puts the requests of a damaged archive back into the queue and marks it for deletion: nobody is given it any
    more. Its file may go once this is committed. Returns how many requests wait again."""
    mine = _live(now, ttl) & (ziprequest.c.file_path == path)
    waiting = _wait_again(connection, now, mine)
    connection.execute(update(archive).where(archive.c.path == path).values(deleting=True))
    return waiting


def take_back(connection: Connection, now: datetime, ttl: timedelta, path: str) -> int:
    """The same by somebody who holds no lock, since a download never waits: a run may be giving the archive to further
    requests at this moment, and its row must still be there for them. It is over from now on, and the next run removes
    what is left of it."""
    mine = _live(now, ttl) & (ziprequest.c.file_path == path)
    waiting = _wait_again(connection, now, mine)
    connection.execute(update(archive).where(archive.c.path == path, archive.c.expires_at > now).values(expires_at=now))
    return waiting


def _wait_again(connection: Connection, now: datetime, which: ColumnElement[bool]) -> int:
    """A row remembers the file, should nobody get to delete it now. Requests come before archives."""
    lock_parts(connection, exists().where(ITS_PART, which))
    first = connection.execute(select(ziprequest).where(which).order_by(ziprequest.c.id).limit(1)).first()
    waiting = move(connection, Move.REBUILD, which, error_message=AGAIN)
    for group in in_groups([row.id for row in waiting]):
        put_in_line(connection, now, ziprequest.c.id.in_(group))
    if first is not None:
        adopt(connection, now, first)
    return len(waiting)


def _live(now: datetime, ttl: timedelta) -> ColumnElement[bool]:
    return (ziprequest.c.status == "completed") & ~is_over(now, ttl)
