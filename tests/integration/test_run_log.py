"""Where a run's log goes: a file that may be moved away, a mail from cron, a terminal; each line once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samzip import cli
from samzip.errors import DatabaseUnreachable, LockBusy
from samzip.locks import file_lock
from samzip.report.log_file import WatchedFile
from tests.support.world import World, make_world

SAMPLE = Path(__file__).parents[2] / "cron" / "samzip.logrotate"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = make_world(tmp_path)
    monkeypatch.setenv("SAMZIP_STATE_DIR", str(made.settings.state_dir))
    yield made
    made.database.close()


def samzip(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["run", *args])
    printed = capsys.readouterr()
    code = stopped.value.code
    return (code if isinstance(code, int) else 0), printed.out, printed.err


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_log_file_gets_every_line_once_and_standard_error_none(
    here: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here.company(equipment=1)
    here.click()
    path = tmp_path / "samzip.log"
    code, out, err = samzip(capsys, "--log-file", str(path))
    assert (code, err) == (0, "")
    assert out.startswith("1 archive published")
    told = events(path)
    assert [line["event"] for line in told].count("part.published") == 1
    assert len({line["run"] for line in told}) == 1
    assert "\r" not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    samzip(capsys, "--log-file", str(path))
    assert len({line["run"] for line in events(path)}) == 2, "the next run goes on in the same file"


def test_a_log_file_also_gets_the_error_that_ended_the_run(
    here: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "samzip.log"
    away = f"sqlite:///{tmp_path}/state/samzip.sqlite3/none"
    code, _, err = samzip(capsys, "--log-file", str(path), "--database-url", away)
    assert code == DatabaseUnreachable.exit_code
    (line,) = events(path)
    assert (line["event"], line["level"], line["exit_code"]) == ("run.ended", "error", code)
    assert err.count(line["reason"]) == 1


def test_a_log_file_that_cannot_be_made_harms_no_run_and_is_told(
    here: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = samzip(capsys, "--log-file", str(tmp_path / "none" / "samzip.log"))
    told = [json.loads(line) for line in err.splitlines()]
    assert code == 0
    assert (told[0]["event"], told[0]["reason"]) == ("log.unwritable", "No such file or directory")
    assert told[-1]["event"] == "run.finished"


def test_quiet_says_nothing_when_nothing_happened_or_all_went_well_or_another_run_works(
    here: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert samzip(capsys, "--quiet") == (0, "", "")
    here.company(equipment=1)
    here.click()
    assert samzip(capsys, "--quiet") == (0, "", "")
    with file_lock(here.settings.lock_path, wait=0, run_id="r", host="h"):
        assert samzip(capsys, "--quiet") == (LockBusy.exit_code, "", "")


def test_quiet_says_what_matters_in_words_and_the_log_file_has_everything(
    here: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    company = here.company(equipment=1)
    here.click()
    (here.media / f"documentos/{company}/EQ-001/compra.pdf").unlink()
    path = tmp_path / "samzip.log"
    code, out, err = samzip(capsys, "--quiet", "--log-file", str(path))
    assert (code, out) == (3, "")
    missing, end = err.splitlines()
    assert "[FALTANTE]" in missing
    assert "[FIN]" in end
    (run,) = {line["run"] for line in events(path)}
    assert all(f" {run} [" in line for line in (missing, end)), "the run's id leads from the mail to the file"
    assert {"cleaning.started", "part.published", "document.missing"} <= {line["event"] for line in events(path)}


@pytest.mark.parametrize("more", [["--progress"], ["--no-progress"]])
def test_a_terminal_is_told_the_summary_once(
    here: World, more: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    here.company(equipment=1)
    here.click()
    code, out, err = samzip(capsys, *more)
    assert code == 0
    assert "[FIN] 1 parte publicada" in err
    assert "1 archive published" not in out
    assert out.startswith("They lie in ")


def test_quiet_does_not_hide_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = samzip(capsys, "--quiet", "--state-dir", str(tmp_path / "none"))
    assert (code, out) == (10, "")
    assert "samzip init" in err


@pytest.mark.parametrize("option", ["--json", "--dry-run"])
def test_quiet_goes_with_no_result(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = samzip(capsys, "--quiet", option)
    assert code == 2
    assert "--quiet prints no result" in err


def test_a_file_that_is_moved_away_is_made_anew_and_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "samzip.log"
    with WatchedFile(path) as file:
        file.write("one\n")
        path.rename(tmp_path / "samzip.log.1")
        file.write("two\n")
        path.unlink()
        file.write("three\n")
    assert (tmp_path / "samzip.log.1").read_text() == "one\n"
    assert path.read_text() == "three\n"


def test_a_file_that_cannot_be_made_anew_goes_on_where_it_went(tmp_path: Path) -> None:
    folder, moved = tmp_path / "log", tmp_path / "old"
    folder.mkdir()
    with WatchedFile(folder / "samzip.log") as file:
        file.write("one\n")
        folder.rename(moved)
        file.write("two\n")
        assert (moved / "samzip.log").read_text() == "one\ntwo\n"
        folder.mkdir()
        file.write("three\n")
    assert (folder / "samzip.log").read_text() == "three\n"


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="logrotate is not installed")
def test_logrotate_turns_the_file_with_the_sample(tmp_path: Path) -> None:
    path = tmp_path / "samzip.log"
    lines = SAMPLE.read_text().replace("/var/log/samzip/*.log", str(path)).splitlines()
    config = tmp_path / "logrotate.conf"
    config.write_text("\n".join(line for line in lines if "su samzip" not in line) + "\n")
    config.chmod(0o644)
    with WatchedFile(path) as file:
        file.write("one\n")
        state = ["--state", str(tmp_path / "state")]
        done = subprocess.run(
            ["logrotate", "--force", *state, str(config)], capture_output=True, text=True, env=os.environ
        )
        assert (done.returncode, done.stderr) == (0, "")
        file.write("two\n")
    assert path.read_text() == "two\n"
    (turned,) = (it for it in tmp_path.iterdir() if it.name.startswith("samzip.log") and it != path)
    assert turned.read_text() == "one\n"
