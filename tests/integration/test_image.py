"""What the container image is made of and starts, without an engine: the same steps and programs on this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from samzip import __version__

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
SECRET = "a-secret-of-the-tests"
PATIENCE_S = 120
INSTALL_S = 600  # downloads, too


def test_one_container_holds_runner_and_hook_and_ends_with_both(tmp_path: Path) -> None:
    with both(tmp_path) as (process, address):
        wait_for(lambda: answers(address))
        wait_for(lambda: (tmp_path / "samzip.lock").exists())  # the runner has begun
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 128 + signal.SIGTERM
        wait_for(lambda: not alive(process.pid))


@pytest.mark.sweep
def test_when_one_half_of_a_container_dies_the_other_ends_too(tmp_path: Path) -> None:
    with both(tmp_path) as (process, address):
        wait_for(lambda: answers(address))
        (hook,) = [pid for pid in children(process.pid) if b"serve" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        os.kill(hook, signal.SIGKILL)
        assert process.wait(timeout=PATIENCE_S) == 128 + signal.SIGKILL
        wait_for(lambda: not alive(process.pid))


@pytest.mark.sweep
def test_the_steps_of_the_image_make_a_samzip_that_works(tmp_path: Path) -> None:
    """Downloads what the image would; what is copied into it is all that there is."""
    look = ["install", "--dry-run", "--no-deps", "--ignore-installed", "--retries=0", "--timeout=10", "click"]
    try:
        looked = subprocess.run([sys.executable, "-m", "pip", *look], capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("no package index answers within a minute")
    if looked.returncode:
        pytest.skip(f"no package index answers: {looked.stderr[-200:]}")
    source, installed = tmp_path / "src", tmp_path / "samzip"
    source.mkdir()
    for step in re.findall(r"(?m)^COPY (?!--)(.+)$", DOCKERFILE):
        *names, target = step.split()
        for name in names:
            if (ROOT / name).is_dir():
                shutil.copytree(
                    ROOT / name, source / target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy(ROOT / name, source / target)
    (install,) = re.findall(r"(?m)^RUN (.*pip install.*)$", DOCKERFILE)
    command = install.replace("/opt/samzip", str(installed)).replace("python -m venv", f"{sys.executable} -m venv")
    done = subprocess.run(["/bin/sh", "-c", command], cwd=source, capture_output=True, text=True, timeout=INSTALL_S)
    assert done.returncode == 0, done.stderr
    samzip = str(installed / "bin" / "samzip")
    told = subprocess.run([samzip, "--version"], cwd=tmp_path, capture_output=True, text=True)
    assert told.stdout == f"samzip {__version__}\n"
    units = [samzip, "install-units", "--root", str(tmp_path / "root"), "--executable", "/usr/bin/samzip"]
    assert subprocess.run(units, cwd=tmp_path, capture_output=True).returncode == 0
    state = ["--state-dir", str(tmp_path / "state")]
    for words in (["init"], ["doctor"], ["run"]):
        done = subprocess.run(
            [samzip, *words, *state], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert done.returncode == 0, done.stdout + done.stderr
    serve = [str(installed / "bin" / "python"), "-c", "import samzip.web, prometheus_client, apprise, psycopg"]
    assert subprocess.run(serve, cwd=tmp_path).returncode == 0


@contextmanager
def both(state: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The container's script, and the address of its hook."""
    with socket.create_server(("0.0.0.0", 0)) as free:  # noqa: S104 -- as the container listens
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [str(ROOT / "docker" / "both")],
        env={
            "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}",
            "PORT": str(port),
            "SAMZIP_STATE_DIR": str(state),
            "SAMZIP_ARCHIVE_ROOT": str(state / "archives"),
            "SAMZIP_WEB_TOKENS": SECRET,
            "SAMZIP_WEB_SECRET": SECRET,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process, f"http://127.0.0.1:{port}/healthz"
    finally:
        if alive(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=PATIENCE_S)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except urllib.error.URLError:
        return False


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def wait_for(happened: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.05)
