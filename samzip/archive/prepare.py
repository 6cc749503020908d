"""What is made of a survey before the first part of a company is built: the documents' names, and the workbook."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

from samzip.archive.build import Progress, Report, unreadable
from samzip.archive.spool import OwnerSurvey, Spool
from samzip.archive.survey import company_folder
from samzip.catalog.model import CompanyRecords
from samzip.dossier import names, plan
from samzip.dossier.contents import Document
from samzip.dossier.filetypes import HEAD_BYTES, real_extension
from samzip.storage import MissingFile, Store, open_store

WORKBOOK_PERCENT = 5  # on SAM's page
EMPTY_NOTE = "archivo vacío"


@dataclass(frozen=True, slots=True)
class PrepareJob:
    """Everything in plain values: it runs in a worker process."""

    spool: Spool  # with the survey
    parts: int
    media_url: str
    generated: datetime  # aware
    timezone: str


def prepare_company(job: PrepareJob, report: Report) -> None:
    """Reads the head of every document (HEAD_BYTES), notes their names in the spool and puts the workbook there.

    Raises StorageFailed.
    """
    spool, store = job.spool, open_store(job.media_url)
    records = spool.records()
    top = company_folder(records.company)
    for part in range(1, job.parts + 1):
        own, survey = spool.survey(part)
        allocator = _allocator(top, own)
        spool.write_documents(part, own, [list(_place(store, owner, allocator)) for owner in survey])
    report(Progress(0, "", WORKBOOK_PERCENT, "Generando Excel consolidado...", 0))
    _make_workbook(job, records)


def _allocator(top: str, folders: list[str]) -> names.NameAllocator:
    """Knows the names that every archive has, so that no document takes one of them."""
    allocator = names.NameAllocator()
    for fixed in (plan.README, plan.WORKBOOK, plan.MISSING, plan.CHECKSUMS):
        stem, _, extension = fixed.partition(".")
        allocator.file(top, stem, extension)
    for folder in folders:
        allocator.file(folder, plan.LIFE_SHEET, "pdf")
    return allocator


def _place(store: Store, owner: OwnerSurvey, allocator: names.NameAllocator) -> Iterator[Document]:
    """Gives each document of one owner that is there its name, by what it really is."""
    for source, found in owner:
        if isinstance(found, str):
            yield Document(source.equipment, source.title, source.path, None, 0, 0, missing=found)
            continue
        try:
            with store.open(source.path) as file:
                head = file.read(HEAD_BYTES) or b""
        except (MissingFile, OSError) as error:
            yield unreadable(
                Document(source.equipment, source.title, source.path, None, 0, 0, identity=found.etag), error
            )
            continue
        entry = allocator.file(source.folder, source.stem, real_extension(source.path, head))
        yield Document(
            source.equipment,
            source.title,
            source.path,
            entry,
            found.size,
            found.modified.timestamp(),
            note=None if found.size else EMPTY_NOTE,
            identity=found.etag,
        )


def _make_workbook(job: PrepareJob, records: CompanyRecords) -> None:
    from samzip.dossier.workbook import IndexLine, write_workbook

    def index() -> Iterator[IndexLine]:
        for part in range(1, job.parts + 1):
            for document in chain.from_iterable(job.spool.documents(part)[1]):
                yield IndexLine(
                    document.equipment, document.title, part, document.entry, document.size, document.missing
                )

    with job.spool.errors(), _temporary_files_in(job.spool.folder), job.spool.workbook.open("w+b") as target:
        write_workbook(
            target,
            records,
            job.spool.all_equipment(job.parts),
            index(),
            generated=job.generated,
            timezone=job.timezone,
        )


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """openpyxl leaves its temporary files where they are when it is killed: in the spool the next run finds them."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
