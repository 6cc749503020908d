"""The place of a self-test: folders of its own, a database of its own, and real runs in it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import samzip
from samzip import address
from samzip.database import Database, open_database
from samzip.database.setup import initialise
from samzip.errors import StorageFailed, Unexpected
from samzip.options import OPTIONS
from samzip.requests.insert import insert_requests
from samzip.selftest import sample
from samzip.selftest.places import new_folder, new_root
from samzip.settings import Settings
from samzip.storage import Store, open_store

TTL = timedelta(seconds=8)  # so short that archives expire while runs are killed
RUN_LIMIT_S = 300
FINE = (0, 3)  # exit codes of a run that ended; 3: it counted attempts that died
TAIL = 5  # lines of a failed run that are shown


@dataclass(frozen=True, slots=True)
class Arena:
    """Everything in it goes when the test ends."""

    folder: Path  # state: lock, cache, database, documents
    archives: Store
    database: Database
    environment: Mapping[str, str]  # of the runs

    @property
    def spools(self) -> Path:
        return self.folder / "tmp"

    def click(self, user: str) -> tuple[int, ...]:
        """The numbers of the requests that one click made."""
        with self.database.write() as connection:
            now = self.database.now(connection)
            made = insert_requests(connection, now, user=user, company_id=None, part_size=sample.PART_SIZE)
        return made.request_ids

    def change(self, word: str) -> None:
        with self.database.write() as connection:
            sample.change(connection, word)

    def run(self) -> float:
        """A run that nobody disturbs. Returns its seconds. Raises StorageFailed, Unexpected with what it said."""
        began = time.monotonic()
        with self._started() as process:
            try:
                code = process.wait(RUN_LIMIT_S)
            except subprocess.TimeoutExpired as error:
                raise Unexpected(f"samzip run did not end within {RUN_LIMIT_S} s:\n{self._said()}") from error
        seconds = time.monotonic() - began
        if code not in FINE:
            wrong = StorageFailed if code == StorageFailed.exit_code else Unexpected
            raise wrong(f"samzip run ended with exit code {code}: {self._said()}")
        return seconds

    def kill(self, after: float) -> bool:
        """Starts a run and kills its whole process group with SIGKILL `after` seconds. False: it had ended by then."""
        with self._started() as process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(after)
            return process.poll() is None

    @contextmanager
    def _started(self) -> Iterator[subprocess.Popen[bytes]]:
        """No process of the run's group outlives the block."""
        with (self.folder / "run.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "samzip", "run", "--no-progress"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=dict(self.environment),
                start_new_session=True,
            )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _said(self) -> str:
        return "\n".join((self.folder / "run.log").read_text(errors="replace").splitlines()[-TAIL:])


@contextmanager
def open_arena(settings: Settings, dice: random.Random) -> Iterator[Arena]:
    """Places below the state folder and the archive root of `settings`; nothing of theirs is read or changed.

    Raises StorageFailed, BadSetting.
    """
    with (
        new_folder(settings.state_dir) as folder,
        new_root(settings.archive_root, folder) as archive_root,
        _filled(folder, dice) as database,
    ):
        environment = _environment(settings, folder, archive_root)
        yield Arena(folder, open_store(archive_root), database, environment)


@contextmanager
def _filled(folder: Path, dice: random.Random) -> Iterator[Database]:
    url = _database_url(folder)
    initialise(url)
    database = open_database(url)
    try:
        with database.write() as connection:
            sample.fill(connection, folder / "media", dice)
        yield database
    except OSError as error:
        raise StorageFailed(f"{error.filename or folder}: {error.strerror or error}") from error
    finally:
        database.close()


def _database_url(folder: Path) -> str:
    return address.of_file(folder / "samzip.sqlite3")


def _environment(settings: Settings, folder: Path, archive_root: str) -> dict[str, str]:
    """Every setting is given, so that none of the user's own can reach a run of this test."""
    own = {option.variable for option in OPTIONS} | {f"{option.variable}_FILE" for option in OPTIONS}
    rest = {name: value for name, value in os.environ.items() if name not in own | {"DATABASE_URL", "STATE_DIRECTORY"}}
    empty = folder / "samzip.toml"
    empty.write_bytes(b"")
    packages = str(Path(samzip.__file__).parents[1])
    return {
        **rest,
        "PYTHONPATH": os.pathsep.join(filter(None, [packages, rest.get("PYTHONPATH")])),
        "SAMZIP_CONFIG": str(empty),
        "SAMZIP_DATABASE_URL": _database_url(folder),
        "SAMZIP_STATE_DIR": str(folder),
        "SAMZIP_MEDIA_ROOT": str(folder / "media"),
        "SAMZIP_ARCHIVE_ROOT": archive_root,
        "SAMZIP_PART_SIZE": str(sample.PART_SIZE),
        "SAMZIP_TTL": f"{TTL.total_seconds():g}s",
        "SAMZIP_TIMEZONE": settings.timezone,
        "SAMZIP_JOBS": str(settings.jobs),
        "SAMZIP_LOG_FORMAT": "json",
        "SAMZIP_LOG_LEVEL": "warning",
    }
