"""The samples in cron/: systemd and cron accept them, and they say what samzip really does."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from samzip.deploy.render import FAILURE_HOOK
from samzip.options import OPTIONS
from tests.support.commandline import unknown_words

CRON = Path(__file__).parents[2] / "cron"
SERVICES = sorted(path.name for path in CRON.glob("*.service"))
TIMERS = sorted(path.name for path in CRON.glob("*.timer"))
UNITS = [*SERVICES, *TIMERS]
EXPOSURE_LIMIT = 15  # tenths, as systemd-analyze takes them

systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


@systemd
def test_systemd_accepts_every_unit(tmp_path: Path) -> None:
    for unit in UNITS:
        name = unit.replace("@.", "@samzip.service.")  # an instance, as OnFailure= names it
        text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", (CRON / unit).read_text())
        (tmp_path / name).write_text(text)
    units = [str(path) for path in sorted(tmp_path.iterdir())]
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if "samzip" in line]  # the host's own units are its matter
    assert (done.returncode, complaints) == (0, [])


@systemd
@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_hardened(service: str) -> None:
    arguments = ["--offline=true", f"--threshold={EXPOSURE_LIMIT}", "--no-pager"]
    done = subprocess.run(
        ["systemd-analyze", "security", *arguments, str(CRON / service)], capture_output=True, text=True
    )
    overall = [line for line in done.stdout.splitlines() if "Overall exposure" in line]
    assert done.returncode == 0, overall or done.stderr


def test_every_service_has_the_same_restrictions() -> None:
    common, local = _restrictions("samzip.service"), ["IPAddressDeny=any", "IPAddressAllow=localhost"]
    assert "MemoryDenyWriteExecute=yes" in common
    for service in SERVICES:
        own = _restrictions(service)
        assert [line for line in own if line not in local] == common, service


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_runs_a_command_with_options_that_there_are(service: str) -> None:
    (start,) = _values(service, "ExecStart")
    program, *words = start.split()
    if program == FAILURE_HOOK:
        return
    assert program == "/usr/local/bin/samzip"
    assert unknown_words(words) == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_failure_but_one_of_telling_it_is_told(service: str) -> None:
    told = [] if service == "samzip-failed@.service" else ["samzip-failed@%n.service"]
    assert _values(service, "OnFailure") == told


@pytest.mark.parametrize("service", SERVICES)
def test_a_credential_is_a_secret_that_samzip_reads_from_a_file(service: str) -> None:
    text = (CRON / service).read_text()
    loaded = re.findall(r"(?m)^#?LoadCredential=(\w+):/etc/samzip/(\w+)$", text)
    assert loaded
    named = re.findall(r"\bSAMZIP_(\w+)_FILE=%d/(\w+)", text)
    assert sorted((name.lower(), file) for name, file in named) == sorted(loaded)
    secrets = {option.name for option in OPTIONS if option.secret}
    assert {name for name, file in loaded if name == file} <= secrets


def test_the_services_take_every_secret_as_a_credential() -> None:
    texts = "".join((CRON / service).read_text() for service in SERVICES)
    secrets = {option.name for option in OPTIONS if option.secret}
    assert set(re.findall(r"LoadCredential=(\w+):", texts)) == secrets


def test_each_timer_starts_a_service_that_there_is() -> None:
    assert {timer.replace(".timer", ".service") for timer in TIMERS} < set(SERVICES)
    for timer in TIMERS:
        assert _values(timer, "Persistent") == ["true"]
        assert _values(timer, "WantedBy") == ["timers.target"]


def test_a_run_that_found_the_lock_taken_or_was_stopped_is_no_failure_of_the_service() -> None:
    from samzip.cli.run import PROBLEMS, SIGNALS
    from samzip.errors import LockBusy

    (line,) = _values("samzip.service", "SuccessExitStatus")
    assert {int(code) for code in line.split()} == {LockBusy.exit_code, SIGNALS["SIGTERM"]}
    assert PROBLEMS == 3  # as the service's comment says
    for service in ("samzip-purge.service", "samzip-verify.service"):
        assert _values(service, "SuccessExitStatus") == [f"{LockBusy.exit_code} SIGTERM"]


def test_a_stop_reaches_the_leader_alone() -> None:
    assert _values("samzip.service", "KillMode") == ["mixed"]


def test_the_timer_starts_the_service_every_minute() -> None:
    assert _values("samzip.timer", "OnCalendar") == ["*-*-* *:*:00"]


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


def test_the_crontab_has_the_jobs_of_the_timers() -> None:
    jobs = _cron_jobs()
    assert [schedule for schedule, _, _ in jobs] == ["* * * * *", "20 3 * * *", "20 4 * * *"]
    services = ("samzip.service", "samzip-purge.service", "samzip-verify.service")
    for (_, user, command), service in zip(jobs, services, strict=True):
        assert user == "samzip"
        assert f"nice {_values(service, 'ExecStart')[0]} " in command
        assert f"umask {_values(service, 'UMask')[0][1:]};" in command
        assert "%" not in command  # cron makes a line break of it
        assert len(command) < 1000  # MAX_COMMAND of Debian's cron


@pytest.mark.parametrize("job", [1, 2])
@pytest.mark.parametrize(("code", "mailed"), [(0, False), (75, False), (3, True), (10, True)])
def test_cron_mails_of_an_end_that_needs_a_person(tmp_path: Path, job: int, code: int, mailed: bool) -> None:
    done = _run_cron_job(tmp_path, f'echo "at work: $1"; exit {code}', job)
    assert bool(done.stdout) == mailed
    assert done.stderr == ""
    name = ("run", "purge", "verify")[job]
    assert (tmp_path / f"{name}.log").read_text() == f"at work: {name}\n"
    if mailed:
        assert f"samzip {name} ended with exit code {code};" in done.stdout


def test_cron_mails_what_a_quiet_run_prints_and_its_log_is_the_file_that_logrotate_turns(tmp_path: Path) -> None:
    done = _run_cron_job(tmp_path, 'echo "at work: $*"; exit 3', 0)
    assert (done.returncode, done.stdout, done.stderr) == (3, "at work: run --wait 45s --quiet\n", "")
    log = "/var/log/samzip/samzip.log"
    assert f"\nSAMZIP_LOG_FILE={log}\n" in (CRON / "samzip.cron").read_text()
    assert f"\n{Path(log).parent}/*.log {{" in (CRON / "samzip.logrotate").read_text()


def test_the_crontab_reads_the_same_settings_file_as_the_services(tmp_path: Path) -> None:
    (tmp_path / "samzip.env").write_text('SAMZIP_TTL=2h\nSAMZIP_WEB_SECRET="a b"\n')
    assert _run_cron_job(tmp_path, 'echo "$SAMZIP_TTL $SAMZIP_WEB_SECRET"', 0).stdout == "2h a b\n"
    for service in SERVICES:
        assert _values(service, "EnvironmentFile") == ["-/etc/samzip/samzip.env"]


def _values(unit: str, key: str) -> list[str]:
    lines = (CRON / unit).read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]


def _cron_jobs() -> list[tuple[str, str, str]]:
    """Schedule, user and command of each job, as /etc/cron.d has them; any other line must be known (crontab(5))."""
    jobs = []
    for line in (CRON / "samzip.cron").read_text().splitlines():
        if not line.strip() or line.startswith("#") or re.fullmatch(r"[A-Z_]+=\S+", line):
            continue
        fields = line.split(None, 6)
        jobs.append((" ".join(fields[:5]), fields[5], fields[6]))
    return jobs


def _run_cron_job(folder: Path, script: str, job: int) -> subprocess.CompletedProcess[str]:
    """The job's command as cron runs it, with a samzip that does `script` and with the host's folders put below."""
    fake = folder / "samzip"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    command = _cron_jobs()[job][2]
    for there in ("/etc/samzip/", "/var/log/samzip/", "/usr/local/bin/"):
        command = command.replace(there, f"{folder}/")
    return subprocess.run(["/bin/sh", "-c", command], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)


def _restrictions(service: str) -> list[str]:
    """From ProtectHome= to the end, comments aside."""
    lines = [line for line in (CRON / service).read_text().splitlines() if line[:1].isalpha()]
    return lines[lines.index("ProtectHome=yes") :]
