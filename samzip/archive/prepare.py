"""What all parts of a company share: where every document goes, what would change an archive, the workbook."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path

from samzip.archive.build import BUILD_VERSION, Progress, Report, unreadable
from samzip.archive.spool import OwnerSurvey, Spool
from samzip.catalog.model import Company, CompanyRecords
from samzip.dossier import names, plan
from samzip.dossier.contents import Document, PartRange
from samzip.dossier.filetypes import HEAD_BYTES, real_extension
from samzip.storage import MissingFile, Stat, Store, open_store

WORKBOOK_PERCENT = 5  # on SAM's page
EMPTY_NOTE = "archivo vacío"


@dataclass(frozen=True, slots=True)
class PrepareJob:
    """Everything in plain values: it runs in a worker process."""

    spool: Spool
    parts: int
    wanted: frozenset[int]  # parts that requests ask for
    media_url: str
    known: frozenset[str]  # fingerprints of archives that can be given again
    generated: datetime  # aware
    timezone: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the leader needs to know; the rest lies in the spool."""

    fingerprints: tuple[str, ...]  # of each part
    ranges: tuple[PartRange, ...]
    bytes: tuple[int, ...]  # of each part's documents
    logo_identity: str | None


def company_folder(company: Company) -> str:
    """The top folder of every archive of a company."""
    return names.NameAllocator().folder("", company.name, limit=names.COMPANY_LIMIT)


def prepare_company(job: PrepareJob, report: Report) -> Prepared:
    """Looks at every document once, without opening it; opens them (HEAD_BYTES) and makes the workbook only when a
    wanted part has to be built. Raises StorageFailed."""
    spool, store = job.spool, open_store(job.media_url)
    records = spool.records()
    logo = _look(store, records.company.logo) if records.company.logo else None
    digest = hashlib.sha256(
        repr((BUILD_VERSION, job.timezone, job.parts, records, logo)).encode("utf-8", "surrogatepass")
    )
    ranges, sizes = [], []
    top = company_folder(records.company)
    folders = names.NameAllocator()
    for part in range(1, job.parts + 1):
        equipment = spool.equipment(part)
        own = [folders.folder(f"{top}/{plan.EQUIPMENT}", item.code, limit=names.CODE_LIMIT) for item in equipment]
        procedures = records.procedures if part == job.parts else ()
        owners = [plan.equipment_sources(item, folder) for item, folder in zip(equipment, own, strict=True)]
        owners.append(plan.procedure_sources(procedures, f"{top}/{plan.PROCEDURES}"))
        survey = [[(source, _look(store, source.path)) for source in sources] for sources in owners]
        digest.update(repr((equipment, survey)).encode("utf-8", "surrogatepass"))
        ranges.append(PartRange(part, equipment[0].code, equipment[-1].code, len(equipment)))
        sizes.append(sum(found.size for owner in survey for _, found in owner if isinstance(found, Stat)))
        spool.write_survey(part, own, survey)
    fingerprints = tuple(
        hashlib.sha256(f"{digest.hexdigest()} {part}".encode()).hexdigest() for part in range(1, job.parts + 1)
    )
    prepared = Prepared(fingerprints, tuple(ranges), tuple(sizes), logo.etag if isinstance(logo, Stat) else None)
    if all(fingerprints[part - 1] in job.known for part in job.wanted):
        return prepared
    for part in range(1, job.parts + 1):
        own, survey = spool.survey(part)
        allocator = _allocator(top, own)
        spool.write_documents(part, own, [list(_place(store, owner, allocator)) for owner in survey])
    report(Progress(0, "", WORKBOOK_PERCENT, "Generando Excel consolidado...", 0))
    _make_workbook(job, records, top)
    return prepared


def _look(store: Store, path: str) -> Stat | str:
    try:
        return store.stat(path)
    except MissingFile as error:
        return error.reason


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


def _make_workbook(job: PrepareJob, records: CompanyRecords, top: str) -> None:
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
