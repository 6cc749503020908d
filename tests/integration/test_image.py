"""What the container image is made of and starts, without an engine: the same steps and programs on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from samzip import __version__

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
PATIENCE_S = 120
INSTALL_S = 600  # downloads, too


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
    (tmp_path / "state" / "media").mkdir(parents=True)  # SAM's, as far as they know
    for words in (["init"], ["doctor"], ["run"]):
        done = subprocess.run(
            [samzip, *words, *state], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S
        )
        assert done.returncode == 0, done.stdout + done.stderr
    imports = "import samzip.web, prometheus_client, apprise, psycopg, obstore, boto3"
    assert subprocess.run([str(installed / "bin" / "python"), "-c", imports], cwd=tmp_path).returncode == 0
