"""What can be told of a SQLite file before SQLAlchemy is imported, which is most of what a run costs that has nothing
to do; and a timer comes every minute.

A run that rests may err to one side only: whatever it does not know, or finds, is left to a whole run, which asks anew.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from samzip import __version__
from samzip.errors import LockBusy, StorageFailed
from samzip.host import host_id
from samzip.locks import file_lock
from samzip.settings import Settings
from samzip.temporary import folders_of_runs, notes_of_sockets

if TYPE_CHECKING:
    from samzip.events import Event, RunFinished

REVISION = "0004"  # of samzip's schema
SLACK = timedelta(hours=1)  # history goes so much later where nothing else happens
GLANCE_S = 0.1  # for somebody else's lock

# Each of these is something for a whole run, or not known to be nothing.
FOUND = (
    "SELECT 1 FROM core_ziprequest WHERE status IN ('pending', 'queued', 'processing')",
    "SELECT 1 FROM core_ziprequest WHERE status = 'completed'"
    " AND COALESCE(expires_at <= :now, COALESCE(completed_at, created_at) <= :over)",
    "SELECT 1 FROM core_ziprequest WHERE +status IN ('failed', 'expired', 'cancelled')"  # +: found by their number
    " AND COALESCE(completed_at, created_at) < :old AND id < COALESCE((SELECT id FROM core_ziprequest"
    " WHERE created_at >= :old AND created_at <= CURRENT_TIMESTAMP ORDER BY id LIMIT 1), 9223372036854775807)",
    "SELECT 1 FROM samzip_work",
    "SELECT 1 FROM samzip_lease",
    "SELECT 1 FROM samzip_archive WHERE deleting OR expires_at <= :now",
    "SELECT 1 FROM samzip_attempt WHERE ended_at IS NULL OR ended_at < :old",
    "SELECT 1 FROM samzip_run WHERE finished_at IS NULL OR started_at < :old",
    "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM samzip_version WHERE version_num = :revision)",
)
QUESTION = f"SELECT {' OR '.join(f'EXISTS ({found})' for found in FOUND)}"
# Companies that wait for an attempt that is due, and have no archive that could be given again.
TO_BUILD = (
    "SELECT empresa_id FROM core_ziprequest WHERE status IN ('pending', 'queued')"
    " EXCEPT SELECT company_id FROM samzip_archive WHERE NOT deleting AND expires_at > :now"
    " EXCEPT SELECT company_id FROM samzip_work WHERE not_before > :now"
    " LIMIT 1"
)
NOTE = (
    "INSERT INTO samzip_run (id, host, pid, version, started_at, heartbeat_at, finished_at, outcome, counts)"
    " VALUES (:run, :host, :pid, :version, :now, :now, :now, 'nothing', '{}')"
)


@dataclass(frozen=True, slots=True)
class Rested:
    """An idle run, over and noted."""

    run: str
    host: str
    jobs: int
    seconds: float

    def events(self) -> list[Event]:
        """What a whole run tells when it finds nothing."""
        from samzip import events as e  # thirty classes that a quiet run has no use for

        return [
            e.RunStarted(self.run, self.host, os.getpid(), self.jobs, None),
            e.CleaningStarted(),
            e.HistoryDeleted(0),
            e.QueueEmpty(1, 0),
            self.finished(),
            e.RunEnded(self.run, 0, ""),
        ]

    def finished(self) -> RunFinished:
        from samzip.events import Counts, RunFinished

        return RunFinished(self.run, "nothing", Counts(), self.seconds)


def rest(settings: Settings, now: datetime | None = None) -> Rested | None:
    """Makes an idle run, if nothing else is to be done. None, and nothing is changed: it takes a whole run.

    `now` is aware; without it, the clock's.
    """
    path = _file(settings)
    if path is None:
        return None
    started = time.monotonic()
    run_id = os.urandom(6).hex()
    try:
        host = host_id(settings)
        with file_lock(settings.lock_path, wait=0, run_id=run_id, host=host), closing(_connect(path)) as connection:
            if _has_left_overs(settings) or not _is_noted(connection, settings, run_id, host, now):
                return None
    except (LockBusy, StorageFailed, OSError, sqlite3.Error):  # a whole run waits longer, and words it
        return None
    return Rested(run_id, host, settings.jobs, time.monotonic() - started)


def will_build(settings: Settings) -> bool:
    """Whether a run that comes now is sure to build archives, as far as can be seen. Changes nothing."""
    path = _file(settings)
    if path is None:
        return False
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(" ")
    try:
        with (
            file_lock(settings.lock_path, wait=0, run_id="", host=host_id(settings)),
            closing(_connect(path)) as connection,
        ):
            return connection.execute(TO_BUILD, {"now": now}).fetchone() is not None
    except (LockBusy, StorageFailed, OSError, sqlite3.Error):  # the run itself meets it, and words it
        return False


def _file(settings: Settings) -> Path | None:
    """The database, if it is a file under a plain name."""
    name = settings.database_url.removeprefix("sqlite:///")
    if name == settings.database_url or not name or any(odd in name for odd in "?%:"):
        return None
    return Path(name).expanduser().absolute()


def _has_left_overs(settings: Settings) -> bool:
    folder = settings.temporary_dir
    return bool(folders_of_runs(folder) or notes_of_sockets(folder))


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=GLANCE_S, isolation_level=None)


def _is_noted(
    connection: sqlite3.Connection, settings: Settings, run_id: str, host: str, moment: datetime | None
) -> bool:
    """Looks and notes in one transaction: nobody clicks in between."""
    connection.execute("BEGIN IMMEDIATE")
    now = moment or datetime.now(UTC)
    moments = {"now": now, "over": now - settings.ttl, "old": now - settings.history - SLACK}
    texts = {name: moment.replace(tzinfo=None).isoformat(" ") for name, moment in moments.items()}
    if connection.execute(QUESTION, {**texts, "revision": REVISION}).fetchone() != (0,):
        connection.rollback()
        return False
    note = {"run": run_id, "host": host, "pid": os.getpid(), "version": __version__, "now": texts["now"]}
    connection.execute(NOTE, note)
    connection.commit()
    return True
