"""The Dashboard sheet: what the company has and what is due, counted while the instruments pass by."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from enum import Enum
from operator import itemgetter

from samzip.catalog.model import Company, Equipment, plain_state, spaced
from samzip.dossier.workbook.cells import Pen, Value
from samzip.dossier.workbook.index import IndexLine, is_included
from samzip.dossier.workbook.pages import LINE_HEIGHT, Page, lines_of
from samzip.dossier.workbook.styles import Style

NO_STATE = "Sin estado"
ACTIVITIES = ("Calibración", "Mantenimiento", "Comprobación")
DASHBOARD_WIDTHS = (28, 14, 14, 14, 14, 14, 14)  # characters
STATES_ROW = 7  # header of the table of states, where SAM has it


class Due(Enum):
    """When an activity is due, counted from the day of generation; the value is the column's header."""

    OVERDUE = "Vencidas"
    IN_30_DAYS = "En 30 días"
    IN_60_DAYS = "31 a 60 días"
    IN_90_DAYS = "61 a 90 días"
    LATER = "Más de 90 días"
    UNSCHEDULED = "Sin fecha"


def due(day: date | None, today: date) -> Due:
    """The class of an activity's next date; due today is not yet overdue."""
    if day is None:
        return Due.UNSCHEDULED
    days = (day - today).days
    if days < 0:
        return Due.OVERDUE
    if days <= 30:
        return Due.IN_30_DAYS
    if days <= 60:
        return Due.IN_60_DAYS
    return Due.IN_90_DAYS if days <= 90 else Due.LATER


class Statistics:
    """Counts of one company; `today` is the local day of generation."""

    def __init__(self, today: date) -> None:
        self.today = today
        self.equipment = 0
        self.states: defaultdict[str, Counter[str]] = defaultdict(Counter)  # spellings of each
        self.activities: Counter[tuple[str, Due]] = Counter()
        self.included = 0  # documents
        self.missing = 0  # documents
        self.size = 0  # bytes of the documents included

    def add_equipment(self, equipment: Equipment) -> None:
        self.equipment += 1
        state = spaced(equipment.state) or NO_STATE
        self.states[plain_state(state)][state] += 1
        if equipment.is_retired:
            return
        schedules = (equipment.calibration, equipment.maintenance, equipment.verification)
        for activity, schedule in zip(ACTIVITIES, schedules, strict=True):
            self.activities[activity, due(schedule.next, self.today)] += 1

    def add_document(self, line: IndexLine) -> None:
        if not is_included(line):
            self.missing += 1
        elif line.size is not None:  # the company's own, not what is made for the archive
            self.included += 1
            self.size += line.size

    def by_state(self) -> list[tuple[str, int]]:
        """States as most people spell them, with their number of instruments, most frequent first."""
        counts = [(spellings.most_common(1)[0][0], spellings.total()) for spellings in self.states.values()]
        return sorted(sorted(counts), key=itemgetter(1), reverse=True)


class Board:
    """Writes the Dashboard's rows and remembers where the tables lie, for the charts."""

    def __init__(self, page: Page, pen: Pen) -> None:
        self._page = page
        self._pen = pen
        self._row = STATES_ROW - 2
        self.states = (0, 0)  # first and last data row
        self.activities = (0, 0)

    def write(self, company: Company, statistics: Statistics) -> None:
        self._section("ESTADÍSTICAS GENERALES")
        self._line(("Estado", "Cantidad"), Style.HEADER)
        first = self._row
        for state, count in statistics.by_state():
            self._line((state, count))
        self.states = (first, self._row - 1)
        self._line(("Total", statistics.equipment), Style.TOTAL)

        self._row += 1
        self._section(f"ACTIVIDADES PROGRAMADAS AL {statistics.today:%d/%m/%Y}")
        self._line(("Actividad", *(when.value for when in Due)), Style.HEADER, 30)
        first = self._row
        for activity in ACTIVITIES:
            counts = [statistics.activities[activity, when] for when in Due]
            self._line((activity, *counts), alarm=counts[0] > 0)
        self.activities = (first, self._row - 1)
        totals = [sum(statistics.activities[activity, when] for activity in ACTIVITIES) for when in Due]
        self._line(("Total", *totals), Style.TOTAL)
        self._note("No cuenta los equipos en estado De Baja o Inactivo.")

        self._row += 1
        self._section("CONTENIDO DE LA DESCARGA")
        self._line(("Empresa", company.name))
        self._line(("NIT", company.tax_id))
        self._line(("Equipos", statistics.equipment))
        self._line(("Documentos incluidos", statistics.included))
        self._line(("Documentos faltantes", statistics.missing), alarm=statistics.missing > 0)
        self._line(("Tamaño de los documentos", statistics.size), numbers=Style.SIZE)

    def _section(self, title: str) -> None:
        self._page.write(self._row, [self._pen.cell(f"A{self._row}", title, Style.SECTION)], 20)
        self._row += 2 if self._row == STATES_ROW - 2 else 1

    def _note(self, text: str) -> None:
        self._page.write(self._row, [self._pen.cell(f"A{self._row}", text, Style.NOTE)], 15)
        self._row += 1

    def _line(
        self,
        values: tuple[Value, ...],
        style: Style = Style.TEXT,
        height: float | None = None,
        *,
        numbers: Style = Style.NUMBER,
        alarm: bool = False,
    ) -> None:
        if style is Style.HEADER:
            numbers = Style.HEADER
        elif style is Style.TOTAL:
            numbers = Style.TOTAL_NUMBER
        name, *others = values
        cells = [self._pen.cell(f"A{self._row}", name, Style.LONG if style is Style.TEXT else style)]
        for letter, value in zip("BCDEFG", others, strict=False):
            of_value = style if isinstance(value, str) else Style.ALARM if alarm and letter == "B" else numbers
            cells.append(self._pen.cell(f"{letter}{self._row}", value, of_value))
        if height is None:
            height = LINE_HEIGHT * lines_of(str(name), DASHBOARD_WIDTHS[0]) + 0.5
        self._page.write(self._row, cells, height)
        self._row += 1
