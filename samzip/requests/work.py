"""A part from claim to end, every write fenced by the token that the claim stamped on the work row."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, insert, or_, select, tuple_, update

from samzip.database.tables import archive, customuser, work, ziprequest
from samzip.errors import WorkTakenOver
from samzip.requests import attempts
from samzip.requests.expire import mark_unfinished
from samzip.requests.line import ITS_PART, in_groups, keep_in_line
from samzip.requests.notices import fail_requests, notify
from samzip.requests.states import LIVE, NO_USER, PENDING, Move, move
from samzip.requests.wording import Notice

WANTED = exists().where(ITS_PART, ziprequest.c.status.in_(LIVE))  # whether a live request asks for a work row's part
MAY_BE_CLAIMED = exists().where(ITS_PART, ziprequest.c.status.in_(PENDING))
RETRYING = and_(work.c.last_error.is_not(None), work.c.token.is_(None), WANTED)  # its last attempt failed
MAX_DEATHS = 3
QUARANTINED = f"no se intenta más: ya mató {MAX_DEATHS} procesos"
BACKOFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))  # after the 1st, 2nd, 3rd.. attempt


@dataclass(frozen=True, slots=True)
class Waiting:
    """A part that may be begun now."""

    company_id: int
    part: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A part in work: whoever holds its token may finish it."""

    company_id: int
    part: int
    token: str
    attempt: int  # from 1
    requests: int  # clicks that it serves
    request_id: int  # the newest of them
    user: str  # who made it


@dataclass(frozen=True, slots=True)
class Failed:
    """What became of a part whose attempt failed."""

    retry_at: datetime | None  # None: no attempt is left and its requests failed, or all of them were cancelled
    reason: str  # for operators


class ArchiveGone(Exception):
    """What was to be given again may not be any more."""


@dataclass(frozen=True, slots=True)
class Published:
    """What the archive row keeps."""

    path: str
    parts: int
    size: int  # bytes
    sha256: str
    fingerprint: str
    cut: str
    download_name: str
    warnings: str  # JSON list


def waiting(connection: Connection, now: datetime, company_id: int | None = None) -> list[Waiting]:
    """Parts that nobody works on and whose next attempt is due, oldest request first."""
    query = select(work.c.company_id, work.c.part).where(_is_due(now))
    if company_id is not None:
        query = query.where(work.c.company_id == company_id)
    rows = connection.execute(query.order_by(work.c.queued_at, work.c.company_id, work.c.part))
    return [Waiting(*row) for row in rows]


def newest_request(connection: Connection) -> int | None:
    """The highest number of a request: every click makes it higher."""
    newest: int | None = connection.execute(select(func.max(ziprequest.c.id))).scalar_one()
    return newest


def count_retrying(connection: Connection) -> int:
    """Parts that somebody wants and whose last attempt failed."""
    return connection.execute(select(func.count()).select_from(work).where(RETRYING)).scalar_one()


def claim(
    connection: Connection,
    now: datetime,
    *,
    company_id: int,
    part: int,
    token: str,
    run_id: str,
    requests: Collection[int],
) -> Claim | None:
    """Takes a waiting part for those of `requests` that still wait for it. None: someone else has it, or none does (its
    work row goes then, unless others wait for it)."""
    row = _part(company_id, part)
    taken = connection.execute(
        update(work)
        .where(row, _is_due(now))
        .values(token=token, run_id=run_id, attempts=work.c.attempts + 1, path=None)
    ).rowcount
    if not taken:
        return None
    served: list[Row[Any]] = []
    for group in in_groups(requests):
        which = _requests(company_id, part) & ziprequest.c.id.in_(group)
        served += move(connection, Move.CLAIM, which, started_at=now)
    if not served:
        connection.execute(update(work).where(row).values(token=None, run_id=None, attempts=work.c.attempts - 1))
        drop_unwanted(connection, row, MAY_BE_CLAIMED)
        return None
    attempt = connection.execute(select(work.c.attempts).where(row)).scalar_one()
    newest = max(served, key=lambda request: request.id)
    attempts.begin(
        connection,
        now,
        token=token,
        company_id=company_id,
        part=part,
        number=attempt,
        request_id=newest.id,
        run_id=run_id,
    )
    user = connection.execute(select(customuser.c.username).where(customuser.c.id == newest.user_id)).scalar()
    return Claim(company_id, part, token, attempt, len(served), newest.id, user or NO_USER)


def announce(connection: Connection, held: Claim, path: str) -> None:
    """Notes under which name the archive is being made, so that recovery finds it whatever happens next."""
    _touch(connection, held, path=path)
    attempts.name(connection, held.token, path)


def progress(
    connection: Connection, held: Claim, *, step: str, percent: int, done: int, estimated: datetime | None
) -> int:
    """Writes what SAM's page shows. Returns how many requests still want the part; 0 means all were cancelled."""
    _touch(connection, held)
    values = {
        "current_step": step[:200],
        "progress_percentage": percent,
        "equipos_procesados": done,
        "estimated_completion": estimated,
    }
    return connection.execute(update(ziprequest).where(_in_work(held)).values(values)).rowcount


def is_wanted(connection: Connection, held: Claim) -> bool:
    """Whether any request still waits for this part. Raises WorkTakenOver."""
    _touch(connection, held)
    return connection.execute(select(ziprequest.c.id).where(_in_work(held)).limit(1)).first() is not None


def finish(
    connection: Connection,
    now: datetime,
    held: Claim,
    published: Published,
    expires: datetime,
    notice: Notice,
    made: str | None = None,
    again: bool = False,
) -> int:
    """Completes every request of the part with one file. Returns how many; 0 means that nobody wants it any more:
    no archive row is made, and what was `made` under this temporary name is marked for deletion.

    With `again` it is an archive that is there already: its life is extended. Raises ArchiveGone when that was ended.
    """
    _touch(connection, held)
    rows = move(
        connection,
        Move.PUBLISH,
        _requests(held.company_id, held.part),
        completed_at=now,
        expires_at=expires,
        file_path=published.path,
        file_size=published.size,
    )
    _leave(connection, held)
    if not rows:
        if made:
            mark_unfinished(connection, now, held.company_id, held.part, made)
        attempts.end(connection, now, held.token, attempts.DROPPED)
        return 0
    if again:
        lives = (archive.c.path == published.path) & ~archive.c.deleting & (archive.c.expires_at > now)
        extended = update(archive).where(lives).values(expires_at=expires, cut=published.cut)
        if not connection.execute(extended).rowcount:
            raise ArchiveGone(f"{published.path} was taken away")
    else:
        connection.execute(
            insert(archive).values(
                path=published.path,
                company_id=held.company_id,
                part=held.part,
                parts=published.parts,
                size=published.size,
                sha256=published.sha256,
                fingerprint=published.fingerprint,
                cut=published.cut,
                download_name=published.download_name,
                warnings=published.warnings,
                published_at=now,
                expires_at=expires,
                deleting=False,
            )
        )
    attempts.end(connection, now, held.token, attempts.PUBLISHED, path=published.path)
    notify(connection, now, rows, notice)
    return len(rows)


def completed_with(connection: Connection, held: Claim, path: str) -> int | None:
    """Requests that this claim completed with this file, when its commit went through and only the answer got lost;
    None when it did not. Those that an earlier claim completed with the same file ended in another moment.
    """
    if not attempts.was_published(connection, held.token, path):
        return None
    mine = _requests(held.company_id, held.part) & (ziprequest.c.file_path == path)
    newest = select(func.max(ziprequest.c.completed_at)).where(mine).scalar_subquery()
    query = select(func.count()).select_from(ziprequest).where(mine, ziprequest.c.completed_at == newest)
    return connection.execute(query).scalar_one()


def fail(
    connection: Connection,
    now: datetime,
    held: Claim,
    *,
    reason: str,
    told: str,
    max_attempts: int,
    notice: Notice,
    worker_died: bool = False,
) -> Failed:
    """Counts a failed attempt. `reason` is for operators, `told` for whoever made the requests.

    A part that kills its worker MAX_DEATHS times fails however many attempts are allowed: it takes memory from others.
    """
    _touch(connection, held, deaths=work.c.deaths + int(worker_died))
    deaths = connection.execute(select(work.c.deaths).where(_mine(held))).scalar_one()
    has_more = held.attempt < max_attempts
    if has_more and deaths >= MAX_DEATHS:
        reason, told = f"{reason}; {QUARANTINED}", f"{told}; {QUARANTINED}"
    elif has_more:
        retry_at = now + BACKOFF[min(held.attempt, len(BACKOFF)) - 1]
        connection.execute(
            update(work)
            .where(_mine(held))
            .values(token=None, run_id=None, path=None, not_before=retry_at, last_error=reason)
        )
        move(connection, Move.PUT_BACK, _requests(held.company_id, held.part), error_message=told)
        attempts.end(connection, now, held.token, attempts.FAILED, error=reason)
        return Failed(None if drop_unwanted(connection, _part(held.company_id, held.part)) else retry_at, reason)
    fail_requests(connection, now, _in_work(held), told, notice)
    _leave(connection, held)
    attempts.end(connection, now, held.token, attempts.FAILED, error=reason)
    return Failed(None, reason)


def release(connection: Connection, now: datetime, held: Claim) -> None:
    """Back to pending, the attempt not counted: its run ends early."""
    _touch(connection, held)
    connection.execute(
        update(work)
        .where(_mine(held))
        .values(token=None, run_id=None, path=None, not_before=None, attempts=work.c.attempts - 1)
    )
    move(connection, Move.PUT_BACK, _requests(held.company_id, held.part))
    attempts.end(connection, now, held.token, attempts.RELEASED)
    drop_unwanted(connection, _part(held.company_id, held.part))


def drop(connection: Connection, now: datetime, held: Claim) -> None:
    """Ends work that nobody wants any more."""
    _touch(connection, held)
    _leave(connection, held)
    attempts.end(connection, now, held.token, attempts.DROPPED)


def drop_unwanted(connection: Connection, which: ColumnElement[bool], wanted: ColumnElement[bool] = WANTED) -> int:
    """Removes those of these work rows that wait although no live request asks for them. Returns how many.

    MAY_BE_CLAIMED for `wanted` removes those too whose requests somebody else has taken to `processing`: a run would
    find them due again and again. `recover` makes the row anew.
    A row that somebody else holds at this moment is passed over: they may be waiting for this transaction.
    """
    unwanted = select(work.c.company_id, work.c.part).where(which, work.c.token.is_(None), ~wanted)
    free = unwanted.with_for_update(skip_locked=True)
    return connection.execute(delete(work).where(tuple_(work.c.company_id, work.c.part).in_(free))).rowcount


def _leave(connection: Connection, held: Claim) -> None:
    """The part is done with; requests that came while it was in work wait on."""
    connection.execute(delete(work).where(_mine(held)))
    keep_in_line(connection, held.company_id, held.part)


def _touch(connection: Connection, held: Claim, **values: Any) -> None:
    """The fence: raises WorkTakenOver unless the work row still carries this claim's token."""
    kept = connection.execute(update(work).where(_mine(held)).values(token=held.token, **values)).rowcount
    if not kept:
        raise WorkTakenOver("esta parte ya no es de esta ejecución")


def _is_due(now: datetime) -> ColumnElement[bool]:
    """No pause is longer than the last one of BACKOFF: one that seems to be was noted when the clock was ahead."""
    at = work.c.not_before
    return work.c.token.is_(None) & or_(at.is_(None), at <= now, at > now + BACKOFF[-1])


def _mine(held: Claim) -> ColumnElement[bool]:
    return _part(held.company_id, held.part) & (work.c.token == held.token)


def _part(company_id: int, part: int) -> ColumnElement[bool]:
    return and_(work.c.company_id == company_id, work.c.part == part)


def _requests(company_id: int, part: int) -> ColumnElement[bool]:
    return and_(ziprequest.c.empresa_id == company_id, ziprequest.c.parte_numero == part)


def _in_work(held: Claim) -> ColumnElement[bool]:
    return and_(_requests(held.company_id, held.part), ziprequest.c.status == "processing")
