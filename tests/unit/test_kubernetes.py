"""The manifests for Kubernetes are complete, and fit samzip and each other."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from samzip.options import OPTIONS
from samzip.settings import load

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
CONFIG = configparser.ConfigParser()
CONFIG.read(ROOT / "setup.cfg")
EXTRAS = CONFIG["options.extras_require"]
FOLDER = Path(__file__).parents[2] / "docs" / "kubernetes"
MANIFESTS = {
    (found["kind"], found["metadata"]["name"]): found
    for path in sorted(FOLDER.glob("*.yml"))
    for found in yaml.safe_load_all(path.read_text())
}
CRON = MANIFESTS["CronJob", "samzip"]["spec"]["jobTemplate"]["spec"]["template"]
WORKER = MANIFESTS["Deployment", "samzip-worker"]["spec"]["template"]
SCHEDULER = MANIFESTS["Deployment", "samzip-scheduler"]["spec"]["template"]


def container(template: dict[str, Any]) -> dict[str, Any]:
    (only,) = template["spec"]["containers"]
    found: dict[str, Any] = only
    return found


def environment(template: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in container(template)["env"]}


def test_the_variables_of_the_run_are_settings_that_are_allowed(tmp_path: Path) -> None:
    given = environment(CRON)
    assert set(given) <= {option.variable for option in OPTIONS}
    settings = load({"state_dir": str(tmp_path)}, given)
    workers = MANIFESTS["Deployment", "samzip-worker"]["spec"]["replicas"]
    assert settings.jobs == workers


def test_scheduler_service_and_those_who_call_it_agree() -> None:
    service = MANIFESTS["Service", "samzip-scheduler"]["spec"]
    (port,) = service["ports"]
    assert container(SCHEDULER)["ports"] == [{"containerPort": port["port"]}]
    assert service["selector"] == SCHEDULER["metadata"]["labels"]
    address = f"samzip-scheduler:{port['port']}"
    assert environment(CRON)["SAMZIP_EXECUTOR"] == f"dask://{address}"
    assert f"tcp://{address}" in container(WORKER)["command"]


def test_a_worker_has_one_thread_and_sees_what_the_run_sees() -> None:
    command = container(WORKER)["command"]
    assert command[command.index("--nthreads") + 1] == "1"
    assert container(WORKER)["volumeMounts"] == container(CRON)["volumeMounts"]
    (bucket,) = container(WORKER)["envFrom"]  # its keys; the database's address is no worker's business
    assert bucket in container(CRON)["envFrom"]
    assert bucket["secretRef"] == {"name": "samzip-bucket", "optional": True}
    assert WORKER["spec"]["volumes"] == CRON["spec"]["volumes"]
    assert WORKER["spec"]["securityContext"] == CRON["spec"]["securityContext"]
    assert {container(it)["image"] for it in (WORKER, CRON, SCHEDULER)} == {container(CRON)["image"]}
    mounted = {mount["mountPath"] for mount in container(CRON)["volumeMounts"]}
    given = environment(CRON)
    assert mounted == {given["SAMZIP_STATE_DIR"], given["SAMZIP_MEDIA_ROOT"]}


@pytest.mark.parametrize("name", ["purge", "verify"])
def test_the_night_is_that_of_the_timers_with_what_the_run_has(name: str) -> None:
    spec = MANIFESTS["CronJob", f"samzip-{name}"]["spec"]
    template = spec["jobTemplate"]["spec"]["template"]
    start = re.search(r"(?m)^ExecStart=\S+ (.*)$", (ROOT / "cron" / f"samzip-{name}.service").read_text())
    timer = re.search(r"OnCalendar=.*?(\d\d):(\d\d)", (ROOT / "cron" / f"samzip-{name}.timer").read_text())
    assert start is not None
    assert timer is not None
    assert container(template)["command"] == ["samzip", *start[1].split()]
    assert spec["schedule"] == f"{int(timer[2])} {int(timer[1])} * * *"
    assert environment(template).items() <= environment(CRON).items()
    for what in ("image", "envFrom", "volumeMounts"):
        assert container(template)[what] == container(CRON)[what]
    assert template["spec"]["volumes"] == CRON["spec"]["volumes"]
    assert template["spec"]["securityContext"] == CRON["spec"]["securityContext"]


@pytest.mark.parametrize("key", [key for key in MANIFESTS if key[0] == "Deployment"])
def test_a_deployment_selects_its_own_pods(key: tuple[str, str]) -> None:
    spec = MANIFESTS[key]["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    for one in spec["template"]["spec"]["containers"]:
        assert {"requests", "limits"} == set(one["resources"])


def test_the_image_has_what_its_commands_need() -> None:
    line = next(line for line in (FOLDER / "cluster.yml").read_text().splitlines() if "docker build" in line)
    extras = re.search(r"--build-arg EXTRAS=(\S+)", line)
    assert extras is not None
    assert {"dask", "postgres", "s3"} <= set(extras[1].split(","))
    assert set(extras[1].split(",")) <= set(EXTRAS)
    assert line.endswith(f"-t {container(CRON)['image']} .")
    assert "\nARG EXTRAS=" in DOCKERFILE
    assert '".[$EXTRAS]"' in DOCKERFILE
    assert container(WORKER)["command"][0] == container(SCHEDULER)["command"][0] == "dask"


def test_a_run_that_finds_another_at_work_is_not_tried_again() -> None:
    job = MANIFESTS["CronJob", "samzip"]["spec"]
    assert job["concurrencyPolicy"] == "Forbid"
    assert job["jobTemplate"]["spec"]["backoffLimit"] == 0
    assert CRON["spec"]["restartPolicy"] == "Never"
