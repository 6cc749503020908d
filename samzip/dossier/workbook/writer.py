"""Writes Informe_Consolidado.xlsx, told top to bottom."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, date, datetime
from itertools import chain
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.formatting.rule import Rule
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.header_footer import HeaderFooterItem
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from samzip.catalog.model import CompanyRecords, Equipment
from samzip.dossier.workbook import sheets
from samzip.dossier.workbook.cells import Pen, clean
from samzip.dossier.workbook.charts import add_charts
from samzip.dossier.workbook.dashboard import DASHBOARD_WIDTHS, Board, Statistics
from samzip.dossier.workbook.index import IndexLine
from samzip.dossier.workbook.package import write_package
from samzip.dossier.workbook.pages import FIRST_ROW, HEADER_ROW, Page, Roll, write_heading
from samzip.dossier.workbook.sheets import Layout
from samzip.dossier.workbook.styles import alarm, register

DASHBOARD_COLUMNS = 16  # with the charts beside the tables
FOOTER_COMPANY = 60  # characters: what Excel holds in a footer is 255, all three parts with their codes
LETTER = 1  # paper size, ST_PaperSize


def write_workbook(
    target: BinaryIO,
    records: CompanyRecords,
    equipment: Iterable[tuple[Equipment, str | None]],
    documents: Iterable[IndexLine],
    *,
    generated: datetime,
    timezone: str,
) -> None:
    """Write the consolidated workbook of a company to `target`.

    `equipment` comes with the entry of each instrument's life sheet, as in IndexLine; it and `documents` are
    consumed once, in their order, in constant memory. `generated` is aware; `timezone` is an IANA name: every moment
    is shown there, and "overdue" is relative to its day.
    Same input, same bytes. Raises OSError if `target` or the temporary folder cannot be written.
    """
    local = generated.astimezone(ZoneInfo(timezone))
    today = local.date()
    company = records.company
    workbook = Workbook()
    pen = Pen(register(workbook), ZoneInfo(timezone))
    statistics = Statistics(today)

    with ExitStack() as files:

        def roll(layout: Layout[sheets.Row]) -> Roll[sheets.Row]:
            return Roll(layout, pen, files, local)

        instruments, loans = roll(sheets.EQUIPMENT), roll(sheets.LOANS)
        calibrations = roll(sheets.CALIBRATIONS)
        maintenances = roll(sheets.MAINTENANCES)
        verifications = roll(sheets.VERIFICATIONS)
        for item, life_sheet in equipment:
            statistics.add_equipment(item)
            instruments.append((company, item, life_sheet))
            for loan in item.loans:
                loans.append((item, loan))
            for calibration in item.calibrations:
                calibrations.append((item, calibration))
            for maintenance in item.maintenances:
                maintenances.append((item, maintenance))
            for verification in item.verifications:
                verifications.append((item, verification))

        suppliers, procedures = roll(sheets.SUPPLIERS), roll(sheets.PROCEDURES)
        index = roll(sheets.DOCUMENTS)
        for supplier in records.suppliers:
            suppliers.append(supplier)
        for procedure in records.procedures:
            procedures.append(procedure)
        for line in documents:
            statistics.add_document(line)
            index.append(line)

        dashboard = Page(sheets.DASHBOARD_TITLE, DASHBOARD_COLUMNS)
        files.callback(dashboard.close)
        write_heading(dashboard, pen, local)
        board = Board(dashboard, pen)
        board.write(company, statistics)

        workbook.remove(workbook.worksheets[0])
        footer = _footer(company.name)
        before: list[Roll[Any]] = [instruments, suppliers, procedures, loans]
        after: list[Roll[Any]] = [calibrations, maintenances, verifications, index]
        pages = [
            *chain.from_iterable(_add_sheets(workbook, filled, today, footer) for filled in before),
            _add_dashboard(workbook, dashboard, board, footer),
            *chain.from_iterable(_add_sheets(workbook, filled, today, footer) for filled in after),
        ]
        _describe(workbook, company.name, generated)
        write_package(target, workbook, pages)


def _add_sheets(workbook: Workbook, roll: Roll[Any], today: date, footer: HeaderFooterItem) -> list[Page]:
    """Give each page of the roll its sheet: widths, frozen header, filter, alerts, print set-up."""
    for page in roll.pages:
        sheet = workbook.create_sheet(page.title)
        layout = roll.layout
        _set_up(sheet, page, [column.width for column in layout.columns], layout.pages_wide, footer)
        sheet.freeze_panes = layout.frozen
        sheet.auto_filter.ref = f"A{HEADER_ROW}:{get_column_letter(page.columns)}{page.last_row}"
        sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
        if layout.pages_wide > 1:
            sheet.print_title_cols = "A:B"
        for place, column in enumerate(layout.columns, 1):
            if column.alert is None or page.last_row < FIRST_ROW:
                continue
            letter = get_column_letter(place)
            formula = column.alert.format(
                cell=f"{letter}{FIRST_ROW}",
                row=FIRST_ROW,
                today=f"DATE({today.year},{today.month},{today.day})",
            )
            rule = Rule(type="expression", dxf=alarm(), formula=[formula])
            sheet.conditional_formatting.add(f"{letter}{FIRST_ROW}:{letter}{page.last_row}", rule)
    return roll.pages


def _add_dashboard(workbook: Workbook, page: Page, board: Board, footer: HeaderFooterItem) -> Page:
    sheet = workbook.create_sheet(page.title)
    _set_up(sheet, page, DASHBOARD_WIDTHS, 1, footer)
    sheet.page_setup.fitToHeight = 1
    sheet.sheet_view.showGridLines = False
    add_charts(sheet, board)
    return page


def _set_up(sheet: Worksheet, page: Page, widths: Iterable[float], pages_wide: int, footer: HeaderFooterItem) -> None:
    for place, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    # merged_cells.add, not merge_cells: that would place cells, and the rows come from elsewhere.
    # One range only: openpyxl writes several in the order of a set, and the same input must give the same bytes.
    # Where a second page repeats A and B only, the title is in them: any other would be cut there.
    sheet.merged_cells.add(f"A1:{get_column_letter(page.columns) if pages_wide == 1 else 'B'}2")
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = LETTER
    sheet.page_setup.fitToWidth = pages_wide
    sheet.page_setup.fitToHeight = 0  # as many as it takes
    sheet.page_margins.left = sheet.page_margins.right = 0.4  # inches
    sheet.page_margins.top = 0.5
    sheet.page_margins.bottom = 0.7
    sheet.page_margins.header = sheet.page_margins.footer = 0.3
    sheet.HeaderFooter.oddFooter = footer


def _footer(company: str) -> HeaderFooterItem:
    """The sheet's name, the page, the company: in Excel's codes, where "&" begins one."""
    footer = HeaderFooterItem()
    footer.left.text = "&A"
    footer.center.text = "Página &P de &N"
    footer.right.text = " ".join(clean(company).split())[:FOOTER_COMPANY].replace("&", "&&")
    return footer


def _describe(workbook: Workbook, company: str, generated: datetime) -> None:
    moment = generated.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    workbook.properties.title = clean(f"Informe consolidado de equipos: {company}")
    workbook.properties.creator = clean(company)
    workbook.properties.created = moment
    workbook.properties.modified = moment
