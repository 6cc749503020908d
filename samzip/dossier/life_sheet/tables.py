"""Tables, fields and paragraphs that break across pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from samzip.dossier.life_sheet.columns import HEAD_SIZE, PAD, SIZE, Column, fitted
from samzip.dossier.life_sheet.flow import (
    BOTTOM,
    LEFT,
    RIGHT,
    SECTION_GAP,
    SUBTITLE_HEIGHT,
    TITLE_HEIGHT,
    TOP,
    WIDTH,
    Flow,
)
from samzip.dossier.life_sheet.fonts import BOLD, REGULAR, Face
from samzip.dossier.life_sheet.model import NOTHING
from samzip.dossier.life_sheet.pen import ACCENT, ALERT, HAIRLINE, INK, MUTED, TINT, ZEBRA, Colour
from samzip.dossier.life_sheet.text import wrap
from samzip.dossier.life_sheet.wording import EMPTY

LEADING = 10.0
ROW_PAD = 4.0  # above and below the lines of a row
LABEL_SIZE = 6.5
LABEL_HEIGHT = 9.5
VALUE_SIZE = 8.5
VALUE_LEADING = 11.0
LEAST_LINES = 3  # of a broken row, before and after the break
TALLEST_KEPT = (TOP - BOTTOM) / 3  # a lower row is moved to the next page rather than broken


@dataclass(frozen=True, slots=True)
class Field:
    """A label with its value, clean text."""

    label: str
    value: str
    columns: float = 1  # of three
    colour: Colour = INK
    strong: bool = False


@dataclass(frozen=True, slots=True)
class _Cell:
    x: float
    lines: tuple[str, ...]
    face: Face
    size: float
    colour: Colour
    align: float = 0
    label: str = ""


def table_height(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> float:
    """Points that a table takes with its section's title, if it is on one page and not at the top of it."""
    columns = fitted(columns, rows)
    rows_height = sum(_height(_row_cells(columns, row), LEADING) for row in rows)
    return SECTION_GAP + TITLE_HEIGHT + _head_height(_heads(columns)) + rows_height


def table(flow: Flow, title: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """A section that is a table; its head is repeated on every page that it reaches. No rows: "No registra"."""
    if not rows:
        nothing(flow, title)
        return
    columns = fitted(columns, rows)
    heads = _heads(columns)
    head_height = _head_height(heads)
    first = _row_cells(columns, rows[0])
    flow.section(title, keep=head_height + _kept(first, LEADING))

    def head() -> None:
        flow.pen.fill(LEFT, flow.y - head_height, WIDTH, head_height, TINT)
        x = LEFT
        for column, lines in zip(columns, heads, strict=True):
            edge = x + column.width - PAD if column.align else x + PAD
            flow.pen.text(
                edge, flow.y - 10.5, lines, face=BOLD, size=HEAD_SIZE, colour=ACCENT, leading=9, align=column.align
            )
            x += column.width
        flow.y -= head_height

    head()
    for index, row in enumerate(rows):
        cells = first if index == 0 else _row_cells(columns, row)
        _place(flow, cells, LEADING, head, fill=ZEBRA if index % 2 else None)
    flow.rule()


def _kept(first: Sequence[_Cell], leading: float) -> float:
    """Points of a first row that go below its title: a lower row is not broken, of a higher one a few lines are."""
    height = _height(first, leading)
    return height if height <= TALLEST_KEPT else LABEL_HEIGHT + 2 * ROW_PAD + LEAST_LINES * leading


def _heads(columns: Sequence[Column]) -> list[tuple[str, ...]]:
    return [wrap(c.title, BOLD, HEAD_SIZE, c.width - 2 * PAD) for c in columns]


def _head_height(heads: Sequence[tuple[str, ...]]) -> float:
    return max(map(len, heads)) * 9 + 2 * ROW_PAD - 1


def _row_cells(columns: Sequence[Column], row: Sequence[str]) -> list[_Cell]:
    cells = []
    x = LEFT
    for column, value in zip(columns, row, strict=True):
        stands_out = column.alert is not None and column.alert(value)
        face = BOLD if column.bold or stands_out else REGULAR  # bold, too: red is lost on a grey printer
        lines = wrap(value, face, SIZE, column.width - 2 * PAD)
        edge = x + column.width - PAD if column.align else x + PAD
        colour = MUTED if value == NOTHING else ALERT if stands_out else INK
        cells.append(_Cell(edge, lines, face, SIZE, colour, column.align))
        x += column.width
    return cells


def fields(flow: Flow, title: str, rows: Sequence[Sequence[Field]]) -> None:
    """A section of labelled values, three columns wide."""
    unit = WIDTH / 3
    prepared = []
    for row in rows:
        cells, x = [], LEFT
        for field in row:
            width = unit * field.columns
            face = BOLD if field.strong else REGULAR
            lines = wrap(field.value, face, VALUE_SIZE, width - 2 * PAD)
            colour = MUTED if field.value == NOTHING else field.colour
            cells.append(_Cell(x + PAD, lines, face, VALUE_SIZE, colour, label=field.label))
            x += width
        prepared.append(cells)
    flow.section(title, keep=_kept(prepared[0], VALUE_LEADING))
    for cells in prepared:
        _place(flow, cells, VALUE_LEADING, None, fill=None)
    flow.rule()


def paragraph(flow: Flow, title: str, text: str) -> None:
    """A section of running text. Empty: "No registra"."""
    if not text:
        nothing(flow, title)
        return
    lines = wrap(text, REGULAR, VALUE_SIZE, WIDTH - 2 * PAD)
    flow.section(title, keep=12 * min(len(lines), LEAST_LINES) + 4)
    start = 0
    while start < len(lines):
        count = _lines_that_fit(flow, len(lines) - start, 12, 4)
        if not count:
            flow.new_page()
            continue
        flow.pen.text(LEFT + PAD, flow.y - 10, lines[start : start + count], size=VALUE_SIZE, leading=12)
        flow.y -= count * 12 + 4
        start += count


def nothing(flow: Flow, title: str, words: str = EMPTY, after: float = 0) -> None:
    """A section that says that there is nothing to say; the next `after` points go on the same page."""
    flow.section(title, keep=SUBTITLE_HEIGHT + after)
    flow.pen.text(LEFT + PAD, flow.y - 10, (words,), size=VALUE_SIZE, colour=MUTED)
    flow.y -= SUBTITLE_HEIGHT - 2


def _height(cells: Sequence[_Cell], leading: float) -> float:
    label = LABEL_HEIGHT if any(cell.label for cell in cells) else 0
    return max(len(cell.lines) for cell in cells) * leading + 2 * ROW_PAD + label


def _lines_that_fit(flow: Flow, left: int, leading: float, around: float) -> int:
    """How many of the lines left go on this page; 0 if so few that a new page is better."""
    count = min(left, int((flow.space - around) / leading))
    if count < left and flow.y < TOP and count < LEAST_LINES:
        return 0
    if 0 < left - count < LEAST_LINES and count > LEAST_LINES:
        count -= LEAST_LINES - (left - count)  # no single line alone on the next page
    return max(count, 1) if flow.y >= TOP else max(count, 0)


def _place(
    flow: Flow, cells: Sequence[_Cell], leading: float, head: Callable[[], None] | None, fill: Colour | None
) -> None:
    """Draw a row, on the next page or over several pages where it must be."""
    total = max(len(cell.lines) for cell in cells)
    height = _height(cells, leading)
    label = height - total * leading - 2 * ROW_PAD
    if height > flow.space and height <= TALLEST_KEPT:
        _break(flow, head)
    start = 0
    while start < total:
        top = label if start == 0 else 0
        count = _lines_that_fit(flow, total - start, leading, 2 * ROW_PAD + top)
        if not count:
            _break(flow, head)
            continue
        _draw(flow, cells, start, count, leading, top, fill)
        start += count
        if start < total:
            _break(flow, head)


def _break(flow: Flow, head: Callable[[], None] | None) -> None:
    flow.rule()
    flow.new_page()
    if head:
        head()
    else:
        flow.rule()


def _draw(
    flow: Flow, cells: Sequence[_Cell], start: int, count: int, leading: float, label: float, fill: Colour | None
) -> None:
    height = count * leading + 2 * ROW_PAD + label
    pen = flow.pen
    if fill:
        pen.fill(LEFT, flow.y - height, WIDTH, height, fill)
    for cell in cells:
        if label and cell.label:
            pen.text(cell.x, flow.y - ROW_PAD - 6, (cell.label,), size=LABEL_SIZE, colour=MUTED)
        lines = cell.lines[start : start + count]
        if lines:
            baseline = flow.y - ROW_PAD - label - leading * 0.76
            pen.text(
                cell.x, baseline, lines, face=cell.face, size=cell.size, colour=cell.colour, leading=leading,
                align=cell.align,
            )  # fmt: skip
    flow.y -= height
    pen.line(LEFT, flow.y, RIGHT, flow.y, HAIRLINE, 0.4)
