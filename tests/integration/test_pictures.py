"""Photos and logos that a life sheet cannot show: never in silence, never at the cost of a document."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from openpyxl import load_workbook
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import update

from samzip.archive import build
from samzip.database import tables
from samzip.dossier.life_sheet.model import DAMAGED, NOT_DRAWN, TOO_LARGE
from tests.support.world import World, make_world

TEXTS = ("FALTANTES.txt", "LEEME.txt")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return make_world(tmp_path, part_size="35")


def archived(world: World) -> dict[str, bytes]:
    """Builds the company's archive; entries below its folder."""
    world.click()
    assert world.run().counts.published == 1
    (name,) = world.files()
    with zipfile.ZipFile(world.media / name) as archive:
        return {path.split("/", 1)[1]: archive.read(path) for path in archive.namelist()}


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def put(world: World, name: str, content: bytes) -> str:
    (world.media / name).write_bytes(content)
    return name


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "PNG")
    return out.getvalue()


def set_logo(world: World, path: str) -> None:
    with world.database.write() as connection:
        connection.execute(update(tables.empresa).values(logo_empresa=path))


def test_a_photo_too_large_to_be_drawn_is_delivered_and_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "PICTURE_LIMIT", 100)
    world.company(equipment=1)
    large = put(world, "photo.png", picture() + b"\0" * 100)
    with world.database.write() as connection:
        connection.execute(update(tables.equipo).values(imagen_equipo=large))
    entries = archived(world)
    assert len(entries["Equipos/EQ-001/imagen.png"]) > 100
    assert TOO_LARGE.capitalize() in text_of(entries["Equipos/EQ-001/Hoja_de_vida.pdf"])
    told = entries["FALTANTES.txt"].decode("utf-8-sig")
    assert told.count(TOO_LARGE) == 1
    assert "Documentos faltantes: 0. Observaciones: 1." in told


@pytest.mark.parametrize(("content", "problem"), [(picture(), TOO_LARGE), (b"\x89PNG\r\n\x1a\n no", DAMAGED)])
def test_a_logo_that_cannot_be_drawn_is_told_once_for_all_sheets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, problem: str
) -> None:
    world = make_world(tmp_path)  # two instruments a part
    monkeypatch.setattr(build, "PICTURE_LIMIT", 60)
    world.company(equipment=3)
    set_logo(world, put(world, "logo.png", content))
    world.click()
    assert world.run().counts.observations == 1
    for part, name in enumerate(world.files(), 1):
        with zipfile.ZipFile(world.media / name) as archive:
            told, readme = (archive.read(f"CERTIBOY S.A.S/{text}").decode("utf-8-sig") for text in TEXTS)
        assert told.count(f"- Empresa, logo: {problem} (logo.png)") == 1
        for text in (told, readme):
            assert f"Documentos faltantes en esta parte: 0. Observaciones: {1 if part == 1 else 0}." in text
        assert "FALTANTES.txt trae las observaciones" in readme


def test_a_lost_logo_is_told_and_counted_once_as_any_document(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.company(equipment=3)
    set_logo(world, "logos/perdido.png")
    world.click()
    finished = world.run()
    assert (finished.outcome, finished.counts.missing, finished.counts.observations) == ("problems", 1, 0)
    read = []
    for name in world.files():
        with zipfile.ZipFile(world.media / name) as archive:
            read.append({path.partition("/")[2]: archive.read(path) for path in archive.namelist()})
    first, second = (part["FALTANTES.txt"].decode("utf-8-sig").replace("\r\n", "\n") for part in read)
    assert "- Parte 2, documentos de la empresa, Logo de la empresa: no existe en el almacenamiento (logos/per" in first
    lost = "- Logo de la empresa\n    Archivo: logos/perdido.png\n    Motivo:  no existe en el almacenamiento\n"
    assert f"Documentos de la empresa\n------------------------\n{lost}" in second
    assert "no tiene procedimientos registrados" in read[1]["Procedimientos/README.txt"].decode("utf-8-sig")
    rows = load_workbook(io.BytesIO(read[0]["Informe_Consolidado.xlsx"]))["Documentos"].iter_rows(values_only=True)
    (line,) = [row for row in rows if row[1] == "Logo de la empresa"]
    assert line[2:4] == (2, "CERTIBOY S.A.S")
    assert str(line[6]).startswith("falta: no existe")


def test_a_photo_from_a_telephone_is_delivered_told_and_no_problem(world: World) -> None:
    world.company(equipment=1)
    heic = put(world, "photo.heic", b"\0\0\0\x18ftypheic" + bytes(300))
    with world.database.write() as connection:
        connection.execute(update(tables.equipo).values(imagen_equipo=heic))
    world.click()
    assert world.run().counts.damaged == 0
    (name,) = world.files()
    with zipfile.ZipFile(world.media / name) as archive:
        told = archive.read(next(path for path in archive.namelist() if path.endswith("/FALTANTES.txt")))
        assert any(path.endswith("/EQ-001/imagen.heic") for path in archive.namelist())
    assert told.decode("utf-8-sig").count(NOT_DRAWN) == 1


def test_what_is_said_of_a_photo_is_not_said_of_another_document_in_the_same_file(world: World) -> None:
    world.company(equipment=1)
    page = put(world, "pagina.pdf", b"<html><body>no es una foto</body></html>")
    with world.database.write() as connection:
        connection.execute(update(tables.equipo).values(ficha_tecnica_pdf=page, imagen_equipo=page))
    told = [line for line in archived(world)["FALTANTES.txt"].decode("utf-8-sig").splitlines() if "EQ-001," in line]
    assert len(told) == 2
    assert "Ficha técnica" in told[0]
    assert "el contenido es .html" in told[0]
    assert "Imagen" in told[1]
    assert NOT_DRAWN in told[1]


def test_a_damaged_photo_does_not_hide_the_note_on_the_logo(world: World) -> None:
    world.company(equipment=1)
    set_logo(world, put(world, "logo.png", b"\x89PNG\r\n\x1a\n no"))
    with world.database.write() as connection:
        connection.execute(update(tables.equipo).values(imagen_equipo=put(world, "photo.jpg", b"\xff\xd8\xff no")))
    assert archived(world)["FALTANTES.txt"].decode("utf-8-sig").count(DAMAGED) == 2
