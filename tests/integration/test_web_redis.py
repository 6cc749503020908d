"""Clicks that are counted in Redis: over its protocol, on a socket, by the client that `limits` uses. What answers is
fakeredis' server, which knows Redis' commands and runs the scripts that `limits` sends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from samzip.database import tables
from tests.support.web import Web, code, make_web

ENDLESS_S = 30  # far above the two seconds that Redis has


@pytest.fixture
def redis() -> Iterator[str]:
    package = pytest.importorskip("fakeredis", reason="fakeredis is not installed")
    server = package.TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    server.shutdown()
    server.server_close()
    thread.join()


def test_two_applications_share_the_limit_in_redis(quick: Web, redis: str) -> None:
    first, second = (make_web(quick.world, web_counters=redis, web_rate=3) for _ in range(2))
    answers = [web.click() for web in (first, second, first, second, first)]
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert quick.world.rows(tables.web_key) == []


def test_a_redis_that_never_answers_is_503_and_gives_the_database_back(quick: Web) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel accepts, nobody reads
        web = make_web(quick.world, web_counters=f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        began = time.monotonic()
        answer = web.click()
    assert code(answer) == (503, "counters_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert time.monotonic() - began < ENDLESS_S
    assert quick.click().status_code == 202
    assert [row.parte_numero for row in quick.world.requests()] == [1, 2, 3]


def test_a_redis_that_is_away_is_503(quick: Web) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert code(make_web(quick.world, web_counters=f"redis://127.0.0.1:{port}/0").click()) == (
        503,
        "counters_unavailable",
    )
    assert quick.world.requests() == []
