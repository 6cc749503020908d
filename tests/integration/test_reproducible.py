"""The same data gives the same bytes; the moment of generation is all that changes."""

from __future__ import annotations

import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support import world as support
from tests.support.world import World, make_world

DATED = {"LEEME.txt", "Informe_Consolidado.xlsx", "SHA256SUMS"}


def built(folder: Path) -> tuple[World, list[Path]]:
    world = make_world(folder)
    world.company(equipment=3)
    for path in world.media.rglob("*.pdf"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    world.click()
    world.run()
    world.database.close()
    return world, [world.media / name for name in world.files()]


def members(archive: Path) -> list[tuple[str, int, int, tuple[int, ...]]]:
    with zipfile.ZipFile(archive) as opened:
        return [
            (item.filename, item.CRC, item.header_offset, item.date_time)
            for item in opened.infolist()
            if item.filename.split("/")[-1] not in DATED
        ]


def test_two_worlds_with_the_same_data_make_the_same_archives(tmp_path: Path) -> None:
    _, first = built(tmp_path / "one")
    _, second = built(tmp_path / "two")
    assert len(first) == len(second) == 2
    for one, two in zip(first, second, strict=True):
        assert members(one) == members(two)


def test_at_the_same_moment_every_byte_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 11, 24, 20, 40, tzinfo=UTC)
    monkeypatch.setattr(support.ShiftedDatabase, "now", lambda self, connection: moment)
    _, first = built(tmp_path / "one")
    _, second = built(tmp_path / "two")
    for one, two in zip(first, second, strict=True):
        assert one.name == two.name
        assert one.read_bytes() == two.read_bytes()
