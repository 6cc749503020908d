"""What callers do to a running server, and what they saw."""

from __future__ import annotations

import json
import statistics
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.bench.stage import BenchFailed
from tests.bench.web_server import TOKEN, Server, finish, start_calls

HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
LINKS = 20  # status links that are asked for in turn
MEANWHILE_PER_S = 20  # statuses, while downloads are under way
SETTLING_S = 2  # of downloads, before memory is compared
PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one kind of calls."""

    at_once: int
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Called:
    """Calls of one kind."""

    count: int
    per_s: float
    median_s: float
    p99_s: float
    cpu_s: float  # of the server, for one call


@dataclass(frozen=True, slots=True)
class Downloaded:
    """Slow downloads. Memory in bytes: the largest resident set of any process of the server."""

    at_once: int  # under way at one time, at the most
    bytes: int
    before: int
    begun: int  # all of them under way
    ended: int
    peak: int  # ever
    meanwhile: Called  # statuses


def click(server: Server, users: list[str], limits: Limits) -> Called:
    """POST /requests as fast as it goes, by each user in turn."""
    calls = [
        {"method": "POST", "path": "/requests", "headers": HEADERS, "body": json.dumps({"user": name})}
        for name in users
    ]
    return _call(server, calls, limits, "202")


def ask(server: Server, paths: list[str], limits: Limits) -> Called:
    """GET /status/TOKEN as fast as it goes."""
    return _call(server, [{"method": "GET", "path": path} for path in paths], limits, "200")


def download(server: Server, path: str, statuses: list[str], *, count: int, block: int, seconds: float) -> Downloaded:
    """`count` slow downloads of one archive at once, each of 10 times `block` bytes a second, while a few others ask
    how they get on."""
    with server.memory() as memory:
        calls = start_calls(
            {
                "port": server.port,
                "call": {"method": "GET", "path": path},
                "count": count,
                "block": block,
                "seconds": seconds,
            }
        )
        time.sleep(min(SETTLING_S, seconds / 4))
        begun = len(memory.looks)
        few = Limits(at_once=count, count=int(MEANWHILE_PER_S * seconds / 2), seconds=seconds / 2)
        meanwhile = _call(
            server, [{"method": "GET", "path": one} for one in statuses], few, "200", rate=MEANWHILE_PER_S
        )
        ended = len(memory.looks) - 1
        told = finish(calls)
    if told["codes"] != {"200": count}:
        raise BenchFailed(f"{count} downloads ended with {told['codes']}")
    looks = [max(look.values()) for look in memory.looks]
    return Downloaded(
        told["at_once"], told["bytes"], looks[0], looks[min(begun, ended)], looks[ended], server.peak(), meanwhile
    )


def links(server: Server, users: list[str]) -> list[str]:
    """Paths of status links of new clicks."""
    return [_path(_answer(server, "/requests", {"user": name})["status_url"]) for name in users[:LINKS]]


def archive_link(server: Server, user: str, request_id: int) -> str:
    """The path under which a request's archive is downloaded."""
    shown = _answer(server, f"/requests/{request_id}?user={user}", None)
    return _path(str(shown["download_url"]))


def _call(
    server: Server, calls: list[Mapping[str, Any]], limits: Limits, expected: str, *, rate: float | None = None
) -> Called:
    """Raises BenchFailed for any other answer."""
    before = server.cpu_s()
    job = {"port": server.port, "calls": calls, "rate": rate, "at_once": limits.at_once}
    told = finish(start_calls({**job, "count": limits.count, "seconds": limits.seconds}))
    cpu = server.cpu_s() - before
    latencies, codes = sorted(told["latencies"]), told["codes"]
    if set(codes) != {expected}:
        raise BenchFailed(f"{calls[0]['method']} {calls[0]['path'][:20]}: {codes}")
    return Called(
        len(latencies),
        len(latencies) / told["wall_s"],
        statistics.median(latencies),
        latencies[int(0.99 * (len(latencies) - 1))],
        cpu / len(latencies),
    )


def _answer(server: Server, path: str, value: Any) -> dict[str, Any]:
    content = None if value is None else json.dumps(value).encode()
    call = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", content, HEADERS)
    with urllib.request.urlopen(call, timeout=PATIENCE_S) as answer:  # noqa: S310
        told: dict[str, Any] = json.load(answer)
    return told


def _path(url: str) -> str:
    return urlsplit(url).path
