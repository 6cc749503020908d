"""What wires a run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from samzip import app
from samzip.errors import StorageFailed
from samzip.settings import Settings, load


def settings_of(folder: Path) -> Settings:
    return load({"state_dir": str(folder)}, {}, cwd=folder.parent)


def test_many_that_come_first_to_a_state_folder_agree_on_its_name(tmp_path: Path) -> None:
    settings, together = settings_of(tmp_path / "state"), Barrier(16)

    def look(_: int) -> str:
        together.wait()
        return app.host_id(settings)

    with ThreadPoolExecutor(16) as threads:
        names = set(threads.map(look, range(16)))
    assert names == {app.host_id(settings)}
    assert [path.name for path in settings.state_dir.iterdir()] == ["host-id"]


def test_an_empty_name_of_one_that_died_is_given_anew(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "state")
    settings.state_dir.mkdir()
    (settings.state_dir / "host-id").touch()
    assert len(app.host_id(settings).rpartition("/")[2]) == 16


def test_a_name_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "state")
    (settings.state_dir / "host-id.new").mkdir(parents=True)
    with pytest.raises(StorageFailed, match="host-id: Is a directory"):
        app.host_id(settings)
