"""What is made of a survey before the first part of a company is built: the documents' names, and the workbook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from samzip.archive.part import Progress, Report
from samzip.archive.presence import require_documents
from samzip.archive.reading import unreadable
from samzip.archive.spool import OwnerSurvey, Spool
from samzip.archive.survey import CHECKING, company_folder
from samzip.dossier import names, plan
from samzip.dossier.contents import Document
from samzip.dossier.filetypes import HEAD_BYTES, mismatch, real_extension
from samzip.errors import StorageFailed
from samzip.storage import MissingFile, Stat, Store, open_store

WORKBOOK_PERCENT = 5  # on SAM's page
EMPTY_NOTE = "archivo vacío"
TELLING = 3  # documents of which none can be read: that is the storage's trouble, not theirs


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

    Raises StorageFailed; also when their volume is away, or not one document can be read that the survey saw: keys that
    may list and not read, a worker that reaches another storage than the leader.
    """
    spool, store = job.spool, open_store(job.media_url)
    records = spool.records()
    top = company_folder(records.company)
    missing: list[tuple[int, Document]] = []
    known = read = 0
    for part in range(1, job.parts + 1):
        own, survey = spool.survey(part)
        allocator = _allocator(top, own)
        there = [(source.path, found.size) for owner in survey for source, found in owner if isinstance(found, Stat)]
        heads = store.heads(there, HEAD_BYTES)
        documents = [list(_place(store, heads, owner, allocator)) for owner in survey]
        spool.write_documents(part, own, documents)
        report(Progress(0, "", 0, CHECKING, 0))
        missing += [(part, document) for document in chain.from_iterable(documents) if document.missing]
        known += len(there)
        read += sum(document.entry is not None for document in chain.from_iterable(documents))
    if known >= TELLING and not read:
        why = next(document.missing for _, document in missing if document.identity)
        raise StorageFailed(f"{job.media_url}: not one of {known} documents that are there can be read: {why}")
    spool.write_missing(missing)
    report(Progress(0, "", WORKBOOK_PERCENT, "Generando Excel consolidado...", 0))
    from samzip.archive.workbook import make_workbook  # openpyxl, which only workers need

    make_workbook(
        spool, job.parts, records, top, is_complete=not missing, generated=job.generated, timezone=job.timezone
    )


def _allocator(top: str, folders: list[str]) -> names.NameAllocator:
    """Knows the names that every archive has, so that no document takes one of them."""
    allocator = names.NameAllocator()
    for fixed in (plan.README, plan.WORKBOOK, plan.MISSING, plan.CHECKSUMS):
        stem, _, extension = fixed.partition(".")
        allocator.file(top, stem, extension)
    for folder in folders:
        allocator.file(folder, plan.LIFE_SHEET, "pdf")
    return allocator


def _place(
    store: Store, heads: Iterator[bytes | Exception], owner: OwnerSurvey, allocator: names.NameAllocator
) -> Iterator[Document]:
    """Gives each document of one owner that is there its name, by what it really is; `heads` has one for each."""
    for source, found in owner:
        document, head = Document(source.equipment, source.title, source.path, None, 0, 0), b""
        if isinstance(found, str):
            document = replace(document, missing=found)
        else:
            read = next(heads)
            if isinstance(read, MissingFile):
                require_documents(store)
                (read,) = store.heads([(source.path, found.size)], HEAD_BYTES)  # it was away for a moment
            if isinstance(read, bytes):
                head = read
            else:
                require_documents(store)
                document = unreadable(replace(document, identity=found.etag), read)
        # One that is missing has a name as well, which nobody else gets: it may be back tomorrow.
        entry = allocator.file(source.folder, source.stem, real_extension(source.path, head))
        if isinstance(found, str) or document.missing:
            yield document
            continue
        yield replace(
            document,
            entry=entry,
            size=found.size,
            modified=found.modified.timestamp(),
            note=mismatch(source.path, head) if found.size else EMPTY_NOTE,
            identity=found.etag,
        )
