"""How long a run takes from step to step, by the clock: from the log of runs that nobody watches."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from samzip.archive.build import VERIFYING
from tests.bench.stage import SAMZIP, BenchFailed, Stage

# A step ends with the first event of that kind, or the last.
STEPS = (
    ("run.started", "Python, imports, settings, lock, database"),
    ("company.planned", "queue, the company's rows"),
    ("company.preparing", "a look at every document; the head of each is read and gives it its name"),
    ("part.started", "the workbook"),
    (VERIFYING, "documents and life sheets, as many parts at a time as there are workers"),
    ("part.published", "reading the archives again, sync, rename, the database"),
    ("end", "the workers' end, and Python's"),
)
UNCHANGED = (
    *STEPS[:2],
    ("part.published", "a look at every document, the database"),
    STEPS[-1],
)
LAST = ("part.published", VERIFYING)
Steps = Sequence[tuple[str, str]]


def time_run(stage: Stage, steps: Steps) -> list[float]:
    """Seconds of each step in one `samzip run`."""
    began = time.time()
    command = [*SAMZIP, "run", "--log-format", "json", "--log-level", "debug"]
    done = subprocess.run(command, env=stage.environment, capture_output=True, text=True, check=False)
    ended = time.time()
    if done.returncode or not stage.archives:
        raise BenchFailed(f"samzip run ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return durations(map(json.loads, done.stderr.splitlines()), began, ended, steps)


def durations(events: Iterable[Mapping[str, Any]], began: float, ended: float, steps: Steps = STEPS) -> list[float]:
    """`began` and `ended` in seconds since 1970, of the process."""
    moments: dict[str, float] = {}
    for event in events:
        name = VERIFYING if event.get("step") == VERIFYING else event["event"]
        if name in LAST or name not in moments:
            moments[name] = datetime.fromisoformat(event["timestamp"]).timestamp()
    moments["end"] = ended
    ends = [moments[name] for name, _ in steps]
    return [end - start for start, end in zip([began, *ends], ends, strict=False)]


def show(runs: Sequence[Sequence[float]], steps: Steps = STEPS) -> str:
    """Medians, a line for each step."""
    medians = [statistics.median(run[number] for run in runs) for number in range(len(steps))]
    lines = [f"{seconds:6.2f} s  {what}" for seconds, (_, what) in zip(medians, steps, strict=True)]
    return "\n".join([*lines, f"{statistics.median(map(sum, runs)):6.2f} s  all of it"])
