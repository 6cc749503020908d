"""What `samzip purge` asks the database, and what it changes there.

It reads everything in one snapshot. A change takes a batch of rows from its caller and looks again:
what another host changed since the snapshot stays as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, false, func, or_, select, update

from samzip.database.tables import archive, attempt, empresa, lease, run, work, ziprequest
from samzip.dossier.keys import parse_key, temporary_key
from samzip.requests import attempts, wording
from samzip.requests.expire import adopt, is_history
from samzip.requests.line import ITS_PART, WAITS_SINCE, in_groups, lock_parts, put_in_line
from samzip.requests.notices import fail_requests, notify
from samzip.requests.states import ENDED, LIVE, NO_COMPANY, PENDING, Move, move, remove
from samzip.requests.wording import Notice
from samzip.requests.work import WANTED

LOST = "el archivo ya no existe; solicítelo de nuevo"
STUCK = "la solicitud esperó demasiado tiempo"
SERVED = ziprequest.c.status.in_(("completed", "expired"))
# Whether a run that began since came to its end: one that does so has begun all that waited. A request that no run has
# had a chance at merely waits, however long.
PASSED_OVER = exists().where(
    run.c.started_at > WAITS_SINCE,
    run.c.finished_at.is_not(None),
    run.c.outcome.in_(("done", "nothing", "problems", "waiting")),
)


@dataclass(frozen=True, slots=True)
class ArchiveRow:
    """A published archive, as its row tells; or the temporary name of one that a dead run was making."""

    path: str
    published: datetime | None
    expires: datetime | None
    deleting: bool


@dataclass(frozen=True, slots=True)
class CompletedRow:
    """A request that was served."""

    id: int
    path: str
    created: datetime | None
    expires: datetime | None  # a row without `expires_at` lives `ttl` from its completion, as for the runs


@dataclass(frozen=True, slots=True)
class StuckRow:
    """A live request that is older than it should be: begun, or passed over by a run that ended since."""

    id: int
    company_id: int
    company: str
    part: int
    parts: int
    status: str
    since: datetime | None  # when it began to wait: its click, or when it was last put in line anew
    in_work: bool  # a run that lives is building its part
    is_fresh: bool  # waits for its first attempt: there is nothing to reset


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that the database says about archives, at one moment."""

    now: datetime
    archives: tuple[ArchiveRow, ...]
    completed: tuple[CompletedRow, ...]
    making: frozenset[str]  # storage names that a living run is writing or about to publish
    runs: frozenset[str]  # living ones
    stuck: tuple[StuckRow, ...]
    old_requests: int  # ended ones, older than the history
    old_runs: int
    is_blank: bool  # the database has no company, or remembers no archive


def known(
    connection: Connection, now: datetime, *, ttl: timedelta, history: timedelta, stuck_after: timedelta
) -> Known:
    """One snapshot; call it in a transaction that reads consistently."""
    living = _living_runs(connection, now)
    in_work = connection.execute(
        select(work.c.path, work.c.token, work.c.run_id).where(work.c.path.is_not(None), work.c.token.is_not(None))
    ).all()
    names = {(row.path, temporary_key(row.path, row.token)): row.run_id in living for row in in_work}
    # What `recover.fence` marks as soon as somebody is alone.
    left = [ArchiveRow(temporary, None, None, True) for (_, temporary), lives in names.items() if not lives]
    return Known(
        now=now,
        archives=tuple(
            ArchiveRow(*row)
            for row in connection.execute(
                select(archive.c.path, archive.c.published_at, archive.c.expires_at, archive.c.deleting)
            )
        )
        + tuple(left),
        completed=tuple(_completed(connection, ttl)),
        making=frozenset(name for both, lives in names.items() if lives for name in both),
        runs=frozenset(living),
        stuck=tuple(_stuck(connection, living, (now - stuck_after > WAITS_SINCE) & ~_waits_for_its_attempt(now))),
        old_requests=_count(connection, _history(now - history)),
        old_runs=_count(connection, run.c.finished_at < now - history),
        is_blank=_is_empty(connection, empresa.c.id)
        or (
            _is_empty(connection, archive.c.path)
            and _is_empty(connection, ziprequest.c.id, SERVED)
            and _is_empty(connection, attempt.c.token, attempt.c.outcome == attempts.PUBLISHED)
        ),
    )


def _is_empty(connection: Connection, column: ColumnElement[Any], *conditions: ColumnElement[bool]) -> bool:
    return connection.execute(select(column).where(*conditions).limit(1)).first() is None


def lose(connection: Connection, now: datetime, paths: Sequence[str]) -> int:
    """The files are gone: their requests fail and their rows go. Returns how many requests failed."""
    failed = 0
    for ids, company, part, parts in _served(connection, paths):
        text = (
            f"El archivo de la parte {part} de {parts} del ZIP de {company} ya no existe. Puede solicitarlo de nuevo."
        )
        notice = Notice("zip_failed", f"ZIP con error: {company}, parte {part} de {parts}", text)
        failed += fail_requests(connection, now, ziprequest.c.id.in_(ids), LOST, notice, Move.LOSE)
    gone = archive.c.path.in_(paths) & ~archive.c.deleting
    attempts.keep_downloads(connection, gone)
    connection.execute(delete(archive).where(gone))
    return failed


def expire_now(connection: Connection, now: datetime, paths: Sequence[str]) -> int:
    """Ends archives before their time; their files may go once this is committed. Returns how many requests ended."""
    ended = 0
    for ids, company, part, parts in _served(connection, paths):
        rows = move(connection, Move.EXPIRE, ziprequest.c.id.in_(ids), expires_at=now)
        for row in rows:
            if parse_key(row.file_path or "") is not None:
                adopt(connection, now, row)
        notify(connection, now, rows, wording.expired(company, part, parts))
        ended += len(rows)
    connection.execute(update(archive).where(archive.c.path.in_(paths)).values(deleting=True))
    return ended


def forget(connection: Connection, paths: Sequence[str]) -> None:
    """The files are gone; so are their rows."""
    gone = archive.c.path.in_(paths) & archive.c.deleting
    attempts.keep_downloads(connection, gone)
    connection.execute(delete(archive).where(gone))


def end_stuck(connection: Connection, now: datetime, ids: Sequence[int], how: str) -> int:
    """`how` is fail, retry or delete. Requests whose part a living run has claimed by now are left alone.

    Returns how many requests it changed.
    """
    part_of = exists().where(
        ziprequest.c.id.in_(ids), ziprequest.c.empresa_id == work.c.company_id, ziprequest.c.parte_numero == work.c.part
    )
    lock_parts(connection, part_of)  # until this transaction ends nobody claims, completes or fails them
    living = _living_runs(connection, now)
    rows = [row for row in _stuck(connection, living, ziprequest.c.id.in_(ids)) if not row.in_work]
    alike = defaultdict(list)
    for row in rows:
        alike[row.company, row.part, row.parts, row.status].append(row.id)
    changed = 0
    for (company, part, parts, status), group in alike.items():
        # The status once more: a request whose part has no work row yet is not held by the lock above.
        which = and_(ziprequest.c.id.in_(group), ziprequest.c.status == status)
        if how == "fail":
            changed += fail_requests(connection, now, which, STUCK, wording.failed(company, part, parts, STUCK))
        elif how == "delete":
            changed += remove(connection, Move.DELETE, which)
        elif status == "processing":
            changed += len(move(connection, Move.PUT_BACK, which))
        else:  # it waits already; its delay goes with what the work row has counted
            changed += _count(connection, which)
    for company_id, number in sorted({(row.company_id, row.part) for row in rows}):
        _settle_work(connection, living, company_id, number, reset=how == "retry")
    if how == "retry":
        put_in_line(connection, now, ziprequest.c.id.in_([row.id for row in rows]))
    return changed


def _settle_work(connection: Connection, living: Sequence[str], company_id: int, part: int, *, reset: bool) -> None:
    """The work row of a part follows its requests, unless a living run holds it."""
    free = or_(work.c.token.is_(None), work.c.run_id.is_(None), work.c.run_id.not_in(living))
    mine = and_(work.c.company_id == company_id, work.c.part == part, free)
    if reset:
        values = {"token": None, "run_id": None, "path": None, "attempts": 0, "deaths": 0}
        values |= {"not_before": None, "last_error": None}
        connection.execute(update(work).where(mine).values(values))
        return
    connection.execute(delete(work).where(mine, ~WANTED))


def _living_runs(connection: Connection, now: datetime) -> list[str]:
    """Whoever renews the fleet's lease lives; there is one at most."""
    return list(connection.execute(select(lease.c.run_id).where(lease.c.expires_at > now)).scalars())


def _completed(connection: Connection, ttl: timedelta) -> Iterable[CompletedRow]:
    columns = (
        ziprequest.c.id,
        ziprequest.c.file_path,
        ziprequest.c.created_at,
        ziprequest.c.completed_at,
        ziprequest.c.expires_at,
    )
    for request_id, path, created, done, expires in connection.execute(
        select(*columns).where(ziprequest.c.status == "completed").order_by(ziprequest.c.id)
    ):
        from_then = done or created
        yield CompletedRow(request_id, path or "", from_then, expires or _end(from_then, ttl))


def _end(begin: datetime | None, ttl: timedelta) -> datetime | None:
    try:
        return begin + ttl if begin else None
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _waits_for_its_attempt(now: datetime) -> ColumnElement[bool]:
    return and_(ziprequest.c.status.in_(PENDING), func.coalesce(work.c.not_before > now, false()))


def _stuck(connection: Connection, living: Sequence[str], which: ColumnElement[bool]) -> Iterable[StuckRow]:
    rows = connection.execute(
        select(
            ziprequest.c.id,
            ziprequest.c.empresa_id,
            empresa.c.nombre,
            ziprequest.c.parte_numero,
            ziprequest.c.total_partes,
            ziprequest.c.status,
            WAITS_SINCE.label("since"),
            work.c.token,
            work.c.run_id,
            work.c.attempts,
            work.c.not_before,
        )
        .outerjoin(empresa, empresa.c.id == ziprequest.c.empresa_id)
        .outerjoin(work, ITS_PART)
        .where(ziprequest.c.status.in_(LIVE), which, or_(ziprequest.c.status.not_in(PENDING), PASSED_OVER))
        .order_by(ziprequest.c.id)
    )
    for row in rows:
        yield StuckRow(
            id=row.id,
            company_id=row.empresa_id,
            company=row.nombre or NO_COMPANY,
            part=row.parte_numero,
            parts=row.total_partes,
            status=row.status,
            since=row.since,
            in_work=row.token is not None and row.run_id in living,
            is_fresh=row.status in PENDING and row.token is None and not row.attempts and row.not_before is None,
        )


def _served(connection: Connection, paths: Sequence[str]) -> list[tuple[Sequence[int], str, int, int]]:
    """Completed requests of these files, as many as a statement takes: ids, company, part, parts."""
    rows = connection.execute(
        select(ziprequest.c.id, empresa.c.nombre, ziprequest.c.parte_numero, ziprequest.c.total_partes)
        .outerjoin(empresa, empresa.c.id == ziprequest.c.empresa_id)
        .where(ziprequest.c.file_path.in_(paths), ziprequest.c.status == "completed")
        .order_by(ziprequest.c.id)
    )
    alike = defaultdict(list)
    for request_id, company, part, parts in rows:
        alike[company or NO_COMPANY, part, parts].append(request_id)
    return [(group, *what) for what, ids in alike.items() for group in in_groups(ids)]


def _history(before: datetime) -> ColumnElement[bool]:
    """What `expire.delete_history` deletes."""
    return and_(ziprequest.c.status.in_(ENDED), is_history(before))


def _count(connection: Connection, which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).where(which)).scalar_one()
