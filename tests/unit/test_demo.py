"""The sample before it is written: rows that hang together, documents that their readers open."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
import zipfile
from datetime import date, timedelta
from xml.etree import ElementTree

import openpyxl
import pytest
from PIL import Image, ImageOps
from pypdf import PdfReader

from samzip.database.tables import sam
from samzip.demo.book import Book, Document, Paper, Photo, months_later, number
from samzip.demo.documents import content
from samzip.demo.pictures import DRAWINGS, ORIENTATION, SIZE
from samzip.demo.records import sample

TODAY = date(2026, 3, 31)  # the last day of a month: the hard case of adding months
DATES = ("proxima_calibracion", "proximo_mantenimiento", "proxima_comprobacion")


@pytest.fixture(scope="module")
def book() -> Book:
    return sample(TODAY)


def papers(book: Book, form: str) -> list[Document]:
    return [each for each in book.documents if isinstance(each.content, Paper) and each.content.form == form]


def test_the_main_company_has_what_the_demonstration_promises(book: Book) -> None:
    certiboy = book.rows["core_empresa"][0]
    mine = {
        table: [row for row in rows if row.get("empresa_id") == certiboy["id"]] for table, rows in book.rows.items()
    }
    assert certiboy["nombre"] == "CERTIBOY S.A.S."
    assert [row["codigo_interno"] for row in mine["core_equipo"]] == [f"EQ-{n:03d}" for n in range(1, 70)]
    assert len(mine["core_procedimiento"]) == 3
    assert len(mine["core_proveedor"]) == 5
    assert len(mine["core_prestamoequipo"]) == 3
    assert {row["username"]: row["rol_usuario"] for row in mine["core_customuser"]} == {
        "CERTIBOY": "ADMINISTRADOR",
        "certiboy.tecnico": "TECNICO",
    }


def test_the_second_company_shares_no_file_with_the_first(book: Book) -> None:
    codes = [row["codigo_interno"] for row in book.rows["core_equipo"] if row["empresa_id"] == 2]
    assert codes == [f"LA-{n:03d}" for n in range(1, 6)]
    paths = [document.path for document in book.documents]
    assert len(set(paths)) == len(paths)


def test_the_superuser_belongs_to_no_company(book: Book) -> None:
    assert [row["empresa_id"] for row in book.rows["core_customuser"] if row["is_superuser"]] == [None]


def test_every_instrument_has_its_whole_history(book: Book) -> None:
    equipment = [row["id"] for row in book.rows["core_equipo"]]
    for table, kept in (("core_calibracion", 3), ("core_mantenimiento", 2), ("core_comprobacion", 2)):
        owners = [row["equipo_id"] for row in book.rows[table]]
        assert sorted(owners) == sorted(equipment * kept)


def test_decommissioned_instruments_carry_their_record_and_are_due_for_nothing(book: Book) -> None:
    gone = {row["id"]: row for row in book.rows["core_equipo"] if row["estado"] == "De Baja"}
    records = book.rows["core_bajaequipo"]
    assert len(gone) == 2
    assert {row["equipo_id"] for row in records} == set(gone)
    assert all(row["documento_baja"] for row in records)
    assert all(row[column] is None for row in gone.values() for column in DATES)


@pytest.mark.parametrize("column", DATES)
def test_some_activities_are_overdue_and_some_due_within_30_60_and_90_days(book: Book, column: str) -> None:
    ahead = [(row[column] - TODAY).days for row in book.rows["core_equipo"] if row[column]]
    for low, high in ((-1000, -1), (0, 30), (31, 60), (61, 90), (91, 1000)):
        assert sum(low <= days <= high for days in ahead) >= 3


@pytest.mark.parametrize("today", [TODAY, date(2024, 2, 29), date(2025, 12, 31)])
def test_nothing_happened_in_the_future_or_after_a_decommission(today: date) -> None:
    book = sample(today)
    last = {row["id"]: today for row in book.rows["core_equipo"]}
    last |= {row["equipo_id"]: row["fecha_baja"] for row in book.rows["core_bajaequipo"]}
    for table, column in (
        ("core_calibracion", "fecha_calibracion"),
        ("core_mantenimiento", "fecha_mantenimiento"),
        ("core_comprobacion", "fecha_comprobacion"),
    ):
        assert all(row[column] <= last[row["equipo_id"]] for row in book.rows[table])
        assert all(row["fecha_registro"].date() <= today for row in book.rows[table])
    assert all(row["fecha_adquisicion"] < today for row in book.rows["core_equipo"])
    assert all(document.day <= today for document in book.documents)


def test_rows_name_only_columns_that_exist_and_fit_them(book: Book) -> None:
    for name, rows in book.rows.items():
        assert all(set(row) <= set(sam.tables[name].c.keys()) for row in rows)
        # SAM's columns for paths and names hold 100 characters.
        assert all(len(value) <= 100 for row in rows for key, value in row.items() if key.endswith("_pdf") and value)


def test_every_path_in_a_row_is_a_planned_document_and_every_document_is_in_a_row(book: Book) -> None:
    named = {
        value
        for rows in book.rows.values()
        for row in rows
        for value in row.values()
        if isinstance(value, str) and value.startswith(("documentos/", "empresas_logos/"))
    }
    assert named == {document.path for document in book.documents}


def test_measurements_come_in_both_forms_of_sam(book: Book) -> None:
    forms = [json.loads(row["confirmacion_metrologica_datos"]) for row in book.rows["core_calibracion"]]
    older = [form for form in forms if "puntos_medicion" in form]
    newer = [form for form in forms if "magnitudes" in form]
    assert len(older) == 74
    assert len(newer) == 148
    assert any(len(form["magnitudes"]) == 2 for form in newer)
    points = [point for form in older for point in form["puntos_medicion"]]
    points += [p for form in newer for magnitude in form["magnitudes"] for p in magnitude["puntos_medicion"]]
    assert all({"nominal", "lectura", "error", "incertidumbre", "emp_absoluto"} <= set(point) for point in points)
    assert all(point["emp_absoluto"] > 0 and point["incertidumbre"] > 0 for point in points)


def test_a_failed_calibration_is_outside_its_limits_and_the_others_inside(book: Book) -> None:
    results = [row["resultado"] for row in book.rows["core_calibracion"]]
    assert results.count("No Aprobado") == 4
    assert {row["resultado"] for row in book.rows["core_comprobacion"]} == {"Aprobado"}


def test_verifications_are_numbered_in_order_of_their_dates(book: Book) -> None:
    rows = sorted(book.rows["core_comprobacion"][: 69 * 2], key=lambda row: row["consecutivo"])
    assert [row["consecutivo"] for row in rows] == list(range(1, 139))
    assert [row["fecha_comprobacion"] for row in rows] == sorted(row["fecha_comprobacion"] for row in rows)


def test_the_same_day_gives_the_same_sample() -> None:
    assert sample(TODAY) == sample(TODAY)


def test_another_day_moves_the_dates_and_leaves_the_names(book: Book) -> None:
    later = sample(TODAY + timedelta(days=1))
    assert later != book
    assert [each.path for each in later.documents] == [each.path for each in book.documents]


def test_papers_of_full_size_are_scans_that_do_not_compress(book: Book) -> None:
    sizes = [len(content(document)) for document in papers(book, "pdf")[:60]]
    assert min(sizes) > 15_000
    assert max(sizes) < 90_000


@pytest.mark.parametrize("small", [True, False])
def test_a_certificate_opens_as_a_pdf_with_its_text_and_its_scan(book: Book, small: bool) -> None:
    document = next(each for each in papers(book, "pdf") if "certificado_EQ-004_3" in each.path)
    reader = PdfReader(io.BytesIO(content(document, small=small)), strict=True)
    text = reader.pages[0].extract_text()
    assert "Certificado de calibración" in text
    assert "EQ-004" in text
    assert "±" in text
    assert "?" not in text
    assert reader.pages[0].images[0].image.mode == "L"  # type: ignore[union-attr]
    assert reader.metadata is not None
    assert reader.metadata.title is not None
    assert reader.metadata.title.startswith("Certificado de calibración")


def test_one_paper_is_a_photograph_under_a_pdf_name(book: Book) -> None:
    (document,) = papers(book, "jpeg")
    assert document.path == "documentos/EQ-020/equipos/compra/compra_EQ-020.pdf"
    with Image.open(io.BytesIO(content(document))) as image:
        image.load()
        assert image.format == "JPEG"


def test_one_document_keeps_the_name_that_a_person_typed(book: Book) -> None:
    (path,) = (each.path for each in book.documents if " " in each.path)
    assert path.endswith("/Garantía del fabricante año 2 (copia señalada).pdf")
    assert unicodedata.is_normalized("NFC", path)


@pytest.mark.parametrize("drawing", DRAWINGS)
@pytest.mark.parametrize("small", [True, False])
def test_every_kind_of_instrument_has_its_picture(drawing: str, small: bool) -> None:
    document = Document("x.jpg", TODAY, Photo(drawing, "EQ-001"))
    with Image.open(io.BytesIO(content(document, small=small))) as image:
        image.load()
        assert image.format == "JPEG"
        assert image.mode == "RGB"


def test_one_photo_is_upright_only_by_its_orientation(book: Book) -> None:
    (document,) = (each for each in book.documents if isinstance(each.content, Photo) and each.content.turned)
    with Image.open(io.BytesIO(content(document))) as image:
        assert image.size == SIZE[::-1]
        assert image.getexif()[ORIENTATION] == 6
        assert ImageOps.exif_transpose(image).size == SIZE


def test_logos_are_wide_pngs_with_a_transparent_ground(book: Book) -> None:
    logos = [each for each in book.documents if each.path.startswith("empresas_logos/")]
    assert len(logos) == 2
    for document in logos:
        with Image.open(io.BytesIO(content(document))) as image:
            assert image.format == "PNG"
            assert image.width > 3 * image.height
            assert image.getpixel((image.width - 1, 0))[3] == 0  # type: ignore[index]


def test_word_documents_hold_their_text(book: Book) -> None:
    document = papers(book, "docx")[0]
    with zipfile.ZipFile(io.BytesIO(content(document))) as package:
        assert package.testzip() is None
        roots = {
            name: ElementTree.fromstring(package.read(name))  # noqa: S314 -- XML that we wrote ourselves
            for name in package.namelist()
        }
    assert isinstance(document.content, Paper)
    assert document.content.title in "".join(roots["word/document.xml"].itertext())


def test_workbooks_open_and_hold_their_rows(book: Book) -> None:
    document = papers(book, "xlsx")[0]
    workbook = openpyxl.load_workbook(io.BytesIO(content(document)))
    assert isinstance(document.content, Paper)
    assert workbook["Datos"]["A1"].value == document.content.title
    assert workbook["Datos"].max_row == 2 + len(document.content.rows)


def test_tables_of_text_are_read_as_spreadsheets_read_them(book: Book) -> None:
    document = papers(book, "csv")[0]
    rows = list(csv.reader(io.StringIO(content(document).decode("utf-8-sig"), newline=""), delimiter=";"))
    assert isinstance(document.content, Paper)
    assert [tuple(row) for row in rows[2:]] == list(document.content.rows)


def test_notes_are_text_in_utf_8(book: Book) -> None:
    assert "Código interno\t" in content(papers(book, "txt")[0]).decode()


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2024, 3, 31), -1, date(2024, 2, 29)),
        (date(2025, 12, 5), 1, date(2026, 1, 5)),
        (date(2026, 1, 5), -13, date(2024, 12, 5)),
    ],
)
def test_months_are_added_as_the_calendar_has_them(day: date, months: int, expected: date) -> None:
    assert months_later(day, months) == expected


def test_numbers_have_a_decimal_comma_and_no_negative_zero() -> None:
    assert number(-1.25, 2) == "-1,25"
    assert number(-0.001, 2) == "0,00"
    assert number(100, 0) == "100"
