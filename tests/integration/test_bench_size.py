"""`bin/bench size`, with a history so short that nothing can be said of speed: it grows, and everything is measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import Table, delete, func, select

from samzip.database import Database, open_database, tables
from samzip.database.setup import initialise
from tests.bench import size, size_picture, size_table
from tests.bench.history import Size, fill, grow
from tests.bench.size import InFolder, OnServer, SizePlan
from tests.bench.web_load import Limits
from tests.support.world import World, make_world

SMALL = Size(history=60, companies=30, pending=8, largest=11, instruments=3, part_size=2, days=90, runs=30, live=10)
GROWING = (tables.ziprequest, tables.notificacionzip, tables.run, tables.archive)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def _rows(database: Database, table: Table) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return sorted(tuple(row) for row in connection.execute(table.select()))


def _count(database: Database, table: Table) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_history_that_grew_in_steps_is_the_one_that_was_made_at_once(world: World, tmp_path: Path) -> None:
    at_once = make_world(tmp_path / "at once").database
    fill(at_once, SMALL, NOW)
    lengths = [
        [step, *(_count(world.database, table) for table in GROWING)]
        for step in grow(world.database, SMALL, NOW, (0, 7, 60))
    ]
    assert lengths == [[0, 8, 0, 0, 0], [7, 15, 7, 4, 7], [60, 68, 60, 30, 10]]
    for table in GROWING:
        assert _rows(world.database, table) == _rows(at_once, table)
    at_once.close()


def test_what_comes_after_growing_gets_a_number_of_its_own(world: World) -> None:
    for step in grow(world.database, SMALL, NOW, (0, 7)):
        with world.database.write() as connection:
            row = {"nombre": f"Otra {step}", "is_deleted": False}
            new = tables.empresa.insert().values(row).returning(tables.empresa.c.id)
            assert connection.execute(new).scalar_one() == SMALL.companies + 1 + (step > 0)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_what_is_measured_on_a_copy_does_not_change_what_grows(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    place = InFolder(tmp_path) if kind == "sqlite" else OnServer(request.getfixturevalue("postgres_server"))
    initialise(place.url)
    grown = open_database(place.url)
    for step in grow(grown, SMALL, NOW, (0, 60)):
        grown.engine.dispose()
        with place.copy() as url:
            copy = open_database(url)
            assert _rows(copy, tables.ziprequest) == _rows(grown, tables.ziprequest)
            with copy.write() as connection:
                connection.execute(delete(tables.notificacionzip))
                connection.execute(delete(tables.ziprequest))
            copy.close()
        assert _count(grown, tables.ziprequest) == step + SMALL.pending
    grown.close()


TINY = SizePlan(replace(SMALL, companies=25), steps=(60,), repeats=1, calls=Limits(at_once=1, count=3, seconds=60))


def test_everything_is_measured_and_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size, "postgres", nowhere)
    _is_measured_and_drawn(TINY, tmp_path, [size.SQLITE])
    assert [path for path in tmp_path.iterdir() if "copy" in path.name] == []


@pytest.mark.sweep  # forty processes one after the other
@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR")  # of the package that brings PostgreSQL
def test_everything_is_measured_and_drawn_on_both_databases_at_each_length(tmp_path: Path) -> None:
    _is_measured_and_drawn(size.QUICK_SIZE, tmp_path, [size.SQLITE, size.POSTGRES])


def _is_measured_and_drawn(plan: SizePlan, folder: Path, databases: list[str]) -> None:
    said: list[str] = []
    growth = size.measure_growth(plan, folder, said.append)
    assert list(growth.measured) == databases
    assert len(said) == len(databases) * len(plan.steps)
    shown = size_table.render(growth)
    columns = len(plan.steps)
    rows = [line for line in shown.splitlines() if line.startswith("| ") and "requests in the history" not in line]
    values = [line.split(" | ")[2:] for line in rows if "---" not in line]
    assert len(values) == len(size_table.ROWS) * len(databases)
    assert all(len(line) == columns for line in values)
    assert sum(line.count("-") for line in values) == plan.steps.count(0) * len(databases)  # nothing there to show
    drawn = ElementTree.fromstring(size_picture.draw(growth, "today"))  # noqa: S314 -- our own
    points = [point.findtext(f"{SVG}title") or "" for point in drawn.iter(f"{SVG}circle")]
    curves = sum(1 if panel.without_index is None else 2 for panel in size_picture.PANELS)
    for database in databases:
        for step in plan.steps:
            assert sum(told.startswith(f"{database}, {step:,}: ") for told in points) == curves
    assert len(points) == curves * len(databases) * columns


@contextmanager
def nowhere() -> Iterator[None]:
    """No PostgreSQL."""
    yield None
