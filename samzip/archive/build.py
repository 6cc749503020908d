"""Builds one part. Runs anywhere: plain values and store URLs in, a temporary file and its facts out, no database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import RawIOBase
from pathlib import Path
from typing import BinaryIO, cast
from zoneinfo import ZoneInfo

from samzip.archive.cache import LifeSheetCache
from samzip.archive.verify import verify_zip
from samzip.archive.zipwriter import Entry, ZipWriter
from samzip.catalog.model import CompanyRecords, Equipment
from samzip.dossier import checksums, leeme, missing, plan
from samzip.dossier.contents import Document, PartRange
from samzip.dossier.life_sheet import DocumentLine, LifeSheet, Rendered, render
from samzip.errors import StorageFailed
from samzip.storage import MissingFile, Store, open_store

PREPARED_PERCENT = 15  # SAM's page counts instruments from 15 % to 85 %
EQUIPMENT_PERCENT = 70
PICTURE_LIMIT = 64 << 20  # bytes; a larger photo or logo is delivered, but not drawn
EPOCH = datetime(1980, 1, 1, tzinfo=UTC)  # the first moment that a ZIP can name


@dataclass(frozen=True, slots=True)
class PartJob:
    """Everything that one part needs, in plain values."""

    records: CompanyRecords
    top: str  # the company's folder
    equipment: tuple[Equipment, ...]
    folders: tuple[str, ...]  # of each instrument
    documents: tuple[tuple[Document, ...], ...]  # of each instrument, the procedures' last
    part: int  # from 1
    ranges: tuple[PartRange, ...]  # of all parts
    workbook: bytes
    generated: datetime  # aware
    timezone: str
    media_url: str
    archive_url: str
    temporary: str  # name in the archive store
    cache_dir: str  # of life sheets
    logo_identity: str | None  # None: it is missing


@dataclass(frozen=True, slots=True)
class PartResult:
    """A complete, verified, synced temporary file."""

    temporary: str
    size: int  # bytes
    sha256: str
    entries: int
    documents: tuple[Document, ...]  # only those that are missing or worth a word
    notes: tuple[str, ...]  # Spanish

    @property
    def lacking(self) -> list[Document]:
        """What a customer cannot use: missing, or damaged."""
        return [document for document in self.documents if document.missing or document.is_damaged]

    @property
    def is_reusable(self) -> bool:
        """Not when a file was there and could not be read: its state may heal without its size or time changing."""
        return not any(document.missing and document.identity for document in self.documents)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a build stands."""

    done: int  # instruments
    code: str  # of the instrument in work, or ""
    percent: int
    step: str  # as SAM's page shows it
    bytes: int  # of documents read


Report = Callable[[Progress], None]


def build_part(job: PartJob, report: Report) -> PartResult:
    """Raises StorageFailed when the archive cannot be written; a document that cannot be read is listed instead."""
    try:
        return _Build(job, report).run()
    except (OSError, MissingFile) as error:  # of the archive itself: a document's own errors never come so far
        why = error.reason if isinstance(error, MissingFile) else error.strerror or error
        raise StorageFailed(f"{job.archive_url}/{job.temporary}: {why}") from error


class _Build:
    def __init__(self, job: PartJob, report: Report) -> None:
        self.job = job
        self.report = report
        self.media: Store = open_store(job.media_url)
        self.zone = ZoneInfo(job.timezone)
        self.generated = _local(job.generated, self.zone)
        self.sums: list[tuple[str, Entry]] = []  # path below the company's folder
        self.odd: list[Document] = []  # missing, or worth a word
        self.notes: list[str] = []
        self.bytes = 0
        self.logo: bytes | None = None  # read when the first sheet is drawn
        self.cache = LifeSheetCache(Path(job.cache_dir))

    def run(self) -> PartResult:
        job, target = self.job, open_store(self.job.archive_url)
        if job.records.company.logo and job.logo_identity is None:
            self.notes.append("Logotipo de la empresa: no se pudo leer")
        with target.create(job.temporary) as file, ZipWriter(file) as archive:
            *owners, procedures = job.documents
            for done, (item, folder, documents) in enumerate(zip(job.equipment, job.folders, owners, strict=True)):
                self._tell(done, item.code, f"Procesando equipo {done + 1}/{len(job.equipment)}: {item.code}")
                delivered = self._add_documents(archive, documents)
                self._add_life_sheet(archive, item, folder, delivered)
            self._tell(len(owners), "", "Procesando procedimientos de la empresa...")
            if job.part == len(job.ranges):
                self._add_procedures(archive, procedures)
            self._add_texts(archive)
        self._tell(len(owners), "", "Verificando el archivo ZIP...")
        digest = hashlib.sha256()
        with target.open(job.temporary) as file:
            verified = verify_zip(file, digest)
            size = file.tell()
        target.sync(job.temporary)
        sha256 = digest.hexdigest()
        return PartResult(job.temporary, size, sha256, verified.entries, tuple(self.odd), tuple(self.notes))

    def _add_documents(self, archive: ZipWriter, documents: tuple[Document, ...]) -> tuple[Document, ...]:
        return tuple(self._add_document(archive, document) for document in documents)

    def _add_document(self, archive: ZipWriter, document: Document) -> Document:
        if document.entry is not None:
            try:
                with self.media.open(document.path) as source:
                    modified = _local(datetime.fromtimestamp(document.modified, UTC), self.zone)
                    entry = archive.add_stream(
                        document.entry, _Reading(source), modified, size_hint=document.size, progress=self._count
                    )
                    self._record(entry)
            except (MissingFile, _ReadFailed) as error:
                document = unreadable(document, error)
        if document.missing or document.note:
            self.odd.append(document)
        return document

    def _add_life_sheet(
        self, archive: ZipWriter, item: Equipment, folder: str, documents: tuple[Document, ...]
    ) -> None:
        photo = next((document for document in documents if document.path == item.photo and document.entry), None)
        lines = tuple(
            DocumentLine(
                document.title,
                document.entry.removeprefix(f"{folder}/") if document.entry else None,
                document.missing,
            )
            for document in documents
        )

        def make() -> Rendered:
            return render(
                LifeSheet(
                    company=self.job.records.company,
                    equipment=item,
                    documents=lines,
                    logo=self._logo(),
                    photo=self._read(photo.path) if photo else None,
                    timezone=self.job.timezone,
                )
            )

        photo_identity = photo.identity if photo else None
        shown = (self.job.records.company, item, lines, self.job.logo_identity, photo_identity, self.job.timezone)
        rendered = self.cache.get(shown, make)
        notes = rendered.notes
        if photo is not None and rendered.photo_problem is not None:
            self.odd.append(replace(photo, note=f"{rendered.photo_problem}; se entrega como está", is_damaged=True))
            notes = tuple(note for note in notes if not note.endswith(rendered.photo_problem))
        self.notes += [f"Equipo {item.code}, hoja de vida: {note}" for note in notes]
        self._record(
            archive.add_bytes(f"{folder}/{plan.LIFE_SHEET}.pdf", rendered.pdf, self._changed(item), compress=False)
        )

    def _logo(self) -> bytes | None:
        if self.logo is None:
            self.logo = self._read(self.job.records.company.logo) or b""
        return self.logo or None

    def _add_procedures(self, archive: ZipWriter, documents: tuple[Document, ...]) -> None:
        delivered = self._add_documents(archive, documents)
        if not any(document.entry for document in delivered):
            self._add_text(archive, f"{plan.PROCEDURES}/README.txt", leeme.NO_PROCEDURES)

    def _add_texts(self, archive: ZipWriter) -> None:
        job = self.job
        workbook = f"{job.top}/{plan.WORKBOOK}"
        self._record(archive.add_bytes(workbook, job.workbook, self.generated, compress=False))
        text = missing.missing_list(self.odd, self.notes)
        if text is not None:
            self._add_text(archive, plan.MISSING, text)
        readme = leeme.leeme(
            job.records.company,
            job.part,
            job.ranges,
            generated=job.generated.astimezone(self.zone),
            timezone=job.timezone,
            procedures=len(job.records.procedures),
            missing=sum(document.missing is not None for document in self.odd),
        )
        self._add_text(archive, plan.README, readme)
        sums = [(path, entry.sha256) for path, entry in self.sums]
        self._add_text(archive, plan.CHECKSUMS, checksums.sha256sums(sums), "utf-8")

    def _add_text(self, archive: ZipWriter, path: str, text: str, encoding: str = leeme.TEXT_ENCODING) -> None:
        self._record(archive.add_bytes(f"{self.job.top}/{path}", text.encode(encoding), self.generated))

    def _record(self, entry: Entry) -> None:
        self.sums.append((entry.name.removeprefix(f"{self.job.top}/"), entry))

    def _read(self, path: str | None) -> bytes | None:
        """A picture, as a whole; None when it cannot be read or is too large to be one."""
        if path is None:
            return None
        try:
            if self.media.stat(path).size > PICTURE_LIMIT:
                return None
            with self.media.open(path) as file:
                return file.read()
        except (MissingFile, OSError):
            return None

    def _changed(self, item: Equipment) -> datetime:
        """When the newest of an instrument's records was made: a life sheet has no other date of its own."""
        dates = [
            item.registered,
            item.decommission.registered if item.decommission else None,
            *(record.registered for record in item.calibrations),
            *(record.registered for record in item.maintenances),
            *(record.registered for record in item.verifications),
            *(record.registered for record in item.loans),
        ]
        return _local(max((moment for moment in dates if moment is not None), default=EPOCH), self.zone)

    def _count(self, size: int) -> None:
        self.bytes += size

    def _tell(self, done: int, code: str, step: str) -> None:
        percent = PREPARED_PERCENT + EQUIPMENT_PERCENT * done // max(1, len(self.job.equipment))
        self.report(Progress(done, code, percent, step, self.bytes))


class _ReadFailed(Exception):
    """A document stopped being readable half-way; the archive goes on without it."""


class _Reading:
    """Tells a source's read errors from the archive's write errors."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = cast(RawIOBase, source)

    def readinto(self, buffer: memoryview) -> int | None:
        try:
            return self._source.readinto(buffer)
        except OSError as error:
            raise _ReadFailed(error.strerror or str(error)) from error


def unreadable(document: Document, error: Exception) -> Document:
    """A document that was there and could not be read."""
    reason = error.reason if isinstance(error, MissingFile) else f"no se puede leer ({error.args[-1]})"
    return replace(document, entry=None, missing=reason)


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    """Naive local time; the ends of the calendar stay where they are."""
    try:
        return moment.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return moment.replace(tzinfo=None)
