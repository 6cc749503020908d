"""The day the archives' disk is full: every place where an operator may look tells it, and all of them agree.

The disk is a real one, a tmpfs, where this process may mount.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from samzip import cli
from samzip.cli.run import PROBLEMS
from samzip.errors import StorageFailed
from samzip.report.metrics import read
from tests.support.listening import web_server
from tests.support.world import World, make_world

SIZE = 64 << 20
FULL = "No space left on device"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    tried = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(folder)], capture_output=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"nothing may be mounted here: {tried.stderr.decode()[:200]}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path, left: int) -> None:
    """All but `left` bytes."""
    (disk / "zip_requests").mkdir(exist_ok=True)
    free = os.statvfs(disk)
    (disk / "somebody-elses").write_bytes(bytes(free.f_bavail * free.f_frsize - left))


def samzip(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    """Exit code, and all that was printed."""
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(args))
    printed = capsys.readouterr()
    return (stopped.value.code if isinstance(stopped.value.code, int) else 0), printed.out + printed.err


@pytest.fixture
def here(tmp_path: Path, disk: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = make_world(tmp_path, archive_root=str(disk))
    monkeypatch.setenv("SAMZIP_STATE_DIR", str(made.settings.state_dir))
    monkeypatch.setenv("SAMZIP_ARCHIVE_ROOT", str(disk))
    monkeypatch.setenv("SAMZIP_METRICS_FILE", str(tmp_path / "samzip.prom"))
    monkeypatch.setenv("SAMZIP_JOBS", "1")
    yield made
    made.database.close()


@pytest.mark.parametrize(("left", "code"), [(0, StorageFailed.exit_code), (16 << 10, PROBLEMS)])
def test_on_a_full_disk_status_doctor_metrics_ping_story_and_exit_code_agree(
    here: World,
    disk: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    left: int,
    code: int,
) -> None:
    """With no room at all the run cannot begin to build; with some room a part fails half-way."""
    here.company(equipment=2)
    (request,) = here.click().request_ids
    fill(disk, left)
    metrics = tmp_path / "samzip.prom"
    with web_server() as watch:
        monkeypatch.setenv("SAMZIP_PING_URL", watch.url)
        ended, printed = samzip(capsys, "run")
        assert (ended, FULL in printed) == (code, True)
        values = read(metrics)
        assert values["samzip_last_run_exit_code"][""] == code
        assert values["samzip_runs_total"] == {str(code): 1}
        assert values["samzip_last_success_timestamp_seconds"] == {}
        assert values["samzip_requests"]["pending"] == 1
        assert values["samzip_parts_total"]["failed"] == (1 if code == PROBLEMS else 0)
        assert watch.paths == ["/start", "/fail"]
        assert FULL in watch.calls[-1][1]

        assert samzip(capsys, "status")[0] == 0, "looking is no failure"
        status = samzip(capsys, "status")[1]
        assert FULL in status
        assert "1 request for 1 part" in status
        ended, doctor = samzip(capsys, "doctor", "--json")
        states = {it["check"]: it for it in json.loads(doctor)["findings"]}
        assert (ended, states["room"]["state"]) == (PROBLEMS, "problem")
        assert states["last run"]["state"] == ("warning" if code == PROBLEMS else "problem")
        if code == PROBLEMS:
            assert FULL in states["queue"]["told"]
            assert FULL in samzip(capsys, "show", str(request))[1]
        else:
            assert FULL in states["archives"]["told"]
            assert FULL in states["last run"]["told"]
        assert here.files() == [], "nothing half written is left"

        ended, printed = samzip(capsys, "run")  # a minute later; where a part failed it waits for its next attempt
        assert ended == code, printed
        again = read(metrics)
        assert again["samzip_runs_total"] == {str(code): 2}
        assert again["samzip_last_success_timestamp_seconds"] == {}
        assert watch.paths == ["/start", "/fail"] * 2

        (disk / "somebody-elses").unlink()
        if code == PROBLEMS:
            samzip(capsys, "retry", str(request))
        ended, printed = samzip(capsys, "run")
        assert ended == 0, printed
        values = read(metrics)
        assert values["samzip_last_run_exit_code"][""] == 0
        assert values["samzip_requests"]["completed"] == 1
        assert values["samzip_last_success_timestamp_seconds"][""] > 0
        assert len(watch.paths) == 6
        assert "fail" not in watch.paths[-1]
    told = samzip(capsys, "show", str(request))[1]
    assert (f"failed: {disk}" in told or FULL in told) == (code == PROBLEMS), "the story keeps the failed attempt"
