"""The Dashboard's charts, which Excel draws from its tables. Both can be read on a grey printer."""

from __future__ import annotations

from openpyxl.chart import BarChart, Reference
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.series import Series
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties
from openpyxl.worksheet.worksheet import Worksheet

from samzip.dossier.workbook.dashboard import Board

STATE_COLOR = "4F81BD"
STATES_DRAWN = 12  # the table has them all
DUE_COLORS = ("C00000", "E46C0A", "FFC000", "FFF2CC")  # overdue, in 30, 60 and 90 days: ever lighter
EDGE_COLOR = "7F7F7F"
CHART_WIDTH = 16  # centimetres
CHART_HEIGHT = 8  # centimetres


def add_charts(sheet: Worksheet, board: Board) -> None:
    """Draw the instruments by state, and what is overdue or due within 90 days, as bars."""
    first, last = board.states
    if last >= first:
        sheet.add_chart(_states(sheet, first, last), "I5")
    sheet.add_chart(_due(sheet, *board.activities), "I21")


def _states(sheet: Worksheet, first: int, last: int) -> BarChart:
    shown = min(last, first + STATES_DRAWN - 1)
    chart = _bars("Equipos por estado" + (f" (los {STATES_DRAWN} más frecuentes)" if shown < last else ""))
    chart.add_data(Reference(sheet, min_col=2, min_row=first, max_row=shown))
    chart.set_categories(Reference(sheet, min_col=1, min_row=first, max_row=shown))
    _paint(chart.series[0], STATE_COLOR, None)
    chart.legend = None
    return chart


def _due(sheet: Worksheet, first: int, last: int) -> BarChart:
    chart = _bars("Actividades vencidas y próximas")
    chart.grouping = "stacked"
    chart.overlap = 100
    columns = len(DUE_COLORS)
    chart.add_data(
        Reference(sheet, min_col=2, max_col=1 + columns, min_row=first - 1, max_row=last),
        titles_from_data=True,
    )
    chart.set_categories(Reference(sheet, min_col=1, min_row=first, max_row=last))
    for series, color in zip(chart.series, DUE_COLORS, strict=True):
        _paint(series, color, "FFFFFF" if color == DUE_COLORS[0] else "000000")
    chart.legend.position = "b"
    return chart


def _bars(title: str) -> BarChart:
    """Horizontal, the first row on top."""
    chart = BarChart()
    chart.type = "bar"
    chart.gapWidth = 60
    chart.title = title
    chart.width, chart.height = CHART_WIDTH, CHART_HEIGHT
    # openpyxl leaves `delete` unset, which newer versions of Excel take as "no axis"
    chart.x_axis.delete = False
    chart.y_axis.delete = False
    chart.x_axis.scaling.orientation = "maxMin"
    chart.y_axis.crosses = "max"  # which leaves the numbers at the bottom
    chart.y_axis.scaling.min = 0
    chart.y_axis.number_format = "0"
    chart.y_axis.majorGridlines = None
    return chart


def _paint(series: Series, color: str, ink: str | None) -> None:
    """Fill, edge and numbers: inside the bars in the colour `ink`, or at their end for None. No number for nothing."""
    series.graphicalProperties = GraphicalProperties(solidFill=color, ln=LineProperties(solidFill=EDGE_COLOR))
    labels = DataLabelList(numFmt="0;;;", dLblPos="ctr" if ink else "outEnd", showVal=True)
    labels.showPercent = labels.showCatName = labels.showSerName = labels.showLegendKey = False
    face = CharacterProperties(sz=900, b=True, solidFill=ink or "000000")
    labels.txPr = RichText(p=[Paragraph(pPr=ParagraphProperties(defRPr=face), endParaRPr=face)])
    series.dLbls = labels
