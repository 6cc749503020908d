"""What the building of a part is given, and what it tells and returns: plain values that travel between processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from samzip.archive.spool import Spool
from samzip.catalog.model import CompanyRecords, Equipment
from samzip.dossier.contents import Document, PartRange


@dataclass(frozen=True, slots=True)
class PartJob:
    """Everything that one part needs, in plain values."""

    records: CompanyRecords
    top: str  # the company's folder
    equipment: tuple[Equipment, ...]
    folders: tuple[str, ...]  # of each instrument
    documents: tuple[tuple[Document, ...], ...]  # of each instrument, the company's own last
    part: int  # from 1
    ranges: tuple[PartRange, ...]  # of all parts
    spool: Spool  # holds the workbook, whose size grows with the inventory, and what is half written
    generated: datetime  # aware
    timezone: str
    media_url: str
    archive_url: str
    temporary: str  # name in the archive store
    cache_dir: str  # of life sheets
    logo_identity: str | None  # None: it is missing


@dataclass(frozen=True, slots=True)
class FailedSheet:
    """A life sheet that could not be drawn: a fault of samzip's, for operators to pass on."""

    equipment: str  # code
    reason: str  # type and words of the error
    traceback: str


@dataclass(frozen=True, slots=True)
class PartResult:
    """A complete, verified, synced temporary file."""

    temporary: str
    size: int  # bytes
    sha256: str
    entries: int
    documents: tuple[Document, ...]  # only those that are missing or worth a word
    notes: tuple[str, ...]  # Spanish
    failed_sheets: tuple[FailedSheet, ...]
    is_reusable: bool  # False when something was there and could not be read or drawn: nothing would tell that it heals


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a build stands."""

    done: int  # instruments
    code: str  # of the instrument in work, or ""
    percent: int
    step: str  # as SAM's page shows it
    bytes: int  # of documents read


Report = Callable[[Progress], None]
