"""Arenas: SQLite as samzip makes it, SQLite as SAM left it, PostgreSQL; two lanes each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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


def _kinds(reports: list[Report]) -> list[str]:
    return list(dict.fromkeys(report.fault for report in reports))


def _sum(reports: Iterable[Report]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for report in reports:
        total.update(report.counts())
    return dict(total)


@pytest.fixture(scope="session")
def sweep_report() -> Callable[[Report], None]:
    """Prints a sweep's counts; writes those of all sweeps as JSON where the environment asks for it."""
    path = os.environ.get(REPORT)
    reports: list[Report] = []
    begun = time.monotonic()

    def note(report: Report) -> None:
        reports.append(report)
        print(f"\n{report.name}: {report.counts()}", *report.complaints()[:5], sep="\n  ", flush=True)
        if path:
            told = {
                "seconds": round(time.monotonic() - begun),
                "faults": {kind: _sum(it for it in reports if it.fault == kind) for kind in _kinds(reports)},
                "total": _sum(reports),
                "sweeps": {it.name: it.counts() for it in reports},
            }
            Path(path).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")

    return note
