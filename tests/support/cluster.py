"""A real Dask cluster on loopback: a scheduler and workers, each a process of its own; and jobs that go wrong there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samzip.archive.build import build_part
from samzip.archive.part import PartJob, PartResult, Progress

ROOT = Path(__file__).parents[2]
SLOW_S = 6.0
PATIENCE_S = 120  # for processes that start on a busy machine


@dataclass
class Cluster:
    """Its processes."""

    folder: Path
    scheduler: subprocess.Popen[bytes]
    address: str  # host:port
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def executor(self) -> str:
        return f"dask://{self.address}"

    def add_worker(self, threads: int = 1) -> subprocess.Popen[bytes]:
        options = ("--nthreads", str(threads), "--no-nanny", "--no-dashboard", "--host", "127.0.0.1")
        folder = ("--local-directory", str(self.folder))
        self.workers.append(_start("worker", f"tcp://{self.address}", *options, *folder))
        return self.workers[-1]


@contextmanager
def start_cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    told = folder / "scheduler.json"
    options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(told))
    scheduler = _start("scheduler", *options)
    cluster = Cluster(folder, scheduler, "")
    try:
        wait_for(lambda: told.exists() and told.read_text().rstrip().endswith("}"))
        cluster.address = json.loads(told.read_text())["address"].removeprefix("tcp://")
        for _ in range(workers):
            cluster.add_worker()
        _wait_for_workers(cluster)
        yield cluster
    finally:
        for process in (*cluster.workers, scheduler):
            process.kill()
            process.wait()


def _wait_for_workers(cluster: Cluster) -> None:
    from distributed import Client

    if cluster.workers:
        with Client(cluster.address, timeout=PATIENCE_S, set_as_default=False) as client:
            client.wait_for_workers(len(cluster.workers), timeout=PATIENCE_S)


def _start(what: str, *arguments: str) -> subprocess.Popen[bytes]:
    environ = os.environ | {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__PRELOAD": "samzip.archive.preload"}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", f"distributed.cli.dask_{what}", *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_for(condition: Callable[[], Any]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.05)


def build_or_die(job: PartJob, report: Callable[[Progress], None]) -> PartResult:
    """Builds; but whoever finds the file `die` in the media folder takes it and dies."""
    try:
        Path(job.media_url, "die").unlink()
    except FileNotFoundError:
        return build_part(job, report)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("killed")


def build_for_ever(job: PartJob, report: Callable[[Progress], None]) -> PartResult:
    """Tells that it goes on, until it is told to end; the file `ended` in the media folder says that it did."""
    try:
        while True:
            report(Progress(1, "EQ-001", 20, "Procesando equipo 1/2: EQ-001", 7))
            time.sleep(0.05)
    finally:
        Path(job.media_url, "ended").touch()


def build_silently(job: PartJob, report: Callable[[Progress], None]) -> PartResult:
    """Says nothing for as long as the file `silent-<part>` is in the media folder."""
    while Path(job.media_url, f"silent-{job.part}").exists():
        time.sleep(0.05)
    return build_part(job, report)


def build_slowly(job: PartJob, report: Callable[[Progress], None]) -> PartResult:
    """Tells for SLOW_S that it goes on, and builds."""
    until = time.monotonic() + SLOW_S
    while time.monotonic() < until:
        report(Progress(0, "", 15, "Procesando equipo 1/2: EQ-001", 7))
        time.sleep(0.05)
    return build_part(job, report)
