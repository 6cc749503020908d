"""The same data gives the same bytes; the moment of generation is all that changes."""

from __future__ import annotations

import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, update

from samzip.database import tables
from tests.support import world as support
from tests.support.world import make_world

DATED = {"LEEME.txt", "Informe_Consolidado.xlsx", "SHA256SUMS"}  # what names the moment, and the sums of that
ONE_DAY = datetime(2026, 11, 24, 20, 40, 7, tzinfo=UTC)
ANOTHER = datetime(2029, 2, 28, 3, 1, 58, tzinfo=UTC)


def built(folder: Path, moment: datetime, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The archives, made at that moment, of a company that lacks documents in both parts and all procedures."""
    monkeypatch.setattr(support.ShiftedDatabase, "now", lambda self, connection: moment)
    world = make_world(folder)
    company = world.company(equipment=3)
    with world.database.write() as connection:
        connection.execute(update(tables.equipo).values(manual_pdf="lost/manual.pdf"))
        connection.execute(
            insert(tables.procedimiento).values(
                empresa_id=company, codigo="PR-1", nombre="Uno", documento_pdf="lost/pr-1.pdf"
            )
        )
    for path in world.media.rglob("*.pdf"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    world.click()
    world.run()
    world.database.close()
    return [world.media / name for name in world.files()]


def members(archive: Path) -> list[tuple[str, int, int, tuple[int, ...]]]:
    with zipfile.ZipFile(archive) as opened:
        return [
            (item.filename, item.CRC, item.compress_size, item.date_time)
            for item in opened.infolist()
            if item.filename.split("/")[-1] not in DATED
        ]


def test_the_moment_changes_nothing_but_what_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = built(tmp_path / "one", ONE_DAY, monkeypatch)
    second = built(tmp_path / "two", ANOTHER, monkeypatch)
    assert len(first) == len(second) == 2
    for one, two in zip(first, second, strict=True):
        assert members(one) == members(two)
    stamps = {name.split("/", 1)[1]: stamp for name, _, _, stamp in members(first[1])}
    newest = (2024, 3, 1, 7, 0, 0)  # Bogotá's time of the instruments' rows
    assert stamps["FALTANTES.txt"] == stamps["Procedimientos/README.txt"] == newest


def test_at_the_same_moment_every_byte_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = built(tmp_path / "one", ONE_DAY, monkeypatch)
    second = built(tmp_path / "two", ONE_DAY, monkeypatch)
    for one, two in zip(first, second, strict=True):
        assert one.name == two.name
        assert one.read_bytes() == two.read_bytes()
