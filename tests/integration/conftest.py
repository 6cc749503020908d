"""Every story is told on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

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
