"""The end of archives and of old requests. Rows first, then the file: nobody is offered a file that is going."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, func, select, update

from samzip.database.tables import archive, empresa, run, ziprequest
from samzip.database.upsert import insert_for
from samzip.dossier.keys import final_key, parse_key
from samzip.requests import attempts, wording
from samzip.requests.notices import notify
from samzip.requests.states import NO_COMPANY, Move, move, remove

BATCH = 500  # requests that one transaction ends or deletes: whoever clicks waits for it
BEYOND = 2**63 - 1  # any request's number


@dataclass(frozen=True, slots=True)
class Expired:
    """Requests of one archive whose time is over."""

    path: str
    company: str
    requests: int


@dataclass(frozen=True, slots=True)
class Going:
    """Something marked for deletion."""

    path: str  # of its row
    files: tuple[str, ...]  # names that samzip makes, and no others
    was_published: bool  # False: a run that lost it was making it


def expire(connection: Connection, now: datetime, ttl: timedelta) -> list[Expired]:
    """Ends up to BATCH requests whose time is over and marks for deletion every archive that no live request points
    to. To be called again until it finds none. Those that somebody else holds at this moment are left to the next
    run."""
    over = is_over(now, ttl)
    some = select(ziprequest.c.id).where(over, ziprequest.c.status.in_(Move.EXPIRE.sources)).limit(BATCH)
    free = connection.execute(some.with_for_update(skip_locked=True)).scalars().all()
    rows = move(connection, Move.EXPIRE, over & ziprequest.c.id.in_(free))
    companies = select(empresa.c.id, empresa.c.nombre).where(empresa.c.id.in_({row.empresa_id for row in rows}))
    known = {row.id: row.nombre for row in connection.execute(companies)}
    alike: dict[tuple[str, int, int], list[Row[Any]]] = {}
    by_path: dict[str, list[Row[Any]]] = {}
    for row in rows:
        company = known.get(row.empresa_id) or NO_COMPANY
        alike.setdefault((company, row.parte_numero, row.total_partes), []).append(row)
        by_path.setdefault(row.file_path or "", []).append(row)
    for what, those in alike.items():
        notify(connection, now, those, wording.expired(*what))
    for path, (row, *_) in by_path.items():
        if parse_key(path) is not None:
            adopt(connection, now, row)
    connection.execute(
        update(archive)
        .where(
            archive.c.expires_at <= now,
            ~exists().where(ziprequest.c.file_path == archive.c.path, ziprequest.c.status == "completed"),
        )
        .values(deleting=True)
    )
    return [Expired(path, known.get(those[0].empresa_id) or NO_COMPANY, len(those)) for path, those in by_path.items()]


def expire_early(connection: Connection, now: datetime, ttl: timedelta, ids: Sequence[int]) -> None:
    """Ends those of these requests whose time is over, before a run comes to it. Whoever asks needs no notification,
    and the archive is left to the run, which may be giving it to others."""
    for row in move(connection, Move.EXPIRE, ziprequest.c.id.in_(ids) & is_over(now, ttl)):
        if parse_key(row.file_path or "") is not None:
            adopt(connection, now, row)


def adopt(connection: Connection, now: datetime, row: Row[Any]) -> None:
    """An archive that SAM's own worker made has no archive row: it gets one, so that its file goes the same way."""
    _note(
        connection,
        now,
        path=row.file_path,
        company_id=row.empresa_id,
        part=row.parte_numero,
        parts=row.total_partes,
        size=row.file_size or 0,
        deleting=False,
    )


def mark_unfinished(connection: Connection, now: datetime, company_id: int, part: int, temporary: str) -> None:
    """What was in the making under this temporary name is to be deleted: the mark stays until its files have gone."""
    _note(connection, now, path=temporary, company_id=company_id, part=part, parts=part, size=0, deleting=True)


def _note(connection: Connection, now: datetime, **values: Any) -> None:
    """An archive row of a file that nobody is given, unless there is one."""
    nothing = {"sha256": "", "fingerprint": "", "download_name": "", "warnings": "[]"}
    row = {**nothing, "published_at": now, "expires_at": now, **values}
    connection.execute(insert_for(connection, archive).values(row).on_conflict_do_nothing())


def deleting(connection: Connection) -> list[Going]:
    """Archives whose rows are done and whose files may still be there."""
    paths = connection.execute(select(archive.c.path).where(archive.c.deleting).order_by(archive.c.path)).scalars()
    return [_going(connection, path) for path in paths.all()]


def _going(connection: Connection, path: str) -> Going:
    final = final_key(path)
    if final is None:
        return Going(path, (path,) if parse_key(path) else (), was_published=True)
    # The temporary name first: a run that wakes between the two has nothing left to rename.
    is_known = connection.execute(select(archive.c.path).where(archive.c.path == final)).first() is not None
    return Going(path, (path,) if is_known else (path, final), was_published=False)


def forget(connection: Connection, path: str) -> None:
    """The file is gone; so is its row."""
    gone = (archive.c.path == path) & archive.c.deleting
    attempts.keep_downloads(connection, gone)
    connection.execute(delete(archive).where(gone))


def is_over(now: datetime, ttl: timedelta) -> ColumnElement[bool]:
    """Whether a completed request's time is over. One without `expires_at` (SAM's field may be null) lives `ttl` from
    its completion. Never null, so that it can be negated."""
    return is_over_by(now, now - ttl)


def is_over_by(now: Any, earliest: Any) -> ColumnElement[bool]:
    """The same of two moments or parameters: now, and when what is over now ended at the latest."""
    return func.coalesce(ziprequest.c.expires_at <= now, ended_at() <= earliest)


def ended_at() -> ColumnElement[datetime]:
    """When a request ended; SAM leaves `completed_at` empty on some."""
    return func.coalesce(ziprequest.c.completed_at, ziprequest.c.created_at)


def delete_history(connection: Connection, before: datetime) -> int:
    """Removes up to BATCH requests that ended before `before`, with their notifications. Returns how many."""
    connection.execute(delete(run).where(run.c.started_at < before, run.c.finished_at < before))
    attempts.delete_old(connection, before)
    return remove(connection, Move.FORGET, is_history(before), BATCH)


def is_history(before: datetime) -> ColumnElement[bool]:
    """Whether a request that has ended was made and ended before `before`.

    Numbers grow with time: the oldest row that is to stay bounds the search, so that it reads what goes and not what
    stays. A row from the future (some clock was wrong) bounds nothing.
    """
    stays = ziprequest.alias("stays")
    is_past = stays.c.created_at <= func.current_timestamp()
    first = select(stays.c.id).where(stays.c.created_at >= before, is_past).order_by(stays.c.id)
    bound = func.coalesce(first.limit(1).scalar_subquery(), BEYOND)
    return (ziprequest.c.id < bound) & (ended_at() < before)
