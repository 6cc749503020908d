"""The Dashboard's charts, which Excel draws from its tables."""

from __future__ import annotations

from openpyxl.chart import BarChart, PieChart, Reference
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.marker import DataPoint
from openpyxl.worksheet.worksheet import Worksheet

from samzip.dossier.workbook.dashboard import Board

STATE_COLORS = ("4F81BD", "9BBB59", "F79646", "8064A2", "4BACC6", "7F7F7F", "C0504D", "B8A040")
DUE_COLORS = ("C00000", "ED7D31", "FFC000", "92D050")  # overdue, in 30, 60 and 90 days
CHART_WIDTH = 16  # centimetres
CHART_HEIGHT = 8  # centimetres


def add_charts(sheet: Worksheet, board: Board) -> None:
    """Draw the instruments by state as a pie, what is due within 90 days as stacked bars."""
    first, last = board.states
    if last >= first:
        sheet.add_chart(_pie(sheet, first, last), "I5")
    sheet.add_chart(_bars(sheet, *board.activities), "I21")


def _pie(sheet: Worksheet, first: int, last: int) -> PieChart:
    chart = PieChart()
    chart.title = "Equipos por estado"
    chart.width, chart.height = CHART_WIDTH, CHART_HEIGHT
    chart.add_data(Reference(sheet, min_col=2, min_row=first, max_row=last))
    chart.set_categories(Reference(sheet, min_col=1, min_row=first, max_row=last))
    series = chart.series[0]
    for place in range(last - first + 1):
        point = DataPoint(idx=place)
        point.graphicalProperties.solidFill = STATE_COLORS[place % len(STATE_COLORS)]
        series.dPt.append(point)
    series.dLbls = _labels()
    return chart


def _bars(sheet: Worksheet, first: int, last: int) -> BarChart:
    chart = BarChart()
    chart.type = "bar"
    chart.grouping = "stacked"
    chart.overlap = 100
    chart.gapWidth = 60
    chart.title = "Actividades vencidas y próximas"
    chart.width, chart.height = CHART_WIDTH, CHART_HEIGHT
    columns = len(DUE_COLORS)
    chart.add_data(
        Reference(sheet, min_col=2, max_col=1 + columns, min_row=first - 1, max_row=last),
        titles_from_data=True,
    )
    chart.set_categories(Reference(sheet, min_col=1, min_row=first, max_row=last))
    for series, color in zip(chart.series, DUE_COLORS, strict=True):
        series.graphicalProperties.solidFill = color
    # openpyxl leaves `delete` unset, which newer versions of Excel take as "no axis"
    chart.x_axis.delete = False
    chart.y_axis.delete = False
    chart.x_axis.scaling.orientation = "maxMin"  # first activity on top
    chart.y_axis.crosses = "max"  # which leaves the numbers at the bottom
    chart.y_axis.number_format = "0"
    chart.y_axis.majorGridlines = None
    chart.legend.position = "b"
    return chart


def _labels() -> DataLabelList:
    labels = DataLabelList()
    labels.showVal = True
    labels.showPercent = False
    labels.showCatName = False
    labels.showSerName = False
    labels.showLegendKey = False
    labels.showLeaderLines = False
    return labels
