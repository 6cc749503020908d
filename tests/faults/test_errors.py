"""A system call that fails: each ends in a retry or a failure with a reason, and an exit code that tells.

ENOSPC, EIO, EDQUOT and EACCES on files, lost connections on sockets; once, or from some call on. Once the trouble is
over, the next runs deliver everything. At every point: pytest -m sweep.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from samzip.errors import StorageFailed
from samzip.locks import file_lock
from tests.support.faults.arena import Arena
from tests.support.faults.ledger import judge, look, settle
from tests.support.faults.points import sample
from tests.support.faults.stage import RUN
from tests.support.faults.strikes import PURGE, Report, fail_run, failures_of, on_all
from tests.support.faults.worlds import busy_day, company_that_waits, years_of_neglect

SEED = 2


@pytest.mark.parametrize(("arena", "size"), [("wal", 15), ("journal", 4), ("postgres", 14)], indirect=["arena"])
def test_a_run_whose_calls_fail_tells_why_and_the_next_one_delivers(arena: Arena, size: int) -> None:
    failures = failures_of(sample(arena.points(busy_day, RUN), size, SEED))
    outcomes = on_all(arena.stages, failures, fail_run(arena.template(busy_day)))
    Report(f"errors, {arena.kind}", outcomes).check(len(failures))


@pytest.mark.parametrize(("arena", "size"), [("wal", 6), ("postgres", 3)], indirect=["arena"])
def test_a_purge_whose_calls_fail_tells_why_and_the_next_one_finishes(arena: Arena, size: int) -> None:
    failures = failures_of(sample(arena.points(years_of_neglect, PURGE), size, SEED))
    outcomes = on_all(arena.stages, failures, fail_run(arena.template(years_of_neglect), PURGE))
    Report(f"errors of purge, {arena.kind}", outcomes).check(len(failures))


@pytest.mark.parametrize("arena", ["wal"], indirect=True)
@pytest.mark.parametrize(
    ("file", "call", "reason"),
    [
        (".zip.", "write", "No space left on device"),
        (".zip.", "rename", "No space left on device"),
        (".zip.", "fsync", "No space left on device"),
        ("workbook.xlsx", "write", "No space left on device"),
        ("samzip.sqlite3-wal", "pwrite64", "full"),
    ],
)
def test_the_reason_names_the_trouble_and_its_place(arena: Arena, file: str, call: str, reason: str) -> None:
    stage, template = arena.stages[0], arena.template(company_that_waits)
    points = arena.points(company_that_waits, RUN)
    point = next(point for point in points if point.call == call and file in point.text)
    stage.put_back(template)
    ended = stage.strike(RUN, point.error("ENOSPC"))
    told = stage.output() if ended.code == 10 else str(stage.rows("SELECT last_error FROM samzip_work"))
    assert ended.code == (10 if call == "pwrite64" else 3)
    assert reason in told
    assert str(stage.folder) in told
    seen = look(stage)
    assert [*settle(stage, patient=True), *judge(stage, template.ledger, seen)] == []


def test_a_lock_that_cannot_be_taken_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "samzip.lock"
    path.mkdir()
    with (
        pytest.raises(StorageFailed, match=f"^{path}: cannot be locked: Is a directory$"),
        file_lock(path, wait=0, run_id="r", host="h"),
    ):
        pass


@pytest.mark.parametrize("arena", ["wal"], indirect=True)
def test_a_log_that_cannot_be_written_costs_nothing_but_the_log(arena: Arena) -> None:
    stage, template = arena.stages[0], arena.template(company_that_waits)
    stage.put_back(template)
    assert stage.run_cold(RUN, errors="/dev/full") == 0
    assert judge(stage, template.ledger, look(stage)) == []


@pytest.mark.parametrize("arena", ["wal"], indirect=True)
@pytest.mark.parametrize("errors", ["", "/dev/full"])
def test_a_result_that_cannot_be_printed_is_exit_12_and_costs_no_archive(arena: Arena, errors: str) -> None:
    stage, template = arena.stages[0], arena.template(company_that_waits)
    stage.put_back(template)
    assert stage.run_cold(RUN, output="/dev/full", errors=errors or str(stage.folder / "errors")) == 12
    if not errors:
        assert "output: No space left on device" in (stage.folder / "errors").read_text(encoding="utf-8")
    assert judge(stage, template.ledger, look(stage)) == []
