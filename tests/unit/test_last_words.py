"""What a run leaves in the state folder when its database is away."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from samzip.batch import last_words


def test_what_runs_leave_is_read_by_run_and_forgotten(tmp_path: Path) -> None:
    last_words.leave(tmp_path, "a1", "the server\nis away")
    last_words.leave(tmp_path, "b2", "no route, no ñandú")
    assert last_words.read(tmp_path) == {"a1": "the server is away", "b2": "no route, no ñandú"}
    last_words.forget(tmp_path)
    assert last_words.read(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_was_cut_is_no_word(tmp_path: Path) -> None:
    (tmp_path / last_words.NAME).write_bytes(b"a1 it was away\n\xff\xfe\nb2")
    assert last_words.read(tmp_path) == {"a1": "it was away"}


def link_to_what_never_ends(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, link_to_what_never_ends])
def test_whatever_lies_in_its_place_holds_nobody_up_and_gets_nothing(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / last_words.NAME)
    last_words.leave(tmp_path, "a1", "away")
    assert last_words.read(tmp_path) == {}
    last_words.forget(tmp_path)


def test_a_folder_that_is_away_is_no_error(tmp_path: Path) -> None:
    last_words.leave(tmp_path / "gone", "a1", "away")
    assert last_words.read(tmp_path / "gone") == {}
    last_words.forget(tmp_path / "gone")
