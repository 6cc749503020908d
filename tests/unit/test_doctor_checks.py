"""How facts are judged: the same facts are always the same finding, and whatever is not ok says what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from samzip.doctor import checks
from samzip.doctor.facts import Clock, Documents, Extras, Holder, Room, Waiting
from samzip.doctor.findings import OK, PROBLEM, WARNING, Finding, has_problem
from samzip.requests.shown import RunShown

NOW = datetime(2026, 11, 24, 20, 0, tzinfo=UTC)
NOBODY = Waiting(0, None, None, 0, None)
MIB = 2**20
MINUTE = timedelta(minutes=1)


def ago(**delta: float) -> datetime:
    return NOW - timedelta(**delta)


def holder(**values: object) -> Holder:
    free: dict[str, object] = {
        "path": "/state/samzip.lock",
        "is_held": False,
        "pid": 12,
        "host": "one",
        "since": "today",
        "heartbeat": None,
        "own_host": "one/id",
        "lease_host": None,
        "lease_expires": None,
    }
    return Holder(**(free | values))  # type: ignore[arg-type]


def judged(finding: Finding | None) -> str:
    """The state, after what holds for every finding."""
    assert finding is not None
    assert finding.told
    assert bool(finding.remedy) == (finding.state != OK)
    return finding.state


@pytest.mark.parametrize(
    ("apart", "state"),
    [
        (timedelta(0), OK),
        (timedelta(seconds=4), OK),
        (timedelta(seconds=5), WARNING),
        (timedelta(seconds=-6), WARNING),
        (timedelta(minutes=5), PROBLEM),
    ],
)
def test_a_clock_that_is_apart_from_the_databases_is_told(apart: timedelta, state: str) -> None:
    assert judged(checks.clock(Clock(NOW + apart, NOW, False))) == state


def test_a_bucket_is_no_folder_that_could_be_mounted() -> None:
    for found in (
        checks.archives("s3://b/x", "s3://b/x: 403", is_new=False),
        checks.documents(Documents("s3://b/x", "s3://b/x: 403", False, 9)),
    ):
        assert judged(found) == PROBLEM
        assert "the keys, their rights" in found.remedy


def test_sqlite_has_no_other_clock() -> None:
    assert judged(checks.clock(Clock(NOW, NOW + timedelta(hours=1), True))) == OK


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (Documents("/media", None, False, 9), OK),
        (Documents("/media", None, True, 9), WARNING),
        (Documents("/media", None, True, 0), OK),
        (Documents("/media", "/media/: No such file or directory", False, 9), PROBLEM),
    ],
)
def test_an_empty_media_folder_is_suspicious_only_if_there_are_instruments(found: Documents, state: str) -> None:
    assert judged(checks.documents(found)) == state


@pytest.mark.parametrize(
    ("free", "files", "state"),
    [(200, None, OK), (199, 5, WARNING), (100, 5, WARNING), (99, 5, PROBLEM), (900, 0, PROBLEM), (900, 1, OK)],
)
def test_room_is_held_against_what_is_needed(free: int, files: int | None, state: str) -> None:
    assert judged(checks.room("room", Room("/srv", free * MIB, files), 100 * MIB, "the documents of X")) == state


@pytest.mark.parametrize(
    ("absent", "state"), [([], None), (["zip_requests/1/b.zip"], WARNING), (["a.zip", "b.zip", "c.zip"], PROBLEM)]
)
def test_archives_that_people_may_download_are_looked_for(absent: list[str], state: str | None) -> None:
    found = checks.known_archives("s3://bucket/prefix", ["a.zip", "b.zip", "c.zip"], absent)
    assert (found and judged(found)) == state
    assert found is None or f"{len(absent)} not in s3://bucket/prefix: {absent[0]}" in found.told


@pytest.mark.parametrize(
    ("workers", "error", "state"),
    [(2, None, OK), (0, None, WARNING), (0, "no scheduler answers at dask://a:1", PROBLEM)],
)
def test_a_cluster_is_asked_for_its_workers(workers: int, error: str | None, state: str) -> None:
    found = checks.executor("dask://a:1", workers, error)
    assert judged(found) == state
    assert "dask://a:1" in found.told


def test_a_free_lock_is_ok_also_when_another_host_works() -> None:
    assert judged(checks.lock(holder(), NOW)) == OK
    elsewhere = checks.lock(holder(lease_host="two", lease_expires=NOW + timedelta(seconds=30)), NOW)
    assert judged(elsewhere) == OK
    assert "two" in elsewhere.told
    working = checks.lock(holder(heartbeat=ago(seconds=5), lease_host="two", lease_expires=NOW + MINUTE), NOW)
    assert judged(working) == OK


@pytest.mark.parametrize("lease", [{}, {"lease_host": "one/id", "lease_expires": NOW + MINUTE}])
def test_a_free_lock_of_a_run_that_has_not_ended_tells_of_its_death(lease: dict[str, object]) -> None:
    died = checks.lock(holder(heartbeat=ago(minutes=7), **lease), NOW)
    assert judged(died) == WARNING
    assert died.told == "free, but a run that has not ended last showed life 7m ago: it died"
    assert "the next run takes its parts back" in died.remedy


def test_a_holder_that_shows_no_life_is_a_problem_that_names_its_process() -> None:
    assert judged(checks.lock(holder(is_held=True, heartbeat=ago(seconds=20)), NOW)) == OK
    hung = checks.lock(holder(is_held=True, heartbeat=ago(minutes=9)), NOW)
    assert judged(hung) == PROBLEM
    assert "kill -TERM 12" in hung.remedy
    assert judged(checks.lock(holder(is_held=None), NOW)) == WARNING


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("done", OK),
        ("nothing", OK),
        ("interrupted", OK),
        ("problems", WARNING),
        ("waiting", WARNING),
        ("error", PROBLEM),
        ("crashed", PROBLEM),
    ],
)
def test_the_last_runs_outcome_is_judged(outcome: str, state: str) -> None:
    error = "no space" if outcome == "error" else None
    shown = RunShown("r1", "one", 7, ago(minutes=2), ago(minutes=1), ago(minutes=1), outcome, {}, error)
    found = checks.last_run(shown, NOW)
    assert judged(found) == state
    assert "1m ago" in found.told
    assert ("no space" in found.told) == (outcome == "error")


def test_no_run_at_all_is_a_warning() -> None:
    assert judged(checks.last_run(None, NOW)) == WARNING


def test_a_timer_shows_its_pace() -> None:
    starts = [ago(seconds=20 + 60 * number) for number in range(5)]
    found = checks.timer(starts, NOBODY, NOW)
    assert judged(found) == OK
    assert "every 1m" in found.told
    assert "the only run that is known began 8m ago" in checks.timer([ago(minutes=8)], NOBODY, NOW).told


def test_a_dead_timer_is_a_problem_only_while_somebody_waits() -> None:
    waiting = Waiting(2, ago(hours=1), None, 0, None)
    assert judged(checks.timer([ago(hours=2)], NOBODY, NOW)) == WARNING
    assert judged(checks.timer([ago(hours=2)], waiting, NOW)) == PROBLEM
    assert judged(checks.timer([], waiting, NOW)) == PROBLEM
    assert judged(checks.timer([], Waiting(2, ago(minutes=1), None, 0, None), NOW)) == WARNING  # they clicked just now


def test_a_long_run_is_no_dead_timer() -> None:
    assert judged(checks.timer([ago(hours=2)], Waiting(2, ago(hours=1), ago(seconds=9), 0, None), NOW)) == OK


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (NOBODY, OK),
        (Waiting(2, ago(minutes=5), None, 0, None), OK),
        (Waiting(2, ago(hours=2), None, 0, None), WARNING),
        (Waiting(2, ago(minutes=5), None, 1, "no space"), WARNING),
    ],
)
def test_a_queue_that_is_old_or_failed_before_is_worth_a_look(found: Waiting, state: str) -> None:
    finding = checks.queue(found, NOW)
    assert judged(finding) == state
    assert (found.last_error or "") in finding.told


def test_root_is_told_that_it_is_not_the_one_who_runs_samzip() -> None:
    assert checks.user(1000, 1000) is None
    assert checks.user(0, 0) is None
    assert checks.user(0, None) is None
    assert judged(checks.user(0, 998)) == WARNING


def test_what_a_setting_needs_and_is_not_installed_is_a_problem() -> None:
    assert checks.extras(Extras({})) is None
    found = checks.extras(Extras({"notify": ("notify_operators",), "metrics": ("metrics_file",)}))
    assert judged(found) == PROBLEM
    assert found is not None
    assert found.remedy == "pip install 'samzip[metrics,notify]'"


def test_folders_are_judged_by_what_could_be_done_there() -> None:
    assert judged(checks.archives("/srv", None, False)) == OK
    assert judged(checks.archives("/srv", None, True)) == OK
    assert judged(checks.archives("/srv", "Permission denied", False)) == PROBLEM
    assert "samzip purge --dry-run" in checks.archives("/srv", "/srv: No space left on device", False).remedy
    assert judged(checks.state(Path("/state"), None, False)) == OK
    assert judged(checks.state(Path("/state"), None, True)) == WARNING
    assert judged(checks.state(Path("/state"), "Read-only file system", False)) == PROBLEM


def test_a_sqlite_file_that_this_user_may_not_write_is_a_problem() -> None:
    assert checks.files([]) is None
    found = checks.files(["to write the file /state/samzip.sqlite3"])
    assert judged(found) == PROBLEM


def test_settings_that_are_given_are_named_with_their_source() -> None:
    shown = {"ttl": {"value": "2h", "source": "--ttl"}, "jobs": {"value": "2", "source": "default"}}
    found = checks.settings(shown)
    assert (judged(found), found.told) == (OK, "1 of 2 given: ttl = 2h (--ttl)")
    assert judged(checks.versions({"samzip": "1"})) == OK


def test_a_warning_is_no_problem() -> None:
    assert not has_problem([checks.last_run(None, NOW)])
    assert has_problem([checks.last_run(None, NOW), checks.archives("/srv", "full", False)])
