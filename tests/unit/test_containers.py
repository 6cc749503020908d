"""docker/ and render.yaml, held without an engine: what they name is there, and what hadolint asks for is kept."""

from __future__ import annotations

import configparser
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from samzip.options import OPTIONS
from tests.support.commandline import unknown_words

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: it for name, it in SERVICES.items() if it["image"] == "samzip"}
RENDER = yaml.safe_load((ROOT / "render.yaml").read_text())
VARIABLES = {option.variable for option in OPTIONS} | {f"{it.variable}_FILE" for it in OPTIONS if it.secret}
SECRET = {option.variable for option in OPTIONS if option.secret}


def instructions() -> list[tuple[str, str]]:
    """Instruction and arguments of each step; continued lines are one."""
    lines = (ROOT / "docker" / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    steps = [line.split(None, 1) for line in lines if line and not line.startswith("#")]
    return [(name, " ".join(rest.split())) for name, rest in steps]


def arguments(instruction: str) -> list[str]:
    return [rest for name, rest in instructions() if name == instruction]


def test_the_image_is_made_from_a_version_that_is_named() -> None:
    for base in arguments("FROM"):
        assert re.match(r"python:3\.\d+-slim-[a-z]+( AS build)?$", base)


def test_the_image_does_not_run_as_root_and_starts_without_a_shell() -> None:
    assert arguments("USER") == ["8070:8070"]
    names = [name for name, _ in instructions()]
    assert "RUN" not in names[names.index("USER") :]
    assert arguments("ENTRYPOINT") == ['["samzip"]']
    (command,) = arguments("CMD")
    assert unknown_words(yaml.safe_load(command)) == []
    assert {"ADD", "MAINTAINER", "VOLUME"}.isdisjoint(names)


def extras() -> set[str]:
    """Of the image that is built without arguments."""
    (given,) = [argument for argument in arguments("ARG") if argument.startswith("EXTRAS=")]
    return set(given.removeprefix("EXTRAS=").split(","))


def test_the_image_has_extras_that_there_are_and_keeps_no_cache_of_pip() -> None:
    (install,) = [run for run in arguments("RUN") if "pip install" in run]
    assert "--no-cache-dir" in install
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert '".[$EXTRAS]"' in install
    assert extras() <= set(setup["options.extras_require"])


def test_what_is_copied_into_the_image_is_there_and_is_given_to_the_builder() -> None:
    ignored = [
        line for line in (ROOT / "docker" / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"
    ]
    copied = [
        source
        for step in arguments("COPY")
        if "--from=" not in step
        for source in [word for word in step.split() if not word.startswith("--")][:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert f"!{source}" in ignored
    assert sorted(ignored) == sorted(f"!{source}" for source in copied)


def test_the_variables_of_the_image_are_settings() -> None:
    named = set(re.findall(r"\bSAMZIP_\w+", " ".join(arguments("ENV"))))
    assert named <= VARIABLES


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_with_settings_that_there_are(name: str) -> None:
    service = OURS[name]
    assert unknown_words([str(word) for word in service["command"]]) == []
    assert {it for it in service["environment"] if it.startswith("SAMZIP_")} == set(service["environment"]) <= VARIABLES
    assert SECRET.isdisjoint(service["environment"])  # as files only
    files = {value for key, value in service["environment"].items() if key.endswith("_FILE")}
    assert files == {f"/run/secrets/{secret}" for secret in service["secrets"]}


@pytest.mark.parametrize("name", OURS)
def test_a_service_may_do_nothing_that_it_need_not(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [volume for volume in service["volumes"] if volume.endswith(":/srv/media")] == []  # read only


def test_secrets_and_volumes_are_declared_and_all_are_used() -> None:
    used = {secret for service in SERVICES.values() for secret in service["secrets"]}
    assert used == set(COMPOSE["secrets"])
    assert all(it["file"] == f"secrets/{name}" for name, it in COMPOSE["secrets"].items())
    named = {volume.split(":")[0] for service in SERVICES.values() for volume in service["volumes"]}
    assert {volume for volume in named if not volume.startswith("${")} == set(COMPOSE["volumes"])


def test_what_stays_up_is_looked_at_and_starts_again() -> None:
    staying = {name for name, service in SERVICES.items() if service.get("restart") == "unless-stopped"}
    assert staying == {"postgres", "runner", "web", "purge", "verify"}
    for name in staying - {"purge", "verify"}:  # which a runner's doctor would see fail
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    look = SERVICES["runner"]["healthcheck"]["test"]
    assert (look[1], unknown_words(look[2:])) == ("samzip", [])
    compile(SERVICES["web"]["healthcheck"]["test"][3], "healthcheck", "exec")
    port = SERVICES["web"]["command"][SERVICES["web"]["command"].index("--port") + 1]
    assert SERVICES["web"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f":{port}/healthz" in SERVICES["web"]["healthcheck"]["test"][3]


def test_services_wait_for_services_that_there_are() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)


def test_the_night_is_that_of_the_timers() -> None:
    for name in ("purge", "verify"):
        start = re.search(r"(?m)^ExecStart=\S+ (.*)$", (ROOT / "cron" / f"samzip-{name}.service").read_text())
        assert start
        assert SERVICES[name]["command"] == shlex.split(start[1])


@pytest.mark.parametrize(("code", "pause"), [(0, 86400), (3, 86400), (10, 600), (75, 600)])
def test_the_daily_loop_comes_again_soon_where_it_could_not_begin_and_ends_when_it_is_told_to(
    tmp_path: Path, code: int, pause: int
) -> None:
    for name, text in {"samzip": f"echo samzip $*; exit {code}", "sleep": "echo sleep $*; kill $PPID"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    shell, flag, loop, zero = SERVICES["purge"]["entrypoint"]
    command = [shell, flag, loop.replace("$$", "$"), zero, *SERVICES["purge"]["command"]]
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(command, env=environ, capture_output=True, check=False, timeout=60)
    assert done.stdout.decode().splitlines() == ["samzip purge --yes --wait 1h", f"sleep {pause}"]
    assert done.returncode == 143


def test_render_runs_commands_that_there_are_each_with_settings_that_there_are() -> None:
    for service in RENDER["services"]:
        program, *words = shlex.split(service["dockerCommand"])
        assert (program, unknown_words(words)) == ("samzip", [])
        assert service["runtime"] == "docker"
        assert (ROOT / service["dockerfilePath"]).is_file()
        (group, *settings) = service["envVars"]
        assert group == {"fromGroup": "samzip"}
        assert {it["key"] for it in settings} <= VARIABLES
        for setting in settings:
            assert len(setting) == 2  # one source each
            assert setting["key"] not in SECRET or "value" not in setting


def test_no_service_of_render_needs_a_disk_since_none_could_share_it() -> None:
    kinds = {service["name"]: service["type"] for service in RENDER["services"]}
    assert kinds == {"samzip": "worker", "samzip-web": "web", "samzip-purge": "cron", "samzip-verify": "cron"}
    for service in RENDER["services"]:
        assert "disk" not in service
        roots = ("SAMZIP_MEDIA_ROOT", "SAMZIP_ARCHIVE_ROOT")  # SAM's own AWS_STORAGE_BUCKET_NAME says them
        assert not [it for it in service["envVars"] if it.get("key") in roots]
    assert {"s3", "postgres"} <= extras()


def test_the_hook_listens_where_render_calls_it() -> None:
    (hook,) = [service for service in RENDER["services"] if service["type"] == "web"]
    assert hook["healthCheckPath"] == "/healthz"
    assert hook["dockerCommand"].endswith(" --port 10000")  # Render's default


def test_the_night_of_render_is_that_of_the_timers_in_utc() -> None:
    bogota = 5  # hours behind UTC, all year
    for name in ("purge", "verify"):
        (job,) = [service for service in RENDER["services"] if service["name"] == f"samzip-{name}"]
        assert shlex.split(job["dockerCommand"])[1:] == SERVICES[name]["command"]
        timer = (ROOT / "cron" / f"samzip-{name}.timer").read_text()
        hour, minute = map(int, re.findall(r"OnCalendar=.*?(\d\d):(\d\d)", timer)[0])
        assert job["schedule"] == f"{minute} {hour + bogota} * * *"
