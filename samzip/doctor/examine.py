"""One examination, told top to bottom."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from samzip.doctor import checks, probes
from samzip.doctor.facts import Extras
from samzip.doctor.findings import Finding, ok, problem
from samzip.doctor.values import shown
from samzip.doctor.versions import missing_extras, versions
from samzip.dossier.keys import FOLDER
from samzip.errors import BadSetting, SamzipError, StorageFailed
from samzip.host import FILE as HOST_ID
from samzip.settings import Settings, unknown_variables
from samzip.storage import open_store
from samzip.units import is_bucket, show_size

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from samzip.database import Database

STARTS = 10  # runs that tell the timer's pace
KNOWN = 3  # archives that are looked for
NEED_THE_DATABASE = ("clock", "downloads", "last run", "timer", "queue", "documents")


def examine(settings: Settings, opened: Callable[[Settings], AbstractContextManager[Database]]) -> Iterator[Finding]:
    """What can be checked without the database comes in any case. `opened` gives it, ready. Raises BadSetting."""
    yield checks.settings(shown(settings))
    yield from _said(checks.variables(unknown_variables(os.environ)))
    yield checks.versions(versions())
    missing = missing_extras(settings)
    yield from _said(checks.extras(Extras(missing)))
    yield from _said(checks.user(os.geteuid(), probes.owner(settings.state_dir)))
    if settings.log_file:
        yield checks.log_file(settings.log_file, writable=probes.may_append(Path(settings.log_file)))
    if settings.metrics_file:
        yield checks.metrics_file(settings.metrics_file, probes.replacement(Path(settings.metrics_file)))
    if (settings.notify_operators or settings.notify_requesters) and "notify" not in missing:
        yield checks.letters(probes.letters(settings))
    if settings.executor != "local" and "dask" not in missing:
        if settings.state_dir.is_dir() and (
            is_bucket(settings.archive_root) or Path(settings.archive_root, FOLDER).is_dir()
        ):
            yield checks.executor(settings.executor, *probes.cluster(settings))
        else:
            yield checks.executor_unseen()
    own = dict.fromkeys((settings.lock_path, settings.cache_dir, settings.temporary_dir), os.R_OK | os.W_OK)
    own[settings.state_dir / HOST_ID] = os.R_OK
    error, is_new = probes.state(settings.state_dir, own)
    yield checks.state(settings.state_dir, error, is_new)
    error, is_new = probes.archives(open_store(settings.archive_root))
    is_root_new = is_new and not Path(settings.archive_root).exists()
    archives = checks.archives(settings.archive_root, error, is_new, is_root_new=is_root_new)
    if not is_new:
        yield archives
    try:
        with opened(settings) as database:
            if is_new:  # unless the database knows better
                yield _missing_folder(settings, database) or archives
            yield from _with_database(settings, database)
    except BadSetting:
        raise
    except SamzipError as error_told:
        if is_new:
            yield archives
        yield problem("database", str(error_told), error_told.advice)
        yield checks.documents(probes.documents(open_store(settings.media_root), 0))
        yield checks.lock(probes.holder(settings, None, None), datetime.now(UTC))
        yield _state_room(settings)
        if not is_bucket(settings.archive_root):
            yield checks.room("room", probes.room(Path(settings.archive_root)), checks.ARCHIVE_ROOM, "a small archive")
        yield checks.skipped(NEED_THE_DATABASE)


def _with_database(settings: Settings, database: Database) -> Iterator[Finding]:
    from samzip.database.check import check
    from samzip.database.engine import shown_url
    from samzip.database.setup import HEAD
    from samzip.requests.health import largest_company, last_starts
    from samzip.requests.overview import last_finished

    lacking = check(settings.database_url).missing_rights  # before a connection is held: a pooler may have one only
    with database.read() as connection:
        now = database.now(connection)
        server = probes.server(database, connection)
        shown = shown_url(database.url)
        yield ok("database", f"{server} answers at {shown}; its schema is {HEAD}, as it should be")
        yield from _said((checks.files if database.is_sqlite else checks.rights)(lacking))
        yield checks.clock(probes.clock(database, connection))
        company, equipment = largest_company(connection)
        documents = probes.documents(open_store(settings.media_root), equipment)
        yield checks.documents(documents)
        waiting = probes.waiting(connection, now)
        yield from _said(_downloads(settings, connection, now))
        yield checks.lock(probes.holder(settings, connection, waiting.heartbeat), now)
        yield checks.last_run(next(iter(last_finished(connection)), None), now)
        yield checks.timer(last_starts(connection, now, STARTS), waiting, now)
        yield checks.queue(waiting, now)
        yield _state_room(settings)
        try:
            largest = probes.largest(settings, connection, company) if company and not documents.error else None
        except StorageFailed as error:
            largest = None
            yield problem("documents", str(error), error.advice)
    if largest:
        yield checks.reading(settings.media_root, largest)
    if is_bucket(settings.archive_root):
        return  # it has no end
    documents_of = f"the documents of {largest.name} ({show_size(largest.bytes)})" if largest else "no documents yet"
    needed = checks.ARCHIVE_ROOM + (largest.bytes if largest else 0)
    what = f"{documents_of} and what is made of them"
    yield checks.room("room", probes.room(Path(settings.archive_root)), needed, what)


def _state_room(settings: Settings) -> Finding:
    return checks.room(
        "state room", probes.room(settings.state_dir), checks.STATE_ROOM, "for lock, cache and snapshots"
    )


def _downloads(settings: Settings, connection: Connection, now: datetime) -> Finding | None:
    from samzip.requests.runs import newest_archives

    known = newest_archives(connection, now, KNOWN)
    absent = probes.absent(open_store(settings.archive_root), known)
    return checks.known_archives(settings.archive_root, known, absent or ())


def _missing_folder(settings: Settings, database: Database) -> Finding | None:
    """None: the folder is there, or no archive was ever made."""
    from samzip.housekeeping.absence import require_place

    try:
        with database.read() as connection:
            require_place(connection, open_store(settings.archive_root))
    except StorageFailed as error:
        return problem(
            "archives",
            str(error),
            "mount the volume or correct archive_root; if it is a new one, make that folder and put any file there; "
            "until then every run that has work ends with 12",
        )
    return None


def _said(finding: Finding | None) -> Iterator[Finding]:
    if finding is not None:
        yield finding
