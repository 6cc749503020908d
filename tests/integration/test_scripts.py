"""The scripts of bin/ and what bin/bench measures with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [
    ROOT / "bin" / "demo",
    ROOT / "bin" / "test",
    ROOT / "bin" / "bench",
    ROOT / "bin" / "profile",
    ROOT / "bin" / "screenshots",
    ROOT / "bin" / "_setup.sh",
    ROOT / ".ci" / "run",
]
MEASURE = ROOT / "tests" / "bench" / "measure.py"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_valid_bash(script: Path) -> None:
    done = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_has_nothing_to_say_about_the_scripts() -> None:
    done = subprocess.run(["shellcheck", "-x", *map(str, SCRIPTS)], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("script", [path for path in SCRIPTS if path.suffix == ""], ids=lambda path: path.name)
def test_a_script_can_be_started(script: Path) -> None:
    assert os.access(script, os.X_OK)


def test_the_demo_leaves_a_folder_alone_that_it_did_not_make(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    done = subprocess.run([str(ROOT / "bin" / "demo"), str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 2
    assert "stays as it is" in done.stderr
    assert list(tmp_path.iterdir()) == [mine]


def test_the_demo_refuses_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / "link"
    link.symlink_to(elsewhere)
    done = subprocess.run([str(ROOT / "bin" / "demo"), str(link)], capture_output=True, text=True)
    assert done.returncode == 2
    assert list(elsewhere.iterdir()) == []


def test_measuring_counts_processes_that_their_parents_never_waited_for(tmp_path: Path) -> None:
    """As a fork server's workers are: the command ends first, its grandchild works on."""
    measured = _measure(
        tmp_path,
        """
        import os, time
        if os.fork() == 0:
            if os.fork() == 0:
                held = b"x" * (96 << 20)
                while time.process_time() < 0.6:
                    pass
            os._exit(0)
        """,
    )
    assert measured["exit"] == 0
    assert 0.6 <= measured["cpu_s"] < 2
    assert measured["wall_s"] < measured["cpu_s"]  # until the command's own end, not the grandchild's
    assert 96 << 10 < measured["peak_kib"] < 192 << 10


def test_measuring_counts_a_child_once_that_its_parent_waited_for(tmp_path: Path) -> None:
    measured = _measure(
        tmp_path,
        """
        import os, time
        child = os.fork()
        while time.process_time() < 0.5:
            pass
        if child:
            os.waitpid(child, 0)
        """,
    )
    assert 0.9 <= measured["cpu_s"] < 1.5


def test_measuring_tells_how_the_command_ended(tmp_path: Path) -> None:
    assert _measure(tmp_path, "raise SystemExit(3)")["exit"] == 3
    assert _measure(tmp_path, "import os; os.kill(os.getpid(), 9)")["exit"] == 137


def _measure(folder: Path, program: str) -> dict[str, float]:
    report = folder / "report.json"
    command = [sys.executable, "-I", "-S", "-c", textwrap.dedent(program)]
    subprocess.run([sys.executable, "-I", "-S", str(MEASURE), str(report), *command], check=True)
    measured: dict[str, float] = json.loads(report.read_text())
    return measured
