"""What a run leaves in the state folder when its database is away."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from samzip.batch import last_words
from samzip.requests.runs import Ending

ONE, OTHER = "a" * 12, "0123456789ab"


def test_what_runs_leave_is_read_by_run_and_forgotten(tmp_path: Path) -> None:
    last_words.leave(tmp_path, ONE, Ending("error", "the server\nis away"))
    last_words.leave(tmp_path, OTHER, Ending("interrupted", "no route"))
    assert last_words.read(tmp_path) == {
        ONE: Ending("error", "the server is away"),
        OTHER: Ending("interrupted", "no route"),
    }
    last_words.forget(tmp_path)
    assert last_words.read(tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("why", ["ñandú", "a" * 490 + "ñandú", "a\x00b", "\x1b[31mred", "x" * 10_000])
def test_a_reason_is_such_that_every_database_can_keep_it(tmp_path: Path, why: str) -> None:
    last_words.leave(tmp_path, ONE, Ending("error", why))
    told = last_words.read(tmp_path)[ONE].why
    assert told is not None
    assert told.isascii()
    assert told.isprintable()
    assert len(told) <= last_words.LENGTH


@pytest.mark.parametrize(
    "odd",
    [
        b"\0\0\0\0bbbbbbbbbbbb error away",
        b"bbbbbbbbbbbb error it was\0away",
        b"bbbbbbbbbbbb error x\xffy",
        b"bbbbbbbbbbbb error \x1b[31m",
        b"bbbbbbbbbbbb done away",
        b"bbbbbbbbbbbb error",
        b"x" * 100,
    ],
)
def test_a_line_that_is_torn_or_forged_is_no_word_and_spoils_no_other(tmp_path: Path, odd: bytes) -> None:
    (tmp_path / last_words.NAME).write_bytes(odd)
    last_words.leave(tmp_path, ONE, Ending("error", "away"))
    assert last_words.read(tmp_path) == {ONE: Ending("error", "away")}


def link_to_what_never_ends(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, link_to_what_never_ends])
def test_whatever_lies_in_its_place_holds_nobody_up_and_gets_nothing(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / last_words.NAME)
    last_words.leave(tmp_path, ONE, Ending("error", "away"))
    assert last_words.read(tmp_path) == {}
    last_words.forget(tmp_path)


def test_a_folder_that_is_away_is_no_error(tmp_path: Path) -> None:
    last_words.leave(tmp_path / "gone", ONE, Ending("error", "away"))
    assert last_words.read(tmp_path / "gone") == {}
    last_words.forget(tmp_path / "gone")
