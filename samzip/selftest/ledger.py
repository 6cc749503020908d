"""What was accepted, against what is there: the promise, counted.

Whatever happens, after the next run every accepted request is delivered, or waits for its next attempt, or failed with
a reason; no archive that anyone can see is torn; nothing is built twice; nothing is left behind.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, func, select

from samzip.archive.verify import verify_zip
from samzip.database.tables import archive, lease, notificacionzip, run, work, ziprequest
from samzip.dossier.keys import FOLDER, parse_key
from samzip.errors import DamagedArchive
from samzip.requests.states import PENDING
from samzip.storage import ABSENT, MissingFile, Store


@dataclass(slots=True)
class Broken:
    """Violations, each in words. The same one seen twice counts once."""

    lost: set[str] = field(default_factory=set)
    torn: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)
    left_over: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.lost or self.torn or self.twice or self.left_over)

    def add(self, other: Broken) -> None:
        self.lost |= other.lost
        self.torn |= other.torn
        self.twice |= other.twice
        self.left_over |= other.left_over

    def words(self) -> list[str]:
        """Each violation after its kind."""
        kinds = {"lost": self.lost, "torn": self.torn, "twice": self.twice, "left over": self.left_over}
        return [f"{kind}: {what}" for kind, found in kinds.items() for what in sorted(found)]


@dataclass(slots=True)
class Ledger:
    """Every request that was accepted, by the round of its click."""

    rounds: dict[int, int] = field(default_factory=dict)  # request id -> round

    def accept(self, request_ids: tuple[int, ...], number: int) -> None:
        self.rounds.update(dict.fromkeys(request_ids, number))


def judge_visible(archives: Store) -> Broken:
    """What any observer may see at any moment, also right after a kill."""
    broken = Broken()
    for name, _ in archives.list(FOLDER):
        if parse_key(name) is not None and (damage := _damage(archives, name)):
            broken.torn.add(f"{name}: {damage}")
    return broken


def judge_settled(connection: Connection, archives: Store, spools: Path, ledger: Ledger) -> tuple[Broken, Counter[str]]:
    """What must hold after a run that ended. Also: how many requests are delivered, waiting, failed."""
    broken = judge_visible(archives)
    requests = {row.id: row for row in connection.execute(select(ziprequest))}
    published = {row.path: row for row in connection.execute(select(archive))}
    pieces = {(row.company_id, row.part): row for row in connection.execute(select(work))}
    tally: Counter[str] = Counter()
    for request_id in ledger.rounds:
        state, lost = _judge_request(request_id, requests.get(request_id), published, pieces, archives)
        tally[state] += 1
        if lost:
            broken.lost.add(f"request #{request_id}: {lost}")
    broken.torn |= set(_torn(published, archives))
    broken.twice |= set(_twice(connection, requests, published, ledger))
    broken.left_over |= set(_left_over(connection, archives, spools, requests, published, pieces))
    return broken, tally


def _judge_request(
    request_id: int, row: Any, published: dict[str, Any], pieces: dict[tuple[int, int], Any], archives: Store
) -> tuple[str, str]:
    """delivered, waiting, failed or lost; and why it is lost."""
    if row is None:
        return "lost", "its row is gone"
    if row.status == "expired":  # it was delivered, and its time is over
        return "delivered", ""
    if row.status == "completed":
        known = published.get(row.file_path)
        if known is None or known.deleting:
            return "lost", "completed without an archive"
        return ("delivered", "") if _exists(archives, row.file_path) else ("lost", "its archive's file is gone")
    if row.status in PENDING:
        piece = pieces.get((row.empresa_id, row.parte_numero))
        return (
            ("waiting", "")
            if piece is not None and piece.token is None
            else ("lost", "pending, and no run would find it")
        )
    if row.status == "failed" and row.error_message:
        return "failed", ""
    return "lost", f"{row.status} after a run that ended"


def _torn(published: dict[str, Any], archives: Store) -> Iterator[str]:
    """A file that is sound in itself and is not the one that was noted."""
    for path, row in published.items():
        if row.deleting or not _exists(archives, path):
            continue
        with archives.open(path) as file:
            digest = hashlib.file_digest(cast(BufferedReader, file), "sha256").hexdigest()
        if digest != row.sha256:
            yield f"{path}: not the file that its row tells of"


def _twice(
    connection: Connection, requests: dict[int, Any], published: dict[str, Any], ledger: Ledger
) -> Iterator[str]:
    """One click's part in two files, two archives of the same content, a customer told twice."""
    files: dict[tuple[int, int, int], set[str]] = defaultdict(set)
    for request_id, number in ledger.rounds.items():
        row = requests.get(request_id)
        if row is not None and row.file_path:
            files[number, row.empresa_id, row.parte_numero].add(row.file_path)
    for (_, company_id, part), paths in files.items():
        if len(paths) > 1:
            yield f"part {part} of company {company_id}: {', '.join(sorted(paths))}"
    alike: dict[tuple[int, int, str], list[Any]] = defaultdict(list)
    for row in sorted(published.values(), key=lambda row: row.published_at):
        if row.fingerprint:
            alike[row.company_id, row.part, row.fingerprint].append(row)
    for rows in alike.values():
        for older, newer in pairwise(rows):
            if older.expires_at > newer.published_at:  # it could have been given again
                yield f"{older.path} and {newer.path} have the same content"
    told = connection.execute(
        select(notificacionzip.c.zip_request_id)
        .where(notificacionzip.c.tipo == "zip_ready")
        .group_by(notificacionzip.c.zip_request_id)
        .having(func.count() > 1)
    )
    yield from (f"request #{request_id} was announced more than once" for request_id in told.scalars())


def _left_over(
    connection: Connection,
    archives: Store,
    spools: Path,
    requests: dict[int, Any],
    published: dict[str, Any],
    pieces: dict[tuple[int, int], Any],
) -> Iterator[str]:
    for name, _ in archives.list(FOLDER):
        if name not in published:
            yield f"file {name}"
    for path, row in published.items():
        if row.deleting or not _exists(archives, path):
            yield f"row of archive {path}"
    if spools.is_dir():
        yield from (f"folder {spool}" for spool in spools.iterdir())
    wanted = {(row.empresa_id, row.parte_numero) for row in requests.values() if row.status in PENDING}
    for (company_id, part), piece in pieces.items():
        if piece.token is not None or (company_id, part) not in wanted:
            yield f"work row of part {part} of company {company_id}"
    if connection.execute(select(func.count()).where(run.c.finished_at.is_(None))).scalar_one():
        yield "the note of a run that has ended"
    if connection.execute(select(func.count()).select_from(lease)).scalar_one():
        yield "the lease of a run that has ended"


def _damage(archives: Store, name: str) -> str:
    try:
        with archives.open(name) as file:
            verify_zip(file)
    except DamagedArchive as damage:
        return str(damage)
    except MissingFile as missing:  # a bucket may do what a killed run had still asked for
        return "" if missing.reason == ABSENT else missing.reason
    return ""


def _exists(archives: Store, name: str) -> bool:
    try:
        archives.stat(name)
    except MissingFile:
        return False
    return True
