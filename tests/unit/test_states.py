"""The states of a request: what docs/architecture.md draws is what the code does."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from samzip.requests.insert import pending_row
from samzip.requests.states import ENDED, GONE, LIVE, PENDING, Move

ARCHITECTURE = Path(__file__).parents[2] / "docs" / "architecture.md"
CLICK = "click"  # how a row comes to be there
Arrow = tuple[str, str, str]  # from, to, the move's name


@pytest.fixture(scope="module")
def section() -> str:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    found = re.search(r"^## The states of a request\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert found, "the section has another name now"
    return found[1]


@pytest.fixture(scope="module")
def drawn(section: str) -> list[Arrow]:
    drawing = re.search(r"```mermaid\nstateDiagram-v2\n(.*?)```", section, re.DOTALL)
    assert drawing, "the drawing is gone"
    lines = drawing[1].strip().splitlines()
    arrows = [re.fullmatch(r" *(\S+) --> (\S+) : (\S.*)", line) for line in lines]
    assert all(arrows), "a line of the drawing is not understood"
    return [(arrow[1], arrow[2], arrow[3]) for arrow in arrows if arrow]


def label(move: Move) -> str:
    return move.name.lower().replace("_", " ")


def test_the_moves_that_are_drawn_are_those_of_the_code(drawn: list[Arrow]) -> None:
    stated = {
        ("pending" if source in PENDING else source, move.target, label(move))
        for move in Move
        for source in move.sources
    }
    click = pending_row(user_id=1, company_id=1, part=1, parts=1, first=1, last=1, now=datetime.now(UTC), position=1)
    assert set(drawn) == stated | {(GONE, click["status"], CLICK)}
    assert len(drawn) == len(set(drawn))


def test_the_states_that_are_drawn_are_those_of_the_code(drawn: list[Arrow]) -> None:
    words = {source for source, _, _ in drawn} | {target for _, target, _ in drawn}
    assert words == {*LIVE, "completed", *ENDED, GONE} - {"queued"}


def test_each_move_is_explained_below_the_drawing(section: str) -> None:
    explained = re.findall(r"^\| ([a-z ]+) \| ", section, re.MULTILINE)
    assert sorted(explained) == sorted(["move", *(label(move) for move in Move)])
