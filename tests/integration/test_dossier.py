"""What is in the archives of a company: nothing is lost or misplaced without a word, and the words agree."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from pypdf import PdfReader
from sqlalchemy import insert, update

from samzip.archive import build
from samzip.archive.part import PartJob
from samzip.database import tables
from samzip.dossier.life_sheet import LifeSheet, Rendered, render
from samzip.events import DocumentMissing, DocumentNoted, LifeSheetFailed, PartPublished
from tests.support.world import ShiftedDatabase, World, make_world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """On SQLite alone: nothing here depends on the database."""
    ShiftedDatabase.shift = timedelta(0)
    made = make_world(tmp_path)
    yield made
    made.database.close()


def add(world: World, table: Any, **values: Any) -> None:
    with world.database.write() as connection:
        connection.execute(insert(table).values(values))


def change(world: World, equipment: int, **values: Any) -> None:
    with world.database.write() as connection:
        connection.execute(update(tables.equipo).where(tables.equipo.c.id == equipment).values(values))


def put(world: World, path: str, content: bytes = b"%PDF-1.4\n% a document") -> str:
    target = world.media / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return path


def built(world: World) -> list[dict[str, bytes]]:
    """Builds; the entries of each part, by their path below the company's folder."""
    world.click()
    world.run()
    newest: dict[int, str] = {row.parte_numero: row.file_path for row in world.requests()}
    parts = []
    for _, path in sorted(newest.items()):
        with zipfile.ZipFile(world.media / path) as archive:
            parts.append({name.partition("/")[2]: archive.read(name) for name in archive.namelist()})
    return parts


def text(entries: dict[str, bytes], name: str) -> str:
    return entries[name].decode("utf-8-sig").replace("\r\n", "\n")


def workbook(entries: dict[str, bytes]) -> Workbook:
    return load_workbook(io.BytesIO(entries["Informe_Consolidado.xlsx"]))


def index(entries: dict[str, bytes]) -> list[tuple[Any, ...]]:
    """Code, document, part, file and state of each line of the sheet Documentos."""
    rows = workbook(entries)["Documentos"].iter_rows(min_row=6, values_only=True)
    return [(row[0], row[1], row[2], row[4], row[6]) for row in rows]


def refuse(code: str) -> Any:
    def draw(sheet: LifeSheet) -> Rendered:
        if sheet.equipment.code == code:
            raise KeyError("ω")
        return render(sheet)

    return draw


def test_a_loan_in_a_state_whose_small_letters_no_face_has_is_drawn(world: World) -> None:
    company = world.company(equipment=1)
    add(world, tables.prestamoequipo, equipo_id=1, empresa_id=company, estado_prestamo="ACTIVO Ω")
    (part,) = built(world)
    assert "Equipos/EQ-001/Hoja_de_vida.pdf" in part
    assert world.seen(LifeSheetFailed) == []


def test_a_life_sheet_that_cannot_be_drawn_costs_no_other_document(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=2)
    monkeypatch.setattr(build, "render", refuse("EQ-001"))
    (part,) = built(world)
    assert "Equipos/EQ-001/Hoja_de_vida.pdf" not in part
    assert {"Equipos/EQ-001/compra.pdf", "Equipos/EQ-002/Hoja_de_vida.pdf"} <= set(part)
    assert "Equipo EQ-001\n-------------\n- Hoja de vida\n    Motivo:  no se pudo generar" in text(
        part, "FALTANTES.txt"
    )
    (failed,) = world.seen(LifeSheetFailed)
    assert (failed.equipment, failed.reason) == ("EQ-001", "KeyError: 'ω'")
    assert "in draw" in failed.traceback
    (missing,) = world.seen(DocumentMissing)
    assert missing.document == "Hoja de vida"

    monkeypatch.undo()  # who mends it asks again, and is not given the same archive
    (part,) = built(world)
    assert "Equipos/EQ-001/Hoja_de_vida.pdf" in part
    assert "FALTANTES.txt" not in part


def test_whichever_part_is_extracted_last_tells_what_all_parts_lack(world: World) -> None:
    world.company(equipment=5)
    change(world, 1, manual_pdf="lost/manual.pdf")
    change(world, 3, ficha_tecnica_pdf="lost/sheet.pdf")
    first, second, third = (text(part, "FALTANTES.txt") for part in built(world))
    for number, read in enumerate((first, second, third), 1):
        assert read.startswith(f"FALTANTES DE CERTIBOY S.A.S., PARTE {number} DE 3\n")
        assert "lost/manual.pdf" in read
        assert "lost/sheet.pdf" in read
    assert first.index("lost/manual.pdf") < first.index("EN OTRAS PARTES") < first.index("lost/sheet.pdf")
    assert "- Parte 1, equipo EQ-001, Manual: " in second
    assert "Documentos faltantes en esta parte: 0. Observaciones: 0.\n" in third


def test_the_readme_is_true_beside_the_missing_list_of_any_part(world: World) -> None:
    world.company(equipment=3)
    change(world, 1, manual_pdf="lost/manual.pdf")
    first, second = (text(part, "LEEME.txt") for part in built(world))
    assert "Documentos faltantes en esta parte: 1." in first
    assert "Documentos faltantes en las otras partes: 0." in first
    assert "Documentos faltantes en esta parte: 0." in second
    assert "Documentos faltantes en las otras partes: 1." in second


def test_a_part_without_a_missing_list_says_whose_the_one_beside_it_is(world: World) -> None:
    world.company(equipment=3)
    put(world, "documentos/empty.pdf", b"")
    change(world, 1, manual_pdf="documentos/empty.pdf")
    first, second = built(world)
    assert "FALTANTES.txt" in first
    assert "FALTANTES.txt" not in second
    assert "es de otra parte: su primera línea dice de cuál" in text(second, "LEEME.txt")


def test_two_numbers_have_the_same_names_and_values_wherever_they_are_told(world: World) -> None:
    world.company(equipment=1)
    put(world, "documentos/photo.jpg", b"\xff\xd8\xff\xe0 no photo at all")
    put(world, "documentos/empty.pdf", b"")
    change(
        world,
        1,
        imagen_equipo="documentos/photo.jpg",
        ficha_tecnica_pdf="documentos/empty.pdf",
        manual_pdf="lost/manual.pdf",
    )
    (part,) = built(world)
    for name in ("FALTANTES.txt", "LEEME.txt"):
        assert "Documentos faltantes: 1." in text(part, name)
        assert "Observaciones: 2." in text(part, name)
    (notice,) = world.rows(tables.notificacionzip)
    assert "Documentos faltantes: 1. Observaciones: 2." in notice.mensaje
    assert len(world.seen(DocumentMissing)) == 1
    assert sorted(event.is_damaged for event in world.seen(DocumentNoted)) == [False, True]
    (published,) = world.seen(PartPublished)
    assert (published.missing, published.observations, published.damaged) == (1, 2, 1)
    world.click()
    counts = world.run().counts  # of the same archive, given again
    assert (counts.missing, counts.observations, counts.damaged) == (1, 2, 1)


@pytest.mark.parametrize(("content", "outcome"), [(b"", "done"), (b"\xff\xd8\xff\xe0 no photo", "problems")])
def test_a_damaged_document_is_a_problem_and_an_empty_one_is_not(world: World, content: bytes, outcome: str) -> None:
    world.company(equipment=1)
    change(world, 1, imagen_equipo=put(world, "documentos/photo.jpg", content))
    if not content:
        change(world, 1, imagen_equipo=None, manual_pdf="documentos/photo.jpg")
    world.click()
    assert world.run().outcome == outcome


def test_an_instrument_keeps_its_folder_when_another_code_that_cleans_alike_is_added(world: World) -> None:
    company = world.company(equipment=0)
    with world.database.write() as connection:
        world.equipment(connection, company, "A_1", archivo_compra_pdf=put(world, "d/1.pdf", b"%PDF-1.4 1"))
    (before,) = built(world)
    with world.database.write() as connection:
        world.equipment(connection, company, "A/1", archivo_compra_pdf=put(world, "d/2.pdf"))  # its code comes first
    (after,) = built(world)
    assert after["Equipos/A_1/compra.pdf"] == before["Equipos/A_1/compra.pdf"]
    assert "Equipos/A_1 (id 2)/compra.pdf" in after


def test_a_calibration_of_an_earlier_date_that_is_entered_later_renumbers_no_certificate(world: World) -> None:
    world.company(equipment=1)

    def calibrate(day: date) -> None:
        path = put(world, f"documentos/{day}.pdf", b"%PDF-1.4 " + str(day).encode())
        add(world, tables.calibracion, equipo_id=1, fecha_calibracion=day, documento_calibracion=path)

    calibrate(date(2024, 1, 1))
    calibrate(date(2024, 3, 1))
    calibrate(date(2024, 2, 1))
    (part,) = built(world)
    folder = "Equipos/EQ-001/Calibraciones/Certificados_Calibracion"
    assert [part[f"{folder}/cal_{n}.pdf"][9:] for n in (1, 2, 3)] == [b"2024-01-01", b"2024-03-01", b"2024-02-01"]


def test_a_company_whose_only_procedure_is_lost_is_not_told_that_it_has_none(world: World) -> None:
    company = world.company(equipment=1)
    add(
        world,
        tables.procedimiento,
        empresa_id=company,
        codigo="PR-1",
        nombre="Uno",
        documento_pdf="lost/1.pdf",
    )
    add(world, tables.procedimiento, empresa_id=company, codigo="PR-2", nombre="Dos")
    (part,) = built(world)
    assert "FALTANTES.txt" in text(part, "Procedimientos/README.txt")
    assert "no tiene procedimientos" not in text(part, "Procedimientos/README.txt")
    assert "2 procedimientos de la empresa; documentos incluidos: 0\n" in text(part, "LEEME.txt")


def test_a_document_that_goes_while_its_part_is_built_is_told_to_be_in_the_workbook(world: World) -> None:
    world.company(equipment=1)

    def lose(job: Any) -> None:
        if isinstance(job, PartJob):
            next(world.media.rglob("compra.pdf")).unlink()

    world.executor.before = lose
    (part,) = built(world)
    assert "Informe_Consolidado.xlsx lo da por incluido" in text(part, "FALTANTES.txt")


def test_the_workbook_says_which_documents_are_empty(world: World) -> None:
    world.company(equipment=1)
    change(world, 1, manual_pdf=put(world, "documentos/empty.pdf", b""))
    (part,) = built(world)
    assert ("EQ-001", "Manual", 1, "manual.pdf", "incluido (archivo vacío)") in index(part)


def test_a_foreign_file_under_the_name_of_a_document_is_delivered_and_told(world: World) -> None:
    world.company(equipment=1)
    page, program = put(world, "d/page.pdf", b"<!doctype html><p>404"), put(world, "d/program.pdf", b"MZ\x90\0\3")
    change(world, 1, archivo_compra_pdf=page, ficha_tecnica_pdf=None, manual_pdf=program)
    (part,) = built(world)
    assert part["Equipos/EQ-001/compra.html"][:9] == b"<!doctype"
    assert part["Equipos/EQ-001/manual.pdf"][:2] == b"MZ"
    observations = text(part, "FALTANTES.txt").partition("OBSERVACIONES")[2]
    assert "Archivo de compra: el nombre dice .pdf, pero el contenido es .html" in observations
    assert "Manual: es un programa, no un documento" in observations
    (published,) = world.seen(PartPublished)
    assert (published.missing, published.observations, published.damaged) == (0, 2, 0)


def test_instruments_of_one_code_are_told_apart_by_their_folders(world: World) -> None:
    world.company(equipment=2)
    change(world, 1, manual_pdf="lost/one.pdf", codigo_interno="A/1")
    change(world, 2, manual_pdf="lost/two.pdf", codigo_interno="A/1")
    (part,) = built(world)
    missing = text(part, "FALTANTES.txt")
    for number, path in ((1, "one"), (2, "two")):
        owner = f"Equipo A/1 (carpeta A_1 (id {number}))"
        assert f"{owner}\n{'-' * len(owner)}\n- Manual\n    Archivo: lost/{path}.pdf" in missing
    lost = [line for line in index(part) if str(line[-1]).startswith("falta")]
    assert [line[0] for line in lost] == ["A/1", "A/1"]


def test_an_instrument_without_a_code_is_named_by_its_row_in_the_workbook(world: World) -> None:
    company = world.company(equipment=0)
    with world.database.write() as connection:
        number = world.equipment(connection, company, " ")
    (entries,) = built(world)
    named = f"(sin código, id {number})"
    cell = workbook(entries)["Equipos"]["A6"]
    assert cell.value == named
    assert cell.hyperlink.target.endswith(f"(id%20{number})/Hoja_de_vida.pdf")
    assert {row[0] for row in index(entries) if row[1] == "Hoja de vida"} == {named}


def test_an_archive_is_no_document(world: World) -> None:
    world.company(equipment=1)
    (world.media / "zip_requests" / "9").mkdir(parents=True)
    (world.media / "zip_requests" / "9" / "x.zip").write_bytes(b"somebody else's")
    change(world, 1, manual_pdf="zip_requests/9/x.zip", ficha_tecnica_pdf="./zip_requests//9/x.zip")
    (part,) = built(world)
    assert text(part, "FALTANTES.txt").count("está entre los archivos de descarga, no entre los documentos") == 2
    assert [name for name in part if name.endswith(".zip")] == []


def test_an_archive_is_no_document_wherever_below_the_media_archives_lie(tmp_path: Path) -> None:
    ShiftedDatabase.shift = timedelta(0)
    media = tmp_path / "media"
    world = make_world(tmp_path, media_root=str(media), archive_root=str(media / "descargas"))
    world.company(equipment=1)
    archive = put(world, "descargas/zip_requests/9/x.zip")
    put(world, "zip_requests/9/of_sam.zip")
    (media / "enlace").symlink_to(media / "descargas" / "zip_requests")
    (media / "otro").symlink_to(media / "zip_requests" / "9" / "of_sam.zip")
    change(world, 1, manual_pdf=archive, ficha_tecnica_pdf="enlace/9/x.zip", archivo_compra_pdf="otro")
    change(world, 1, otros_documentos_pdf=put(world, "descargas/zip_requests.pdf"))
    world.click()
    world.run()
    (row,) = world.requests()
    with zipfile.ZipFile(media / "descargas" / row.file_path) as opened:
        names = [name.rpartition("/")[2] for name in opened.namelist()]
        missing = opened.read("CERTIBOY S.A.S/FALTANTES.txt").decode("utf-8-sig")
    world.database.close()
    assert missing.count("está entre los archivos de descarga, no entre los documentos") == 3
    assert "otros_documentos.pdf" in names
    assert [name for name in names if name.endswith(".zip")] == []


def test_values_that_nobody_can_understand_are_left_empty_and_told(world: World) -> None:
    company = world.company(equipment=2)
    change(world, 1, frecuencia_mantenimiento_meses=Decimal(-6), frecuencia_comprobacion_meses=Decimal(0))
    add(world, tables.calibracion, equipo_id=1, fecha_calibracion=date(2024, 1, 1))
    add(world, tables.calibracion, equipo_id=1)
    add(world, tables.procedimiento, empresa_id=company, codigo="PR-1", nombre="Uno")
    with world.database.write() as connection:
        for change_made in (
            "core_equipo SET fecha_adquisicion = 'not a date', frecuencia_calibracion_meses = 'NaN',"
            " proxima_calibracion = '', fecha_registro = 17 WHERE id = 1",
            "core_calibracion SET fecha_calibracion = '2024-13-45' WHERE id = 2",
            "core_procedimiento SET fecha_emision = 'ayer'",
        ):
            connection.exec_driver_sql(f"UPDATE {change_made}")
    (part,) = built(world)
    observations = text(part, "FALTANTES.txt").partition("OBSERVACIONES")[2].splitlines()[2:]
    empty = "no se entiende y se dejó vacío"
    assert observations == [
        f"- Empresa, procedimiento PR-1, fecha de emisión: «ayer» {empty}",
        f"- Equipo EQ-001, fecha de registro: «17» {empty}",
        f"- Equipo EQ-001, fecha de adquisición: «not a date» {empty}",
        f"- Equipo EQ-001, frecuencia de calibración: «NaN» {empty}",
        f"- Equipo EQ-001, calibración 2, fecha: «2024-13-45» {empty}",
        "- Equipo EQ-001, frecuencia de mantenimiento: -6 meses no puede ser; se muestra como está en SAM",
    ]
    assert (None, "Faltantes y observaciones", "todas", "FALTANTES.txt", "incluido") in index(part)


def test_what_many_records_have_alike_is_told_once_with_their_days(world: World) -> None:
    world.company(equipment=1)
    for day in (*range(1, 29), None):
        on = date(2024, 1, day) if day else None
        add(world, tables.mantenimiento, equipo_id=1, fecha_mantenimiento=on)
    with world.database.write() as connection:
        connection.exec_driver_sql("UPDATE core_mantenimiento SET costo = 'gratis'")
        connection.exec_driver_sql("UPDATE core_mantenimiento SET costo = 'caro' WHERE id IN (2, 29)")
        connection.exec_driver_sql("UPDATE core_mantenimiento SET fecha_mantenimiento = '2024-01-03' WHERE id = 4")
    (part,) = built(world)
    observations = text(part, "FALTANTES.txt").partition("OBSERVACIONES")[2].splitlines()[2:]
    days = ", ".join(["del 2024-01-01", "del 2024-01-03 (2)", *(f"del 2024-01-{day:02}" for day in range(5, 27))])
    assert observations == [
        f"- Equipo EQ-001, mantenimientos {days} y 2 más, costo: «gratis» no se entiende y se dejó vacío",
        "- Equipo EQ-001, mantenimientos del 2024-01-02, 29, costo: «caro» no se entiende y se dejó vacío",
    ]


def test_procedures_and_suppliers_without_code_or_name_are_told_of_as_such(world: World) -> None:
    company = world.company(equipment=1)
    for code in ("", "P/1"):
        add(world, tables.procedimiento, empresa_id=company, codigo=code, nombre="Uno")
    with world.database.write() as connection:
        connection.exec_driver_sql("UPDATE core_procedimiento SET fecha_emision = 'ayer'")
    add(world, tables.proveedor, empresa_id=company, nombre_empresa=" ", alcance="x" * 32_768)
    (part,) = built(world)
    read = text(part, "FALTANTES.txt")
    assert "- Empresa, procedimientos (sin código), P/1, fecha de emisión: «ayer»" in read
    assert "- Empresa, proveedor (sin nombre), alcance: el texto tiene 32768 caracteres" in read


def test_a_date_of_the_format_that_nobody_understands_is_told_only_where_no_other_is_shown(world: World) -> None:
    world.company(equipment=1)
    with world.database.write() as connection:
        connection.exec_driver_sql("UPDATE core_empresa SET formato_fecha_version_empresa = 'nunca'")
    (part,) = built(world)
    assert "fecha del formato de la empresa: «nunca» no se entiende" in text(part, "FALTANTES.txt")
    with world.database.write() as connection:
        connection.exec_driver_sql("UPDATE core_empresa SET formato_fecha_version_empresa_display = 'Enero 2024'")
    (part,) = built(world)
    assert "FALTANTES.txt" not in part


def test_what_the_workbook_cuts_and_the_life_sheet_cannot_draw_is_told(world: World) -> None:
    company = world.company(equipment=2)
    change(world, 1, observaciones="x" * 32_767, ubicacion="Ensayo 实验室")
    change(world, 2, observaciones="é" * 16_383 + "\N{MICROSCOPE}" * 8_193)
    add(world, tables.calibracion, equipo_id=1, confirmacion_metrologica_datos='"' + "y" * 40_000 + '"')
    add(world, tables.proveedor, empresa_id=company, nombre_empresa="Metrolab", alcance="z" * 32_768)
    (part,) = built(world)
    observations = text(part, "FALTANTES.txt").partition("OBSERVACIONES")[2].splitlines()[2:]
    cut = "el Excel muestra los primeros 32766"
    boxes = "algunos caracteres no tienen letra en el PDF y se ven como □; el Excel los trae"
    assert [line for line in observations if "Excel" in line] == [
        f"- Empresa, proveedor Metrolab, alcance: el texto tiene 32768 caracteres; {cut}",
        f"- Equipo EQ-001, hoja de vida: {boxes}",
        f"- Equipo EQ-002, observaciones: el texto tiene 24576 caracteres; {cut}",
        f"- Equipo EQ-002, hoja de vida: {boxes}",
    ]
    suppliers = workbook(part)["Proveedores"]
    assert any(len(str(cell.value)) == 32_767 for row in suppliers for cell in row)


def test_the_workbook_lists_every_entry_of_every_part_and_links_to_it(world: World) -> None:
    world.company(equipment=3)
    change(world, 1, manual_pdf="lost/manual.pdf")
    parts = built(world)
    sheet = workbook(parts[0])["Documentos"]
    listed = {
        "/".join(str(cell.value) for cell in row[3:5] if cell.value)
        for row in sheet.iter_rows(min_row=6)
        if row[6].value == "incluido" and row[4].hyperlink
    }
    assert listed == {name for part in parts for name in part}
    code = workbook(parts[0])["Equipos"]["A8"]
    assert code.value == "EQ-003"
    assert code.hyperlink
    assert code.hyperlink.target == "Equipos/EQ-003/Hoja_de_vida.pdf"
    board = {row[0]: row[1] for row in workbook(parts[0])["Dashboard"].iter_rows(values_only=True)}
    assert (board["Documentos incluidos"], board["Documentos faltantes"]) == (3, 1)


def test_the_document_of_a_decommission_is_delivered_whatever_the_state_says(world: World) -> None:
    world.company(equipment=1)
    add(
        world,
        tables.bajaequipo,
        equipo_id=1,
        fecha_baja=date(2024, 5, 5),
        razon_baja="Daño",
        documento_baja=put(world, "documentos/baja.pdf"),
    )
    (part,) = built(world)
    assert "Equipos/EQ-001/Baja/documento_baja.pdf" in part
    pages = PdfReader(io.BytesIO(part["Equipos/EQ-001/Hoja_de_vida.pdf"])).pages
    shown = "\n".join(page.extract_text() for page in pages)
    record = shown[shown.upper().index("INFORMACIÓN DE BAJA") : shown.upper().index("DOCUMENTOS DEL EQUIPO")]
    assert "Baja/documento_baja.pdf" in record
