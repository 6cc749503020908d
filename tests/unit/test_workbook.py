"""The consolidated workbook, read back with openpyxl and, where installed, calamine."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import unescape
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote
from zipfile import ZipFile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from samzip.catalog import unread
from samzip.catalog.model import (
    Calibration,
    Company,
    CompanyRecords,
    Equipment,
    Loan,
    Maintenance,
    Procedure,
    Schedule,
    Supplier,
    Verification,
)
from samzip.dossier.workbook import IndexLine, cells, index, package, sheets, write_workbook
from samzip.dossier.workbook.cells import clean
from samzip.dossier.workbook.charts import DUE_COLORS, STATES_DRAWN
from samzip.dossier.workbook.dashboard import Due, Statistics, due
from samzip.dossier.workbook.pages import Page

GENERATED = datetime(2026, 11, 25, 0, 42, 59, 123456, tzinfo=UTC)  # still the 24th in Bogotá
TODAY = date(2026, 11, 24)
COMPANY = Company(1, "CERTIBOY S.A.S.", "900.123.456-7")

HEADERS = {
    "Equipos": "Código Interno|Nombre|Empresa|Tipo de Equipo|Marca|Modelo|Número de Serie|Ubicación|Responsable|"
    "Estado|Fecha de Adquisición|Rango de Medida|Resolución|Error Máximo Permisible|Puntos de Calibración|"
    "Fecha de Registro|Observaciones|Fecha Última Calibración|Próxima Calibración|Frecuencia Calibración (meses)|"
    "Fecha Último Mantenimiento|Próximo Mantenimiento|Frecuencia Mantenimiento (meses)|"
    "Fecha Última Comprobación|Próxima Comprobación|Frecuencia Comprobación (meses)",
    "Proveedores": "Nombre Empresa|Nombre Contacto|Correo Electrónico|Número Contacto|Tipo Servicio|Alcance|"
    "Servicio Prestado|Página Web",
    "Procedimientos": "Código|Nombre|Observaciones|Versión|Fecha de Emisión",
    "Préstamos": "Código Equipo|Nombre Equipo|Prestatario|Cédula|Cargo|Teléfono|Email|Fecha Préstamo|"
    "Devolución Programada|Devolución Real|Estado|Observaciones",
    "Calibraciones": "Código Equipo|Nombre Equipo|Fecha|Proveedor|Resultado|Número de Certificado|Observaciones|"
    "Fecha de Registro",
    "Mantenimientos": "Código Equipo|Nombre Equipo|Fecha|Tipo|Proveedor|Responsable|Costo (COP)|Descripción|"
    "Actividades Realizadas|Observaciones|Fecha de Registro",
    "Comprobaciones": "Código Equipo|Nombre Equipo|Fecha|Consecutivo|Proveedor|Responsable|Resultado|"
    "Observaciones|Fecha de Registro",
    "Documentos": "Código Equipo|Documento|Parte|Carpeta|Archivo|Tamaño|Estado",
}
TABLES = tuple(HEADERS)
LIFE_SHEET = "C/Equipos/EQ 1/Hoja_de_vida.pdf"


def instrument(code: str = "EQ-001", **fields: object) -> Equipment:
    return Equipment(**{"id": 1, "code": code, "name": "Balanza", "state": "Activo"} | fields)  # type: ignore[arg-type]


def make(
    equipment: Iterable[Equipment] = (),
    documents: Iterable[IndexLine] = (),
    records: CompanyRecords | None = None,
) -> bytes:
    target = BytesIO()
    write_workbook(
        target,
        records or CompanyRecords(COMPANY),
        ((item, LIFE_SHEET) for item in equipment),
        documents,
        generated=GENERATED,
        timezone="America/Bogota",
    )
    return target.getvalue()


def read(content: bytes) -> Workbook:
    return load_workbook(BytesIO(content))


def row_of(sheet: Worksheet, row: int = 6) -> dict[str, object]:
    return {str(header.value): cell.value for header, cell in zip(sheet[5], sheet[row], strict=True)}


def document(entry: str | None, **fields: object) -> IndexLine:
    values = {"equipment": "EQ-001", "title": "Manual", "part": 1, "entry": entry, "size": 10, "missing": None}
    return IndexLine(**values | fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def full() -> bytes:
    """A workbook with something on every sheet."""
    moment = datetime(2025, 5, 2, 19, 30, tzinfo=UTC)
    complete = instrument(
        serial_number="00123",
        acquired=date(2022, 8, 10),
        registered=datetime(2026, 1, 1, 3, 15, 30, 999, tzinfo=UTC),
        calibration=Schedule(date(2024, 9, 8), date(2025, 9, 8), Decimal("12")),
        maintenance=Schedule(None, date(2026, 11, 24), Decimal("1.5")),
        calibrations=(Calibration(1, date(2024, 9, 8), "Metrolab", "Aprobado", "CC-1", "ok", registered=moment),),
        maintenances=(Maintenance(1, date(2024, 1, 2), "Preventivo", cost=Decimal("120000.50")),),
        verifications=(Verification(1, date(2024, 1, 3), "CB-001"), Verification(2, date(2024, 2, 3))),
        loans=(Loan(1, "Carlos", "010203", lent=moment, due=date(2025, 6, 2), state="ACTIVO"),),
    )
    retired = instrument("EQ-002", state="De Baja", calibration=Schedule(next=date(2020, 1, 1)))
    return make(
        iter([complete, retired]),
        iter(
            [
                document("CERTIBOY S.A.S./Equipos/EQ-001/manual.pdf", size=2048),
                document(None, missing="no existe en el almacenamiento", part=2, size=0),
            ]
        ),
        CompanyRecords(
            COMPANY,
            (Procedure(1, "PR-001", "Calibración", "02", date(2024, 3, 1), notes="Vigente"),),
            (Supplier(1, "Metrolab", "Ana", "a@example.com", "3001234000", "Calibración"),),
        ),
    )


def test_sheets_are_sam_s_five_in_its_order_then_the_histories_and_the_index(full: bytes) -> None:
    assert read(full).sheetnames == [*TABLES[:4], "Dashboard", *TABLES[4:]]


def test_headers_are_column_for_column_those_of_sam(full: bytes) -> None:
    book = read(full)
    for title, headers in HEADERS.items():
        assert [cell.value for cell in book[title][5]] == headers.split("|"), title


def test_every_sheet_has_the_title_and_the_local_moment_of_generation(full: bytes) -> None:
    for sheet in read(full).worksheets:
        assert sheet["A1"].value == "INFORMES GENERADOS POR SAM METROLOGÍA SAS"
        assert sheet["A3"].value == "Generado el: 24/11/2026 19:42:59"
        [merged] = sheet.merged_cells.ranges
        assert (merged.min_row, merged.min_col, merged.max_row) == (1, 1, 2)


def test_dates_are_dates_and_moments_are_in_bogota_time(full: bytes) -> None:
    sheet = read(full)["Equipos"]
    row = row_of(sheet)
    assert row["Fecha de Adquisición"] == datetime(2022, 8, 10)  # noqa: DTZ001
    assert row["Fecha de Registro"] == datetime(2025, 12, 31, 22, 15, 30)  # noqa: DTZ001
    assert sheet["K6"].number_format == "yyyy-mm-dd"
    assert sheet["P6"].number_format == "yyyy-mm-dd hh:mm"
    assert row_of(read(full)["Préstamos"])["Fecha Préstamo"] == datetime(2025, 5, 2, 14, 30)  # noqa: DTZ001


def test_frequencies_costs_parts_and_sizes_are_numbers(full: bytes) -> None:
    book = read(full)
    row = row_of(book["Equipos"])
    assert (row["Frecuencia Calibración (meses)"], row["Frecuencia Mantenimiento (meses)"]) == (12, 1.5)
    assert row["Frecuencia Comprobación (meses)"] is None
    assert row_of(book["Mantenimientos"])["Costo (COP)"] == 120000.5
    line = row_of(book["Documentos"])
    assert (line["Parte"], line["Tamaño"]) == (1, 2048)


def test_text_that_looks_like_a_number_stays_text(full: bytes) -> None:
    book = read(full)
    for cell, text in ((book["Equipos"]["G6"], "00123"), (book["Préstamos"]["D6"], "010203")):
        assert (cell.value, cell.data_type, cell.number_format) == (text, "s", "@")


def test_histories_have_one_row_each_with_the_code_and_name_of_the_instrument(full: bytes) -> None:
    book = read(full)
    assert [book[title].max_row - 5 for title in TABLES[4:7]] == [1, 1, 2]
    row = row_of(book["Comprobaciones"])
    assert (row["Código Equipo"], row["Nombre Equipo"], row["Consecutivo"]) == ("EQ-001", "Balanza", "CB-001")


@pytest.mark.parametrize(
    "text", ["=1+1", "+57 300", "-5 °C", "@SUM(A1)", "\t=1+1", "\r=1+1", '=HYPERLINK("x")', "#N/A"]
)
def test_text_that_looks_like_a_formula_stays_text(text: str) -> None:
    evil = instrument(text, name=text, state=text, calibrations=(Calibration(1, None, text),))
    records = CompanyRecords(Company(1, text, text), (Procedure(1, text, text),), (Supplier(1, text),))
    content = make([evil], [document(f"{text}/{text}", title=text), document(None, missing=text)], records)
    for sheet in read(content):
        for cells_of_row in sheet.iter_rows():
            assert {cell.data_type for cell in cells_of_row} <= {"s", "n", "d"}, sheet.title
    cell = read(content)["Equipos"]["A6"]
    assert cell.value == clean(text)
    assert cell.quotePrefix == (not text.startswith("#"))
    with ZipFile(BytesIO(content)) as archive:
        assert not any(b"<f>" in archive.read(f"xl/worksheets/sheet{place}.xml") for place in range(1, 10))


def test_control_characters_and_lone_surrogates_are_removed_and_never_lose_the_workbook() -> None:
    name = "Bal\x00an\x9fza\ud800 \ufffe1\x0b2\x1f"
    book = read(make([instrument(name=name)], records=CompanyRecords(Company(1, name))))
    assert book["Equipos"]["B6"].value == "Balanza 1\n2"
    assert book.properties.creator == "Balanza 1\n2"


def test_a_text_longer_than_a_cell_ends_in_an_ellipsis() -> None:
    notes = read(make([instrument(notes="a" * 40_000)]))["Equipos"]["Q6"].value
    assert notes == "a" * 32_766 + "…"
    # Excel counts UTF-16 units: half a character must not remain
    assert clean("😀" * 20_000) == "😀" * 16_383 + "…"
    assert clean("a" * 32_767) == "a" * 32_767


def test_text_that_reads_like_an_escape_of_spreadsheetml_is_escaped() -> None:
    with ZipFile(BytesIO(make([instrument(name="a_x0041_b")]))) as archive:
        assert b"<t>a_x005F_x0041_b</t>" in archive.read("xl/worksheets/sheet1.xml")


def test_what_excel_cannot_hold_as_a_date_or_a_number_becomes_text() -> None:
    maintenances = tuple(
        Maintenance(place, date(1899, 12, 31), cost=Decimal(cost), registered=registered)
        for place, (cost, registered) in enumerate(
            [
                ("NaN", datetime.min.replace(tzinfo=UTC)),
                ("-Infinity", datetime(1900, 1, 1, 4, tzinfo=UTC)),
                ("1E+400", datetime(9999, 12, 31, tzinfo=UTC)),
                ("sNaN", None),
            ]
        )
    )
    sheet = read(make([instrument(maintenances=maintenances)]))["Mantenimientos"]
    assert [sheet[f"G{row}"].value for row in range(6, 10)] == ["NaN", "-Infinity", "1E+400", "sNaN"]
    assert sheet["C6"].value == "1899-12-31"
    assert sheet["K6"].value == "0001-01-01 00:00"
    assert sheet["K7"].value == "1899-12-31 23:03"  # 31 December 1899 in Bogotá
    assert sheet["K8"].value == datetime(9999, 12, 30, 19)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("day", "serial"),
    [
        (date(1899, 12, 31), None),
        (date(1900, 1, 1), 1),
        (date(1900, 2, 28), 59),
        (date(1900, 3, 1), 61),
        (date(2026, 11, 24), 46_350),
        (date(9999, 12, 31), 2_958_465),
    ],
)
def test_days_are_those_of_excel_s_calendar(day: date, serial: int | None) -> None:
    assert cells.serial_day(day) == serial


def test_header_is_frozen_filtered_and_repeated_in_print(full: bytes) -> None:
    book = read(full)
    for title in TABLES:
        sheet = book[title]
        assert sheet.freeze_panes == ("C6" if title == "Equipos" else "A6")
        last = sheet.cell(sheet.max_row, sheet.max_column).coordinate
        assert sheet.auto_filter.ref == f"A5:{last}" == sheet.dimensions.replace("A1", "A5")
        assert sheet.print_title_rows == "$5:$5"
    for page in book.worksheets:  # the Dashboard too
        assert page.page_setup.orientation == "landscape"
        assert page.sheet_properties.pageSetUpPr is not None
        assert page.sheet_properties.pageSetUpPr.fitToPage
        assert page.page_setup.fitToWidth in {1, 2}
        assert page.oddFooter is not None
        assert page.oddFooter.left.text == "&A"
        assert page.oddFooter.center.text == "Página &P de &N"
        assert page.oddFooter.right.text == COMPANY.name


def test_any_company_fits_a_footer_and_cannot_put_codes_into_it() -> None:
    with ZipFile(BytesIO(make(records=CompanyRecords(Company(1, "Pesos & Medidas\n&D " + "&" * 300))))) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    footer = unescape(re.search("<oddFooter>(.*?)</oddFooter>", sheet)[1])  # type: ignore[index]
    assert footer.startswith("&L&A&CPágina &P de &N&RPesos && Medidas &&D &&")
    assert len(footer) <= 255
    assert footer.split("&R")[1].count("&") % 2 == 0


def test_a_page_that_repeats_two_columns_has_the_whole_title_in_them(full: bytes) -> None:
    book = read(full)
    assert [str(found) for found in book["Equipos"].merged_cells.ranges] == ["A1:B2"]
    assert book["Equipos"]["A1"].alignment.wrap_text
    with ZipFile(BytesIO(full)) as archive:
        names = archive.read("xl/workbook.xml").decode()
    assert ">'Equipos'!$A:$B,'Equipos'!$5:$5<" in names  # columns first, as Excel writes them
    assert ">'Documentos'!$5:$5<" in names


def test_columns_are_wide_enough_and_rows_show_at_most_twelve_lines() -> None:
    sheet = read(make([instrument(), instrument(notes="palabra " * 200)]))["Equipos"]
    assert all(dimension.width >= 8 for dimension in sheet.column_dimensions.values())
    assert sheet.row_dimensions[6].height == 15
    assert sheet.row_dimensions[7].height == 12 * 13.5 + 1.5
    assert sheet["Q7"].alignment.wrap_text


def test_no_text_of_a_table_is_cut_by_its_neighbour() -> None:
    long = "MET-LAB-BAL-0012-A-2026-REV-03"
    item = instrument(long, state="En Mantenimiento preventivo anual", calibrations=(Calibration(1, None),))
    book = read(make([item], [document(f"C/Equipos/{long}/{'procedimiento_' * 6}.pdf", equipment=long)]))
    for title in ("Equipos", "Calibraciones", "Documentos"):
        sheet = book[title]
        assert all(cell.alignment.wrap_text for cell in sheet[6] if isinstance(cell.value, str)), title
        assert sheet.row_dimensions[6].height > 27


def test_overdue_dates_stand_out_against_the_day_of_generation_unless_retired(full: bytes) -> None:
    sheet = read(full)["Equipos"]
    rules = {str(item.sqref): item.rules[0] for item in sheet.conditional_formatting}
    assert set(rules) == {"S6:S7", "V6:V7", "Y6:Y7"}
    assert sheet["J5"].value == "Estado"
    assert rules["S6:S7"].formula == [
        'AND(ISNUMBER(S6),S6<DATE(2026,11,24),TRIM($J6)<>"De Baja",TRIM($J6)<>"Inactivo")'
    ]
    assert rules["S6:S7"].dxf.fill.bgColor.rgb == "00FFC7CE"


def test_loans_past_due_and_rejected_results_stand_out(full: bytes) -> None:
    book = read(full)
    [loan] = book["Préstamos"].conditional_formatting
    assert [book["Préstamos"][f"{letter}5"].value for letter in "IJK"] == [
        "Devolución Programada",
        "Devolución Real",
        "Estado",
    ]
    assert str(loan.sqref) == "I6"
    [formula] = loan.rules[0].formula
    assert formula == 'AND(ISNUMBER(I6),I6<DATE(2026,11,24),$J6="",TRIM($K6)<>"DEVUELTO",TRIM($K6)<>"CANCELADO")'
    for title, column in (("Calibraciones", "E"), ("Comprobaciones", "G")):
        [rule] = book[title].conditional_formatting
        assert book[title][f"{column}5"].value == "Resultado"
        [formula] = rule.rules[0].formula
        assert formula.startswith(f'OR(LEFT(TRIM({column}6),8)="no aprob",LEFT(TRIM({column}6),6)="no apt",')


def test_the_code_of_an_instrument_leads_to_its_life_sheet(full: bytes) -> None:
    assert read(full)["Equipos"]["A6"].hyperlink.target == "Equipos/EQ%201/Hoja_de_vida.pdf"


def test_a_line_tells_what_is_odd_about_a_document_and_that_it_is_in_every_part() -> None:
    lines = [document("C/a.pdf", note="archivo vacío"), document("C/LEEME.txt", part=None, size=None)]
    sheet = read(make(documents=lines))["Documentos"]
    assert [sheet[f"G{row}"].value for row in (6, 7)] == ["incluido (archivo vacío)", "incluido"]
    assert [sheet[f"C{row}"].value for row in (6, 7)] == [1, "todas"]
    assert sheet["F7"].value is None


def test_missing_documents_say_why_and_stand_out(full: bytes) -> None:
    sheet = read(full)["Documentos"]
    assert sheet["G6"].value == "incluido"
    assert [cell.value for cell in sheet[7]][3:] == [None, None, None, "falta: no existe en el almacenamiento"]
    assert sheet["E7"].hyperlink is None
    assert [item.rules[0].formula for item in sheet.conditional_formatting] == [['LEFT(G6,5)="falta"']]


@pytest.mark.parametrize(
    "path",
    [
        "Equipos/EQ-001/manual.pdf",
        "Equipos/EQ 1/año 100% #1 (2) [b] {c}.pdf",
        "Equipos/EQ&1/a'b;c,d=e+f@g!$.pdf",
        "a:b/c?d.pdf",
        "Equipos/😀/ñandú ^`|.pdf",
        "%41.pdf",
    ],
)
def test_links_lead_from_the_workbook_s_folder_to_the_document(path: str, tmp_path: Path) -> None:
    company = tmp_path / "CERTIBOY S.A.S."
    file = company / path
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    sheet = read(make(documents=[document(f"CERTIBOY S.A.S./{path}")]))["Documentos"]
    target = sheet["E6"].hyperlink.target
    assert not re.search(r'[\s"<>\[\]^`{|}#?\\:]', target)
    assert (company / unquote(target)).samefile(file)
    assert (sheet["D6"].value or "", sheet["E6"].value) == path.rpartition("/")[::2]


def test_letters_beyond_ascii_stay_as_they_are_in_links() -> None:
    assert index.link(document("C/señal á.pdf")) == "señal%20á.pdf"


def test_a_link_longer_than_excel_opens_is_left_out_and_the_name_stays() -> None:
    sheet = read(make(documents=[document("C/" + "a" * 2_080)]))["Documentos"]
    assert sheet["E6"].hyperlink is None
    assert sheet["E6"].value == "a" * 2_080


def test_documents_beyond_excel_s_limit_of_links_go_on_in_a_second_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sheets.DOCUMENTS.rows_limit <= 65_530
    monkeypatch.setattr(sheets, "DOCUMENTS", replace(sheets.DOCUMENTS, rows_limit=3))
    book = read(make(documents=(document(f"C/{n}.pdf") for n in range(7))))
    assert book.sheetnames[-3:] == ["Documentos", "Documentos (2)", "Documentos (3)"]
    assert [book[name].max_row for name in book.sheetnames[-3:]] == [8, 8, 6]
    assert book["Documentos (3)"]["E6"].hyperlink.target == "6.pdf"
    assert book["Documentos (2)"]["E5"].value == "Archivo"


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-1, Due.OVERDUE),
        (0, Due.IN_30_DAYS),
        (30, Due.IN_30_DAYS),
        (31, Due.IN_60_DAYS),
        (60, Due.IN_60_DAYS),
        (61, Due.IN_90_DAYS),
        (90, Due.IN_90_DAYS),
        (91, Due.LATER),
    ],
)
def test_an_activity_is_due_by_the_days_that_are_left(days: int, expected: Due) -> None:
    assert due(TODAY + timedelta(days=days), TODAY) is expected
    assert due(None, TODAY) is Due.UNSCHEDULED


def test_retired_instruments_are_counted_by_state_but_nothing_is_due_on_them() -> None:
    statistics = Statistics(TODAY)
    for state in ("Activo", "Activo", "Inactivo", "De Baja", None):
        statistics.add_equipment(instrument(state=state, calibration=Schedule(next=date(2026, 11, 23))))
    assert statistics.by_state() == [("Activo", 2), ("De Baja", 1), ("Inactivo", 1), ("Sin estado", 1)]
    assert statistics.activities["Calibración", Due.OVERDUE] == 3
    assert statistics.activities["Mantenimiento", Due.UNSCHEDULED] == 3


def test_a_state_is_counted_once_however_it_is_spelt_and_shown_as_most_do() -> None:
    statistics = Statistics(TODAY)
    odd = ("En\nCalibracio\u0301n", "\ufeffEn Calibración", "EN\xa0CALIBRACIÓN\0", None, " ", "sin estado")
    for state in ("DE BAJA", " de  baja ", "De Baja", "De Baja", "ACTIVO", "activo ", *odd):
        statistics.add_equipment(instrument(state=state))
    assert statistics.by_state() == [("De Baja", 4), ("En Calibración", 3), ("Sin estado", 3), ("ACTIVO", 2)]


def test_a_state_stands_in_its_cell_as_the_rules_of_the_sheet_read_it() -> None:
    loan = Loan(1, "Ana", due=date(2020, 1, 1), state="\xa0devuelto ")
    calibration = Calibration(1, date(2024, 1, 1), result=" No\xa0Aprobado")
    book = read(make([instrument(state=" De\xa0Baja\n", loans=(loan,), calibrations=(calibration,))]))
    assert (book["Equipos"]["J6"].value, book["Préstamos"]["K6"].value) == ("De Baja", "devuelto")
    assert book["Calibraciones"]["E6"].value == "No Aprobado"


def test_dashboard_shows_the_numbers_and_two_charts_of_them(full: bytes) -> None:
    sheet = read(full)["Dashboard"]
    lines = {row[0]: row[1:7] for row in sheet.iter_rows(min_row=7, max_col=7, values_only=True) if row[0]}
    assert lines["Estado"][0] == "Cantidad"
    assert (sheet["A7"].value, sheet["A8"].value, sheet["B8"].value) == ("Estado", "Activo", 1)
    assert (lines["Activo"][0], lines["De Baja"][0]) == (1, 1)
    assert lines["Actividad"] == tuple(when.value for when in Due)
    assert lines["Calibración"] == (1, 0, 0, 0, 0, 0)  # the retired instrument's is not counted
    assert lines["Mantenimiento"] == (0, 1, 0, 0, 0, 0)  # due on the very day
    assert lines["Comprobación"] == (0, 0, 0, 0, 0, 1)
    assert (lines["Empresa"][0], lines["NIT"][0]) == (COMPANY.name, COMPANY.tax_id)
    assert (lines["Equipos"][0], lines["Documentos incluidos"][0], lines["Documentos faltantes"][0]) == (2, 1, 1)
    assert lines["Tamaño de los documentos"][0] == 2048
    with ZipFile(BytesIO(full)) as archive:
        charts = [archive.read(f"xl/charts/chart{place}.xml").decode() for place in (1, 2)]
    assert "<barChart>" in charts[0]
    assert "'Dashboard'!$B$8:$B$9" in charts[0]
    first = next(row for row in range(7, 40) if sheet.cell(row, 1).value == "Calibración")
    assert "<barChart>" in charts[1]
    assert f"'Dashboard'!$B${first}:$B${first + 2}" in charts[1]


def test_charts_can_be_told_apart_in_grey() -> None:
    greys = [sum(part * int(color[2 * place :][:2], 16) for place, part in enumerate((0.3, 0.59, 0.11)))
             for color in DUE_COLORS]  # fmt: skip
    assert all(lighter - darker > 40 for darker, lighter in pairwise(greys))


def test_what_is_overdue_stands_out_in_the_dashboard(full: bytes) -> None:
    sheet = read(full)["Dashboard"]
    overdue = {row[0].value: row[1] for row in sheet.iter_rows(min_row=7, max_col=2)}
    assert overdue["Calibración"].font.color.rgb == "00C00000"
    assert overdue["Calibración"].font.bold
    assert not overdue["Mantenimiento"].font.bold


def test_only_the_most_frequent_of_many_states_are_drawn() -> None:
    book = make(instrument(str(n), state=f"Estado {n:02}") for n in range(STATES_DRAWN + 5))
    with ZipFile(BytesIO(book)) as archive:
        chart = archive.read("xl/charts/chart1.xml").decode()
    assert f"'Dashboard'!$B$8:$B${7 + STATES_DRAWN}" in chart
    assert f"los {STATES_DRAWN} más frecuentes" in chart


def test_the_index_says_how_its_links_work(full: bytes) -> None:
    book = read(full)
    assert "una misma carpeta" in str(book["Documentos"]["A4"].value)
    assert book["Equipos"]["A4"].value is None


def test_a_company_without_anything_still_gets_every_sheet() -> None:
    book = read(make())
    assert all([cell.value for cell in book[title][5]] == HEADERS[title].split("|") for title in TABLES)
    assert book["Equipos"].max_row == 5


def test_the_same_input_gives_the_same_bytes(full: bytes) -> None:
    again = make([instrument()], [document("C/a.pdf")])
    assert make([instrument()], [document("C/a.pdf")]) == again
    with ZipFile(BytesIO(full)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert len({entry.filename for entry in archive.infolist()}) == len(archive.infolist())
    properties = read(full).properties
    assert properties.created == properties.modified == datetime(2026, 11, 25, 0, 42, 59)  # noqa: DTZ001
    assert properties.creator == COMPANY.name
    assert properties.title == f"Informe consolidado de equipos: {COMPANY.name}"


def test_another_process_with_another_hash_seed_writes_the_same_bytes() -> None:
    script = (
        "import sys, hashlib, io\n"
        "from datetime import UTC, date, datetime\n"
        "from samzip.catalog.model import Company, CompanyRecords, Equipment, Schedule\n"
        "from samzip.dossier.workbook import IndexLine, write_workbook\n"
        "target = io.BytesIO()\n"
        "states = ['Activo', 'De Baja', 'Inactivo']\n"
        "items = [Equipment(i, f'EQ-{i}', 'x', state=states[i % 3], calibration=Schedule(next=date(2026, 1, 1)))"
        " for i in range(9)]\n"
        "lines = [IndexLine(None, 'Manual', 1, f'C/{i}.pdf', 1, None) for i in range(9)]\n"
        "write_workbook(target, CompanyRecords(Company(1, 'C')), ((item, None) for item in items), lines,"
        " generated=datetime(2026, 11, 25, tzinfo=UTC), timezone='America/Bogota')\n"
        "print(hashlib.sha256(target.getvalue()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(digests) == 1


def test_elements_of_a_sheet_are_in_the_order_that_excel_insists_on(full: bytes) -> None:
    order = re.findall(
        r"\w+",
        "sheetPr dimension sheetViews sheetFormatPr cols sheetData autoFilter mergeCells conditionalFormatting "
        "hyperlinks pageMargins pageSetup headerFooter ignoredErrors drawing",
    )
    with ZipFile(BytesIO(full)) as archive:
        for place in range(1, 10):
            xml = archive.read(f"xl/worksheets/sheet{place}.xml").decode()
            found = [name for name in order if f"<{name}" in xml]
            assert found == sorted(found, key=lambda name: xml.index(f"<{name}"))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(codec=None), max_size=60), min_size=1, max_size=12))
@example(["=cmd|' /C calc'!A0", "\r\n", " x ", "<&>\"'", "]]>", "\x85\u2028", "_x", "\U0001f600\udc00"])
def test_any_text_reads_back_as_its_cleaned_self(texts: list[str]) -> None:
    content = make(instrument(text, name=text, notes=text) for text in texts)
    sheet = read(content)["Equipos"]
    for place, text in enumerate(texts, 6):
        expected = re.sub("_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", clean(text)) or None
        assert [sheet[f"{letter}{place}"].value for letter in "BQ"] == [expected] * 2
        assert sheet[f"B{place}"].data_type == ("s" if expected else "n")


def test_five_thousand_instruments_are_consumed_once_in_little_memory() -> None:
    def instruments() -> Iterator[Equipment]:
        day = date(2024, 1, 1)
        for number in range(5_000):
            yield instrument(
                f"EQ-{number:05}",
                notes="Equipo en uso rutinario " * 4,
                calibrations=tuple(Calibration(place, day) for place in range(2)),
            )

    documents = (document(f"C/Equipos/{number}.pdf") for number in range(5_000))
    make()  # imports and caches are not what is measured
    tracemalloc.start()
    content = make(instruments(), documents)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20  # bytes; one spool of 1 MiB for each file, and the result itself
    book = load_workbook(BytesIO(content), read_only=True)
    assert book["Equipos"].max_row == 5_005
    assert book["Calibraciones"].max_row == 10_005
    book.close()


def test_another_reader_sees_the_same_values(full: bytes) -> None:
    calamine = pytest.importorskip("python_calamine")
    book = calamine.CalamineWorkbook.from_filelike(BytesIO(full))
    assert book.sheet_names == [*TABLES[:4], "Dashboard", *TABLES[4:]]
    rows = book.get_sheet_by_name("Equipos").to_python()
    assert rows[4] == HEADERS["Equipos"].split("|")
    assert rows[5][:2] == ["EQ-001", "Balanza"]
    assert rows[5][6] == "00123"
    assert rows[5][10] == date(2022, 8, 10)
    assert rows[5][15] == datetime(2025, 12, 31, 22, 15, 30)  # noqa: DTZ001
    assert rows[5][19] == 12


def test_the_catalogue_knows_the_limit_of_a_cell() -> None:
    assert unread.CELL == cells.CELL_LIMIT  # dossier may not import what knows the database


def test_a_workbook_that_fails_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python would complain of it later on, on the terminal of whoever runs samzip."""
    begun: list[ExcelWriter] = []

    def fail(writer: ExcelWriter) -> None:
        begun.append(writer)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ExcelWriter, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        package.write_package(BytesIO(), Workbook(), [])
    (writer,) = begun
    assert writer._archive.fp is None


@pytest.mark.parametrize("cut", ["", "<worksheet><sheetPr/>", '<worksheet><sheetData/><pageMargins left="0.'])
def test_a_sheet_that_was_not_written_whole_is_no_workbook(cut: str) -> None:
    page = Page("Equipos", 3)
    with pytest.raises(OSError, match="not written whole"):
        list(package._sheet(cut.encode(), page))
    page.close()
