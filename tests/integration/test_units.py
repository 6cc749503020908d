"""The samples in cron/: systemd and cron accept them, and they say what samzip really does."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from samzip.options import OPTIONS
from tests.support.world import make_world

CRON = Path(__file__).parents[2] / "cron"
EXPOSURE_LIMIT = 15  # tenths, as systemd-analyze takes them

systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@systemd
def test_systemd_accepts_the_service_and_the_timer(tmp_path: Path) -> None:
    text = (CRON / "samzip.service").read_text()
    assert "ExecStart=/usr/local/bin/samzip run\n" in text
    (tmp_path / "samzip.service").write_text(text.replace("/usr/local/bin/samzip", "/bin/true"))
    shutil.copy(CRON / "samzip.timer", tmp_path)
    units = [str(tmp_path / "samzip.service"), str(tmp_path / "samzip.timer")]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if "samzip" in line]  # the host's own units are its matter
    assert (done.returncode, complaints) == (0, [])


@systemd
def test_systemd_accepts_the_web_hooks_service(tmp_path: Path) -> None:
    text = (CRON / "samzip-web.service").read_text()
    assert "ExecStart=/usr/local/bin/samzip serve --host 127.0.0.1 " in text
    unit = tmp_path / "samzip-web.service"
    unit.write_text(text.replace("/usr/local/bin/samzip", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if "samzip" in line]
    assert (done.returncode, complaints) == (0, [])


@systemd
@pytest.mark.parametrize("service", ["samzip.service", "samzip-web.service"])
def test_the_service_is_hardened(service: str) -> None:
    arguments = ["--offline=true", f"--threshold={EXPOSURE_LIMIT}", "--no-pager"]
    done = subprocess.run(
        ["systemd-analyze", "security", *arguments, str(CRON / service)], capture_output=True, text=True
    )
    overall = [line for line in done.stdout.splitlines() if "Overall exposure" in line]
    assert done.returncode == 0, overall or done.stderr


@systemd
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_run_makes_no_system_call_that_the_service_forbids(tmp_path: Path) -> None:
    strace = _strace("samzip.service", tmp_path)
    samzip = [sys.executable, "-m", "samzip"]
    state = ["--state-dir", str(tmp_path / "state")]
    for command in (["init"], ["demo-data"], ["request", "--user", "sam", "--company", "2"]):
        subprocess.run([*samzip, *command, *state], cwd=CRON.parent, check=True, capture_output=True)
    log = tmp_path / "calls"
    run = ["run", *state, "--log-level", "error"]
    traced = subprocess.run([*strace, "-o", str(log), *samzip, *run], cwd=CRON.parent, capture_output=True, text=True)
    assert (traced.returncode, _forbidden_calls(log)) == (0, [])
    assert "1 archive published" in traced.stdout


@systemd
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_web_hook_makes_no_system_call_that_its_service_forbids(tmp_path: Path) -> None:
    strace = _strace("samzip-web.service", tmp_path)
    world = make_world(tmp_path)
    world.company()
    log, secret = tmp_path / "calls", "a-secret-of-the-tests"
    state = ["--state-dir", str(world.settings.state_dir)]
    serve = ["-m", "samzip", "serve", *state, "--port", "0", "--json", "--web-tokens", secret, "--web-secret", secret]
    server = subprocess.Popen(
        [*strace, "-o", str(log), sys.executable, *serve],
        cwd=CRON.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert server.stdout is not None
    address = json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")["address"]
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
    click = urllib.request.Request(f"{address}/requests", b'{"user": "CERTIBOY"}', headers)  # noqa: S310
    with urllib.request.urlopen(click, timeout=60) as answer:  # noqa: S310
        assert answer.status == 202
    os.killpg(server.pid, signal.SIGTERM)
    server.communicate(timeout=60)
    assert _forbidden_calls(log) == []
    world.database.close()


def test_a_run_that_found_the_lock_taken_or_was_stopped_is_no_failure_of_the_service() -> None:
    from samzip.cli.run import PROBLEMS, SIGNALS
    from samzip.errors import LockBusy

    (line,) = _values("samzip.service", "SuccessExitStatus")
    assert {int(code) for code in line.split()} == {LockBusy.exit_code, SIGNALS["SIGTERM"]}
    assert PROBLEMS == 3  # as the service's comment says


def test_a_stop_reaches_the_leader_alone() -> None:
    assert _values("samzip.service", "KillMode") == ["mixed"]


def test_the_timer_starts_the_service_every_minute() -> None:
    assert _values("samzip.timer", "OnCalendar") == ["*-*-* *:*:00"]
    assert _values("samzip.timer", "Persistent") == ["true"]


def test_the_environment_example_has_every_setting_with_its_default() -> None:
    lines = (CRON / "samzip.env.example").read_text().splitlines()
    settings = dict(match.groups() for line in lines if (match := re.fullmatch(r"#(SAMZIP_\w+)=(.*)", line)))
    files = {f"{option.variable}_FILE" for option in OPTIONS if option.secret} & set(settings)
    assert {name: settings[name] for name in settings if name not in files} == {
        option.variable: option.default for option in OPTIONS
    }
    assert files == {f"{option.variable}_FILE" for option in OPTIONS if option.secret}


def test_the_environment_example_explains_every_setting_in_the_words_of_the_help() -> None:
    lines = (CRON / "samzip.env.example").read_text().splitlines()
    assert [option.help for option in OPTIONS if f"# {option.help}" not in lines] == []


def test_the_environment_example_sets_nothing_by_itself() -> None:
    lines = (CRON / "samzip.env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_the_crontab_has_variables_and_one_job_of_every_minute() -> None:
    jobs = _cron_jobs()
    assert len(jobs) == 1
    schedule, user, command = jobs[0]
    assert (schedule, user) == ("* * * * *", "samzip")
    assert "%" not in command  # cron makes a line break of it


@pytest.mark.parametrize(("code", "mailed"), [(0, False), (75, False), (3, True), (10, True)])
def test_cron_mails_of_an_end_that_needs_a_person(tmp_path: Path, code: int, mailed: bool) -> None:
    done = _run_cron_job(tmp_path, f'echo "at work: $*"; exit {code}')
    assert bool(done.stdout) == mailed
    assert done.stderr == ""
    assert (tmp_path / "samzip.log").read_text() == "at work: run\n"
    if mailed:
        assert f"exit code {code};" in done.stdout


def test_the_crontab_reads_the_same_settings_file_as_the_service(tmp_path: Path) -> None:
    (tmp_path / "samzip.env").write_text('SAMZIP_TTL=2h\nSAMZIP_WEB_SECRET="a b"\n')
    _run_cron_job(tmp_path, 'echo "$SAMZIP_TTL $SAMZIP_WEB_SECRET"')
    assert (tmp_path / "samzip.log").read_text() == "2h a b\n"
    assert _values("samzip.service", "EnvironmentFile") == ["-/etc/samzip/samzip.env"]


def _strace(service: str, folder: Path) -> list[str]:
    """A command that notes every call which the service would refuse."""
    permitted = set(_system_calls("@default"))
    for line in _values(service, "SystemCallFilter"):
        named = {call for name in line.lstrip("~").split() for call in _system_calls(name)}
        permitted = permitted - named if line.startswith("~") else permitted | named
    if os.geteuid() == 0:
        permitted.add("fchown")  # SQLite gives its journal to the database's owner, but only when root runs it
    strace = ["strace", "-f", "--seccomp-bpf", "-qqq", "-e", "signal=none", "-e", f"trace=!{_joined(permitted)}"]
    control = subprocess.run([*strace, "chown", "nobody", str(folder)], capture_output=True, text=True)
    if "Operation not permitted" in control.stderr and "chown" not in control.stderr:
        pytest.skip("this machine lets nobody trace a process")
    assert "chown" in control.stderr  # forbidden, so it is seen
    return strace


def _forbidden_calls(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if "<detached ...>" not in line]  # a process that was ending


def _values(unit: str, key: str) -> list[str]:
    lines = (CRON / unit).read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


def _system_calls(name: str) -> list[str]:
    """The calls of one of systemd's sets, those of the sets in it included."""
    if not name.startswith("@"):
        return [name]
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
    members = [line.strip() for line in listed.stdout.splitlines()[1:]]
    return [call for member in members if member and not member.startswith("#") for call in _system_calls(member)]


def _joined(calls: set[str]) -> str:
    return ",".join(f"?{call}" for call in sorted(calls))  # with ?, strace bears one that this machine does not have


def _cron_jobs() -> list[tuple[str, str, str]]:
    """Schedule, user and command of each job, as /etc/cron.d has them; any other line must be known (crontab(5))."""
    jobs = []
    for line in (CRON / "samzip.cron").read_text().splitlines():
        if not line.strip() or line.startswith("#") or re.fullmatch(r"[A-Z_]+=\S+", line):
            continue
        fields = line.split(None, 6)
        jobs.append((" ".join(fields[:5]), fields[5], fields[6]))
    return jobs


def _run_cron_job(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """The job's command as cron runs it, with a samzip that does `script` and with the host's folders put below."""
    fake = folder / "samzip"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    ((_, _, command),) = _cron_jobs()
    command = command.replace("/etc/samzip/", f"{folder}/").replace("/var/log/samzip/", f"{folder}/")
    return subprocess.run(
        ["/bin/sh", "-c", command], env={"PATH": f"{folder}:/usr/bin:/bin"}, capture_output=True, text=True
    )
