"""Workers that die: each fails its own part, says why, and a part that keeps killing them is set aside."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from samzip.database import tables
from samzip.dossier.keys import is_temporary
from samzip.requests.work import QUARANTINED
from tests.support.live_runs import LiveRuns, parent, wait_until
from tests.support.world import ShiftedDatabase, make_world

UNSEEN = "el proceso que generaba esta parte murió"
DIED = f"{UNSEEN} (señal 9, quizá por falta de memoria)"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveRuns]:
    """Three parts wait; two are built at a time."""
    ShiftedDatabase.shift = timedelta(0)
    orders = tmp_path / "orders"
    orders.mkdir()
    made = LiveRuns(make_world(tmp_path / "world"), orders)
    made.world.company(equipment=5)
    made.world.click()
    yield made
    made.close()


def skip_the_wait(live: LiveRuns) -> None:
    with live.world.database.write() as connection:
        connection.execute(update(tables.work).values(not_before=None))


def test_a_killed_worker_costs_its_own_part_an_attempt_and_the_others_are_published(live: LiveRuns) -> None:
    run = live.hold(1, 2)
    os.kill(live.begun(1)[0], signal.SIGKILL)
    live.recall("hold")
    assert run.wait() == 3, run.text
    first, second, third = live.world.requests()
    assert (first.status, first.error_message) == ("pending", DIED)
    assert (second.status, third.status) == ("completed", "completed")
    (work,) = live.world.rows(tables.work)
    assert (work.part, work.attempts, work.deaths, work.token) == (1, 1, 1, None)
    assert len(live.world.files()) == 2
    assert [line["reason"] for line in run.told("part.failed")] == [DIED]
    wait_until(lambda: not live.processes(), live.processes, 5)
    skip_the_wait(live)
    again = live.start()
    assert again.wait() == 0, again.text
    assert [line["attempt"] for line in again.told("part.started")] == [2]
    assert {row.status for row in live.world.requests()} == {"completed"}


def test_a_stopped_worker_costs_its_own_part_an_attempt_and_holds_up_nobody(live: LiveRuns) -> None:
    live.environment["SILENT_S"] = "4"
    run = live.hold(1, 2)
    os.kill(live.begun(1)[0], signal.SIGSTOP)
    live.recall("hold")
    assert run.wait() == 3, run.text
    first, second, third = live.world.requests()
    assert (first.status, second.status, third.status) == ("pending", "completed", "completed")
    assert first.error_message.startswith("el proceso que generaba esta parte no dio señales durante")
    (work,) = live.world.rows(tables.work)
    assert (work.part, work.attempts, work.deaths, work.token) == (1, 1, 1, None)
    assert [name for name in live.world.files() if is_temporary(name)] == []
    wait_until(lambda: not live.processes(), live.processes, 5)


def test_all_workers_killed_at_once_fail_their_parts_and_the_rest_is_still_built(live: LiveRuns) -> None:
    run = live.hold(1, 2)
    for part in (1, 2):
        os.kill(live.begun(part)[0], signal.SIGKILL)
    live.recall("hold")
    assert run.wait() == 3, run.text
    assert [row.status for row in live.world.requests()] == ["pending", "pending", "completed"]
    assert {row.deaths for row in live.world.rows(tables.work)} == {1}
    assert [name for name in live.world.files() if is_temporary(name)] == []


def test_a_part_that_kills_its_worker_three_times_is_set_aside_however_many_attempts_are_allowed(
    live: LiveRuns,
) -> None:
    live.order("die-1")
    for deaths in (1, 2, 3):
        run = live.start(SAMZIP_MAX_ATTEMPTS="10")
        assert run.wait() == 3, run.text
        first, *others = live.world.requests()
        assert {row.status for row in others} == {"completed"}
        if deaths < 3:
            assert first.status == "pending"
            skip_the_wait(live)
    assert (first.status, first.error_message) == ("failed", f"{DIED}; {QUARANTINED}")
    assert QUARANTINED in run.told("part.failed")[0]["reason"]
    assert live.world.rows(tables.work) == []
    assert len(live.begun(1)) == 3
    assert [row.tipo for row in live.world.rows(tables.notificacionzip) if row.zip_request_id == 1] == ["zip_failed"]
    quiet = live.start(SAMZIP_MAX_ATTEMPTS="10")
    assert quiet.wait() == 0, quiet.text
    assert len(live.begun(1)) == 3


def test_a_worker_that_is_killed_while_its_company_is_prepared_costs_the_parts_an_attempt(live: LiveRuns) -> None:
    """The run goes on; the parts wait for their next attempt."""
    live.order("die-preparing")
    run = live.start()
    assert run.wait() == 3, run.text
    assert {(row.status, row.error_message) for row in live.world.requests()} == {("pending", DIED)}
    live.recall("die-preparing")
    skip_the_wait(live)
    assert live.start().wait() == 0
    assert {row.status for row in live.world.requests()} == {"completed"}


def test_a_worker_that_is_killed_while_it_waits_for_work_is_replaced(live: LiveRuns) -> None:
    live.world.company("Otra Ltda", equipment=1, user="otra")
    live.world.set_request(1, status="cancelled", error_message="x")  # two parts are left to build
    live.order("hold-3")
    run = live.start()
    wait_until(lambda: live.begun(3) and live.world.requests()[1].status == "completed", lambda: run.text)
    idle = [pid for pid in live.workers(run) if pid not in live.begun(3)]
    assert len(idle) == 1
    os.kill(idle[0], signal.SIGKILL)
    live.world.click("otra")
    wait_until(lambda: live.begun(1), lambda: run.text)
    live.recall("hold-3")
    assert run.wait() == 0, run.text
    assert [row.status for row in live.world.requests()][2:] == ["completed", "completed"]


def test_a_run_without_workers_left_behind_says_nothing_of_them(live: LiveRuns) -> None:
    run = live.start()
    assert run.wait() == 0, run.text
    wait_until(lambda: not live.processes(), live.processes, 5)
    assert "Traceback" not in run.text
    assert "leaked" not in run.text


def test_a_killed_fork_server_costs_the_parts_in_work_an_attempt_and_the_rest_is_still_built(live: LiveRuns) -> None:
    run = live.hold(1, 2)
    os.kill(parent(live.begun(1)[0]), signal.SIGKILL)
    wait_until(lambda: len(run.told("part.failed")) == 2, lambda: run.text)
    live.recall("hold")
    assert run.wait() == 3, run.text
    first, second, third = live.world.requests()
    assert {(row.status, row.error_message) for row in (first, second)} == {("pending", UNSEEN)}
    assert third.status == "completed"
    assert [name for name in live.world.files() if is_temporary(name)] == []
    wait_until(lambda: not live.processes(), live.processes, 5)
    skip_the_wait(live)
    assert live.start().wait() == 0
    assert {row.status for row in live.world.requests()} == {"completed"}
