"""How the workbook looks: every cell has one of these styles, registered once per workbook."""

from __future__ import annotations

from enum import Enum, auto

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.styles.differential import DifferentialStyle

HEADER_FILL = "4F81BD"  # SAM's blues
TITLE_COLOR = "1F3864"
OVERDUE_COLOR = "C00000"
LINE_COLOR = "D9D9D9"


class Style(Enum):
    """The purpose of a cell; styles.register says how it looks."""

    TITLE = auto()
    NOTE = auto()
    SECTION = auto()
    HEADER = auto()
    TEXT = auto()
    LONG = auto()  # wraps
    DATE = auto()
    MOMENT = auto()
    NUMBER = auto()
    MONEY = auto()  # Colombian pesos
    SIZE = auto()  # bytes
    LINK = auto()
    TOTAL = auto()
    TOTAL_NUMBER = auto()
    ALARM = auto()


_FORMATS = {
    Style.DATE: "yyyy-mm-dd",
    Style.MOMENT: "yyyy-mm-dd hh:mm",
    Style.NUMBER: "General",
    Style.MONEY: '"$"\\ #,##0.00',
    Style.SIZE: '[<1000]0" B";[<1000000]0.0,\\ "kB";0.0,,\\ "MB"',
    Style.TOTAL_NUMBER: "#,##0",
    Style.ALARM: "#,##0",
}
_TEXT_FORMAT = "@"  # an edited "00123" or "=A1" stays the text that it was

_FONTS = {
    Style.TITLE: Font(name="Calibri", size=16, bold=True, color=TITLE_COLOR),
    Style.NOTE: Font(name="Calibri", size=10, italic=True, color="595959"),
    Style.SECTION: Font(name="Calibri", size=12, bold=True, color=TITLE_COLOR),
    Style.HEADER: Font(name="Calibri", size=10, bold=True, color="FFFFFF"),
    Style.LINK: Font(name="Calibri", size=10, underline="single", color="0563C1"),
    Style.TOTAL: Font(name="Calibri", size=10, bold=True),
    Style.TOTAL_NUMBER: Font(name="Calibri", size=10, bold=True),
    Style.ALARM: Font(name="Calibri", size=10, bold=True, color=OVERDUE_COLOR),
}
_BODY_FONT = Font(name="Calibri", size=10)

_TOP = Alignment(vertical="top")
_ALIGNMENTS = {
    Style.TITLE: Alignment(horizontal="left", vertical="center", wrap_text=True),
    Style.HEADER: Alignment(horizontal="center", vertical="center", wrap_text=True),
    Style.LONG: Alignment(vertical="top", wrap_text=True),
    Style.LINK: Alignment(vertical="top", wrap_text=True),
    Style.DATE: Alignment(horizontal="center", vertical="top"),
    Style.MOMENT: Alignment(horizontal="center", vertical="top"),
    Style.NUMBER: Alignment(horizontal="center", vertical="top"),
    Style.TOTAL_NUMBER: Alignment(horizontal="center", vertical="top"),
    Style.ALARM: Alignment(horizontal="center", vertical="top"),
    Style.MONEY: Alignment(horizontal="right", vertical="top", indent=1),
    Style.SIZE: Alignment(horizontal="right", vertical="top", indent=1),
}

_LINE = Side(style="thin", color=LINE_COLOR)
_GRID = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_BARE = {Style.TITLE, Style.NOTE, Style.SECTION}
_FILLS = {
    Style.HEADER: PatternFill("solid", fgColor=HEADER_FILL),
    Style.TOTAL: PatternFill("solid", fgColor="DCE6F1"),
    Style.TOTAL_NUMBER: PatternFill("solid", fgColor="DCE6F1"),
}


def register(workbook: Workbook) -> dict[tuple[Style, bool], int]:
    """Give the workbook every style; the id of each, plain and with Excel's quote prefix."""
    sheet = workbook.worksheets[0]
    ids = {}
    for style in Style:
        for quoted in (False, True):
            cell = Cell(sheet, row=1, column=1)  # never placed on the sheet: it only asks for an id
            cell.font = _FONTS.get(style, _BODY_FONT)
            cell.alignment = _ALIGNMENTS.get(style, _TOP)
            cell.number_format = _FORMATS.get(style, _TEXT_FORMAT)
            if style not in _BARE:
                cell.border = _GRID
            if style in _FILLS:
                cell.fill = _FILLS[style]
            cell.quotePrefix = quoted
            ids[style, quoted] = cell.style_id
    return ids


def alarm() -> DifferentialStyle:
    """What a conditional format lays over a cell that needs attention."""
    return DifferentialStyle(
        font=Font(bold=True, color=OVERDUE_COLOR), fill=PatternFill(bgColor="FFC7CE", fill_type="solid")
    )
