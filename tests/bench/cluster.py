"""What a Dask cluster adds to each part. Started by `bin/bench cluster`."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from samzip.archive.part import Progress
from samzip.cluster import DaskCluster
from samzip.settings import load
from tests.bench import machine
from tests.bench.stage import TICKS_PER_S
from tests.support.cluster import start_cluster

JOBS = 50
PAYLOAD = 150_000  # bytes: a pickled PartJob of 35 instruments with histories has some 150 kB


@dataclass(frozen=True, slots=True)
class Overhead:
    """Seconds."""

    connect: float  # until the first job may go: once a run
    median: float  # from submitting a job that does nothing to its result, one after the other
    worst: float
    cpu: float  # of leader, scheduler and worker together, for one job


def nothing(_job: bytes, report: Callable[[Progress], None]) -> str:
    """The job: it reports once, and is done."""
    report(Progress(0, "", 0, "", 0))
    return ""


def measure_overhead(folder: Path, jobs: int = JOBS) -> Overhead:
    """On a cluster of this machine, with one worker."""
    with start_cluster(folder, workers=1) as cluster:
        flags = {"state_dir": str(folder / "state"), "executor": cluster.executor}
        settings = load({**flags, "media_root": str(folder)}, {})
        executor = DaskCluster(settings, folder / "state" / "tmp" / "bench")
        began = time.monotonic()
        try:
            executor.start()
            connected = time.monotonic() - began
            took = []
            numbers = (os.getpid(), cluster.scheduler.pid, *(worker.pid for worker in cluster.workers))
            before = sum(map(_cpu_s, numbers))
            for number in range(jobs):
                began = time.monotonic()
                future: Future[str] = executor.submit(nothing, os.urandom(PAYLOAD), str(number))
                while not future.done():
                    executor.poll(0.2)
                future.result()
                took.append(time.monotonic() - began)
            cpu = (sum(map(_cpu_s, numbers)) - before) / jobs
        finally:
            executor.stop()
    return Overhead(connected, statistics.median(took), max(took), cpu)


def _cpu_s(number: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def main() -> None:
    before = machine.load()
    with tempfile.TemporaryDirectory(prefix="samzip-cluster-") as name:
        found = measure_overhead(Path(name))
        described = f"{machine.describe(Path(name))}. Load average {before} before, {machine.load()} after."
    print(f"`bin/bench cluster`, {datetime.now(UTC):%Y-%m-%d}. {described}\n")
    heads = ("connecting, once a run", "a job that does nothing, median", "the slowest", "CPU of all processes")
    cells = (f"{found.connect:.2f} s", *(f"{value * 1000:.0f} ms" for value in (found.median, found.worst, found.cpu)))
    for row in (heads, ["---"] * len(heads), cells):
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    sys.exit(main())
