"""Looks, and tries what a run will do. What it writes, it removes."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from samzip.doctor.facts import Clock, Documents, Holder, Largest, Letters, Room, Waiting
from samzip.dossier.keys import DOCTOR_RENAMED, DOCTOR_WRITTEN, FOLDER
from samzip.errors import ClusterFailed, StorageFailed
from samzip.host import known_host_id
from samzip.locks import is_held, read_holder
from samzip.settings import Settings
from samzip.storage import ABSENT, MissingFile, Stat, Store, open_store
from samzip.units import is_bucket

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from samzip.archive.spool import Spool
    from samzip.database import Database

PROBE = b"samzip doctor\n"
PIECE = 16 << 10  # bytes of a document


def clock(database: Database, connection: Connection) -> Clock:
    before = datetime.now(UTC)
    theirs = database.now(connection)
    after = datetime.now(UTC)
    return Clock(before + (after - before) / 2, theirs, database.is_sqlite)


def server(database: Database, connection: Connection) -> str:
    """What answers, with its version."""
    version = ".".join(map(str, connection.dialect.server_version_info or ()))
    return f"{'SQLite' if database.is_sqlite else 'PostgreSQL'} {version}".strip()


def documents(store: Store, equipment: int) -> Documents:
    try:
        store.check_readable()
        is_empty = store.is_empty(FOLDER)
    except StorageFailed as error:
        return Documents(store.url, str(error), False, equipment)
    return Documents(store.url, None, is_empty, equipment)


def archives(store: Store) -> tuple[str | None, bool]:
    """The error, and whether the folder is yet to be made: then nothing is written, since who makes it owns it."""
    folder = Path(store.url, FOLDER)
    if not is_bucket(store.url) and not folder.is_dir():
        root = nearest(folder)
        return (None, True) if os.access(root, os.W_OK | os.X_OK) else (f"{root}: this user may not write here", True)
    try:
        with store.create(DOCTOR_WRITTEN) as file:
            file.write(PROBE)
        store.sync(DOCTOR_WRITTEN)
        store.publish(DOCTOR_WRITTEN, DOCTOR_RENAMED)
        with store.open(DOCTOR_RENAMED) as file:
            same = file.read() == PROBE
        store.delete(DOCTOR_RENAMED)
    except (StorageFailed, MissingFile, OSError) as error:
        for name in (DOCTOR_WRITTEN, DOCTOR_RENAMED):
            with suppress(StorageFailed):  # the trouble is told already
                store.delete(name)
        if isinstance(error, StorageFailed):  # it names the folder itself
            return str(error), False
        why = error.reason if isinstance(error, MissingFile) else error.strerror
        return f"{store.url}/{FOLDER}: {why or error}", False
    return (None if same else f"{store.url}/{FOLDER}: what was written reads back as something else"), False


def absent(store: Store, paths: Sequence[str]) -> list[str] | None:
    """Those of these archives that are not there. None: the store cannot say."""
    gone = []
    for path in paths:
        try:
            store.stat(path)
        except MissingFile as error:
            if error.reason == ABSENT:
                gone.append(path)
        except StorageFailed:
            return None
    return gone


def cluster(settings: Settings) -> tuple[int, str | None]:
    """Workers that the scheduler has now, and why they cannot work."""
    from samzip.cluster_joining import count_workers

    try:
        return count_workers(settings, settings.state_dir / "doctor-cluster"), None
    except (ClusterFailed, StorageFailed) as error:
        return 0, str(error)


def state(folder: Path, own: Mapping[Path, int]) -> tuple[str | None, bool]:
    """The error, and whether the folder is yet to be made. `own`: what else runs use there, and how (os.R_OK ...)."""
    if not folder.is_dir():
        root = nearest(folder)
        return (None, True) if os.access(root, os.W_OK | os.X_OK) else (f"{root}: this user may not write here", True)
    written, renamed = folder / "doctor.new", folder / "doctor"
    try:
        try:
            with written.open("wb") as file:
                file.write(PROBE)
                file.flush()
                os.fsync(file.fileno())
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            written.rename(renamed)
        finally:
            for path in (written, renamed):
                path.unlink(missing_ok=True)
        for path, how in own.items():
            if path.exists() and not os.access(path, how):
                may = "write there" if how & os.W_OK else "read it"
                return f"{path} is user {path.stat().st_uid}'s, and this one may not {may}", False
    except OSError as error:
        return f"{error.filename or folder}: {error.strerror or error}", False
    return None, False


def may_append(path: Path) -> bool:
    """Without making the file."""
    if path.exists():
        return os.access(path, os.W_OK)
    return path.parent.is_dir() and os.access(path.parent, os.W_OK | os.X_OK)


def replacement(path: Path) -> str | None:
    """Why none can be written beside the file, as metrics are before they are renamed."""
    written = path.with_name(f"{path.name}.doctor")  # no name that a collector reads
    try:
        if path.is_dir():
            return os.strerror(errno.EISDIR)
        try:
            written.write_bytes(PROBE)
        finally:
            written.unlink(missing_ok=True)
    except OSError as error:
        return error.strerror or str(error)
    return None


def owner(folder: Path) -> int | None:
    """User id; None where there is no such folder."""
    try:
        return folder.stat().st_uid
    except OSError:
        return None


def room(folder: Path) -> Room:
    """Of the file system that a folder is on, or will be. Raises OSError."""
    found = os.statvfs(nearest(folder))
    return Room(str(nearest(folder)), found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None)


def nearest(path: Path) -> Path:
    """The path itself or the first folder above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def holder(settings: Settings, connection: Connection | None, heartbeat: datetime | None) -> Holder:
    """Without a database, who has the file lock."""
    from samzip.requests.health import lease_holder

    signed = read_holder(settings.lock_path) or {}
    host, expires = (connection and lease_holder(connection)) or (None, None)
    return Holder(
        path=str(settings.lock_path),
        is_held=is_held(settings.lock_path),
        pid=signed.get("pid", "?"),
        host=signed.get("host", "?"),
        since=signed.get("started", "?"),
        heartbeat=heartbeat,
        own_host=known_host_id(settings),
        lease_host=host,
        lease_expires=expires,
    )


def letters(settings: Settings) -> Letters:
    """Nothing is sent. What Apprise says of an address is not told: it quotes from it."""
    import apprise

    given = [("notify_operators", address) for address in settings.notify_operators]
    if settings.notify_requesters:
        given.append(("notify_requesters", settings.notify_requesters.replace("{email}", "ana%40example.com")))
    unknown = []
    with apprise.LogCapture():  # type: ignore[no-untyped-call]
        for setting, address in given:
            if not apprise.Apprise().add(address):
                unknown.append((setting, address.partition("://")[0]))
    return Letters(len(given) - len(unknown), tuple(unknown))


def waiting(connection: Connection, now: datetime) -> Waiting:
    from samzip.requests.health import retrying
    from samzip.requests.pulse import pulse

    beat, again = pulse(connection, now), retrying(connection)
    return Waiting(beat.waiting, beat.oldest, beat.heartbeat, again.parts, again.last_error)


def largest(settings: Settings, connection: Connection, company_id: int) -> Largest | None:
    """As a run would look at it: every document is looked at, and one is read. Raises StorageFailed."""
    from samzip.archive.spool import Spool
    from samzip.archive.survey import SurveyJob, survey_company
    from samzip.catalog.read import read_equipment, read_records

    records = read_records(connection, company_id)
    if records is None:
        return None
    with TemporaryDirectory(prefix="samzip-doctor-") as folder:
        spool = Spool(Path(folder))
        parts = spool.write_snapshot(records, read_equipment(connection, company_id, settings.part_size)).parts
        job = SurveyJob(spool, parts, settings.media_root, settings.archive_root, settings.timezone, date.min)
        survey = survey_company(job, lambda _: None)
        unread = None
        if sum(survey.bytes):
            unread = _unread(open_store(settings.media_root), _documents(spool, parts))
    return Largest(records.company.name, sum(survey.bytes), survey.is_all_missing, unread)


def _documents(spool: Spool, parts: int) -> Iterator[tuple[str, int]]:
    """Path and size of each that is there."""
    for part in range(1, parts + 1):
        for owner in spool.survey(part)[1]:
            yield from ((source.path, found.size) for source, found in owner if isinstance(found, Stat))


def _unread(store: Store, documents: Iterator[tuple[str, int]]) -> str | None:
    """Why the largest cannot be read, from its beginning and in pieces, as runs do. Raises StorageFailed."""
    path, size = max(documents, key=lambda it: it[1])
    (piece,) = store.heads([(path, size)], PIECE)
    if isinstance(piece, Exception):
        return f"{store.url}/{path}: {piece}"
    try:
        with store.open(path) as file:
            begin = file.read(len(piece))
    except MissingFile as error:
        return f"{store.url}/{path}: {error.reason}"
    return None if begin == piece else f"{store.url}/{path}: a piece of it reads as something else"
