"""What `samzip status` and `samzip run --dry-run` show. Nothing here changes anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, exists, func, select

from samzip.database.tables import archive, empresa, equipo, run, work, ziprequest
from samzip.dossier.parts import part_slices
from samzip.requests.line import IMPOSSIBLE_PART, ITS_PART, WAITS_SINCE
from samzip.requests.pulse import COUNTED, by_status
from samzip.requests.shown import ArchiveShown, Overview, PartInWork, QueuedCompany, RunShown, read_warnings
from samzip.requests.states import LIVE, NO_COMPANY, PENDING

AT_ONCE = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PlannedCompany:
    """What a run would do for one company."""

    company_id: int
    company: str
    requests: int
    equipment: int
    parts: int  # of the company
    wanted: tuple[int, ...]  # parts that would be built or reused
    surplus: tuple[int, ...]  # parts that are no longer there


def overview(connection: Connection, now: datetime, limit: int = 10) -> Overview:
    """The same few queries however long the queue is; `limit` bounds the finished runs and the archives."""
    every = archive.alias()
    kept = select(func.count()).select_from(every).where(*_kept(now, every)).scalar_subquery()
    downloadable, size, there = connection.execute(
        select(func.count(), func.sum(archive.c.size), kept).where(*_downloadable(now))
    ).one()
    return Overview(
        now=now,
        requests=by_status(connection),
        queue=_queue(connection),
        in_work=_in_work(connection),
        running=_runs(connection, run.c.finished_at.is_(None)),
        finished=_finished(connection, limit),
        archives=_archives(connection, now, limit),
        downloadable=downloadable,
        bytes=int(size or 0),
        superseded=there - downloadable,
        failed=_failed(connection, limit),
    )


def preview(connection: Connection, part_size: int) -> list[PlannedCompany]:
    """Collapse and plan, on paper."""
    pending = connection.execute(
        select(
            ziprequest.c.empresa_id,
            ziprequest.c.parte_numero,
            func.count(),
            func.min(ziprequest.c.created_at),
            empresa.c.nombre,
        )
        .join(empresa, (empresa.c.id == ziprequest.c.empresa_id) & ~empresa.c.is_deleted)
        .where(ziprequest.c.status.in_(LIVE), ~IMPOSSIBLE_PART)
        .group_by(ziprequest.c.empresa_id, ziprequest.c.parte_numero, empresa.c.nombre)
        .order_by(func.min(ziprequest.c.created_at), ziprequest.c.empresa_id, ziprequest.c.parte_numero)
    )
    companies: dict[int, list[Any]] = {}
    for row in pending:
        companies.setdefault(row[0], []).append(row)
    asking = select(ziprequest.c.empresa_id).where(ziprequest.c.status.in_(LIVE))
    counted = select(equipo.c.empresa_id, func.count()).where(equipo.c.empresa_id.in_(asking))
    instruments = {row[0]: row[1] for row in connection.execute(counted.group_by(equipo.c.empresa_id))}
    planned = []
    for company_id, rows in companies.items():
        equipment = instruments.get(company_id, 0)
        parts = len(part_slices(equipment, part_size))
        asked = sorted(row[1] for row in rows)
        planned.append(
            PlannedCompany(
                company_id=company_id,
                company=rows[0].nombre,
                requests=sum(row[2] for row in rows),
                equipment=equipment,
                parts=parts,
                wanted=tuple(part for part in asked if part <= parts),
                surplus=tuple(part for part in asked if part > parts),
            )
        )
    return planned


def _queue(connection: Connection) -> list[QueuedCompany]:
    waiting = connection.execute(
        select(
            ziprequest.c.empresa_id,
            empresa.c.nombre,
            func.count(),
            func.count(func.distinct(ziprequest.c.parte_numero)),
            func.min(WAITS_SINCE, type_=ziprequest.c.created_at.type),
        )
        .outerjoin(empresa, empresa.c.id == ziprequest.c.empresa_id)
        .outerjoin(work, ITS_PART)
        .where(ziprequest.c.status.in_(PENDING))
        .group_by(ziprequest.c.empresa_id, empresa.c.nombre)
        .order_by(func.min(WAITS_SINCE), ziprequest.c.empresa_id)
    ).all()
    failed: dict[int, list[Any]] = {}
    for row in connection.execute(
        select(work.c.company_id, work.c.not_before, work.c.last_error)
        .where(work.c.last_error.is_not(None), work.c.token.is_(None))
        .order_by(work.c.company_id, work.c.part)
    ):
        failed.setdefault(row.company_id, []).append(row)
    shown = []
    for company_id, name, requests, parts, oldest in waiting:
        retries = failed.get(company_id, [])
        first = min(retries, key=lambda row: row.not_before or AT_ONCE, default=None)
        shown.append(
            QueuedCompany(
                company_id=company_id,
                company=name or NO_COMPANY,
                requests=requests,
                parts=parts,
                oldest=oldest,
                retrying=len(retries),
                retry_at=first.not_before if first else None,
                last_error=first.last_error if first else None,
            )
        )
    return shown


def _in_work(connection: Connection) -> list[PartInWork]:
    wanted_by = (
        (ziprequest.c.empresa_id == work.c.company_id)
        & (ziprequest.c.parte_numero == work.c.part)
        & (ziprequest.c.status == "processing")
    )
    rows = connection.execute(
        select(
            func.coalesce(empresa.c.nombre, NO_COMPANY),
            work.c.part,
            func.coalesce(func.max(ziprequest.c.total_partes), work.c.part),
            func.coalesce(func.max(ziprequest.c.progress_percentage), 0),
            func.max(ziprequest.c.current_step),
            func.count(ziprequest.c.id),
            work.c.attempts,
            work.c.run_id,
            func.coalesce(func.max(ziprequest.c.equipos_procesados), 0),
            func.coalesce(func.max(ziprequest.c.total_equipos), 0),
            func.max(ziprequest.c.started_at, type_=ziprequest.c.started_at.type),
            func.max(ziprequest.c.estimated_completion, type_=ziprequest.c.estimated_completion.type),
        )
        .outerjoin(ziprequest, wanted_by)
        .outerjoin(empresa, empresa.c.id == work.c.company_id)
        .where(work.c.token.is_not(None))
        .group_by(empresa.c.nombre, work.c.part, work.c.attempts, work.c.run_id, work.c.company_id)
        .order_by(work.c.company_id, work.c.part)
    )
    return [PartInWork(*row) for row in rows]


def _finished(connection: Connection, limit: int) -> list[RunShown]:
    """A timer starts a run every minute; those that found nothing to do would hide the others."""
    last = last_finished(connection)
    busy = _runs(connection, run.c.finished_at.is_not(None), run.c.outcome.not_in(("nothing", "waiting")), limit=limit)
    return [*last, *(shown for shown in busy if shown not in last)][:limit]


def last_finished(connection: Connection) -> list[RunShown]:
    """One, or none when none has finished yet."""
    return _runs(connection, run.c.finished_at.is_not(None), limit=1)


def _runs(connection: Connection, *where: ColumnElement[bool], limit: int | None = None) -> list[RunShown]:
    rows = connection.execute(select(run).where(*where).order_by(run.c.started_at.desc(), run.c.id).limit(limit))
    return [
        RunShown(
            id=row.id,
            host=row.host,
            pid=row.pid,
            started=row.started_at,
            heartbeat=row.heartbeat_at,
            finished=row.finished_at,
            outcome=row.outcome,
            error=row.error,
            counts=json.loads(row.counts) if row.counts else {},
        )
        for row in rows
    ]


def _kept(now: datetime, of: Any = archive) -> tuple[ColumnElement[bool], ...]:
    return of.c.expires_at > now, ~of.c.deleting


def _failed(connection: Connection, limit: int) -> tuple[int, ...]:
    """Of the newest COUNTED requests, as `by_status` counts them."""
    request = ziprequest.alias("newest")
    newest = select(request.c.id, request.c.status).order_by(request.c.id.desc()).limit(COUNTED).subquery()
    found = select(newest.c.id).where(newest.c.status == "failed").order_by(newest.c.id.desc()).limit(limit)
    return tuple(connection.execute(found).scalars())


def _downloadable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """The newest of each part. An older one is kept for those who were given it; nobody is given it any more."""
    newer = archive.alias()
    replaced = exists().where(
        newer.c.company_id == archive.c.company_id,
        newer.c.part == archive.c.part,
        newer.c.published_at > archive.c.published_at,
        *_kept(now, newer),
    )
    return (*_kept(now), ~replaced)


def _archives(connection: Connection, now: datetime, limit: int) -> list[ArchiveShown]:
    rows = connection.execute(
        select(archive, empresa.c.nombre)
        .outerjoin(empresa, empresa.c.id == archive.c.company_id)
        .where(*_downloadable(now))
        .order_by(archive.c.published_at.desc(), archive.c.path)
        .limit(limit)
    )
    return [shown_archive(row, row.nombre or NO_COMPANY) for row in rows]


def shown_archive(row: Any, company: str) -> ArchiveShown:
    """From a row of samzip_archive."""
    return ArchiveShown(
        path=row.path,
        company=company,
        part=row.part,
        parts=row.parts,
        size=row.size,
        sha256=row.sha256,
        published=row.published_at,
        expires=row.expires_at,
        download_name=row.download_name,
        warnings=read_warnings(row.warnings),
        downloads=row.downloads,
        downloaded=row.downloaded_at,
    )
