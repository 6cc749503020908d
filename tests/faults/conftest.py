"""Arenas: SQLite as samzip makes it, SQLite as SAM left it, PostgreSQL; two lanes each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.faults.arena import Arena
from tests.support.faults.strikes import Report
from tests.support.faults.warm import Warm

LANES = 2
REPORT = "FAULTS_REPORT"  # environment: the file for a sweep's counts, which the docs quote


@pytest.fixture(scope="session")
def tracer() -> None:
    """Skips where nobody may be traced."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    tried = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"processes may not be traced here: {tried.stderr.decode()[:200]}")


@pytest.fixture(scope="session")
def warm(tracer: None) -> Iterator[list[Warm]]:
    processes = [Warm() for _ in range(LANES)]
    yield processes
    for process in processes:
        process.close()


@pytest.fixture(scope="session")
def arenas(
    warm: list[Warm], tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[[str], Arena]:
    """An arena by its kind: wal, journal or postgres."""
    opened: dict[str, Arena] = {}

    def get(kind: str) -> Arena:
        if kind not in opened:
            server = str(request.getfixturevalue("postgres_server")) if kind == "postgres" else ""
            arena = Arena(kind, tmp_path_factory.mktemp(kind), server)
            arena.open(warm)
            opened[kind] = arena
        return opened[kind]

    return get


@pytest.fixture
def arena(request: pytest.FixtureRequest, arenas: Callable[[str], Arena]) -> Arena:
    """Tests name the kind: parametrize("arena", [...], indirect=True)."""
    return arenas(request.param)


@pytest.fixture(scope="session")
def sweep_report() -> Callable[[Report], None]:
    """Prints a sweep's counts; writes those of all sweeps as JSON where the environment asks for it."""
    path = os.environ.get(REPORT)
    counts: dict[str, dict[str, int]] = {}
    begun = time.monotonic()

    def note(report: Report) -> None:
        counts[report.name] = report.counts()
        print(f"\n{report.name}: {report.counts()}", *report.complaints()[:5], sep="\n  ", flush=True)
        if path:
            total = {key: sum(count[key] for count in counts.values()) for key in report.counts()}
            told = {"seconds": round(time.monotonic() - begun), "total": total, "sweeps": counts}
            Path(path).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")

    return note
