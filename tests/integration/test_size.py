"""However long the history is, nothing that samzip asks the database reads it from end to end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from samzip.app import _queue
from samzip.database import tables
from samzip.database.engine import BUSY_TIMEOUT_S
from samzip.database.patience import Patience
from samzip.doctor.examine import examine
from samzip.requests import single
from samzip.requests.deliveries import deliveries
from samzip.requests.expire import delete_history
from samzip.requests.overview import overview, preview
from tests.bench.history import Size, fill
from tests.support.plans import watch_plans
from tests.support.web import BEARER, Web, make_web
from tests.support.world import World

SIZE = Size(history=3000, companies=100, pending=14, largest=11, instruments=3, part_size=2, days=90, runs=500, live=20)
USER, COMPANY = "usuario00007", 7


_REQUESTS: dict[int, str] = {}  # the last fill's, number -> status


@pytest.fixture
def grown(world: World) -> World:
    fill(world.database, SIZE, datetime.now(UTC))
    _REQUESTS.update({row.id: row.status for row in world.requests()})
    world.settings = replace(world.settings, history=timedelta(days=60))
    return world


def test_no_statement_of_a_run_reads_the_history(grown: World) -> None:
    (grown.media / "zip_requests" / "1").mkdir(parents=True)  # of the archives that the history knows
    with watch_plans(grown.database) as plans:
        finished = grown.run()
    assert finished.counts.completed >= SIZE.pending
    assert plans.statements > 50
    assert plans.scans == {}
    with watch_plans(grown.database) as plans:
        grown.run()
    assert plans.statements > 10
    assert plans.scans == {}


def test_no_statement_of_the_web_hook_reads_the_history(grown: World) -> None:
    web = make_web(grown)
    (grown.media / "zip_requests").mkdir()  # of the archives that the history knows
    with watch_plans(grown.database) as plans:
        accepted = web.clicked(USER)
        assert web.status(accepted)["total"] == 2
        assert web.client.get(accepted["page_url"]).status_code == 200
        assert web.client.get("/healthz").status_code == 200
        _ask_for_one(web, accepted["requests"][0]["id"])
        assert web.client.post(f"{accepted['status_url']}/cancel").status_code == 200
    assert plans.statements > 20
    assert plans.scans == {}


def _ask_for_one(web: Web, number: int) -> None:
    assert web.client.get(f"/requests/{number}", headers=BEARER).status_code == 200


def _show_each_status(world: World) -> None:
    known = {status: number for number, status in _REQUESTS.items()}
    with world.database.read() as connection:
        for status, number in known.items():
            assert single.story(connection, datetime.now(UTC), number).status == status


def _status(world: World) -> None:
    with world.database.read() as connection:
        view = overview(connection, datetime.now(UTC))
    assert view.requests["pending"] == SIZE.pending
    assert sum(view.requests.values()) == SIZE.history + SIZE.pending


def _plan(world: World) -> None:
    with world.database.read() as connection:
        assert sum(company.requests for company in preview(connection, 2)) == SIZE.pending


def _metrics(world: World) -> None:
    assert _queue(world.settings, Patience(BUSY_TIMEOUT_S)).requests["pending"] == SIZE.pending
    with world.database.read() as connection:
        deliveries(connection, datetime.now(UTC), COMPANY, 1)


def _cancel_and_retry(world: World) -> None:
    with world.database.write() as connection:
        single.cancel(connection, datetime.now(UTC), SIZE.history + 1)
        single.retry(connection, datetime.now(UTC), SIZE.history + 1)


def _examine(world: World) -> None:
    assert list(examine(world.settings, lambda _settings: nullcontext(world.database)))


@pytest.mark.parametrize("ask", [_status, _plan, _show_each_status, _metrics, _cancel_and_retry, _examine])
def test_no_statement_of_a_command_reads_the_history(grown: World, ask: Callable[[World], None]) -> None:
    with watch_plans(grown.database) as plans:
        ask(grown)
    assert plans.statements or ask is _metrics  # that one opens the database itself
    assert plans.scans == {}


def test_without_its_index_the_queue_is_found_by_reading_the_history_and_the_watch_sees_it(grown: World) -> None:
    tables.request_state.drop(grown.database.engine)
    with watch_plans(grown.database) as plans:
        _status(grown)
    assert plans.scans


def test_forgetting_reads_what_goes_and_what_lives_but_not_what_stays(grown: World) -> None:
    before = datetime.now(UTC) - timedelta(days=60)
    with grown.database.write() as connection:
        old = tables.ziprequest.c.created_at < before
        going = len(connection.execute(select(tables.ziprequest.c.id).where(old)).all())
        removed = 0
        while batch := delete_history(connection, before):
            removed += batch
    assert 900 < removed == going


def test_a_row_from_the_future_does_not_keep_the_history_for_ever(grown: World) -> None:
    grown.set_request(1, created_at=datetime(2090, 1, 1, tzinfo=UTC), completed_at=datetime(2020, 1, 1, tzinfo=UTC))
    with grown.database.write() as connection:
        assert delete_history(connection, datetime.now(UTC) - timedelta(days=60)) == 500
