"""A real disk that is full: each size ends in a retry with a reason, and delivers once there is room.

Where this process may mount, the disk is a tmpfs that grows afterwards. Everywhere, RLIMIT_FSIZE makes any file too
large at some size.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.faults.arena import Arena
from tests.support.faults.ledger import Violation, judge, look, settle
from tests.support.faults.stage import RUN, Stage
from tests.support.faults.strikes import CODES, Outcome, Report, complaints_of
from tests.support.faults.worlds import company_that_waits

KIB = 1024
ROOT = Path(__file__).parents[2]
ROOMY = 16 << 20  # bytes
SIZES = range(8, 208, 10)  # KiB: from no archive to both
FEW = SIZES[1::4]
REASONS = ("No space left on device", "disk is full", "disk I/O error", "File too large", "cannot be locked")

by_disk = pytest.mark.parametrize("disk", ["archives", "state"])
on_sqlite = pytest.mark.parametrize("arena", ["wal"], indirect=True)


@pytest.fixture(scope="session")
def may_mount(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("mount")
    tried = subprocess.run(["mount", "-t", "tmpfs", "none", str(folder)], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"nothing may be mounted here: {tried.stderr.decode()[:200]}")
    subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Roomy at first."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "none", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def resize(folder: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def fill_up(arena: Arena, disk: str, sizes: Any) -> Report:
    stage, template = arena.stages[0], arena.template(company_that_waits)
    outcomes = []
    with small_disk(stage.folder / disk):
        for room in sizes:
            resize(stage.folder / disk, ROOMY)
            stage.put_back(template)
            used = os.statvfs(stage.folder / disk)
            taken = (used.f_blocks - used.f_bfree) * used.f_frsize
            resize(stage.folder / disk, taken + room * KIB)
            ended = stage.run(RUN)
            found = [*complaints_of(stage, ended), *_untold(stage, ended.code)]
            resize(stage.folder / disk, ROOMY)
            seen = look(stage)
            found += settle(stage, patient=True)
            found += judge(stage, template.ledger, seen)
            outcomes.append(Outcome(f"{room} KiB", ended.code != 0, tuple(found), str(ended.code)))
    return Report(f"full disk under {disk}", outcomes, "full disk")


def limit(arena: Arena, sizes: Any) -> Report:
    stage, template = arena.stages[0], arena.template(company_that_waits)
    outcomes = []
    for size in sizes:
        stage.put_back(template)
        ended = stage.run(RUN, file_limit=size * KIB)
        found = [*complaints_of(stage, ended), *_untold(stage, ended.code)]
        seen = look(stage)
        found += settle(stage, patient=True)
        found += judge(stage, template.ledger, seen)
        outcomes.append(Outcome(f"{size} KiB", ended.code != 0, tuple(found), str(ended.code)))
    return Report(f"file limit, {arena.kind}", outcomes, "full disk")


def _untold(stage: Stage, code: int | None) -> list[Violation]:
    """What ended badly without saying why."""
    told = stage.output() + str(stage.rows("SELECT last_error FROM samzip_work"))
    if code == 0 or any(reason in told for reason in REASONS):
        return []
    return [Violation("wrong end", f"exit code {code} of {CODES} without a reason: {told[-600:]}")]


@by_disk
@on_sqlite
def test_a_full_disk_is_told_and_the_parts_are_delivered_once_there_is_room(
    arena: Arena, disk: str, may_mount: None
) -> None:
    fill_up(arena, disk, FEW).check(1)


def test_a_selftest_on_a_disk_that_holds_no_archive_proves_nothing_and_says_so(tmp_path: Path, may_mount: None) -> None:
    archives = tmp_path / "archives"
    archives.mkdir()
    with small_disk(archives):
        resize(archives, 64 << 10)
        process = subprocess.run(
            [sys.executable, "-m", "samzip", "selftest", "--kills", "1"],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "SAMZIP_STATE_DIR": str(tmp_path / "state"),
                "SAMZIP_ARCHIVE_ROOT": str(archives),
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert process.returncode == 12, process.stdout + process.stderr
        assert "could not be built" in process.stderr
        assert list(archives.iterdir()) == []


@pytest.mark.parametrize("arena", ["wal", "postgres"], indirect=True)
def test_files_that_may_not_grow_are_told_and_the_parts_are_delivered_once_they_may(arena: Arena) -> None:
    limit(arena, FEW[:2]).check(1)


@pytest.mark.sweep
@by_disk
@on_sqlite
def test_every_size_of_disk(arena: Arena, disk: str, may_mount: None, sweep_report: Any) -> None:
    report = fill_up(arena, disk, SIZES)
    sweep_report(report)
    report.check(5)


@pytest.mark.sweep
@pytest.mark.parametrize("arena", ["wal", "journal", "postgres"], indirect=True)
def test_every_file_limit(arena: Arena, sweep_report: Any) -> None:
    report = limit(arena, SIZES)
    sweep_report(report)
    report.check(5)
