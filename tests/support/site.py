"""A real server on a small world: `samzip serve`, called over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.web import BEARER, SECRET, TOKEN
from tests.support.world import World

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120


@dataclass(frozen=True)
class Click:
    """A click that the server has accepted."""

    page_url: str
    ids: list[int]  # of the requests, one for each part


@dataclass
class Site:
    """A server and the world that it shows."""

    world: World
    address: str

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        data = json.dumps(body).encode()
        headers = {**BEARER, "Content-Type": "application/json"}
        call = urllib.request.Request(self.address + path, data, headers)  # noqa: S310 -- our own server
        with urllib.request.urlopen(call, timeout=PATIENCE_S) as answer:  # noqa: S310
            value = json.load(answer)
        assert isinstance(value, dict)
        return value

    def click(self, user: str = "CERTIBOY") -> Click:
        accepted = self.post("/requests", user=user)
        return Click(accepted["page_url"], [request["id"] for request in accepted["requests"]])

    def button(self, user: str = "CERTIBOY") -> str:
        return str(self.post("/links", user=user)["page_url"])


def environment(world: World, **settings: str) -> dict[str, str]:
    """Variables for a process that shares the world. Settings as they are written there: web_rate="6"."""
    named = {
        "database_url": world.settings.database_url,
        "state_dir": str(world.settings.state_dir),
        "part_size": str(world.settings.part_size),
        "web_tokens": TOKEN,
        "web_secret": SECRET,
        "web_rate": "1000",
        **settings,
    }
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(world.settings.state_dir),
        **{f"SAMZIP_{name.upper()}": value for name, value in named.items()},
    }


@contextmanager
def serve(world: World, **settings: str) -> Iterator[Site]:
    """`samzip serve` on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "samzip", "serve", "--port", "0", "--threads", "8"],
        env=environment(world, **settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        assert told, f"the server ended: {process.wait()}"
        yield Site(world, told.removeprefix("Serving ").strip())
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
