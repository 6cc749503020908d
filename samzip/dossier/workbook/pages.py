"""Sheets while they are written: rows go to a temporary file, so memory does not grow with the inventory."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from math import ceil
from tempfile import SpooledTemporaryFile
from typing import Generic

from openpyxl.utils import get_column_letter

from samzip.dossier.workbook.cells import Pen
from samzip.dossier.workbook.sheets import Column, Layout, Row
from samzip.dossier.workbook.styles import Style

TITLE = "INFORMES GENERADOS POR SAM METROLOGÍA SAS"
HEADER_ROW = 5
FIRST_ROW = 6

SPOOL_LIMIT = 1 << 20  # bytes of one sheet held in memory before they go to disk
LINE_HEIGHT = 13.5  # points, of 10 point Calibri
CHARACTERS_PER_WIDTH = 1.15  # a width counts the digits of 11 points that fit
LINES_LIMIT = 12  # lines that a row shows and prints of a long text; the cell keeps the rest

_LINK_TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"


def _spool() -> SpooledTemporaryFile[bytes]:
    return SpooledTemporaryFile(max_size=SPOOL_LIMIT)


@dataclass(slots=True)
class Page:
    """One sheet of the workbook, as XML fragments."""

    title: str
    columns: int
    rows: SpooledTemporaryFile[bytes] = field(default_factory=_spool)
    links: SpooledTemporaryFile[bytes] = field(default_factory=_spool)  # <hyperlink> elements
    targets: SpooledTemporaryFile[bytes] = field(default_factory=_spool)  # their relationships
    last_row: int = 0
    link_count: int = 0

    def write(self, row: int, cells: Iterable[str], height: float) -> None:
        """Add a row of <c> elements; rows come in order. Height in points."""
        xml = f'<row r="{row}" ht="{height:g}" customHeight="1">{"".join(cells)}</row>'
        self.rows.write(xml.encode())
        self.last_row = row

    def link(self, reference: str, target: str) -> None:
        """Make the cell a link to `target`, an encoded relative reference."""
        self.link_count += 1
        name = f"rId{self.link_count}"
        self.links.write(f'<hyperlink ref="{reference}" r:id="{name}"/>'.encode())
        self.targets.write(
            f'<Relationship Id="{name}" Type="{_LINK_TYPE}" Target="{escape(target)}" TargetMode="External"/>'.encode()
        )

    def close(self) -> None:
        for file in (self.rows, self.links, self.targets):
            file.close()


def write_heading(page: Page, pen: Pen, local: datetime) -> None:
    """SAM's rows 1 and 3: the title, and the moment of generation in local time."""
    page.write(1, [pen.cell("A1", TITLE, Style.TITLE)], 21)
    page.write(2, [], 21)
    page.write(3, [pen.cell("A3", f"Generado el: {local:%d/%m/%Y %H:%M:%S}", Style.NOTE)], 15)


class Roll(Generic[Row]):
    """A layout's rows; at Excel's limits they go on in a second sheet, "title (2)"."""

    def __init__(self, layout: Layout[Row], pen: Pen, files: ExitStack, local: datetime) -> None:
        """`files` closes the temporary files; `local` is the moment of generation in local time."""
        self.layout = layout
        self.pages: list[Page] = []
        self._pen = pen
        self._files = files
        self._local = local
        self._columns: list[tuple[str, Column[Row]]] = [
            (get_column_letter(place), column) for place, column in enumerate(layout.columns, 1)
        ]
        self._new_page()

    def append(self, row: Row) -> None:
        page = self.pages[-1]
        if page.last_row - HEADER_ROW >= self.layout.rows_limit:
            page = self._new_page()
        place = page.last_row + 1
        cells = []
        lines = 1
        for letter, column in self._columns:
            reference = f"{letter}{place}"
            value = column.value(row)
            style = column.style
            if column.link is not None:
                target = column.link(row)
                if target is not None:
                    page.link(reference, target)
                else:
                    style = Style.LONG  # not underlined: there is nothing to click
            cells.append(self._pen.cell(reference, value, style))
            if style in (Style.LONG, Style.LINK) and isinstance(value, str):
                lines = max(lines, lines_of(value, column.width))
        page.write(place, cells, LINE_HEIGHT * lines + 1.5)

    def _new_page(self) -> Page:
        title = f"{self.layout.title} ({len(self.pages) + 1})" if self.pages else self.layout.title
        page = Page(title, len(self.layout.columns))
        self._files.callback(page.close)
        self.pages.append(page)
        write_heading(page, self._pen, self._local)
        if self.layout.hint:
            page.write(HEADER_ROW - 1, [self._pen.cell(f"A{HEADER_ROW - 1}", self.layout.hint, Style.NOTE)], 15)
        headers = [
            self._pen.cell(f"{letter}{HEADER_ROW}", column.header, Style.HEADER) for letter, column in self._columns
        ]
        lines = max(lines_of(column.header, column.width) for column in self.layout.columns)
        page.write(HEADER_ROW, headers, LINE_HEIGHT * lines + 6)
        return page


def lines_of(text: str, width: float) -> int:
    """Lines that a wrapped text fills, at most LINES_LIMIT; words seldom fill a line to its end."""
    room = width * CHARACTERS_PER_WIDTH
    wrapped = 1 if len(text) <= room else ceil(len(text) * 1.1 / room)
    return min(LINES_LIMIT, max(wrapped, text.count("\n") + 1))
