"""SIGKILL in the moment of any system call: the next run mends everything.

Most points are struck in a warm process (tests/support/faults/warm.py): the command line as users call it, with its
jobs done in place, so that (call, n) is the same step each time. A smaller share strikes the real thing, started from
nothing and with its pool of processes; there the kill hits whichever process comes to the call first, the leader or a
worker. Each is compared with a ledger that the test keeps for itself: once in the moment after the kill, once after the
next run. Everything at every point: pytest -m sweep.
"""

from __future__ import annotations

import pytest

from tests.support.faults.arena import Arena
from tests.support.faults.ledger import judge, look, settle
from tests.support.faults.points import sample
from tests.support.faults.stage import RUN
from tests.support.faults.strikes import (
    KILLED,
    PURGE,
    REQUEST,
    Report,
    abandon_run,
    kill_pool,
    kill_purge,
    kill_recovery,
    kill_request,
    kill_run,
    on_all,
)
from tests.support.faults.worlds import (
    Ledger,
    busy_day,
    company_that_waits,
    nothing_asked_yet,
    years_of_neglect,
)

SEED = 1
REACHED = 0.97  # of the points: a few vary, such as the checkpoints of SQLite
ALL = ["wal", "journal", "postgres"]
MAX_ATTEMPTS = 3
ABANDONED = 6  # further points on each database
COMMANDS = ((busy_day, RUN), (years_of_neglect, PURGE), (nothing_asked_yet, REQUEST))

by_kind = pytest.mark.parametrize("arena", ALL, indirect=True)
on_sqlite = pytest.mark.parametrize("arena", ["wal"], indirect=True)


@by_kind
def test_the_points_are_of_every_call_that_a_kill_is_promised_to_survive(arena: Arena) -> None:
    calls = {point.call for fill, argv in COMMANDS for point in arena.points(fill, argv)}
    of_the_database = {"wal": {"pwrite64", "fdatasync", "ftruncate"}, "journal": {"pwrite64", "fdatasync"}}
    assert calls >= {"openat", "write", "fsync", "rename", "unlink"}
    assert calls >= of_the_database.get(arena.kind, {"sendto", "recvfrom"})


@on_sqlite
def test_the_tracer_kills_before_the_call_and_nowhere_else(arena: Arena) -> None:
    renames = [point for point in arena.points(busy_day, RUN) if point.call == "rename" and ".zip" in point.text]
    stage = arena.stages[0]
    for number, rename in enumerate(renames):
        stage.put_back(arena.template(busy_day))
        published = set(stage.files())
        assert stage.strike(RUN, rename.kill()).signal == KILLED
        assert len(set(stage.files()) - published) == number + 1  # the last of them under its temporary name
        assert sum(".samzip-part" in name for name in set(stage.files()) - published) == 1


@pytest.mark.parametrize(("arena", "size"), [("wal", 42), ("journal", 14), ("postgres", 30)], indirect=["arena"])
def test_a_run_that_is_killed_loses_tears_repeats_and_leaves_nothing(arena: Arena, size: int) -> None:
    points = sample(arena.points(busy_day, RUN), size, SEED)
    outcomes = on_all(arena.stages, points, kill_run(arena.template(busy_day)))
    Report(f"run, {arena.kind}", outcomes).check(round(size * REACHED))


@by_kind
def test_a_run_that_is_killed_leaves_nothing_though_nobody_wants_its_parts_any_more(arena: Arena) -> None:
    """The next run builds nothing then, so nothing is cleared away in passing."""
    points = arena.points(busy_day, RUN)
    tries = [point for point in points if point.call in ("openat", "unlink") and "write-test" in point.text]
    assert tries
    chosen = [*tries, *sample(points, ABANDONED, SEED)]
    outcomes = on_all(arena.stages, chosen, abandon_run(arena.template(busy_day)))
    Report(f"abandoned run, {arena.kind}", outcomes).check(round(len(chosen) * REACHED))


@pytest.mark.parametrize(("arena", "size"), [("wal", 14), ("journal", 4), ("postgres", 8)], indirect=["arena"])
def test_a_purge_that_is_killed_is_finished_by_the_next(arena: Arena, size: int) -> None:
    points = sample(arena.points(years_of_neglect, PURGE), size, SEED)
    outcomes = on_all(arena.stages, points, kill_purge(arena.template(years_of_neglect)))
    Report(f"purge, {arena.kind}", outcomes).check(round(size * REACHED))


@pytest.mark.parametrize(("arena", "size"), [("wal", 12), ("journal", 4), ("postgres", 8)], indirect=["arena"])
def test_a_click_that_is_killed_is_there_as_a_whole_or_not_at_all(arena: Arena, size: int) -> None:
    points = sample(arena.points(nothing_asked_yet, REQUEST), size, SEED)
    outcomes = on_all(arena.stages, points, kill_request(arena.template(nothing_asked_yet)))
    Report(f"request, {arena.kind}", outcomes).check(round(size * REACHED))


@pytest.mark.parametrize("arena", ["wal", "postgres"], indirect=True)
def test_a_recovery_that_is_killed_is_recovered_from_too(arena: Arena) -> None:
    firsts = sample(arena.points(busy_day, RUN), 3, SEED)
    strike = kill_recovery(arena.template(busy_day), lambda points: sample(points, 3, SEED))
    outcomes = [outcome for found in on_all(arena.stages, firsts, strike) for outcome in found]
    Report(f"recovery, {arena.kind}", outcomes).check(round(9 * REACHED))


@on_sqlite
def test_the_real_pool_survives_the_death_of_any_of_its_processes(arena: Arena) -> None:
    stage, template = arena.stages[0], arena.template(busy_day)
    stage.put_back(template)
    points = sample(stage.cold_points(), 3, SEED)
    Report("pool", on_all(arena.stages, points, kill_pool(template))).check(2)


@on_sqlite
def test_a_part_whose_run_is_killed_each_time_fails_with_a_reason(arena: Arena) -> None:
    stage, template = arena.stages[0], arena.template(company_that_waits)
    stage.put_back(template)
    for _ in range(MAX_ATTEMPTS):
        snapshot = stage.save()
        (rename, *_) = [point for point in stage.points() if point.call == "rename" and ".samzip-part" in point.text]
        stage.put_back(template, snapshot)
        assert stage.strike(RUN, rename.kill()).signal == KILLED
    settle(stage)
    rows = {row["id"]: row for row in stage.rows("SELECT * FROM core_ziprequest")}
    by_part = {row["parte_numero"]: row for row in rows.values()}
    assert {part: row["status"] for part, row in by_part.items()} == {1: "failed", 2: "completed"}
    assert by_part[1]["error_message"] == "la ejecución terminó sin acabar esta parte (3 intentos)"
    assert judge(stage, Ledger({request_id: row["status"] for request_id, row in rows.items()}), look(stage)) == []
