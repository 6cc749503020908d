"""How a part in work ends: published, reused, failed, dropped, released.

The order of publishing is what makes it safe: the archive's name is noted on the work row before a byte is written;
the file is complete, verified and synced before it gets its name; the row is `completed` only after that.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import datetime, timedelta

from samzip.archive.part import PartResult
from samzip.batch import telling
from samzip.batch.context import Context
from samzip.batch.in_work import InWork, is_wanted, leave_files, mark_stuck, remove_files
from samzip.batch.reasons import reason
from samzip.dossier import missing
from samzip.dossier.keys import download_name
from samzip.errors import (
    DatabaseUnreachable,
    Deadlock,
    RowLocked,
    StatementCut,
    StorageFailed,
    Unexpected,
    WorkTakenOver,
    as_told,
)
from samzip.events import PartDropped, PartFailed, PartRef, PartReleased
from samzip.executors import WorkerDied
from samzip.housekeeping.absence import require_folder
from samzip.requests import giving_up, runs, wording, work
from samzip.requests.expire import forget
from samzip.requests.shown import read_warnings

PATIENCE_S = 30  # for a database that is away when a finished archive is to be noted
FINISH_S = 25  # for somebody else's row then: less than a server's statement_timeout may be (docs/operations.md)
GLANCE_S = 0.1


def publish(context: Context, item: InWork, result: PartResult) -> None:
    """Gives the finished file its name and completes the requests."""
    warnings = missing.warnings(result.documents, result.notes)
    found = missing.tally(warnings)
    published = work.Published(
        path=item.path,
        parts=item.company.cut.parts,
        size=result.size,
        sha256=result.sha256,
        fingerprint=item.company.fingerprint(item.held.part) if result.is_reusable else "",
        cut=item.company.cut.digest,
        download_name=_download_name(context, item),
        warnings=json.dumps(warnings, ensure_ascii=False),
    )
    try:
        if not is_wanted(context, item):
            drop(context, item, "cancelada mientras se generaba")
            return
        context.archives.publish(item.temporary, item.path)
    except StorageFailed as error:
        if context.stop:  # it may be published all the same, in a moment
            leave_files(item)
            release(context, item)
            return
        require_folder(context.archives)  # a volume that is away is nobody's attempt
        fail(context, item, error)
        return
    for event in telling.of_content(item.ref, result.failed_sheets, warnings):
        context.publish(event)
    requests, expires = _complete(context, item, published, found)
    if not requests:
        return
    item.is_served = True
    context.tally.update(published=1, completed=requests, bytes=result.size, **asdict(found))
    served = telling.Served(requests, expires, time.monotonic() - item.started)
    context.publish(telling.of_archive(item.ref, published, served, found, entries=result.entries))


def reuse(context: Context, item: InWork, known: runs.KnownArchive) -> None:
    """The content is that of an archive which is there already: the requests get the same file."""
    published = work.Published(
        path=known.path,
        parts=item.company.cut.parts,
        size=known.size,
        sha256=known.sha256,
        fingerprint=known.fingerprint,
        cut=item.company.cut.digest,
        download_name=known.download_name,
        warnings=known.warnings,
    )
    found = missing.tally(read_warnings(known.warnings))
    item.path = ""  # nothing of its own to remove
    try:
        requests, expires = _complete(context, item, published, found)
    except work.ArchiveGone:  # somebody found it damaged a moment ago: it is built anew
        release(context, item)
        return
    if not requests:
        return
    item.is_served = True
    context.tally.update(reused=1, completed=requests, **asdict(found))
    served = telling.Served(requests, expires, time.monotonic() - item.started)
    context.publish(telling.of_archive(item.ref, published, served, found, entries=None))


def fail(context: Context, item: InWork, error: BaseException) -> None:
    """Removes what the attempt left and counts it. What goes wrong once its requests are served is the run's trouble,
    and raised; so is what comes when they may be served: only the next run knows."""
    if item.is_served or item.is_unsure:
        raise error
    why = reason(error)
    remove_files(context, item)
    notice = wording.failed(item.ref.company, item.ref.part, item.ref.parts, why.told)
    try:
        with context.database.write(lock_s=context.waits.seconds) as connection:
            now = context.database.now(connection)
            mark_stuck(connection, now, item)
            failed = work.fail(
                connection,
                now,
                item.held,
                reason=why.full,
                told=why.told,
                max_attempts=context.settings.max_attempts,
                notice=notice,
                worker_died=isinstance(error, WorkerDied),
            )
    except WorkTakenOver as lost:
        _dropped(context, item, str(lost))
        return
    context.tally["failed"] += 1
    context.publish(PartFailed(item.ref, failed.reason, item.held.attempt, failed.retry_at))


def give_up(context: Context, company_id: int, error: Exception) -> None:
    """Each part of the company that waits has spent an attempt. Raises Unexpected, which names the company, when its
    rows do not allow even that."""
    why = reason(error)
    try:
        with context.database.write(lock_s=context.waits.seconds) as connection:
            if not context.is_alone(connection):
                return
            given_up = giving_up.give_up(
                connection,
                context.database.now(connection),
                company_id,
                run_id=context.run_id,
                reason=why.full,
                told=why.told,
                max_attempts=context.settings.max_attempts,
                worker_died=isinstance(error, WorkerDied),
            )
    except Exception as again:
        told = as_told(again)
        if not isinstance(told, Unexpected):
            raise
        raise Unexpected(f"company {company_id}: {told}") from error
    for part in given_up:
        held = part.held
        ref = PartRef(company_id, part.company, held.part, part.parts, held.request_id, held.user)
        context.tally["failed"] += 1
        context.publish(PartFailed(ref, part.failed.reason, held.attempt, part.failed.retry_at))


def drop(context: Context, item: InWork, why: str) -> None:
    """Nobody wants the part any more, or another run has it."""
    remove_files(context, item)
    try:
        with context.database.write(lock_s=context.waits.seconds) as connection:
            now = context.database.now(connection)
            mark_stuck(connection, now, item)
            work.drop(connection, now, item.held)
    except WorkTakenOver as error:
        why = str(error)
    _dropped(context, item, why)


def release(context: Context, item: InWork, *, is_hurried: bool = False) -> None:
    """Back to pending without counting the attempt: it was nobody's, and its files are removed.

    `is_hurried`: others are still to be given back. Raises RowLocked at once then.
    """
    try:
        with context.database.write(lock_s=GLANCE_S if is_hurried else context.waits.seconds) as connection:
            now = context.database.now(connection)
            mark_stuck(connection, now, item)
            work.release(connection, now, item.held)
    except WorkTakenOver as error:
        _dropped(context, item, str(error))
        return
    context.publish(PartReleased(item.ref))


def _complete(context: Context, item: InWork, published: work.Published, found: missing.Tally) -> tuple[int, datetime]:
    settings = context.settings
    notice = wording.ready(
        item.ref.company,
        item.ref.part,
        item.ref.parts,
        hours=settings.ttl / timedelta(hours=1),
        missing=found.missing,
        observations=found.observations,
    )
    try:
        requests, expires = _finish(context, item, published, notice)
    except WorkTakenOver as error:
        with context.database.read() as connection:
            completed = work.completed_with(connection, item.held, published.path)
        if completed is not None:
            return completed, item.company.generated + settings.ttl
        remove_files(context, item)
        _dropped(context, item, str(error))
        return 0, item.company.generated
    if not requests:
        remove_files(context, item)
        if not item.is_stuck:
            with context.database.write() as connection:
                forget(connection, item.temporary)
        _dropped(context, item, "cancelada mientras se generaba")
    return requests, expires


def _finish(context: Context, item: InWork, published: work.Published, notice: wording.Notice) -> tuple[int, datetime]:
    """One transaction; a database that is away for a moment does not cost a finished archive."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            with context.database.write(lock_s=FINISH_S) as connection:
                now = context.database.now(connection)
                expires = now + context.settings.ttl
                made, again = (item.temporary, False) if item.path else (None, True)
                return work.finish(connection, now, item.held, published, expires, notice, made, again), expires
        except DatabaseUnreachable as error:
            if isinstance(error, RowLocked) and not isinstance(error, Deadlock):  # that was waited for already
                raise
            item.is_unsure |= not isinstance(error, Deadlock | StatementCut)  # of these it is certain: not done
            if time.monotonic() >= until or context.stop:
                raise
            time.sleep(1)


def _dropped(context: Context, item: InWork, why: str) -> None:
    context.tally["dropped"] += 1
    context.publish(PartDropped(item.ref, why))


def _download_name(context: Context, item: InWork) -> str:
    span = item.company.range(item.held.part)
    made = context.local(item.company.generated)
    return download_name(item.ref.company, item.ref.part, item.ref.parts, span.first_code, span.last_code, made)
