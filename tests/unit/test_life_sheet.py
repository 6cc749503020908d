import io
import json
import os
import random
import re
import struct
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from samzip.catalog.model import (
    Calibration,
    Company,
    Decommission,
    Equipment,
    Loan,
    Maintenance,
    Schedule,
    Verification,
)
from samzip.dossier.alike import LISTED
from samzip.dossier.life_sheet import DocumentLine, LifeSheet, Unreadable, histories, images, render
from samzip.dossier.life_sheet import columns as columns_of
from samzip.dossier.life_sheet.charts import dodges
from samzip.dossier.life_sheet.columns import Column
from samzip.dossier.life_sheet.flow import WIDTH, Flow
from samzip.dossier.life_sheet.fonts import BOLD, NOTDEF, REGULAR
from samzip.dossier.life_sheet.glyphs import MAX_CHARACTERS, clean
from samzip.dossier.life_sheet.model import NOT_DRAWN, TOO_LARGE
from samzip.dossier.life_sheet.pen import ALERT
from samzip.dossier.life_sheet.scales import horizontal, labelled, vertical_range
from samzip.dossier.life_sheet.text import fit, wrap
from samzip.dossier.life_sheet.wording import months, number, pesos

COMPANY = Company(1, "CERTIBOY S.A.S.", "900093017-1", "logos/l.png", "FOR-MET-001", "03", "2024-02-01")


def measurements(name="Temperatura", unit="°C", nominal=(10, 20, 30), **changes):
    points = [{"nominal": n, "error": 0.02, "incertidumbre": 0.01, "emp_absoluto": 0.05} | changes for n in nominal]
    return json.dumps({"magnitudes": [{"nombre": name, "unidad": unit, "puntos_medicion": points}]})


EQUIPMENT = Equipment(
    id=1,
    code="EQ-001",
    name="Termohigrómetro",
    kind="Equipo de Medición",
    brand="Testo",
    model="608-H1",
    serial_number="SN5866874",
    location="Baño María ±0,5 °C",
    responsible="María Ruiz",
    supplier="Equipos y Más",
    state="Activo",
    acquired=date(2022, 9, 21),
    registered=datetime(2026, 11, 25, 3, 4, tzinfo=UTC),
    measuring_range="0 Ω a 50 µΩ",
    resolution="≤ 0,1 m²",
    maximum_permissible_error="0.05",
    calibration_points="10; 20; 30",
    notes="Equipo en uso rutinario; niño, camión.",
    purchase="compra.pdf",
    calibration=Schedule(date(2024, 10, 20), date(2025, 10, 20), Decimal("12.00")),
    maintenance=Schedule(date(2023, 6, 18), date(2023, 12, 18), Decimal("1.5")),
    calibrations=(
        Calibration(1, date(2023, 10, 21), "Metrolab", "Aprobado", "CC-1", "Sin novedad", measurements=measurements()),
        Calibration(2, date(2024, 10, 20), "Metrolab", "Aprobado", "CC-2", "Ajuste", measurements=measurements()),
    ),
    maintenances=(
        Maintenance(1, date(2023, 6, 18), "Preventivo", "Servimant", "Luis", Decimal(120000), "Limpieza"),
    ),
    verifications=(
        Verification(1, date(2023, 7, 18), "CB-002", "Verifica", "Ana Gómez", "Aprobado", "Conforme",
                     measurements=measurements("Humedad", "%HR")),
    ),
    loans=(Loan(1, "Carlos Díaz", position="Técnico", lent=datetime(2025, 5, 2, 2, 0, tzinfo=UTC), state="DEVUELTO"),),
)  # fmt: skip
DOCUMENTS = (
    DocumentLine("Archivo de compra", "compra.pdf", None),
    DocumentLine("Ficha técnica", None, "el archivo no existe"),
    DocumentLine("Certificado de calibración 1", "Calibraciones/Certificados_Calibracion/cal_1.pdf", None),
)
SHEET = LifeSheet(COMPANY, EQUIPMENT, DOCUMENTS)
DECOMMISSIONED = replace(
    EQUIPMENT,
    state="De Baja",
    decommission=Decommission(date(2025, 6, 1), "Daño irreparable", "Se retira", by="Certi Boy"),
)


def with_equipment(**changes):
    return replace(SHEET, equipment=replace(EQUIPMENT, **changes))


def read(sheet):
    return PdfReader(io.BytesIO(render(sheet).pdf), strict=True)


def pages_of(sheet):
    return [page.extract_text() for page in read(sheet).pages]


def text_of(sheet):
    return "\n".join(pages_of(sheet))


def image_bytes(mode="RGB", size=(60, 20), kind="JPEG", **options):
    out = io.BytesIO()
    Image.new(mode, size).save(out, kind, **options)
    return out.getvalue()


def noise_bytes(kind):
    """An image that no format makes small, so that cutting it loses pixels."""
    noise = random.Random(0).randbytes(80 * 60)
    out = io.BytesIO()
    Image.frombytes("L", (80, 60), noise).save(out, kind)
    return out.getvalue()


def photo_sizes(data):
    """Sizes in pixels of the images that the sheet embeds for a photo."""
    return {image.image.size for page in read(replace(SHEET, photo=data)).pages for image in page.images}


def outline_of(reader):
    flat = []
    for entry in reader.outline:
        flat += [inner.title for inner in entry] if isinstance(entry, list) else [entry.title]
    return flat


def test_the_sections_come_in_the_order_that_auditors_know():
    text = text_of(replace(SHEET, equipment=DECOMMISSIONED))
    titles = [
        "Información general",
        "Próximas actividades",
        "Observaciones",
        "Información de baja",
        "Documentos del equipo",
        "Historial de calibraciones",
        "Historial de mantenimientos",
        "Historial de comprobaciones",
        "Historial de préstamos",
        "Imagen del equipo",
        "Confirmaciones metrológicas",
        "Comprobaciones metrológicas",
        "Índice de soportes",
    ]
    places = [text.index(title) for title in titles]
    assert places == sorted(places)


def test_every_value_of_the_instrument_is_shown():
    text = text_of(SHEET)
    for value in (
        "EQ-001", "Termohigrómetro", "Equipo de Medición", "Testo", "608-H1", "SN5866874", "María Ruiz", "Activo",
        "Equipos y Más", "2022-09-21", "10; 20; 30", "2024-10-20", "2025-10-20", "12 meses", "1,5 meses", "$ 120.000",
        "Limpieza", "Servimant", "Luis", "CB-002", "Ana Gómez", "Conforme", "CC-2", "Carlos Díaz", "Devuelto",
    ):  # fmt: skip
        assert value in text, value


def test_spanish_and_metrological_characters_survive_extraction():
    text = text_of(SHEET)
    for value in ("Baño María ±0,5 °C", "0 Ω a 50 µΩ", "≤ 0,1 m²", "niño, camión", "%HR"):
        assert value in text, value


def test_a_bare_number_gets_the_decimal_comma_and_worded_values_stay():
    assert "0,05" in text_of(SHEET)
    assert "0.05 % + 1" in text_of(with_equipment(maximum_permissible_error="0.05 % + 1"))


def test_moments_are_shown_in_local_time():
    assert "2026-11-24 22:04" in text_of(SHEET)
    assert "2025-05-01" in text_of(SHEET), "lent at 02:00 UTC, the evening before in Bogotá"
    assert "2026-11-25 03:04" in text_of(replace(SHEET, timezone="UTC"))


@pytest.mark.parametrize("name", ["Nowhere/Xx", "", "../x", "\x00", "\ud800", "x" * 500])
def test_an_unknown_time_zone_is_noted_and_utc_used(name):
    rendered = render(replace(SHEET, timezone=name))
    assert rendered.notes[0].startswith("zona horaria desconocida")


def test_documents_are_present_missing_with_the_reason_or_not_registered():
    text = re.sub(r"\s+", " ", text_of(SHEET))
    assert "compra.pdf" in text
    assert "FALTA: el archivo no existe" in text
    assert text.count("No registrado") == 2
    assert "Calibraciones/Certificados_Calibracion/cal_1.pdf" in text


def test_a_registered_document_without_a_line_is_not_called_unregistered():
    assert "Registrado; no incluido" in text_of(replace(SHEET, documents=()))


def test_a_missing_photo_says_why():
    lines = (DocumentLine("Imagen", None, "no existe en el almacenamiento"),)
    assert text_of(replace(SHEET, documents=lines)).count("FALTA: no existe en el almacenamiento") == 2


def test_an_instrument_without_records_says_so_in_every_section():
    text = text_of(LifeSheet(Company(1, "Andino"), Equipment(1, "EQ-9", "Balanza")))
    assert text.count("No registra\n") + text.endswith("No registra") == 7
    assert text.count("No registrado") == 4


def test_histories_show_the_newest_record_first():
    text = text_of(SHEET)
    history = text[text.index("Historial de calibraciones") :]
    assert history.index("CC-2") < history.index("CC-1")


def test_every_page_carries_the_header_and_its_number():
    calibrations = tuple(Calibration(n, date(2020, 1, 1), notes="nota " * 40) for n in range(30))
    pages = pages_of(with_equipment(calibrations=calibrations))
    assert len(pages) >= 3
    for number_, text in enumerate(pages, 1):
        assert f"Página {number_} de {len(pages)}" in text
        for value in ("HOJA DE VIDA DE EQUIPOS", "FOR-MET-001", "2024-02-01", "CERTIBOY S.A.S.", "NIT 900093017-1"):
            assert value in text


@pytest.mark.parametrize("times", [1, 2])
def test_a_long_company_name_costs_the_header_neither_its_end_nor_the_tax_number(times):
    name = " y ".join(["Laboratorio de Metrología Ñandú & Cía. S.A.S."] * times)
    company = replace(COMPANY, name=name, tax_id="900.123.456-7")
    logo = image_bytes(kind="PNG")  # in its place the name would be written once more
    (text, *_) = pages_of(replace(SHEET, company=company, logo=logo))
    assert name in re.sub(r"\s+", " ", text)
    assert "\nNIT 900.123.456-7\n" in text


@pytest.mark.parametrize(
    ("code", "version", "day"),
    [
        ("FOR-MET-CAL-001", "Versión 03 de 2024", "15 de septiembre de 2024"),
        ("FOR-MET-CAL-001-LABORATORIO-DE-METROLOGÍA", "Versión número 12 de 2024", "Septiembre de 2024"),
        ("Formato 001 del Sistema de Gestión de la Calidad", "3", "Miércoles, 15 de septiembre de 2024"),
    ],
)
def test_the_document_control_of_the_format_is_whole(code, version, day):
    company = replace(COMPANY, format_code=code, format_version=version, format_date=day)
    rendered = render(replace(SHEET, company=company))
    assert rendered.notes == ()
    (text, *_) = [page.extract_text() for page in PdfReader(io.BytesIO(rendered.pdf)).pages]
    for value in (code, version, day):
        assert value.replace(" ", "") in re.sub(r"\s+", "", text)


def test_document_control_that_is_too_long_for_its_cell_is_told_in_full():
    code = "FORMATO-" * 12 + "001"
    (note,) = render(replace(SHEET, company=replace(COMPANY, format_code=code))).notes
    assert note == f"Empresa, código del formato: en la hoja de vida no cabe entero: «{code}»"


def test_a_company_name_and_a_tax_number_that_the_header_cuts_are_told_as_the_format_is():
    name, tax_id = "Laboratorio " * 15 + "S.A.S.", "900" * 30
    assert render(replace(SHEET, company=replace(COMPANY, name=name, tax_id=tax_id))).notes == (
        f"Empresa, nombre: en la hoja de vida no cabe entero: «{name}»",
        f"Empresa, NIT: en la hoja de vida no cabe entero: «{tax_id}»",
    )


def test_letters_of_the_header_without_a_glyph_are_told_once_of_the_company():
    company = replace(COMPANY, name="Научно-лаборатория 计量", format_code="计-01", tax_id="九")
    assert render(replace(SHEET, company=company)).notes == (
        "Empresa, nombre, NIT, código del formato: algunos caracteres no tienen letra en el PDF y en el encabezado "
        "de las hojas de vida se ven como □",
    )
    (emoji,) = render(replace(SHEET, company=replace(COMPANY, format_version="😀" * 60))).notes
    assert emoji.startswith("Empresa, versión del formato: algunos caracteres")


@pytest.mark.parametrize("count", [1, 5, 60])
def test_a_history_of_any_length_is_complete_and_its_head_is_on_every_page_that_it_reaches(count):
    verifications = tuple(Verification(n, date(2020, 1, 1), f"CB-{n:03d}", "P", "R", "A", "N") for n in range(count))
    pages = pages_of(with_equipment(verifications=verifications, calibrations=(), maintenances=()))
    holding = [text for text in pages if re.search(r"CB-\d{3}", text)]
    assert sorted(re.findall(r"CB-\d{3}", "\n".join(pages))) == [f"CB-{n:03d}" for n in range(count)]
    assert len(holding) >= 2 if count == 60 else len(holding) == 1
    assert all("Consecutivo" in text for text in holding)


def test_a_title_is_never_the_last_thing_on_a_page():
    titles = ("Historial de calibraciones", "Historial de mantenimientos", "Historial de comprobaciones")
    for lines in range(1, 45):
        for text in pages_of(with_equipment(notes="a\n" * lines + "b", photo=None)):
            body = text.splitlines()
            for index, line in enumerate(body):
                if line.strip() in titles:
                    after = [x for x in body[index + 1 :] if not x.startswith(("Página", "Último registro", "EQ-001"))]
                    assert len(after) >= 2, (lines, line)


def test_a_tall_first_row_takes_its_title_and_head_to_the_next_page_with_it():
    tall = Calibration(1, date(2024, 1, 1), "Metrolab", notes="alto " * 160)
    for lines in range(1, 45):
        sheet = with_equipment(notes="a\n" * lines + "b", photo=None, calibrations=(tall,))
        (holding,) = (text for text in pages_of(sheet) if "Historial de calibraciones" in text)
        assert "alto" in holding, lines


def test_a_column_without_any_value_leaves_its_room_to_the_others():
    def height(**values):
        flow = Flow()
        histories.calibrations(flow, replace(EQUIPMENT, calibrations=(Calibration(1, None, **values),)))
        return flow.space

    notes, long = "palabra " * 60, "Metrología Nacional de Colombia S.A.S."
    assert height(notes=notes) > height(
        notes=notes, supplier=long, result="Aprobado", certificate_number="C-2024-00017"
    )


def test_short_values_leave_their_room_to_texts_that_are_broken_and_amounts_stay_whole():
    def page(supplier, count=60):
        record = Calibration(1, date(2024, 3, 1), supplier=supplier, result="Aprobado", notes="palabra " * count)
        flow = Flow()
        histories.calibrations(flow, replace(EQUIPMENT, calibrations=(record,)))
        return flow.space

    assert page("INM") > page("Metrología Nacional de Colombia S.A.S.")
    columns = (Column("Fecha", 62), Column("Costo", 70, align=1), Column("Notas", WIDTH - 132))
    fitted = columns_of.fitted(columns, [("2024-03-01", "$ 1.200.000,00", "palabra " * 200)])
    assert sum(column.width for column in fitted) == pytest.approx(WIDTH)
    assert fitted[0].width == 62
    for column, value in zip(fitted[:2], ("2024-03-01", "$ 1.200.000,00"), strict=True):
        assert REGULAR.width(value, columns_of.SIZE) + 2 * columns_of.PAD <= column.width
    assert columns_of.fitted(columns, [("2024-03-01", "$ 1", "corta")]) == columns


def test_long_texts_wrap_and_lose_nothing():
    words = [f"palabra{n}" for n in range(900)]
    text = re.sub(r"\s+", " ", text_of(with_equipment(notes=" ".join(words))))
    assert all(f"{word} " in text for word in words)


def test_a_row_taller_than_a_page_continues_on_the_next():
    words = [f"w{n}" for n in range(2000)]
    calibration = Calibration(1, date(2024, 1, 1), notes=" ".join(words))
    found = set(re.findall(r"w\d+", text_of(with_equipment(calibrations=(calibration,)))))
    assert found == set(words)


def test_a_text_without_end_is_cut_and_noted():
    rendered = render(with_equipment(notes="palabra " * 20_000))
    assert rendered.notes == ("observaciones, texto recortado: es demasiado largo",)
    assert len(PdfReader(io.BytesIO(rendered.pdf)).pages) < 15


def test_records_whose_texts_are_cut_are_named_by_their_days_in_one_note_of_each_kind():
    long = "palabra " * 3_000
    days = (date(2024, 10, 20), date(2024, 10, 20), None)
    loan = Loan(9, lent=datetime(2026, 5, 2, 3, 0, tzinfo=UTC), notes=long)
    calibrations = tuple(Calibration(812 + n, day, notes=long) for n, day in enumerate(days))
    maintenance = Maintenance(1, date(2024, 1, 5), description=long, notes=long)
    rendered = render(
        with_equipment(
            notes=long,
            calibration_points=long,
            calibrations=calibrations,
            maintenances=(maintenance,),
            loans=(loan,),
        )
    )
    assert rendered.notes == (
        "observaciones, puntos de calibración, texto recortado: es demasiado largo",
        "calibraciones del 2024-10-20 (2), sin fecha, texto recortado: es demasiado largo",
        "mantenimiento del 2024-01-05, texto recortado: es demasiado largo",
        "préstamo del 2026-05-01, texto recortado: es demasiado largo",
    )


def test_equal_sheets_give_equal_bytes_in_another_process_too():
    first = render(SHEET).pdf
    assert render(SHEET).pdf == first
    assert render(with_equipment(name="Otro")).pdf != first
    program = (
        "import hashlib, sys\n"
        "from samzip.catalog.model import Company, Equipment\n"
        "from samzip.dossier.life_sheet import LifeSheet, render\n"
        "pdf = render(LifeSheet(Company(1, 'Añ'), Equipment(1, 'E', 'Ω ş ◊'))).pdf\n"
        "print(hashlib.sha256(pdf).hexdigest())\n"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", program],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1


def test_the_metadata_names_the_instrument_and_the_company_and_no_clock():
    reader = read(SHEET)
    assert reader.metadata.title == "Hoja de vida · EQ-001 · Termohigrómetro"
    assert reader.metadata.author == "CERTIBOY S.A.S."
    assert reader.metadata.subject == "Hoja de vida de equipos"
    assert reader.trailer["/Root"]["/Lang"] == "es-CO"


def test_the_date_is_that_of_the_newest_record_in_local_time_and_stands_on_every_page():
    newest = datetime(2026, 11, 26, 2, 30, tzinfo=UTC)
    loan = replace(EQUIPMENT.loans[0], registered=newest)
    reader = read(with_equipment(loans=(loan,)))
    assert reader.metadata.creation_date == reader.metadata.modification_date == newest
    assert reader.trailer["/Info"]["/CreationDate"] == "D:20261125213000-05'00'"
    assert all("Último registro: 2026-11-25 21:30" in page.extract_text() for page in reader.pages)


def test_a_sheet_without_a_dated_record_claims_no_date():
    reader = read(with_equipment(registered=None))
    assert reader.metadata.creation_date is None
    assert "Último registro" not in reader.pages[0].extract_text()


@pytest.mark.parametrize(
    ("moment", "zone", "written"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), "America/Bogota", "D:00010101000000+00'00'"),
        (datetime(9999, 12, 31, 23, tzinfo=UTC), "Asia/Tokyo", "D:99991231230000+00'00'"),
        (datetime(2024, 7, 1, tzinfo=UTC), "America/St_Johns", "D:20240630213000-02'30'"),
        (datetime(2024, 7, 1, tzinfo=UTC), "Asia/Kathmandu", "D:20240701054500+05'45'"),
    ],
)  # fmt: skip
def test_dates_of_any_year_and_zone_are_written_as_pdf_wants_them(moment, zone, written):
    equipment = Equipment(1, "EQ-9", "Balanza", registered=moment)
    assert read(LifeSheet(COMPANY, equipment, timezone=zone)).trailer["/Info"]["/CreationDate"] == written


def test_bookmarks_lead_to_the_sections_and_their_charts():
    titles = outline_of(read(SHEET))
    assert titles[0] == "Información general"
    for title in ("Historial de calibraciones", "Confirmaciones metrológicas", "Temperatura (°C)", "Humedad (%HR)"):
        assert title in titles


def test_a_refusal_stands_out_from_what_was_approved():
    def reds(result):
        sheet = with_equipment(calibrations=(Calibration(1, date(2024, 1, 1), result=result),))
        pages = [page.get_contents().get_data().decode("latin-1") for page in read(sheet).pages]
        return "".join(pages).count(f"{ALERT} rg")

    assert reds("Aprobado") == reds(None)
    for result in ("No Aprobado", "NO  APROBADO ", "Rechazado", "No conforme", "No apta", "Fuera de Tolerancia"):
        assert reds(result) == reds("Aprobado") + 1, result


@pytest.mark.parametrize(
    "cost", ["999999.99", "1234567890.50", "9999999999999999.99", "-123456789012345678901.99", "-1234567.50", "1E+99"]
)
def test_a_cost_is_never_broken(cost):
    record = replace(EQUIPMENT.maintenances[0], cost=Decimal(cost))
    assert pesos(record.cost) in text_of(with_equipment(maintenances=(record,)))


@pytest.mark.parametrize("lines", range(0, 60, 3))
def test_a_short_index_is_never_alone_on_the_last_page(lines):
    for equipment in (replace(EQUIPMENT, notes="a\n" * lines + "b"), Equipment(1, "E", "N", notes="a\n" * lines + "b")):
        last = pages_of(replace(SHEET, equipment=equipment))[-1]
        assert last.index("Comprobaciones metrológicas") < last.index("Índice de soportes")


def test_the_watermark_of_a_decommissioned_instrument_is_on_every_page():
    pages = pages_of(replace(SHEET, equipment=DECOMMISSIONED))
    assert all("EQUIPO DADO DE BAJA" in text for text in pages)
    assert "Daño irreparable" in pages[0]
    assert not any("EQUIPO DADO DE BAJA" in text for text in pages_of(SHEET))


def test_all_fonts_are_embedded():
    fonts = read(SHEET).pages[0]["/Resources"]["/Font"]
    assert set(fonts) == {"/R0", "/B0"}
    assert all("/FontFile2" in font.get_object()["/FontDescriptor"] for font in fonts.values())


def test_charts_show_the_last_five_records_that_have_measurements():
    calibrations = tuple(
        Calibration(n, date(2010 + n, 1, 1), measurements=measurements() if n != 8 else None) for n in range(10)
    )
    text = text_of(with_equipment(calibrations=calibrations, verifications=()))
    legend = text[text.index("Confirmaciones metrológicas") :]
    assert re.findall(r"20\d\d-01-01", legend) == [f"{year}-01-01" for year in (2019, 2017, 2016, 2015, 2014)]
    assert "Valor nominal (°C)" in legend
    assert "+1 EMP" in legend


def test_each_magnitude_has_its_chart():
    both = json.loads(measurements())
    both["magnitudes"] += json.loads(measurements("Humedad", "%HR"))["magnitudes"]
    text = text_of(
        with_equipment(calibrations=(Calibration(1, None, measurements=json.dumps(both)),), verifications=())
    )
    assert text.count("Error / EMP") == 2
    assert "sin fecha" in text


def test_a_magnitude_has_one_chart_however_its_name_is_spelt_and_one_for_each_unit():
    spelt = (
        ("PRESIÓN", "MPa"),
        ("presión ", " MPa"),
        ("Presio\u0301n", "MPa"),
        ("Presión", "mPa"),
        ("X", "µΩ"),
        ("x", "μ\u2126"),
    )
    calibrations = tuple(
        Calibration(n, date(2024, 1, n), measurements=measurements(name, unit))
        for n, (name, unit) in enumerate(spelt[:5], 1)
    )
    verifications = (Verification(1, date(2024, 1, 1), measurements=measurements(*spelt[5])),)
    outline = outline_of(read(with_equipment(calibrations=calibrations, verifications=verifications)))
    assert [title for title in outline if "Pres" in title or "PRES" in title] == ["Presión (mPa)", "Presión (MPa)"]
    assert [title for title in outline if "Ω" in title] == ["X (µΩ)", "x (µΩ)"], "calibrations and verifications apart"


def test_degrees_typed_with_the_ordinal_sign_are_the_same_unit():
    calibrations = tuple(
        Calibration(n, date(2024, 1, n), measurements=measurements("T", unit)) for n, unit in enumerate(("°C", "ºC"), 1)
    )
    outline = outline_of(read(with_equipment(calibrations=calibrations, verifications=())))
    assert [title for title in outline if title.startswith("T ")] == ["T (°C)"]


def test_records_of_one_date_are_told_apart_in_the_legend():
    same = date(2024, 5, 5)
    numbers = ("CC-1", "CC-2", "CC-2", None)
    calibrations = tuple(
        Calibration(n, same, certificate_number=number, measurements=measurements()) for n, number in enumerate(numbers)
    )
    other = Calibration(9, date(2024, 6, 6), certificate_number="CC-9", measurements=measurements())
    text = text_of(with_equipment(calibrations=(*calibrations, other), verifications=()))
    legend = " ".join(text[text.index("Error / EMP") :].split())
    assert "2024-06-06 2024-05-05 2024-05-05 · CC-2 2024-05-05 · CC-2 (2) 2024-05-05 · CC-1" in legend


def test_long_certificate_numbers_that_differ_at_their_end_are_told_apart_in_the_legend():
    long = "LABORATORIO-NACIONAL-DE-METROLOGIA-CERTIFICADO-DE-CALIBRACION-2024-"
    calibrations = tuple(
        Calibration(n, date(2024, 5, 5), certificate_number=f"{long}{n}", measurements=measurements()) for n in (1, 2)
    )
    text = text_of(with_equipment(calibrations=calibrations, verifications=()))
    legend = text[text.index("Error / EMP") :]
    labels = [re.search(rf"2024-05-05 · LABOR\S*…\S*-2024-{n}\b", legend) for n in (1, 2)]
    assert all(labels)


def test_a_legend_that_is_too_wide_goes_on_in_the_next_line():
    calibrations = tuple(
        Calibration(n, date(2024, 5, 5), certificate_number=f"CERT-{n}-" + "X" * 40, measurements=measurements())
        for n in range(5)
    )
    text = text_of(with_equipment(calibrations=calibrations, verifications=()))
    for n in range(5):
        assert f"2024-05-05 · CERT-{n}-X" in text


def test_the_caption_tells_that_only_the_last_five_are_drawn_where_there_are_more():
    def caption(count):
        calibrations = tuple(Calibration(n, date(2010 + n, 1, 1), measurements=measurements()) for n in range(count))
        text = text_of(with_equipment(calibrations=calibrations, verifications=()))
        return "Se muestran las 5 más recientes." in re.sub(r"\s+", " ", text)

    assert caption(6)
    assert not caption(5)


def test_skipped_measurements_are_noted_and_shown():
    calibration = Calibration(1, date(2024, 1, 1), measurements=measurements(emp_absoluto=0))
    sheet = with_equipment(calibrations=(calibration,))
    note = "Calibración 2024-01-01: puntos omitidos: el error máximo permisible no es positivo (3)"
    assert render(sheet).notes == (note,)
    assert note in text_of(sheet)


def test_records_that_lack_the_same_share_a_note():
    bad = measurements(emp_absoluto=0)
    calibrations = tuple(Calibration(n, date(2024, n, 1), measurements=bad) for n in (1, 2, 3))
    other = Calibration(4, date(2024, 4, 1), measurements="{")
    assert render(with_equipment(calibrations=(*calibrations, other))).notes == (
        "Calibración 2024-04-01: mediciones omitidas: no se pueden leer",
        "Calibraciones 2024-03-01, 2024-02-01, 2024-01-01, en cada una: "
        "puntos omitidos: el error máximo permisible no es positivo (3)",
    )


def test_a_note_on_any_number_of_records_names_some_of_them_and_keeps_its_reason():
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(2000)]
    calibrations = tuple(Calibration(n, day, measurements="{bad") for n, day in enumerate(days))
    (note,) = render(with_equipment(calibrations=calibrations)).notes
    named = ", ".join(day.isoformat() for day in days[: -LISTED - 1 : -1])
    reason = "en cada una: mediciones omitidas: no se pueden leer"
    assert note == f"Calibraciones {named} y {2000 - LISTED} más, {reason}"


def test_a_note_has_the_whole_number_of_a_certificate_that_a_legend_cuts():
    number = "CERT-METROLAB-COLOMBIA-2024-{}-LABORATORIO-DE-TEMPERATURA"
    calibrations = tuple(
        Calibration(n, date(2024, 5, 1), certificate_number=number.format(n), measurements="{bad") for n in range(2)
    )
    (note,) = render(with_equipment(calibrations=calibrations)).notes
    assert number.format(0) in note
    assert number.format(1) in note


def test_measurements_that_cannot_be_used_are_not_called_unregistered():
    def chapter(*texts):
        records = tuple(Verification(n, date(2024, 1, 1), measurements=text) for n, text in enumerate(texts))
        text = text_of(with_equipment(verifications=records))
        return text[text.index("Comprobaciones metrológicas") :].splitlines()[1]

    assert chapter("{bad", None) == "Sin mediciones utilizables"
    assert chapter('{"magnitudes": "x"}') == "Sin mediciones utilizables"
    assert chapter(None, "", "{}") == "No registra"
    assert chapter() == "No registra"


def test_a_value_beyond_the_axis_is_marked_with_its_number():
    calibration = Calibration(1, date(2024, 1, 1), measurements=measurements(error=0.87))
    assert text_of(with_equipment(calibrations=(calibration,), verifications=())).count("17,4 en") == 3


def test_values_beyond_the_axis_are_listed_by_record_and_nothing_is_painted_over_the_lines():
    calibrations = tuple(
        Calibration(n, date(2024, n, 1), measurements=measurements(error=error)) for n, error in ((1, 0.5), (2, -9))
    )
    sheet = with_equipment(calibrations=calibrations, verifications=())
    text = re.sub(r"\s+", " ", text_of(sheet))
    assert "2024-02-01: −180 en 10; −180 en 20; −180 en 30" in text
    assert "2024-01-01: 10 en 10; 10 en 20; 10 en 30" in text


def test_an_uncertainty_beyond_the_axis_is_listed_as_the_points_are():
    calibrations = (Calibration(1, date(2024, 1, 1), measurements=measurements(nominal=(10, 20), incertidumbre=5)),)
    text = re.sub(r"\s+", " ", text_of(with_equipment(calibrations=calibrations, verifications=())))
    assert "Incertidumbre/EMP fuera de la escala, 2024-01-01: 100 en 10; 100 en 20" in text
    assert "Error/EMP fuera" not in text
    calm = (Calibration(1, date(2024, 1, 1), measurements=measurements(incertidumbre=0.15)),)
    assert "fuera de la escala" not in text_of(with_equipment(calibrations=calm, verifications=()))


def test_points_of_several_records_at_one_nominal_value_stand_side_by_side():
    assert dodges([100], 5) == [5]
    assert dodges([100, 200, 210], 5) == [5, 2, 2], "the groups of neighbouring nominal values do not mix"
    assert dodges([100, 100.1], 5) == [1, 1], "but what overlaps anyway is still told apart"


def test_the_vertical_axis_adapts_within_bounds():
    assert vertical_range([]) == 1.3
    assert vertical_range([0.2, -0.4]) == 1.3
    assert 2.0 < vertical_range([-2.0]) < 2.5
    assert vertical_range([1e20]) == 4.0


def test_a_horizontal_axis_is_logarithmic_only_where_points_would_heap_up():
    assert horizontal([0.1, 1, 10, 100, 1000], 0, 100).logarithmic
    assert horizontal([0.001, 1, 1000], 0, 100).logarithmic
    assert not horizontal([1, 1000], 0, 100).logarithmic
    assert not horizontal([10, 20, 30, 80], 0, 100).logarithmic
    assert not horizontal([-5, 0.1, 1, 1000], 0, 100).logarithmic
    assert horizontal([7], 0, 100, margin=0).place(7) == pytest.approx(50)


def test_labels_of_the_horizontal_axis_never_touch():
    axis = horizontal(range(200), 0, 400)
    placed = labelled(axis, range(200), str, lambda text: 4.0 * len(text))
    edges = [(x - 2 * len(text), x + 2 * len(text)) for x, text in placed]
    assert all(right < left for (_, right), (left, _) in pairwise(edges))
    assert placed[-1][1] == "199"


def test_a_photo_is_turned_upright_as_its_exif_says():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert photo_sizes(image_bytes(size=(60, 20), exif=exif)) == {(20, 60)}
    assert photo_sizes(image_bytes(size=(60, 20))) == {(60, 20)}


def test_a_large_photo_is_reduced_to_its_box():
    (size,) = photo_sizes(image_bytes(size=(3000, 2000), kind="PNG"))
    assert size == (630, 420)


@pytest.mark.parametrize(
    ("mode", "kind", "size", "is_drawn"),
    [
        ("RGBA", "PNG", (3200, 2200), True),
        ("RGBA", "PNG", (3400, 2200), False),
        ("L", "PNG", (7500, 7500), True),
        ("RGB", "WEBP", (2100, 1700), True),
        ("RGB", "WEBP", (2200, 1700), False),
        ("RGB", "JPEG", (8000, 6000), True),
    ],
)
def test_a_picture_whose_decoding_would_take_too_much_memory_is_not_drawn(mode, kind, size, is_drawn):
    assert isinstance(images.load(image_bytes(mode, size, kind), 900, 700), images.Picture) is is_drawn


DRAWS = """
import os, resource, sys
from PIL import Image
from samzip.dossier.life_sheet import images

mode, kind, width, height, more = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), eval(sys.argv[5])
if os.fork() == 0:
    if more.pop("turned", False):
        more["exif"] = Image.Exif()
        more["exif"][0x0112] = 6
    if width * height > 12_000_000:  # whose noise takes longer to make than to judge
        grey = Image.linear_gradient("L").resize((width, height))
    else:
        grey = Image.effect_noise((width, height), 20)
    grey.convert(mode).save("picture", kind, **more)
    os._exit(0)
os.wait()
with open("picture", "rb") as file:
    data = file.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
drawn = images.load(data, 900, 700)
taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
sys.exit(f"{taken} bytes" if taken > 60_000_000 else 0 if isinstance(drawn, images.Picture) else 3)
"""
DRAWN, TOO_MUCH = 0, 3


@pytest.mark.parametrize(
    ("mode", "kind", "size", "more", "code"),
    [
        ("RGB", "JPEG", (4000, 3000), {"progressive": True}, DRAWN),
        ("RGB", "JPEG", (3200, 2400), {"progressive": True, "subsampling": 0}, DRAWN),
        ("RGB", "JPEG", (20_000, 2400), {"turned": True}, DRAWN),
        ("RGB", "JPEG", (6000, 4000), {"progressive": True, "subsampling": 0}, TOO_MUCH),
        ("RGB", "JPEG", (8000, 6000), {"turned": True}, DRAWN),
        ("RGB", "MPO", (6000, 4000), {}, DRAWN),
        ("CMYK", "JPEG", (6000, 4000), {"progressive": True}, TOO_MUCH),
        ("RGB", "TIFF", (2000, 1500), {"turned": True}, DRAWN),
        ("RGB", "TIFF", (5000, 3400), {"turned": True}, TOO_MUCH),
        ("RGB", "BMP", (3200, 2500), {}, DRAWN),
        ("RGBA", "PNG", (2600, 2000), {"compress_level": 1}, DRAWN),
        ("RGB", "WEBP", (1900, 1700), {}, DRAWN),
        ("RGBA", "PNG", (9900, 9900), {"compress_level": 1}, TOO_MUCH),
        ("RGB", "JPEG2000", (1600, 1400), {}, DRAWN),
        ("RGB", "JPEG2000", (4000, 3000), {}, TOO_MUCH),
    ],
)
def test_no_picture_takes_more_memory_than_a_worker_has(tmp_path, mode, kind, size, more, code):
    arguments = [mode, kind, *map(str, size), repr(more)]
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", DRAWS, *arguments], cwd=tmp_path, env=environ, capture_output=True)
    assert (done.returncode, done.stderr) == (code, b"")


def test_what_would_be_given_to_another_program_or_hides_another_picture_is_not_opened(monkeypatch):
    """Pillow gives EPS to Ghostscript, and an icon's directory says nothing of the pictures in it."""
    monkeypatch.setattr(subprocess, "check_call", lambda *_, **__: pytest.fail("another program"))
    icon = io.BytesIO()
    Image.new("RGB", (64, 64)).save(icon, "ICO")
    drawing = io.BytesIO()
    Image.new("RGB", (8, 8)).save(drawing, "EPS")
    for data in (icon.getvalue(), drawing.getvalue(), b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nbroken"):
        assert images.load(data, 900, 700) == Unreadable(NOT_DRAWN)


def test_a_tile_that_is_larger_than_its_picture_is_weighed_before_it_is_decoded():
    tile = 8192
    sizes = [(256, 64), (257, 64), (322, tile), (323, tile)]
    tags = sorted([*sizes, (258, 8), (259, 1), (262, 1), (277, 1), (324, 0), (325, 9)])
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags))
    data = head + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags) + bytes(4)
    assert images.load(data, 900, 700) == Unreadable(TOO_LARGE)


def test_bytes_between_the_segments_of_a_jpeg_do_not_count_as_scans():
    plain = image_bytes("RGB", (6016, 4016), "JPEG")
    scan = plain.index(b"\xff\xda")
    for odd in (plain[:scan] + b"\0\0" + plain[scan:], plain[:scan] + b"\xff\xff" + plain[scan:]):
        assert isinstance(images.load(odd, 900, 700), images.Picture)


def test_a_large_jpeg_is_decoded_no_larger_than_its_box_needs():
    (size,) = photo_sizes(image_bytes(size=(1280, 960)))
    assert size == (640, 480), "half of it: the box takes 560 by 420, and nobody sees what reducing it further gives"


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("L", "JPEG"), ("CMYK", "JPEG"), ("P", "PNG"), ("1", "PNG"), ("RGBA", "PNG"), ("LA", "PNG"), ("I;16", "PNG"),
        ("P", "GIF"), ("RGB", "BMP"), ("RGB", "WEBP"), ("F", "TIFF"), ("I", "TIFF"), ("RGB", "TIFF"), ("LAB", "TIFF"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [(60, 20), (1500, 500)])
def test_photos_of_every_kind_are_shown(mode, kind, size):
    assert render(replace(SHEET, photo=image_bytes(mode, size, kind))).notes == ()
    assert photo_sizes(image_bytes(mode, size, kind)) in ({(60, 20)}, {(700, 233)}, {(750, 250)})


def test_sixteen_bit_greys_keep_their_tones_and_transparency_becomes_white():
    grey = Image.new("I;16", (8, 8), 32768)
    out = io.BytesIO()
    grey.save(out, "PNG")
    (shown,) = [i.image for p in read(replace(SHEET, photo=out.getvalue())).pages for i in p.images]
    assert abs(shown.convert("L").getpixel((3, 3)) - 128) < 6
    out = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(out, "PNG")
    (shown,) = [i.image for p in read(replace(SHEET, photo=out.getvalue())).pages for i in p.images]
    assert min(shown.convert("L").getextrema()) > 250


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nope",
        b"\xff\xd8\xff\xe0 nope",
        noise_bytes("JPEG")[:3000],
        noise_bytes("PNG")[:3000],
        noise_bytes("GIF")[:3000],
    ],
    ids=range(6),
)
def test_a_damaged_photo_is_noted_and_named_on_the_sheet(data):
    sheet = replace(SHEET, photo=data)
    assert render(sheet).notes == ("imagen del equipo: imagen dañada: no se pudo leer",)
    assert "Imagen dañada: no se pudo leer" in text_of(sheet)


@pytest.mark.parametrize("data", [b"%PDF-1.4", b"\0\0\0\x18ftypheic" + bytes(300), b"<svg xmlns='http://www.w3.org'/>"])
def test_a_photo_of_a_kind_that_cannot_be_drawn_is_not_called_damaged(data):
    rendered = render(replace(SHEET, photo=data, logo=data))
    assert rendered.photo_problem == NOT_DRAWN
    assert rendered.notes == (f"Empresa, logo: {NOT_DRAWN} (logos/l.png)", f"imagen del equipo: {NOT_DRAWN}")
    assert NOT_DRAWN.capitalize() in text_of(replace(SHEET, photo=data))


def test_a_decompression_bomb_is_noted():
    bomb = image_bytes("1", (16_000, 12_000), "PNG")
    assert len(bomb) < 100_000
    assert render(replace(SHEET, photo=bomb)).notes == (
        "imagen del equipo: imagen demasiado grande para la hoja de vida",
    )


def test_a_photo_that_was_not_given_says_why():
    sheet = replace(SHEET, photo=Unreadable(TOO_LARGE))
    rendered = render(sheet)
    assert rendered.notes == (f"imagen del equipo: {TOO_LARGE}",)
    assert rendered.photo_problem == TOO_LARGE
    assert "Imagen demasiado grande para la hoja de vida" in text_of(sheet)
    assert render(replace(SHEET, logo=Unreadable(TOO_LARGE))).notes == (f"Empresa, logo: {TOO_LARGE} (logos/l.png)",)


def test_a_logo_is_on_every_page_and_a_damaged_one_gives_way_to_the_name():
    sheet = replace(SHEET, logo=image_bytes(kind="PNG"))
    assert all(len(page.images) == 1 for page in read(sheet).pages)
    assert render(replace(SHEET, logo=b"nope")).notes == (
        "Empresa, logo: imagen dañada: no se pudo leer (logos/l.png)",
    )
    assert pages_of(replace(SHEET, logo=b"nope"))[0].count("CERTIBOY S.A.S.") == 2


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ("5 \N{GREEK SMALL LETTER MU}m \N{OHM SIGN} Δt", "5 µm Ω ∆t"),
        ("a → b", "a -> b"),
        ("10⁻³ y m²", "10^-3 y m²"),
        ("10⁴", "10^4"),
        ("CO₂ ½ ⅓", "CO2 ½ 1/3"),
        ("ρ ŝ Ő", "rho s O"),
        ("nin\u0303o", "niño"),
        ("25 ℃", "25 °C"),
        ("漢 😀 א", f"{NOTDEF} {NOTDEF} {NOTDEF}"),
        ("a\x00b\x07\ud800\x85c\ufffe", "ab\nc"),
        ("a\u200bb\u202e\ufeffc", "abc"),
        ("a\r\nb\u2028c\td\xa0e", "a\nb\nc    d e"),
        ("a\n\n\n\n\nb", "a\n\nb"),
    ],
)
def test_characters_that_the_fonts_lack_are_replaced_visibly(given_, shown):
    assert clean(given_) == shown


@given(st.text(st.characters()))
def test_cleaned_text_has_glyphs_in_both_faces_and_stays_clean(text):
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert all(c == "\n" or (c in REGULAR.widths and c in BOLD.widths) for c in cleaned)
    assert len(clean("x" * (MAX_CHARACTERS + 50))) < MAX_CHARACTERS + 30


@given(st.text("aW ñ\n", max_size=300), st.floats(20, 300))
def test_wrapped_lines_fit_and_hold_every_character(text, width):
    cleaned = clean(text)
    lines = wrap(cleaned, REGULAR, 8, width)
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", cleaned)
    assert all(REGULAR.width(line, 8) <= width + 0.01 or len(line) == 1 for line in lines)
    assert len(fit(cleaned, REGULAR, 8, width, 2)) <= 2


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "—"), (Decimal(0), "$ 0"), (Decimal("120000.00"), "$ 120.000"), (Decimal("1234.5"), "$ 1.234,50"),
     (Decimal("-5"), "-$ 5"), (Decimal("1E+99"), "$ 1e+99"), (Decimal("NaN"), "$ NaN"),
     (Decimal(123456789012345678), "$ 123.456.789.012.345.678"), (Decimal("0.001"), "$ 0,001"),
     (Decimal("-0.005"), "$ -0,005"), (Decimal("0.126"), "$ 0,13")],
)  # fmt: skip
def test_costs_are_written_as_in_colombia(value, shown):
    assert pesos(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "—"), (Decimal(12), "12 meses"), (Decimal("1.00"), "1 mes"), (Decimal("1.50"), "1,5 meses"),
     (Decimal(0), "0 meses"), (Decimal("100"), "100 meses"), (Decimal("1E+999999"), "1e+999999 meses")],
)  # fmt: skip
def test_frequencies_are_written_in_months(value, shown):
    assert months(value) == shown


def test_numbers_of_the_axes_use_the_comma():
    assert [number(v) for v in (0.5, -1, 100000, 1e29)] == ["0,5", "−1", "100000", "1e29"]


texts = st.none() | st.text(st.characters(), max_size=40) | st.sampled_from(["X" * 700, "línea\n" * 120, "\ud83d"])
dates = st.none() | st.dates()
moments = st.none() | st.datetimes(timezones=st.none() | st.sampled_from([UTC, timezone(timedelta(hours=14))]))
numbers = st.none() | st.decimals()
quantities = st.none() | st.floats() | st.floats(-100, 100) | st.sampled_from([1e29, 1e-29, -1e29, "0,05", True])
point = st.fixed_dictionaries(
    dict.fromkeys(("nominal", "lectura", "error", "incertidumbre", "emp_absoluto"), quantities)
)
data = (
    st.lists(point, max_size=8).map(lambda points: json.dumps({"puntos_medicion": points}))
    | st.none()
    | st.text(max_size=20)
    | st.sampled_from([measurements(error=e) for e in (0.01, -9, "0,02", None)])
)
schedules = st.builds(Schedule, dates, dates, numbers)
ids = st.just(1)


def some(records):
    return st.lists(records, max_size=3).map(tuple)


WORDED = (
    "kind", "brand", "model", "serial_number", "location", "responsible", "supplier", "state", "measuring_range",
    "resolution", "maximum_permissible_error", "calibration_points", "notes", "purchase", "photo",
)  # fmt: skip
equipment = st.builds(
    Equipment,
    ids,
    st.text(st.characters(), max_size=40),
    st.text(st.characters(), max_size=40),
    **dict.fromkeys(WORDED, texts),
    acquired=dates,
    registered=moments,
    calibration=schedules,
    maintenance=schedules,
    verification=schedules,
    calibrations=some(st.builds(Calibration, ids, dates, texts, texts, texts, texts, measurements=data)),
    maintenances=some(st.builds(Maintenance, ids, dates, texts, texts, texts, numbers, texts)),
    verifications=some(st.builds(Verification, ids, dates, texts, texts, texts, texts, texts, measurements=data)),
    loans=some(st.builds(Loan, ids, texts, lent=moments, due=dates, returned=moments, state=texts, registered=moments)),
    decommission=st.none() | st.builds(Decommission, dates, texts, texts, by=texts, registered=moments),
)
sheets = st.builds(
    LifeSheet,
    st.builds(Company, ids, st.text(st.characters(), max_size=40), texts, st.none(), texts, texts, texts),
    equipment,
    st.lists(st.builds(DocumentLine, st.text(max_size=20) | st.just("Manual"), texts, texts), max_size=4).map(tuple),
    logo=st.none() | st.binary(max_size=40),
    photo=st.none() | st.binary(max_size=40),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(sheets)
def test_any_data_renders_and_other_readers_parse_it(sheet):
    rendered = render(sheet)
    reader = PdfReader(io.BytesIO(rendered.pdf), strict=True)
    assert f"Página 1 de {len(reader.pages)}" in reader.pages[0].extract_text()
    assert all(isinstance(note, str) and "\n" not in note for note in rendered.notes)
    assert render(sheet) == rendered


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 400))
def test_any_damage_to_a_photo_is_drawn_or_noted(seed, length):
    whole = bytearray(image_bytes(size=(64, 48), quality=60))
    whole[seed % len(whole)] ^= 1 + seed % 255
    for candidate in (bytes(whole), bytes(whole[:length])):
        rendered = render(LifeSheet(COMPANY, Equipment(1, "E", "N"), photo=candidate))
        assert len(rendered.notes) <= 1
        PdfReader(io.BytesIO(rendered.pdf), strict=True).pages[-1].extract_text()
