"""Where the time of a run goes: by the clock from step to step, and in CPU, sampled by py-spy in all processes. Started
by bin/profile.

py-spy looks at the processes from outside: nothing is slowed down, and the workers of the pool are seen as well.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.bench import steps
from tests.bench.company import Company, make_company
from tests.bench.stage import SAMZIP, BenchFailed, Stage, samzip

_TOLD = "(samzip/"  # of all that calls something, ours and importing: the rest is the way there
_IMPORT = "_find_and_load ("
COLD, CACHED, UNCHANGED = "cold", "cached", "unchanged"
RUNS = {COLD: "nothing cached", CACHED: "life sheets cached", UNCHANGED: "asked again, nothing changed"}
RATE = 250  # samples a second, of each process
_PROCESS = re.compile(r'process \d+:".*?";?(?=[^"]*$)')  # the first frame; a command line may hold semicolons
# Folders of libraries are long and say nothing.
_FOLDER = re.compile(r"\(.*/(site-packages|lib/python[\d.]+)/")


def count(stacks: Iterable[str]) -> tuple[Counter[str], Counter[str]]:
    """Samples by function, from lines of frames and a number: ours with all that they call, and all by themselves."""
    within: Counter[str] = Counter()
    itself: Counter[str] = Counter()
    for line in stacks:
        stack, _, number = line.strip().rpartition(" ")
        frames = [_FOLDER.sub("(", frame) for frame in _PROCESS.sub("", stack, count=1).split(";") if frame]
        if not frames:
            continue
        itself[frames[-1]] += int(number)
        for frame in set(frames):
            if _TOLD in frame or frame.startswith(_IMPORT):
                within[frame] += int(number)
    return within, itself


def show(counted: Counter[str], total: int, top: int) -> str:
    """The most frequent ones with their share, the largest first."""
    return "\n".join(f"{samples / total:6.1%}  {frame}" for frame, samples in counted.most_common(top))


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/profile", description="Where the time of a `samzip run` goes.")
    parser.add_argument("--of", choices=RUNS, default=COLD, help=f"which run; default {COLD}")
    parser.add_argument("--instruments", type=int, default=69, help="of the company; default 69, 263 MiB")
    parser.add_argument("--runs", type=int, default=5, help="that are timed before one is sampled; default 5")
    parser.add_argument("--top", type=int, default=30, help="functions to print; default 30")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="samzip-profile-"))
    try:
        company = make_company(folder / "company", arguments.instruments)
        told = steps.UNCHANGED if arguments.of == UNCHANGED else steps.STEPS
        stages = [_stage(company, folder / f"run{number}", arguments.of) for number in range(arguments.runs)]
        timed = [steps.time_run(stage, told) for stage in stages]
        stacks = _sample(_stage(company, folder / "sampled", arguments.of), folder / "stacks")
    except BenchFailed as failed:
        sys.exit(f"bin/profile: {failed}")
    finally:
        shutil.rmtree(folder)
    within, itself = count(stacks)
    total = itself.total()
    if not total:
        sys.exit("bin/profile: py-spy saw nothing")
    print(f"By the clock, median of {arguments.runs} runs, {RUNS[arguments.of]}:\n{steps.show(timed, told)}\n")
    print(f"{total:,} samples of all processes, those that waited left out.\n")
    print(f"With everything that they call:\n{show(within, total, arguments.top)}\n")
    print(f"By themselves, with the C functions that they call:\n{show(itself, total, arguments.top)}")


def _stage(company: Company, folder: Path, which: str) -> Stage:
    """Ready for that run."""
    stage = Stage(company.sample, folder)
    if which != COLD:
        stage.click()
        samzip(stage.environment, "run")
    if which == CACHED:
        stage.forget_archives()
    stage.click()
    return stage


def _sample(stage: Stage, stacks: Path) -> list[str]:
    spy = [
        "py-spy",
        "record",
        "--subprocesses",
        "--function",
        "--rate",
        str(RATE),
        "--format",
        "raw",
        "--output",
        str(stacks),
    ]
    command = [*spy, "--", *SAMZIP, "run", "--log-level", "error"]
    try:
        done = subprocess.run(command, env=stage.environment, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise BenchFailed("py-spy is not installed: pip install 'samzip[bench]'") from error
    if not stage.archives or not stacks.exists():
        raise BenchFailed(f"py-spy ended with {done.returncode}: {(done.stdout + done.stderr).strip()}")
    return stacks.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    main()
