"""The consolidated workbook, made from what lies in the spool."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, islice
from pathlib import Path

from samzip.archive.spool import Spool
from samzip.catalog.model import CompanyRecords, Equipment
from samzip.dossier import plan
from samzip.dossier.contents import Document
from samzip.dossier.remarks import remarks
from samzip.dossier.workbook import IndexLine, write_workbook


def make_workbook(
    spool: Spool,
    parts: int,
    records: CompanyRecords,
    top: str,
    *,
    is_complete: bool,
    generated: datetime,
    timezone: str,
) -> None:
    """Puts the workbook into the spool, which holds the documents by now.

    `top` is the company's folder in the archives; `is_complete` tells that no document is missing.
    Raises StorageFailed.
    """
    with spool.errors(), _temporary_files_in(spool.folder), spool.workbook.open("w+b") as target:
        write_workbook(
            target,
            records,
            _equipment(spool, parts),
            _index(spool, parts, records, top, is_complete),
            generated=generated,
            timezone=timezone,
        )


def _equipment(spool: Spool, parts: int) -> Iterator[tuple[Equipment, str]]:
    """Every instrument with the entry of its life sheet."""
    for part in range(1, parts + 1):
        folders, _ = spool.documents(part)
        for item, folder in zip(spool.equipment(part), folders, strict=True):
            yield item, _life_sheet(folder)


def _index(spool: Spool, parts: int, records: CompanyRecords, top: str, is_complete: bool) -> Iterator[IndexLine]:
    """A line for every entry of all parts, and for what is missing."""
    noted: int | None = None  # the first part that is known to have a remark, when not all have the list
    of_company: list[Document] = []
    codes = (plan.shown_code(*it) for it in spool.codes())
    for part in range(1, parts + 1):
        folders, documents = spool.documents(part)
        *owners, of_company = documents
        for code, folder, own in zip(islice(codes, len(folders)), folders, owners, strict=True):
            yield IndexLine(code, plan.LIFE_SHEET_TITLE, part, _life_sheet(folder))
            yield from (_line(part, document, code, folder) for document in own)
        for document in of_company:
            yield _line(part, document, None, top if document.title == plan.LOGO_TITLE else f"{top}/{plan.PROCEDURES}")
        if noted is None and is_complete and not records.unread and _has_remarks(spool, part, documents):
            noted = part
    if not any(document.entry for document in of_company):
        yield IndexLine(None, "Por qué no hay procedimientos", parts, f"{top}/{plan.PROCEDURES}/{plan.NO_PROCEDURES}")
    yield IndexLine(None, "Qué trae cada parte", None, f"{top}/{plan.README}")
    yield IndexLine(None, "Este informe", None, f"{top}/{plan.WORKBOOK}")
    yield IndexLine(None, "Sumas de comprobación", None, f"{top}/{plan.CHECKSUMS}")
    if noted or records.unread or not is_complete:
        yield IndexLine(None, "Faltantes y observaciones", noted, f"{top}/{plan.MISSING}")


def _has_remarks(spool: Spool, part: int, documents: list[list[Document]]) -> bool:
    noted = any(document.note for document in chain.from_iterable(documents))
    return noted or any(True for item in spool.equipment(part) for _ in remarks(item))


def _life_sheet(folder: str) -> str:
    return f"{folder}/{plan.LIFE_SHEET}.pdf"


def _line(part: int, document: Document, code: str | None, home: str) -> IndexLine:
    return IndexLine(
        code, document.title, part, document.entry, document.size, document.missing, document.note, home=home
    )


@contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """openpyxl leaves its temporary files where they are when it is killed: in the spool the next run finds them."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
