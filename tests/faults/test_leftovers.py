"""What dead runs left among the temporary files: the next run removes it, whatever it is, and follows no link."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from samzip import sockets
from samzip.errors import StorageFailed
from samzip.events import DeletionFailed
from samzip.idle import rest
from samzip.local_pool import LocalPool
from tests.support.world import World, make_world


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.settings.temporary_dir.mkdir()
    return made


@pytest.mark.parametrize("is_link", [False, True])
def test_what_runs_left_is_removed_and_what_is_not_samzips_stays(world: World, tmp_path: Path, is_link: bool) -> None:
    """Somebody gave it a folder of their own as its state folder, or more room by a link to another disk."""
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis").write_bytes(b"x")
    folder = world.settings.temporary_dir
    if is_link:
        folder.rmdir()
        (tmp_path / "disk").mkdir()
        folder.symlink_to(tmp_path / "disk")
    (folder / "0123456789ab" / "1").mkdir(parents=True)
    (folder / "0123456789ab" / "1" / "records").write_bytes(b"half")
    (folder / "0123456789ab" / "linked").symlink_to(precious)
    (folder / "abcdef012345").symlink_to(precious)
    (folder / "012345abcdef").write_bytes(b"x")
    (folder / "pymp-01234567").mkdir()
    (folder / "uploads").mkdir()
    (folder / "uploads" / "scan.pdf").write_bytes(b"x")
    world.run()
    stays = {"abcdef012345", "012345abcdef", "pymp-01234567", "uploads"}
    assert {path.name for path in folder.iterdir()} == stays
    assert (folder / "uploads" / "scan.pdf").exists()
    assert (precious / "thesis").exists()
    assert rest(world.settings) is not None


def test_the_socket_folder_of_a_dead_run_goes_with_its_note_and_that_of_a_living_one_stays(world: World) -> None:
    notes = [world.settings.temporary_dir / f"pymp-{os.getpid():06x}{kind}" for kind in ("de", "a1")]
    folders = [Path(tempfile.gettempdir(), note.name) for note in notes]
    for note, folder in zip(notes, folders, strict=True):
        note.touch()
        folder.mkdir()
        (folder / "listener").touch()
    with notes[1].open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        world.run()
    assert [note.exists() for note in notes] == [False, True]
    assert [folder.exists() for folder in folders] == [False, True]
    world.run()
    assert list(world.settings.temporary_dir.iterdir()) == []
    assert not folders[1].exists()


def test_what_cannot_be_removed_is_told_and_stops_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = world.settings.temporary_dir / "0123456789ab"
    stuck.mkdir()
    remove = shutil.rmtree

    def refuse(path: Any, *args: Any, **more: Any) -> None:
        if Path(path) == stuck:
            raise PermissionError(13, "Permission denied", str(path))
        remove(path, *args, **more)

    monkeypatch.setattr(shutil, "rmtree", refuse)
    world.company(equipment=1)
    world.click()
    assert world.run().counts.published == 1
    (told,) = world.seen(DeletionFailed)
    assert (told.path, told.reason) == (str(stuck), "Permission denied")


def test_the_sockets_of_a_dead_run_go_wherever_its_temporary_folder_was(world: World, tmp_path: Path) -> None:
    note, elsewhere = world.settings.temporary_dir / "pymp-0123abcd", tmp_path / "elsewhere"
    (elsewhere / note.name).mkdir(parents=True)
    (elsewhere / note.name / "listener").touch()
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_bytes(os.fsencode(elsewhere))
    world.run()
    assert list(elsewhere.iterdir()) == []
    assert not note.exists()


def test_a_note_that_went_with_its_folder_costs_nobody_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when somebody removes the state folder of a run that works."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    note = tmp_path / "gone" / "pymp-0123abcd"
    (tmp_path / note.name).mkdir()
    sockets._remove(note)
    assert list(tmp_path.iterdir()) == []


def test_a_pool_that_can_note_nothing_is_a_storage_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "_notes", {})
    (tmp_path / "full").touch()
    pool = LocalPool(tmp_path / "full")
    with pytest.raises(StorageFailed, match=f"{tmp_path}/full: File exists"):
        pool.submit(lambda job, report: None, None, "a")
    pool.stop()
