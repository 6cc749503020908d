"""A part in work: claimed, with its progress, and with files that may have to go."""

from __future__ import annotations

import secrets
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from samzip.archive.part import PartResult, Progress
from samzip.batch.company import CompanyPass
from samzip.batch.context import MOMENT_S, Context
from samzip.dossier.keys import archive_key, temporary_key
from samzip.errors import StorageFailed, WorkTakenOver
from samzip.events import PartRef
from samzip.requests import attempts, work
from samzip.requests.expire import mark_unfinished


@dataclass(slots=True)
class InWork:
    """A claimed part."""

    company: CompanyPass
    held: work.Claim
    ref: PartRef
    path: str  # where it will be published
    temporary: str
    started: float  # monotonic
    future: Future[PartResult] = field(default_factory=Future)
    progress: Progress | None = None
    is_served: bool = False  # its requests have their archive: nothing takes it back any more
    is_unsure: bool = False  # the answer of a commit that served them got lost: its files may be theirs
    is_stuck: bool = False  # files of it could not be removed


def claim(context: Context, company: CompanyPass, part: int) -> InWork | None:
    """Takes a part. None: nobody wants it any more, or it is another host's turn: what a run claimed after the fence
    would be built from what it knew before."""
    database, identity = context.database, company.records.company
    token = secrets.token_hex(16)
    with database.write(lock_s=context.waits.seconds) as connection:
        now = database.now(connection)
        if not context.is_alone(connection):
            return None
        held = work.claim(
            connection,
            now,
            company_id=identity.id,
            part=part,
            token=token,
            run_id=context.run_id,
            requests=company.waiting[part],
        )
        if held is None:
            return None
        path = _free_name(connection, held, context.local(now))
        work.announce(connection, held, path)
    ref = PartRef(identity.id, identity.name, part, company.cut.parts, held.request_id, held.user)
    return InWork(company, held, ref, path, temporary_key(path, token), time.monotonic())


def _free_name(connection: Connection, held: work.Claim, at: datetime) -> str:
    """A host that froze may have begun the part in the same second, and would remove what it takes for its own."""
    while attempts.is_named(connection, path := archive_key(held.company_id, held.part, held.request_id, at)):
        at += timedelta(seconds=1)
    return path


def is_wanted(context: Context, item: InWork) -> bool:
    """False when all its requests were cancelled or another run took it over."""
    try:
        with context.database.write(lock_s=context.waits.seconds) as connection:
            return work.is_wanted(connection, item.held)
    except WorkTakenOver:
        return False


def write_progress(context: Context, item: InWork) -> bool:
    """Whether the part is still wanted, as `is_wanted` has it. Raises RowLocked soon."""
    progress = item.progress
    try:
        with context.database.write(lock_s=MOMENT_S) as connection:
            if progress is None:
                return work.is_wanted(connection, item.held)
            now = context.database.now(connection)
            return bool(
                work.progress(
                    connection,
                    item.held,
                    step=progress.step,
                    percent=progress.percent,
                    done=progress.done,
                    estimated=_estimate(now, time.monotonic() - item.started, progress.percent),
                )
            )
    except WorkTakenOver:
        return False


def remove_files(context: Context, item: InWork) -> None:
    """What cannot be removed now is told, and marked when the part ends: the next run removes it."""
    if not item.path:
        return
    try:
        context.archives.delete(item.temporary)
        context.archives.delete(item.path)
    except StorageFailed as error:
        item.is_stuck = True
        context.tell_unremoved(item.temporary, str(error))


def leave_files(item: InWork) -> None:
    """To whoever clears away next: this run once its workers have ended, or the one after it."""
    item.is_stuck = bool(item.path)


def mark_stuck(connection: Connection, now: datetime, item: InWork) -> None:
    if item.is_stuck:
        mark_unfinished(connection, now, item.held.company_id, item.held.part, item.temporary)


def _estimate(now: datetime, elapsed: float, percent: int) -> datetime | None:
    """When the part will be ready if it goes on as it did; `elapsed` in seconds."""
    return now + timedelta(seconds=elapsed * (100 - percent) / percent) if percent else None
