"""Re-reads published archives, and takes damaged ones back so that the next run builds them again.

Verifying takes no lock and changes nothing. Taking back holds both locks, as a run does, and changes rows first: a kill
in between leaves a row that remembers the file, and the next run removes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import SEEK_END

from samzip.archive.verify import verify_zip
from samzip.database import Database
from samzip.dossier.keys import parse_key
from samzip.errors import DamagedArchive, StorageFailed
from samzip.housekeeping.absence import ABSENT, ODD, require_folder
from samzip.housekeeping.alone import Fleet
from samzip.requests import expire as expiry
from samzip.requests.integrity import Publication, is_published, publication_of, publications, withdraw
from samzip.settings import Settings
from samzip.storage import MissingFile, Store

OK = "ok"
DAMAGED = "damaged"
UNREADABLE = "unreadable"  # nobody can tell: a permission, a link
SKIPPED = "skipped"  # bears no archive's name

RUN = "verify"  # names the holder of the locks, as a run's id does


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one archive."""

    path: str
    state: str
    why: str  # "" when it is sound
    size: int  # bytes that were read
    entries: int
    requests: int  # that were served with it


@dataclass(frozen=True, slots=True)
class Repaired:
    """A damaged archive that was taken back."""

    path: str
    requests: int  # that wait again
    problem: str  # why its file is still there: the next run removes it


@dataclass(frozen=True, slots=True)
class Verifier:
    """One installation, looked at by one command."""

    settings: Settings
    database: Database
    archives: Store
    host: str  # as in batch.context.Context

    def find(self, request_id: int | None) -> list[Publication]:
        """One request's archive, or all of them. Raises UsageProblem, DatabaseUnreachable."""
        with self.database.read() as connection:
            now = self.database.now(connection)
            if request_id is None:
                return publications(connection, now, self.settings.ttl)
            return [publication_of(connection, now, self.settings.ttl, request_id)]

    def verify(self, found: Sequence[Publication]) -> Iterator[Verdict]:
        """Reads each archive in turn. One that expired meanwhile is passed over. Raises StorageFailed when the whole
        folder is gone."""
        for publication in found:
            verdict = self._verdict(publication)
            if verdict.state == OK or self._is_published(publication.path):
                yield verdict

    def repair(self, damaged: Sequence[Verdict], wait: float) -> Iterator[Repaired]:
        """Takes damaged archives back. `wait` in seconds. Raises LockBusy, DatabaseUnreachable, StorageFailed."""
        with Fleet(self.database, self.settings.lock_path, self.host, RUN).alone(wait) as tenure:
            for verdict in damaged:
                with tenure.write() as (connection, now):
                    requests = withdraw(connection, now, self.settings.ttl, verdict.path)
                yield Repaired(verdict.path, requests, self._remove(verdict.path))

    def _verdict(self, publication: Publication) -> Verdict:
        state, why, size, entries = OK, "", 0, 0
        if parse_key(publication.path) is None:
            state, why = SKIPPED, "this is no name that samzip or SAM gives to an archive"
        else:
            try:
                size, entries = self._read(publication)
            except DamagedArchive as damage:
                state, why = DAMAGED, str(damage)
            except MissingFile as missing:
                state, why = UNREADABLE, ODD.get(missing.reason, missing.reason)
                require_folder(self.archives)
                if missing.reason == ABSENT:
                    state, why = DAMAGED, "the file is gone"
            except OSError as error:  # a disk that no longer gives what it was given
                state, why = DAMAGED, f"cannot be read: {error.strerror or error}"
        return Verdict(publication.path, state, why, size, entries, publication.requests)

    def _read(self, publication: Publication) -> tuple[int, int]:
        """Bytes and entries of a sound archive. Raises DamagedArchive, MissingFile, OSError."""
        with self.archives.open(publication.path) as file:
            size = file.seek(0, SEEK_END)
            if publication.size and size != publication.size:
                raise DamagedArchive(f"has {size} bytes and should have {publication.size}")
            digest = hashlib.sha256()
            entries = verify_zip(file, digest).entries
            if publication.sha256 and digest.hexdigest() != publication.sha256:
                raise DamagedArchive("its SHA-256 is not the one that was noted when it was published")
        return size, entries

    def _is_published(self, path: str) -> bool:
        with self.database.read() as connection:
            return is_published(connection, self.database.now(connection), self.settings.ttl, path)

    def _remove(self, path: str) -> str:
        try:
            self.archives.delete(path)
        except StorageFailed as error:
            return str(error)
        with self.database.write() as connection:
            expiry.forget(connection, path)
        return ""
