"""The history of runs, and the archives that a run may reuse."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from samzip.database.tables import archive, attempt, run
from samzip.dossier.keys import TEMPORARY_SUFFIX
from samzip.requests.attempts import PUBLISHED

CRASHED = "crashed"  # it died
ERROR, INTERRUPTED = "error", "interrupted"
ENDINGS = (ERROR, INTERRUPTED)  # early, as it told itself


@dataclass(frozen=True, slots=True)
class Ending:
    """Of a run."""

    how: str  # what `batch.run.outcome` tells, or one of ENDINGS
    why: str | None  # it ended early


@dataclass(frozen=True, slots=True)
class KnownArchive:
    """A published archive that may serve further requests."""

    path: str
    size: int  # bytes
    sha256: str
    fingerprint: str
    download_name: str
    warnings: str  # JSON list


def begin(connection: Connection, now: datetime, *, run_id: str, host: str, pid: int, version: str) -> Sequence[str]:
    """Notes that a run works; ends the notes of dead ones of any host (whoever holds the locks is alone), and returns
    which they were.

    A run with --interval keeps one note through all its passes. What lies ahead was noted when the clock was: it is put
    right, or a dead timer would go unseen until then, and what is retried would wait since then.
    """
    dead = run.c.finished_at.is_(None) & (run.c.id != run_id)
    ended = update(run).where(dead).values(finished_at=now, outcome=CRASHED)
    died = connection.execute(ended.returning(run.c.id)).scalars().all()
    connection.execute(update(run).where(run.c.finished_at > now).values(finished_at=now, heartbeat_at=now))
    connection.execute(update(run).where(run.c.started_at > now).values(started_at=now))
    again = update(run).where(run.c.id == run_id).values(heartbeat_at=now, finished_at=None, outcome=None)
    if not connection.execute(again).rowcount:
        connection.execute(
            insert(run).values(id=run_id, host=host, pid=pid, version=version, started_at=now, heartbeat_at=now)
        )
    return died


def beat(connection: Connection, now: datetime, run_id: str) -> None:
    """Shows that the run lives."""
    connection.execute(update(run).where(run.c.id == run_id).values(heartbeat_at=now))


def explain(connection: Connection, run_id: str, ending: Ending) -> None:
    """Of one that is noted as dead: it had ended, and could not tell."""
    connection.execute(update(run).where(run.c.id == run_id).values(outcome=ending.how, error=ending.why))


def end(connection: Connection, now: datetime, run_id: str, ending: Ending, counts: Mapping[str, int]) -> None:
    values = {
        "finished_at": now,
        "heartbeat_at": now,
        "outcome": ending.how,
        "counts": json.dumps(counts),
        "error": ending.why,
    }
    connection.execute(update(run).where(run.c.id == run_id).values(values))


def count_download(connection: Connection, now: datetime, path: str) -> None:
    """One that began, of a published archive."""
    counted = {"downloads": archive.c.downloads + 1, "downloaded_at": now}
    connection.execute(update(archive).where(archive.c.path == path).values(counted))


def newest_archives(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Paths of those that can be downloaded, the newest first."""
    live = (archive.c.expires_at > now) & ~archive.c.deleting
    query = select(archive.c.path).where(live).order_by(archive.c.published_at.desc(), archive.c.path).limit(limit)
    return list(connection.execute(query).scalars())


def has_archives(connection: Connection, now: datetime) -> bool:
    """Whether any can be downloaded."""
    live = (archive.c.expires_at > now) & ~archive.c.deleting
    return connection.execute(select(archive.c.path).where(live).limit(1)).first() is not None


def were_archives(connection: Connection) -> bool:
    """Whether samzip ever made any, as far as anybody remembers: SAM's own may lie elsewhere."""
    there = select(archive.c.path).where(archive.c.sha256 != "")
    made = select(attempt.c.token).where(attempt.c.outcome == PUBLISHED)
    return any(connection.execute(known.limit(1)).first() for known in (there, made))


def are_begun(connection: Connection) -> bool:
    """Whether a dead run may have left an unfinished one."""
    begun = select(archive.c.path).where(archive.c.path.endswith(TEMPORARY_SUFFIX)).limit(1)
    return connection.execute(begun).first() is not None


def reusable(connection: Connection, now: datetime, company_id: int) -> list[KnownArchive]:
    """Unexpired archives of a company."""
    rows = connection.execute(
        select(
            archive.c.path,
            archive.c.size,
            archive.c.sha256,
            archive.c.fingerprint,
            archive.c.download_name,
            archive.c.warnings,
        ).where(archive.c.company_id == company_id, archive.c.expires_at > now, ~archive.c.deleting)
    )
    return [KnownArchive(*row) for row in rows]
