"""Photos and logos that a life sheet cannot show: never in silence, never at the cost of a document."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import update

from samzip.archive import build
from samzip.database import tables
from samzip.dossier.life_sheet.model import DAMAGED, NOT_DRAWN, TOO_LARGE
from tests.support.world import World, make_world


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
    world: World, monkeypatch: pytest.MonkeyPatch, content: bytes, problem: str
) -> None:
    monkeypatch.setattr(build, "PICTURE_LIMIT", 60)
    world.company(equipment=3)
    set_logo(world, put(world, "logo.png", content))
    assert archived(world)["FALTANTES.txt"].decode("utf-8-sig").count(problem) == 1


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


def test_a_damaged_photo_does_not_hide_the_note_on_the_logo(world: World) -> None:
    world.company(equipment=1)
    set_logo(world, put(world, "logo.png", b"\x89PNG\r\n\x1a\n no"))
    with world.database.write() as connection:
        connection.execute(update(tables.equipo).values(imagen_equipo=put(world, "photo.jpg", b"\xff\xd8\xff no")))
    assert archived(world)["FALTANTES.txt"].decode("utf-8-sig").count(DAMAGED) == 2
