"""One archive may have any number of requests; a statement takes some 32,000 values on SQLite, 65,535 on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event

from samzip.requests import integrity, purge
from tests.support.world import World

CLICKS, GROUP = 30, 4
MOST = 20  # values in one statement: a group, and what else it says


@contextmanager
def counted(world: World) -> Iterator[list[int]]:
    """How many values each statement has that changes requests or their line."""
    found: list[int] = []

    def count(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "core_notificacionzip" not in statement:
            found.append(len(values))

    event.listen(world.database.engine, "before_cursor_execute", count)
    yield found
    event.remove(world.database.engine, "before_cursor_execute", count)


def lose(world: World, connection: Connection, now: datetime, path: str) -> int:
    return purge.lose(connection, now, [path])


def expire_now(world: World, connection: Connection, now: datetime, path: str) -> int:
    return purge.expire_now(connection, now, [path])


def withdraw(world: World, connection: Connection, now: datetime, path: str) -> int:
    return integrity.withdraw(connection, now, world.settings.ttl, path)


@pytest.mark.parametrize(("act", "status"), [(lose, "failed"), (expire_now, "expired"), (withdraw, "pending")])
def test_no_statement_grows_with_the_requests_of_an_archive(
    world: World, monkeypatch: pytest.MonkeyPatch, act: Callable[..., int], status: str
) -> None:
    monkeypatch.setattr("samzip.requests.line.GROUP", GROUP)
    world.company(equipment=1)
    for _ in range(CLICKS):
        world.click()
    world.run()
    (path,) = world.files()
    with counted(world) as values, world.database.write() as connection:
        assert act(world, connection, world.database.now(connection), path) == CLICKS
    assert max(values) < MOST
    assert {row.status for row in world.requests()} == {status}
