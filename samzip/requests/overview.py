"""What `samzip status` and `samzip run --dry-run` show. Nothing here changes anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from samzip.database.tables import archive, empresa, equipo, run, work, ziprequest
from samzip.dossier.parts import part_slices
from samzip.requests.collapse import PENDING


@dataclass(frozen=True, slots=True)
class QueuedCompany:
    """A company that waits."""

    company_id: int
    company: str
    requests: int  # pending clicks
    parts: int  # distinct parts among them
    oldest: datetime | None
    retry_at: datetime | None  # when the first of its failed parts is tried again
    last_error: str | None


@dataclass(frozen=True, slots=True)
class PartInWork:
    """A part that a run has claimed."""

    company: str
    part: int
    parts: int
    percent: int
    step: str | None
    requests: int
    attempt: int
    run: str | None


@dataclass(frozen=True, slots=True)
class RunShown:
    """A run, working or finished."""

    id: str
    host: str
    pid: int
    started: datetime | None
    heartbeat: datetime | None
    finished: datetime | None
    outcome: str | None
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class ArchiveShown:
    """A published archive."""

    path: str
    company: str
    part: int
    parts: int
    size: int  # bytes
    sha256: str
    published: datetime | None
    expires: datetime | None
    download_name: str
    warnings: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that an operator asks first."""

    now: datetime
    requests: dict[str, int]  # by status
    queue: list[QueuedCompany]
    in_work: list[PartInWork]
    running: list[RunShown]
    finished: list[RunShown]  # the last ones first
    archives: list[ArchiveShown]  # the last ones first


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
    """`limit` bounds the finished runs and the archives."""
    by_status = connection.execute(select(ziprequest.c.status, func.count()).group_by(ziprequest.c.status))
    runs = select(run).order_by(run.c.started_at.desc(), run.c.id)
    return Overview(
        now=now,
        requests={row[0]: row[1] for row in by_status},
        queue=_queue(connection),
        in_work=_in_work(connection),
        running=[_run(row) for row in connection.execute(runs.where(run.c.finished_at.is_(None)))],
        finished=[_run(row) for row in connection.execute(runs.where(run.c.finished_at.is_not(None)).limit(limit))],
        archives=_archives(connection, now, limit),
    )


def preview(connection: Connection, part_size: int) -> list[PlannedCompany]:
    """Collapse and plan, on paper."""
    pending = connection.execute(
        select(ziprequest.c.empresa_id, ziprequest.c.parte_numero, func.count(), func.min(ziprequest.c.created_at))
        .join(empresa, (empresa.c.id == ziprequest.c.empresa_id) & ~empresa.c.is_deleted)
        .where(ziprequest.c.status.in_((*PENDING, "processing")), ziprequest.c.parte_numero > 0)
        .group_by(ziprequest.c.empresa_id, ziprequest.c.parte_numero)
        .order_by(func.min(ziprequest.c.created_at), ziprequest.c.empresa_id, ziprequest.c.parte_numero)
    ).all()
    planned = []
    for company_id in dict.fromkeys(row[0] for row in pending):
        rows = [row for row in pending if row[0] == company_id]
        name = connection.execute(select(empresa.c.nombre).where(empresa.c.id == company_id)).scalar_one()
        equipment = connection.execute(
            select(func.count()).select_from(equipo).where(equipo.c.empresa_id == company_id)
        ).scalar_one()
        parts = len(part_slices(equipment, part_size))
        asked = sorted(row[1] for row in rows)
        planned.append(
            PlannedCompany(
                company_id=company_id,
                company=name,
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
            func.min(ziprequest.c.created_at, type_=ziprequest.c.created_at.type),
        )
        .outerjoin(empresa, empresa.c.id == ziprequest.c.empresa_id)
        .where(ziprequest.c.status.in_(PENDING))
        .group_by(ziprequest.c.empresa_id, empresa.c.nombre)
        .order_by(func.min(ziprequest.c.created_at), ziprequest.c.empresa_id)
    ).all()
    failed = connection.execute(
        select(work.c.company_id, work.c.not_before, work.c.last_error)
        .where(work.c.not_before.is_not(None), work.c.token.is_(None))
        .order_by(work.c.not_before.desc())
    )
    retries = {row[0]: row for row in failed}  # the soonest one comes last
    shown = []
    for company_id, name, requests, parts, oldest in waiting:
        retry = retries.get(company_id)
        shown.append(
            QueuedCompany(
                company_id,
                name or "(empresa eliminada)",
                requests,
                parts,
                oldest,
                retry[1] if retry else None,
                retry[2] if retry else None,
            )
        )
    return shown


def _in_work(connection: Connection) -> list[PartInWork]:
    rows = connection.execute(
        select(
            empresa.c.nombre,
            work.c.part,
            func.max(ziprequest.c.total_partes),
            func.max(ziprequest.c.progress_percentage),
            func.max(ziprequest.c.current_step),
            func.count(),
            work.c.attempts,
            work.c.run_id,
        )
        .join(
            ziprequest,
            (ziprequest.c.empresa_id == work.c.company_id)
            & (ziprequest.c.parte_numero == work.c.part)
            & (ziprequest.c.status == "processing"),
        )
        .outerjoin(empresa, empresa.c.id == work.c.company_id)
        .where(work.c.token.is_not(None))
        .group_by(empresa.c.nombre, work.c.part, work.c.attempts, work.c.run_id, work.c.company_id)
        .order_by(work.c.company_id, work.c.part)
    )
    return [PartInWork(row[0] or "(empresa eliminada)", *row[1:]) for row in rows]


def _run(row: Any) -> RunShown:
    return RunShown(
        id=row.id,
        host=row.host,
        pid=row.pid,
        started=row.started_at,
        heartbeat=row.heartbeat_at,
        finished=row.finished_at,
        outcome=row.outcome,
        counts=json.loads(row.counts) if row.counts else {},
    )


def _archives(connection: Connection, now: datetime, limit: int) -> list[ArchiveShown]:
    rows = connection.execute(
        select(archive, empresa.c.nombre)
        .outerjoin(empresa, empresa.c.id == archive.c.company_id)
        .where(archive.c.expires_at > now, ~archive.c.deleting)
        .order_by(archive.c.published_at.desc(), archive.c.path)
        .limit(limit)
    )
    return [
        ArchiveShown(
            path=row.path,
            company=row.nombre or "(empresa eliminada)",
            part=row.part,
            parts=row.parts,
            size=row.size,
            sha256=row.sha256,
            published=row.published_at,
            expires=row.expires_at,
            download_name=row.download_name,
            warnings=json.loads(row.warnings),
        )
        for row in rows
    ]
