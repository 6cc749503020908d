"""One request: its story, and what an operator may do to it.

A change is one conditional UPDATE whose row count decides; it touches the part's work row first, as every other writer
does, so that it happens either before a run completes the request or after, never in between.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select, update

from samzip.database.tables import archive, customuser, empresa, work, ziprequest
from samzip.errors import UsageProblem
from samzip.requests import attempts
from samzip.requests.line import ITS_PART, put_in_line
from samzip.requests.overview import shown_archive
from samzip.requests.shown import ArchiveShown, Changed, Sharer, Story, WorkShown
from samzip.requests.states import LIVE, NO_COMPANY, NO_USER, PENDING, Move, move
from samzip.requests.work import drop_unwanted

BY_OPERATOR = "cancelada por el operador"
BY_REQUESTER = "cancelada por quien la solicitó"

_NO_CANCEL = {
    "completed": "its archive is published already",
    "failed": "there is nothing left to stop",
    "expired": "its archive is over",
    "cancelled": "it was cancelled before",
}
_NO_RETRY = {
    "pending": "it waits in the queue already, and `samzip run` builds it",
    "queued": "it waits in the queue already, and `samzip run` builds it",
    "processing": "a run is building it; if that run died, the next one takes it back by itself",
    "completed": "it has its archive, or had it until a moment ago (damaged? samzip verify ID --repair); "
    "`samzip request` asks for a new one",
}


def story(connection: Connection, now: datetime, request_id: int) -> Story:
    """Everything that the database knows about a request. Raises UsageProblem for an unknown id."""
    row = connection.execute(
        select(ziprequest, customuser.c.username, empresa.c.nombre)
        .outerjoin(customuser, customuser.c.id == ziprequest.c.user_id)
        .outerjoin(empresa, empresa.c.id == ziprequest.c.empresa_id)
        .where(ziprequest.c.id == request_id)
    ).first()
    if row is None:
        raise _unknown(request_id)
    is_live = row.status in LIVE
    company = row.nombre or NO_COMPANY
    downloads, last = attempts.downloads(connection, row.file_path) if row.file_path else (0, None)
    return Story(
        now=now,
        id=row.id,
        status=row.status,
        user=row.username or NO_USER,
        company_id=row.empresa_id,
        company=company,
        part=row.parte_numero,
        parts=row.total_partes,
        equipment=row.total_equipos,
        created=row.created_at,
        started=row.started_at,
        completed=row.completed_at,
        expires=row.expires_at,
        step=row.current_step,
        percent=row.progress_percentage,
        estimated=row.estimated_completion,
        error=row.error_message,
        file_path=row.file_path or None,
        file_size=row.file_size,
        work=_work(connection, row.empresa_id, row.parte_numero) if is_live else None,
        archive=_archive(connection, row.file_path, company) if row.file_path else None,
        shared_with=_sharers(connection, row.id, row.empresa_id, row.parte_numero, row.file_path, is_live=is_live),
        attempts=attempts.of_request(connection, row),
        downloads=downloads,
        downloaded=last,
    )


def cancel(connection: Connection, now: datetime, request_id: int, why: str = BY_OPERATOR) -> Changed:
    """Ends a live request. A run that builds its part notices, and drops the part once nobody wants it.

    Raises UsageProblem for a request that is not live; nothing is changed then.
    """
    _lock_part(connection, request_id)
    if not move(connection, Move.CANCEL, ziprequest.c.id == request_id, completed_at=now, error_message=why):
        raise _refusal(connection, request_id, "cancelled", _NO_CANCEL)
    drop_unwanted(connection, _part_of(request_id))
    return _changed(connection, request_id)


def retry(connection: Connection, now: datetime, request_id: int) -> Changed:
    """Puts an ended request back into the queue, or ends the wait of one whose last attempt failed; its part is due at
    once and has all its attempts again.

    Other requests of a part that waits after a failure profit: an operator retries because the cause is gone.
    Raises UsageProblem for a request that has not ended, or whose archive is there; nothing is changed then.
    """
    _lock_part(connection, request_id)
    done = move(connection, Move.RETRY, ziprequest.c.id == request_id)
    backed_off = (
        _part_of(request_id) & work.c.token.is_(None) & (work.c.not_before.is_not(None) | (work.c.attempts > 0))
    )
    eased = connection.execute(update(work).where(backed_off).values(not_before=None, attempts=0, deaths=0)).rowcount
    if not (done or (eased and _is_pending(connection, request_id))):
        raise _refusal(connection, request_id, "retried", _NO_RETRY)
    put_in_line(connection, now, ziprequest.c.id == request_id)
    return _changed(connection, request_id)


def _is_pending(connection: Connection, request_id: int) -> bool:
    mine = (ziprequest.c.id == request_id) & ziprequest.c.status.in_(PENDING)
    return connection.execute(select(ziprequest.c.id).where(mine)).first() is not None


def _lock_part(connection: Connection, request_id: int) -> None:
    """Until the transaction ends, no run claims, completes or fails the part."""
    connection.execute(update(work).where(_part_of(request_id)).values(attempts=work.c.attempts))


def _part_of(request_id: int) -> ColumnElement[bool]:
    """The work row of a request's part."""
    return exists().where(
        ziprequest.c.id == request_id,
        ziprequest.c.empresa_id == work.c.company_id,
        ziprequest.c.parte_numero == work.c.part,
    )


def _changed(connection: Connection, request_id: int) -> Changed:
    row = connection.execute(
        select(ziprequest, empresa.c.nombre, work.c.token)
        .outerjoin(empresa, empresa.c.id == ziprequest.c.empresa_id)
        .outerjoin(work, ITS_PART)
        .where(ziprequest.c.id == request_id)
    ).one()
    others = connection.execute(
        select(func.count())
        .select_from(ziprequest)
        .where(
            ziprequest.c.empresa_id == row.empresa_id,
            ziprequest.c.parte_numero == row.parte_numero,
            ziprequest.c.status.in_(LIVE),
            ziprequest.c.id != request_id,
        )
    ).scalar_one()
    return Changed(
        request=request_id,
        status=row.status,
        company=row.nombre or NO_COMPANY,
        part=row.parte_numero,
        parts=row.total_partes,
        others=others,
        in_work=row.token is not None,
    )


def _refusal(connection: Connection, request_id: int, verb: str, reasons: dict[str, str]) -> UsageProblem:
    status = connection.execute(select(ziprequest.c.status).where(ziprequest.c.id == request_id)).scalar()
    if status is None:
        return _unknown(request_id)
    reason = reasons.get(status, "samzip does not know this status")
    return UsageProblem(f"request #{request_id} is {status} and cannot be {verb}: {reason}")


def _unknown(request_id: int) -> UsageProblem:
    return UsageProblem(f"there is no request #{request_id}; samzip status shows what was asked for")


def _work(connection: Connection, company_id: int, part: int) -> WorkShown | None:
    row = connection.execute(select(work).where(work.c.company_id == company_id, work.c.part == part)).first()
    return WorkShown(row.attempts, row.run_id, row.not_before, row.last_error) if row else None


def _archive(connection: Connection, path: str, company: str) -> ArchiveShown | None:
    row = connection.execute(select(archive).where(archive.c.path == path, ~archive.c.deleting)).first()
    return shown_archive(row, company) if row else None


def _sharers(
    connection: Connection, request_id: int, company_id: int, part: int, path: str | None, *, is_live: bool
) -> list[Sharer]:
    same = and_(ziprequest.c.empresa_id == company_id, ziprequest.c.parte_numero == part)
    if is_live:
        same &= ziprequest.c.status.in_(LIVE)
    elif path:
        same &= ziprequest.c.file_path == path
    else:
        return []
    rows = connection.execute(
        select(ziprequest.c.id, func.coalesce(customuser.c.username, NO_USER), ziprequest.c.status)
        .outerjoin(customuser, customuser.c.id == ziprequest.c.user_id)
        .where(same, ziprequest.c.id != request_id)
        .order_by(ziprequest.c.id)
    )
    return [Sharer(*row) for row in rows]
