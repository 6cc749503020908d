"""The .xlsx package: openpyxl makes everything but the rows, which are spliced in from their files.

openpyxl's own write-only mode takes more than twice as long for 100,000 documents, keeps their hyperlinks
in memory (280 MB) and stamps the package with the time of day. Here memory is constant and the same input
gives the same bytes.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import IO, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.writer.excel import ExcelWriter

from samzip.dossier.workbook.pages import FIRST_ROW, Page

CHUNK = 1 << 16  # bytes
ENTRY_DATE = (1980, 1, 1, 0, 0, 0)  # ZIP's first day, as Excel writes it
UNIX = 3  # create_system, else it depends on the machine

_DIMENSION = re.compile(rb'<dimension ref="[^"]*"\s*/>')
_NO_ROWS = re.compile(rb"<sheetData\s*/>|<sheetData>\s*</sheetData>")
# Titles to repeat in print: openpyxl names rows and then columns, Excel the other way round.
_ROWS_FIRST = re.compile(rb'(<definedName name="_xlnm.Print_Titles"[^>]*>)([^<]*![$]\d+:[$]\d+),([^<]*)<')
_RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_XML = b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def write_package(target: BinaryIO, workbook: Workbook, pages: Sequence[Page]) -> None:
    """Write `workbook`, whose sheets are empty, with the rows of `pages`, one for each sheet in order."""
    skeleton = BytesIO()
    # Not Workbook.save(): it would overwrite the time of modification. One that fails would leave it open, and Python
    # complain of that some time later, on the terminal.
    with ZipFile(skeleton, "w") as made:
        ExcelWriter(workbook, made).save()
    bodies = {f"xl/worksheets/sheet{place}.xml": page for place, page in enumerate(pages, 1)}
    with ZipFile(skeleton) as source, ZipFile(target, "w") as archive:
        for name in source.namelist():
            page = bodies.get(name)
            content = source.read(name)
            if name == "xl/workbook.xml":
                content = _ROWS_FIRST.sub(rb"\1\3,\2<", content)
            _write(archive, name, [content] if page is None else _sheet(content, page))
        for place, page in enumerate(pages, 1):
            if page.link_count:
                _write(archive, f"xl/worksheets/_rels/sheet{place}.xml.rels", _relationships(page))


def _write(archive: ZipFile, name: str, chunks: Iterator[bytes] | list[bytes]) -> None:
    info = ZipInfo(name, ENTRY_DATE)
    info.compress_type = ZIP_DEFLATED
    info.create_system = UNIX
    info.external_attr = 0o644 << 16
    with archive.open(info, "w") as entry:
        for chunk in chunks:
            entry.write(chunk)


def _sheet(xml: bytes, page: Page) -> Iterator[bytes]:
    """The sheet with its rows; elements in the order of ECMA-376 part 1, 18.3.1.99."""
    extent = f"A1:{get_column_letter(page.columns)}{page.last_row}"
    xml = _DIMENSION.sub(f'<dimension ref="{extent}"/>'.encode(), xml, count=1)
    head, *tails = _NO_ROWS.split(xml, maxsplit=1)
    if not tails or not xml.rstrip().endswith(
        b"</worksheet>"
    ):  # lxml tells no write error of openpyxl's temporary file
        raise OSError(errno.EIO, "the workbook's temporary file was not written whole")
    (tail,) = tails
    before_margins, margins, rest = tail.partition(b"<pageMargins")
    yield head + b"<sheetData>"
    yield from _content(page.rows)
    yield b"</sheetData>" + before_margins
    if page.link_count:
        yield f'<hyperlinks xmlns:r="{_RELATIONSHIPS}">'.encode()
        yield from _content(page.links)
        yield b"</hyperlinks>"
    yield margins
    before_end, end = _before_drawing(rest)
    yield before_end
    if page.last_row >= FIRST_ROW:  # a serial number "00123" is text on purpose: no green triangle
        data = f"A{FIRST_ROW}:{get_column_letter(page.columns)}{page.last_row}"
        yield f'<ignoredErrors><ignoredError sqref="{data}" numberStoredAsText="1"/></ignoredErrors>'.encode()
    yield end


def _before_drawing(xml: bytes) -> tuple[bytes, bytes]:
    for mark in (b"<drawing", b"</worksheet>"):
        place = xml.find(mark)
        if place >= 0:
            return xml[:place], xml[place:]
    return xml, b""


def _relationships(page: Page) -> Iterator[bytes]:
    yield _XML
    yield b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    yield from _content(page.targets)
    yield b"</Relationships>"


def _content(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(CHUNK):
        yield chunk
