"""Everything at every point: SIGKILL and errors, kills of recoveries, the real pool. An hour on two cores.

FAULTS_REPORT=report.json pytest -m sweep tests/faults -s
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.faults.arena import Arena
from tests.support.faults.points import sample
from tests.support.faults.stage import RUN
from tests.support.faults.strikes import (
    PURGE,
    REQUEST,
    Report,
    abandon_run,
    fail_run,
    failures_of,
    kill_pool,
    kill_purge,
    kill_recovery,
    kill_request,
    kill_run,
    on_all,
)
from tests.support.faults.worlds import busy_day, nothing_asked_yet, years_of_neglect

pytestmark = [
    pytest.mark.sweep,
    pytest.mark.parametrize("arena", ["wal", "journal", "postgres"], indirect=True),
]

Note = Callable[[Report], None]
SEED = 4
REACHED = 0.97  # of the points: a few vary, such as the checkpoints of SQLite
FIRST_KILLS, SECOND_KILLS = 12, 12
POOL_KILLS = 60


@pytest.mark.parametrize(
    ("fill", "argv", "kill"),
    [
        (busy_day, RUN, kill_run),
        (busy_day, RUN, abandon_run),
        (years_of_neglect, PURGE, kill_purge),
        (nothing_asked_yet, REQUEST, kill_request),
    ],
)
def test_kills_at_every_point(arena: Arena, fill: Any, argv: Any, kill: Any, sweep_report: Note) -> None:
    points = arena.points(fill, argv)
    outcomes = on_all(arena.stages, points, kill(arena.template(fill)))
    report = Report(f"{kill.__name__}, {arena.kind}", outcomes, "kill")
    sweep_report(report)
    report.check(round(len(points) * REACHED))


def test_kills_of_recoveries(arena: Arena, sweep_report: Note) -> None:
    firsts = sample(arena.points(busy_day, RUN), FIRST_KILLS, SEED)
    strike = kill_recovery(arena.template(busy_day), lambda points: sample(points, SECOND_KILLS, SEED))
    outcomes = [outcome for found in on_all(arena.stages, firsts, strike) for outcome in found]
    report = Report(f"kill recovery, {arena.kind}", outcomes, "kill of a recovery")
    sweep_report(report)
    report.check(round(FIRST_KILLS * SECOND_KILLS * REACHED))


def test_kills_of_the_real_pool(arena: Arena, sweep_report: Note) -> None:
    stage, template = arena.stages[0], arena.template(busy_day)
    stage.put_back(template)
    points = sample(stage.cold_points(), POOL_KILLS, SEED)
    report = Report(f"kill pool, {arena.kind}", on_all(arena.stages, points, kill_pool(template)), "kill")
    sweep_report(report)
    report.check(round(POOL_KILLS * 0.8))  # which process comes first to the n-th call is chance


@pytest.mark.parametrize(("fill", "argv"), [(busy_day, RUN), (years_of_neglect, PURGE)])
def test_errors_at_every_point(arena: Arena, fill: Any, argv: Any, sweep_report: Note) -> None:
    failures = failures_of(arena.points(fill, argv))
    outcomes = on_all(arena.stages, failures, fail_run(arena.template(fill), argv))
    report = Report(f"errors of {argv[0]}, {arena.kind}", outcomes, "error")
    sweep_report(report)
    report.check(round(len(failures) * REACHED))
