"""Every story is told on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.web import Web, make_web
from tests.support.world import ShiftedDatabase, World, make_world, new_postgres_database


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = None
    if request.param == "postgres":
        url = new_postgres_database(request.getfixturevalue("postgres_server"))
    made = make_world(tmp_path, url)
    ShiftedDatabase.shift = timedelta(0)
    yield made
    ShiftedDatabase.shift = timedelta(0)
    made.database.close()


@pytest.fixture
def web(world: World) -> Web:
    """The hook of a company with five instruments, which are three parts."""
    world.company(equipment=5)
    return make_web(world)


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Web]:
    """The same on SQLite alone, for what does not depend on the database; nobody clicks too often there."""
    ShiftedDatabase.shift = timedelta(0)
    world = make_world(tmp_path)
    world.company(equipment=5)
    yield make_web(world, web_rate=1000)
    ShiftedDatabase.shift = timedelta(0)
    world.database.close()
