"""The cache of life sheets: whole or not at all, and never in the way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from samzip.archive.cache import LifeSheetCache, trim_cache
from samzip.dossier.life_sheet import Rendered

SHEET = Rendered(b"%PDF", ("foto: no se pudo leer",), None)


class KilledHere(BaseException):
    """Nobody tidies up after it."""


@pytest.fixture
def cache(tmp_path: Path) -> LifeSheetCache:
    (tmp_path / "scratch").mkdir()
    return LifeSheetCache(tmp_path / "cache", tmp_path / "scratch")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def make_nothing() -> Rendered:
    raise AssertionError("it was made before")


def test_a_sheet_is_made_once_and_then_read(cache: LifeSheetCache, tmp_path: Path) -> None:
    assert cache.get("A", lambda: SHEET) == SHEET
    assert cache.get("A", make_nothing) == SHEET
    assert cache.get("B", lambda: Rendered(b"other", (), None)).pdf == b"other"
    assert len(files(tmp_path / "cache")) == 2
    assert files(tmp_path / "scratch") == []


def test_a_sheet_that_lacks_a_picture_for_a_moment_is_not_kept(cache: LifeSheetCache, tmp_path: Path) -> None:
    passing = Rendered(b"%PDF", ("logo: no se puede leer",), None, is_lasting=False)
    assert cache.get("A", lambda: passing) == passing
    assert cache.get("A", lambda: SHEET) == SHEET
    assert len(files(tmp_path / "cache")) == 1


def test_a_damaged_sheet_is_made_again(cache: LifeSheetCache, tmp_path: Path) -> None:
    cache.get("A", lambda: SHEET)
    (file,) = files(tmp_path / "cache")
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert cache.get("A", lambda: SHEET) == SHEET
    assert cache.get("A", make_nothing) == SHEET


def test_what_a_killed_writer_leaves_lies_in_its_runs_own_folder_which_the_next_run_removes(
    cache: LifeSheetCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KilledHere

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KilledHere):
        cache.get("A", lambda: SHEET)
    assert files(tmp_path / "cache") == []
    assert len(files(tmp_path / "scratch")) == 1


def test_runs_that_write_and_trim_at_once_read_whole_sheets(tmp_path: Path) -> None:
    def run(number: int) -> None:
        scratch = tmp_path / f"scratch-{number}"
        scratch.mkdir()
        cache = LifeSheetCache(tmp_path / "cache", scratch)
        for turn in range(60):
            sheet = Rendered(bytes([turn % 3]) * 50_000, (), None)
            assert cache.get(turn % 3, lambda made=sheet: made) == sheet
            if turn % 7 == number:
                trim_cache(tmp_path / "cache", 60_000)
        assert files(scratch) == []

    with ThreadPoolExecutor(4) as runs:
        list(runs.map(run, range(4)))


@pytest.mark.parametrize("away", ["cache", "scratch"])
def test_a_folder_that_cannot_be_written_costs_no_sheet(cache: LifeSheetCache, tmp_path: Path, away: str) -> None:
    folder = tmp_path / away
    if folder.exists():
        folder.rmdir()
    folder.write_text("no folder")
    assert cache.get("A", lambda: SHEET) == SHEET
    assert cache.get("A", lambda: SHEET) == SHEET


def test_a_file_in_the_caches_place_costs_no_sheet_and_trims_nothing(cache: LifeSheetCache, tmp_path: Path) -> None:
    cache.folder.write_bytes(b"")
    assert cache.get("A", lambda: SHEET) == SHEET
    assert trim_cache(cache.folder, 0) == 0
    assert files(tmp_path / "scratch") == []
