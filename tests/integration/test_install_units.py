"""samzip install-units and the failure hook, on real files, programs and servers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest

from samzip import cli
from samzip.deploy.place import sample
from samzip.deploy.plan import SERVICES, TIMERS
from samzip.deploy.render import Host, render
from tests.support.listening import mail_server

ROOT = Path(__file__).parents[2]
UNITS = "etc/systemd/system"


@pytest.fixture
def install(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            cli.main(["install-units", "--root", str(tmp_path), "--executable", "/opt/samzip/bin/samzip", *args])
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    return call


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_units_and_settings_go_into_place(install: Any, tmp_path: Path) -> None:
    code, out, err = install("--media-root", "/srv/docs", "--part-size", "20")
    assert (code, err) == (0, "")
    assert sorted(everything(tmp_path)) == [
        "etc/logrotate.d/samzip",
        "etc/samzip/samzip.env",
        *(f"{UNITS}/{name}" for name in sorted([*SERVICES, *TIMERS])),
        "usr/local/libexec/samzip-failed",
    ]
    assert "ReadWritePaths=-/srv/docs/zip_requests\n" in (tmp_path / UNITS / "samzip.service").read_text()
    assert "\nSAMZIP_MEDIA_ROOT=/srv/docs\n" in (tmp_path / "etc/samzip/samzip.env").read_text()
    assert (tmp_path / "etc/samzip/samzip.env").stat().st_mode & 0o777 == 0o640
    assert os.access(tmp_path / "usr/local/libexec/samzip-failed", os.X_OK)
    assert "  systemctl daemon-reload && systemctl enable --now samzip.timer" in out
    assert install()[1].count("same  ") == 9


def test_a_dry_run_shows_every_line_and_writes_none(install: Any, tmp_path: Path) -> None:
    code, out, _ = install("--dry-run", "--web")
    assert code == 0
    assert "+ExecStart=/opt/samzip/bin/samzip run --wait 45s\n" in out
    assert "+ExecStart=/opt/samzip/bin/samzip serve " in out
    assert out.endswith("Nothing was written: this was a dry run.\n")
    assert everything(tmp_path) == {}


def test_an_edited_file_stays_unless_it_is_forced_and_then_is_kept_beside(install: Any, tmp_path: Path) -> None:
    install()
    timer = tmp_path / UNITS / "samzip.timer"
    mine = timer.read_text().replace("OnCalendar=*-*-* *:*:00", "OnCalendar=*-*-* *:0/5:00")
    timer.write_text(mine)
    code, out, _ = install()
    assert (code, timer.read_text()) == (3, mine)
    assert "-OnCalendar=*-*-* *:0/5:00\n+OnCalendar=*-*-* *:*:00\n" in out
    assert install("--force")[0] == 0
    assert "OnCalendar=*-*-* *:*:00" in timer.read_text()
    assert timer.with_name("samzip.timer~").read_text() == mine


def test_units_follow_the_settings_that_are_in_place(install: Any, tmp_path: Path) -> None:
    install()
    config = tmp_path / "etc/samzip"
    (config / "samzip.env").write_text(
        "SAMZIP_ARCHIVE_ROOT=/home/sam/out\nSAMZIP_METRICS_FILE=/data/prom/samzip.prom\n"
    )
    (config / "database_url").write_text("sqlite:////data/db/sam.sqlite3\n")
    assert install()[0] == 0
    unit = (tmp_path / UNITS / "samzip.service").read_text()
    for line in (
        "ReadWritePaths=-/home/sam/out/zip_requests",
        "ReadWritePaths=/data/db",
        "ReadWritePaths=/data/prom",
        "ProtectHome=read-only",
        "LoadCredential=database_url:/etc/samzip/database_url",
    ):
        assert f"\n{line}\n" in unit
    assert (config / "samzip.env").read_text().startswith("SAMZIP_ARCHIVE_ROOT=/home/sam/out\n")


def test_a_flag_that_the_settings_in_place_contradict_is_refused(install: Any) -> None:
    install("--media-root", "/srv/docs")
    assert install("--media-root", "/srv/docs")[0] == 0
    code, _, err = install("--media-root", "/srv/other")
    assert code == 2
    assert "set SAMZIP_MEDIA_ROOT in it, not --media-root" in err


def test_a_secret_that_is_given_is_written_and_shown_nowhere(install: Any, tmp_path: Path) -> None:
    url = "postgresql://samzip:secreto@localhost/sam"
    for flags in (["--dry-run"], ["--json"]):
        code, out, err = install("--database-url", url, *flags)
        assert (code, "secreto" in out + err) == (0, False)
    assert not any(b"secreto" in content for content in everything(tmp_path).values())
    assert any("/dev/stdin /etc/samzip/database_url " in step for step in json.loads(out)["next"])


def test_a_packager_gets_a_packages_folders(install: Any, tmp_path: Path) -> None:
    assert install("--prefix", "/usr", "--user", "archivos")[0] == 0
    unit = (tmp_path / "usr/lib/systemd/system/samzip-failed@.service").read_text()
    assert "\nExecStart=/usr/libexec/samzip-failed %i\nTimeout" in unit
    assert "\nUser=archivos\nGroup=archivos\n" in unit
    assert (tmp_path / "usr/libexec/samzip-failed").exists()


def test_a_host_without_systemd_gets_a_crontab(install: Any, tmp_path: Path) -> None:
    code, out, _ = install("--cron")
    assert (code, "systemctl" in out) == (0, False)
    assert sorted(everything(tmp_path)) == ["etc/cron.d/samzip", "etc/logrotate.d/samzip", "etc/samzip/samzip.env"]
    assert " nice /opt/samzip/bin/samzip run --wait 45s --quiet\n" in (tmp_path / "etc/cron.d/samzip").read_text()
    assert install("--cron", "--web")[0] == 2


def test_a_path_that_units_cannot_take_is_refused(install: Any, tmp_path: Path) -> None:
    code, _, err = install("--media-root", "/srv/mis documentos")
    assert code == 2
    assert "'/srv/mis documentos'" in err
    assert everything(tmp_path) == {}


def test_a_folder_that_cannot_be_written_is_told(install: Any, tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("a file")
    code, _, err = install()
    assert code == 12
    assert str(tmp_path / "etc") in err


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_what_was_put_into_place(install: Any, tmp_path: Path) -> None:
    install("--web", "--executable", "/bin/true", "--archive-root", "/home/sam/out", "--state-dir", "/data/zip")
    folder = tmp_path / UNITS
    (folder / "samzip-failed@.service").rename(folder / "samzip-failed@x.service")
    for unit in folder.iterdir():
        unit.write_text(unit.read_text().replace("/usr/local/libexec/samzip-failed", "/bin/true"))
    units = sorted(map(str, folder.iterdir()))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "samzip" in line]) == (0, [])


def test_a_wheel_has_the_files_of_cron(tmp_path: Path) -> None:
    build = "from setuptools import build_meta; import sys; build_meta.build_wheel(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", "import setuptools.command.bdist_wheel"], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip("setuptools 70.1 or newer is not installed")
    copy = tmp_path / "copy"
    left = shutil.ignore_patterns(
        ".venv", ".git", "*_cache", "__pycache__", "build", "*.egg-info", "demo-output", "tests"
    )
    shutil.copytree(ROOT, copy, ignore=left, symlinks=True)
    done = subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith("samzip/deploy/files/")}
    assert names == {f"samzip/deploy/files/{path.name}" for path in (ROOT / "cron").iterdir()}


def test_the_failure_hook_mails_how_the_unit_ended_and_what_it_said_last(tmp_path: Path) -> None:
    hook = failure_hook(tmp_path, 'echo "the journal of $*"')
    with mail_server() as server:
        done = run_hook(hook, tmp_path, MAILTO="operadores@example.com", SMTP_SERVER=server.address)
    assert (done.returncode, done.stderr) == (0, "")
    ((recipients, letter),) = server.letters
    assert recipients == ["operadores@example.com"]
    assert letter["Subject"].endswith(": exit-code, exited 78")
    assert letter["Subject"].startswith("samzip.service failed on ")
    text = letter.get_content()
    assert "the journal of --quiet --no-pager --output=short-iso --lines 40 _SYSTEMD_INVOCATION_ID=abc" in text
    assert "cola vacía" in text  # samzip status
    assert text.splitlines() == done.stdout.splitlines()


def test_the_failure_hook_tells_the_journal_what_it_can_where_samzip_and_mail_are_broken(tmp_path: Path) -> None:
    hook = failure_hook(tmp_path, "exit 1")
    (tmp_path / "samzip").unlink()
    done = run_hook(hook, tmp_path, MAILTO="operadores@example.com", SMTP_SERVER="127.0.0.1:1")
    assert done.returncode == 1
    assert "no mail to operadores@example.com: " in done.stderr
    assert f"$ {tmp_path}/samzip status --limit 3\n([Errno 2] " in done.stdout


def test_the_failure_hook_without_an_address_tells_the_journal_alone(tmp_path: Path) -> None:
    done = run_hook(failure_hook(tmp_path, "echo lines"), tmp_path)
    assert (done.returncode, done.stderr, "\nlines\n" in done.stdout) == (0, "", True)


def failure_hook(folder: Path, journal: str) -> Path:
    """As put into place, on a host with this journal and a samzip that tells its status."""
    for name, script in (("journalctl", journal), ("samzip", 'echo "cola vacía"')):
        program = folder / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    hook = folder / "samzip-failed"
    hook.write_text(render(sample("samzip-failed"), Host(executable=str(folder / "samzip"), python=sys.executable)))
    return hook


def run_hook(hook: Path, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """As systemd starts it for a run that ended with 78."""
    told = {"SERVICE_RESULT": "exit-code", "EXIT_CODE": "exited", "EXIT_STATUS": "78", "INVOCATION_ID": "abc"}
    monitor = {f"MONITOR_{name}": value for name, value in told.items()}
    variables = {"PATH": f"{folder}:{sysconfig.get_path('scripts')}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [sys.executable, str(hook), "samzip.service"],
        env={**variables, **monitor, **environ},
        capture_output=True,
        text=True,
    )
