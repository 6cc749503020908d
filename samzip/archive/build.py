"""Builds one part. Runs anywhere: plain values and store URLs in, a temporary file and its facts out, no database."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from samzip.archive.cache import LifeSheetCache
from samzip.archive.part import FailedSheet, PartJob, PartResult, Progress, Report
from samzip.archive.presence import require_documents
from samzip.archive.reading import ReadFailed, Reading, unreadable, unreadable_because
from samzip.archive.verify import verify_zip
from samzip.archive.zipwriter import Entry, ZipWriter
from samzip.catalog.model import Equipment
from samzip.dossier import checksums, leeme, missing, plan
from samzip.dossier.contents import Document
from samzip.dossier.life_sheet import DocumentLine, LifeSheet, Rendered, Unreadable, newest_record, render
from samzip.dossier.life_sheet.model import DAMAGED, OF_COMPANY, PHOTO, TOO_LARGE
from samzip.dossier.moments import in_zone
from samzip.dossier.remarks import remarks
from samzip.errors import StorageFailed
from samzip.storage import Held, MissingFile, Store, open_store

PREPARED_PERCENT = 15  # SAM's page counts instruments from 15 % to 85 %
EQUIPMENT_PERCENT = 70
VERIFYING = "Verificando el archivo ZIP..."
PICTURE_LIMIT = 64 << 20  # bytes; a larger photo or logo is delivered, but not drawn
TELL_S = 5.0  # at most so long a job says nothing while it copies a large document, or reads its archive again
IN_WORKBOOK = f"{plan.WORKBOOK} lo da por incluido"  # what nobody could know when it was made
EPOCH = datetime(1980, 1, 1, tzinfo=UTC)  # the first moment that a ZIP can name


def build_part(job: PartJob, report: Report) -> PartResult:
    """Raises StorageFailed when the archive cannot be written, or the documents' volume is away; a document that cannot
    be read is listed instead."""
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
        self.of_company: list[str] = []  # notes that part 1 counts, since they are those of all parts
        self.failed_sheets: list[FailedSheet] = []
        self.is_lasting = True  # until a life sheet lacks a picture that is there, or a file is not as it was looked at
        self.elsewhere = [(part, document) for part, document in job.spool.missing() if part != job.part]
        self.delivered = 0  # procedures
        self.bytes = 0
        self.told = (0, "", "")  # instruments, code, step
        self.told_at = time.monotonic()
        self.cache = LifeSheetCache(Path(job.cache_dir), job.spool.folder)

    def run(self) -> PartResult:
        job, target = self.job, open_store(self.job.archive_url)
        self.notes += [f"{OF_COMPANY}{remark}" for remark in job.records.unread]
        *owners, of_company = job.documents
        is_last = job.part == len(job.ranges)
        wanted = chain(*owners, of_company if is_last else ())
        self.media.expect((document.path, document.size, document.identity) for document in wanted if document.entry)
        with target.create(job.temporary) as file, ZipWriter(file) as archive:
            for done, (item, folder, documents) in enumerate(zip(job.equipment, job.folders, owners, strict=True)):
                self._tell(done, item.code, f"Procesando equipo {done + 1}/{len(job.equipment)}: {item.code}")
                self.notes += [f"Equipo {plan.label(item.code, folder)}, {remark}" for remark in remarks(item)]
                delivered = self._add_documents(archive, documents)
                self._add_life_sheet(archive, item, folder, delivered)
            self._tell(len(owners), "", "Procesando procedimientos de la empresa...")
            if is_last:
                self._add_procedures(archive, of_company)
            if job.part > 1:
                self.of_company = [note for note in self.notes if note.startswith(OF_COMPANY)]
                self.notes = [note for note in self.notes if not note.startswith(OF_COMPANY)]
            self._add_texts(archive)
        self._tell(len(owners), "", VERIFYING)
        held = target.held(job.temporary) or self._reread(target)
        target.sync(job.temporary)
        return PartResult(
            temporary=job.temporary,
            size=held.size,
            sha256=held.sha256,
            entries=len(self.sums),
            documents=tuple(self.odd),
            notes=tuple(self.notes),
            failed_sheets=tuple(self.failed_sheets),
            is_reusable=self.is_lasting and not self.failed_sheets and not self._lacks_what_is_there(),
        )

    def _reread(self, target: Store) -> Held:
        """What the store gives back."""
        digest = _Heard(self._tell_again)
        with target.open(self.job.temporary) as file:
            verify_zip(file, digest)
            return Held(file.tell(), digest.sha256.hexdigest())

    def _add_documents(self, archive: ZipWriter, documents: tuple[Document, ...]) -> tuple[Document, ...]:
        return tuple(self._add_document(archive, document) for document in documents)

    def _add_document(self, archive: ZipWriter, document: Document) -> Document:
        if document.entry is not None:
            try:
                with self._opened(document.path) as source:
                    modified = _local(datetime.fromtimestamp(document.modified, UTC), self.zone)
                    entry = archive.add_stream(
                        document.entry, Reading(source), modified, size_hint=document.size, progress=self._count
                    )
                    self._record(entry)
                self.is_lasting &= self.media.is_still(document.path, document.identity)
            except (MissingFile, ReadFailed) as error:
                require_documents(self.media)
                document = unreadable(document, error)
                document = replace(document, missing=f"{document.missing}; {IN_WORKBOOK}")
        if document.missing or document.note:
            self.odd.append(document)
        return document

    def _add_life_sheet(
        self, archive: ZipWriter, item: Equipment, folder: str, documents: tuple[Document, ...]
    ) -> None:
        photo = next((it for it in documents if it.title == plan.PHOTO_TITLE and it.entry), None)
        lines = tuple(
            DocumentLine(
                document.title,
                document.entry.removeprefix(f"{folder}/") if document.entry else None,
                document.missing,
            )
            for document in documents
        )

        def make() -> Rendered:
            sheet = LifeSheet(
                company=self.job.records.company,
                equipment=item,
                documents=lines,
                logo=self.logo,
                photo=self._read(photo.path) if photo else None,
                timezone=self.job.timezone,
            )
            unread = [it for it in (sheet.logo, sheet.photo) if isinstance(it, Unreadable) and it.reason != TOO_LARGE]
            is_still = self.logo_is_still and (not photo or self.media.is_still(photo.path, photo.identity))
            return replace(render(sheet), is_lasting=is_still and not unread)

        owner = plan.label(item.code, folder)
        photo_identity = photo.identity if photo else None
        shown = (self.job.records.company, item, lines, self.job.logo_identity, photo_identity, self.job.timezone)
        try:
            rendered = self.cache.get(shown, make)
        except StorageFailed:  # of a logo: the storage's trouble costs the part an attempt, not all its sheets
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it was, it costs this sheet and no other document
            reason = traceback.format_exception_only(error)[-1].strip()
            self.failed_sheets.append(FailedSheet(owner, reason, traceback.format_exc()))
            why = f"no se pudo generar; {IN_WORKBOOK}"
            self.odd.append(Document(owner, plan.LIFE_SHEET_TITLE, "", None, 0, 0, missing=why))
            return
        self.is_lasting = self.is_lasting and rendered.is_lasting
        notes = rendered.notes
        if photo is not None and rendered.photo_problem is not None:
            self.odd = [document for document in self.odd if document is not photo]  # one word on it is enough
            problem, is_damaged = rendered.photo_problem, rendered.photo_problem == DAMAGED
            self.odd.append(replace(photo, note=f"{problem}; se entrega como está", is_damaged=is_damaged))
            notes = tuple(note for note in notes if not note.startswith(PHOTO))
        for note in notes:
            told = note if note.startswith(OF_COMPANY) else f"Equipo {owner}, hoja de vida: {note}"
            if told not in self.notes:
                self.notes.append(told)
        self._record(
            archive.add_bytes(f"{folder}/{plan.LIFE_SHEET}.pdf", rendered.pdf, self._changed(item), compress=False)
        )

    @cached_property
    def logo(self) -> bytes | Unreadable | None:
        """Read when the first sheet is drawn."""
        return self._read(self.job.records.company.logo) if self.job.logo_identity else None

    @cached_property
    def logo_is_still(self) -> bool:
        """Whether what was read is what was looked at."""
        logo, identity = self.job.records.company.logo, self.job.logo_identity
        return not (self.logo and logo and identity) or self.media.is_still(logo, identity)

    def _add_procedures(self, archive: ZipWriter, documents: tuple[Document, ...]) -> None:
        delivered = self._add_documents(archive, documents)
        self.delivered = sum(document.entry is not None for document in delivered)
        if not self.delivered:
            procedures = [document for document in documents if document.title != plan.LOGO_TITLE]
            text = leeme.procedures_note(len(self.job.records.procedures), len(procedures))
            self._add_text(archive, f"{plan.PROCEDURES}/{plan.NO_PROCEDURES}", text, self._newest())

    def _add_texts(self, archive: ZipWriter) -> None:
        job, company = self.job, self.job.records.company
        name = f"{job.top}/{plan.WORKBOOK}"
        with job.spool.open_workbook() as workbook:
            self._record(archive.add_stream(name, workbook, self.generated, size_hint=0, compress=False))
        parts = len(job.ranges)
        text = missing.missing_list(company, job.part, parts, self.odd, self.notes, self.elsewhere, self.of_company)
        if text is not None:
            self._add_text(archive, plan.MISSING, text, self._newest())
        found = missing.tally(missing.warnings(self.odd, self.notes))
        readme = leeme.leeme(
            company,
            job.part,
            job.ranges,
            generated=job.generated.astimezone(self.zone),
            timezone=job.timezone,
            procedures=len(job.records.procedures),
            delivered=self.delivered,
            missing=found.missing,
            elsewhere=len(self.elsewhere),
            observations=found.observations,
            is_listed=text is not None,
        )
        self._add_text(archive, plan.README, readme, self.generated)
        sums = checksums.sha256sums((path, entry.sha256) for path, entry in self.sums)
        self._add_text(archive, plan.CHECKSUMS, sums, self.generated, "utf-8")

    def _add_text(
        self, archive: ZipWriter, path: str, text: str, modified: datetime, encoding: str = leeme.TEXT_ENCODING
    ) -> None:
        self._record(archive.add_bytes(f"{self.job.top}/{path}", text.encode(encoding), modified))

    def _record(self, entry: Entry) -> None:
        self.sums.append((entry.name.removeprefix(f"{self.job.top}/"), entry))

    def _read(self, path: str | None) -> bytes | Unreadable | None:
        """A picture, as a whole, or why there is none to draw; None for no path."""
        if path is None:
            return None
        try:
            if self.media.stat(path).size > PICTURE_LIMIT:
                return Unreadable(TOO_LARGE)
            with self._opened(path) as file:
                return file.read()
        except (MissingFile, OSError) as error:
            require_documents(self.media)
            return Unreadable(unreadable_because(error))

    def _opened(self, path: str) -> BinaryIO:
        """A document that was there a moment ago, and may be there again in the next. Raises MissingFile, StoreAway."""
        try:
            return self.media.open(path)
        except MissingFile:
            require_documents(self.media)
            return self.media.open(path)

    def _changed(self, item: Equipment) -> datetime:
        """When the newest of an instrument's records was made: a life sheet has no other date of its own."""
        return _local(newest_record(item) or EPOCH, self.zone)

    def _newest(self) -> datetime:
        """When the newest record of the part was made: for texts that tell of the data, not of the moment."""
        return max(map(self._changed, self.job.equipment), default=_local(EPOCH, self.zone))

    def _lacks_what_is_there(self) -> bool:
        documents = [*self.odd, *(document for _, document in self.elsewhere)]
        return any(document.missing and document.identity for document in documents)

    def _count(self, size: int) -> None:
        self.bytes += size
        self._tell_again()

    def _tell_again(self) -> None:
        if time.monotonic() - self.told_at >= TELL_S:
            self._tell(*self.told)

    def _tell(self, done: int, code: str, step: str) -> None:
        self.told, self.told_at = (done, code, step), time.monotonic()
        percent = PREPARED_PERCENT + EQUIPMENT_PERCENT * done // max(1, len(self.job.equipment))
        self.report(Progress(done, code, percent, step, self.bytes))


class _Heard:
    """A digest that says how it goes on."""

    def __init__(self, go_on: Callable[[], None]) -> None:
        self.sha256 = hashlib.sha256()
        self._go_on = go_on

    def update(self, data: bytes | memoryview, /) -> None:
        self.sha256.update(data)
        self._go_on()


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    """Naive local time, as a ZIP has it."""
    return in_zone(moment, zone).replace(tzinfo=None)
