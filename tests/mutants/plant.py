"""Plants each bug in a copy of the tree, one at a time, and lets the tests that should notice look at it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.catalogue import Mutant

LEFT_BEHIND = (".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "demo-output", "build", "dist", "*.egg-info")
LIMIT_S = 120  # of the tests of one bug
PASSED, FAILED = 0, 1  # pytest's exit codes; others mean that it did not get to a verdict

CAUGHT = "caught"
SURVIVED = "SURVIVED"


class Rotten(Exception):
    """The catalogue no longer fits the tree."""


@dataclass(frozen=True)
class Verdict:
    """What became of one bug."""

    mutant: Mutant
    outcome: str
    by: str  # the first test that noticed
    seconds: float


def text_with(root: Path, mutant: Mutant) -> str:
    """The file with the bug in it. Raises Rotten unless its place is found exactly once."""
    path = root / mutant.file
    if not path.is_file():
        raise Rotten(f"{mutant.name}: there is no {mutant.file}")
    text = path.read_text(encoding="utf-8")
    places = text.count(mutant.old)
    if places != 1:
        raise Rotten(f"{mutant.name}: its place is in {mutant.file} {places} times and should be there once")
    return text.replace(mutant.old, mutant.new)


def copy_tree(root: Path, target: Path) -> None:
    """Without what is made anew. No compiled file either: one of the same size and second would hide a bug."""
    shutil.copytree(root, target, ignore=shutil.ignore_patterns(*LEFT_BEHIND), symlinks=True)


def check_copy(python: str, copy: Path) -> None:
    """Raises Rotten when the tests would import another samzip, or fail on their own."""
    imported = _call([python, "-c", "import samzip; print(samzip.__file__)"], copy)
    if not imported.stdout.startswith(str(copy)):
        raise Rotten(f"{python} does not import samzip from the copy: {imported.stdout}{imported.stderr}")


def check_tests(python: str, copy: Path, mutants: Sequence[Mutant]) -> None:
    """Raises Rotten unless all the tests pass without any bug: only then does a failure tell of one."""
    done = _pytest(python, copy, sorted({test for mutant in mutants for test in mutant.tests}), limit=None)
    if done.returncode != PASSED:
        raise Rotten(f"the tests do not pass on the tree as it is:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")


def look_at(python: str, copy: Path, mutants: Sequence[Mutant]) -> Iterator[Verdict]:
    """Each bug in turn; the copy is as it was afterwards."""
    for mutant in mutants:
        path = copy / mutant.file
        sound = path.read_text(encoding="utf-8")
        path.write_text(text_with(copy, mutant), encoding="utf-8")
        began = time.monotonic()
        try:
            outcome, by = _judge(python, copy, mutant)
        finally:
            path.write_text(sound, encoding="utf-8")
        yield Verdict(mutant, outcome, by, time.monotonic() - began)


def _judge(python: str, copy: Path, mutant: Mutant) -> tuple[str, str]:
    try:
        done = _pytest(python, copy, mutant.tests, limit=LIMIT_S)
    except subprocess.TimeoutExpired:
        return CAUGHT, f"nothing ended within {LIMIT_S} s"
    if done.returncode == PASSED:
        return SURVIVED, ""
    if done.returncode != FAILED:
        raise Rotten(f"{mutant.name}: the tests did not run:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    failed = next((line.split()[1] for line in done.stdout.splitlines() if line.startswith("FAILED ")), "")
    return CAUGHT, failed.rpartition("::")[2]


def _pytest(python: str, copy: Path, tests: Sequence[str], *, limit: float | None) -> subprocess.CompletedProcess[str]:
    return _call([python, "-m", "pytest", "-x", "-p", "no:cacheprovider", "--tb=no", *tests], copy, limit)


def _call(command: Sequence[str], copy: Path, limit: float | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they take longer to import than most tests to run
    return subprocess.run(
        command, cwd=copy, env=environment, capture_output=True, text=True, timeout=limit, check=False
    )


def interpreter(root: Path) -> str:
    """The checkout's own, else the one that runs this."""
    own = root / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable
