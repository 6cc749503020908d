"""Real runs in processes of their own, whose builds a test can hold, and whose every process it can find."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.world import World

SUPPORT = Path(__file__).parent
PATIENCE_S = 30


@dataclass
class LiveRun:
    """One `samzip run`."""

    process: subprocess.Popen[str]
    log: Path

    @property
    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def told(self, event: str) -> list[dict[str, Any]]:
        """Lines of the log with this event's id."""
        lines = [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def catches(self, signal_number: int) -> bool:
        """Whether it has a handler for a signal by now, as Linux tells."""
        told = Path(f"/proc/{self.process.pid}/status").read_text()
        caught = next(line for line in told.splitlines() if line.startswith("SigCgt:"))
        return bool(int(caught.split()[1], 16) >> (signal_number - 1) & 1)

    def end(self, signal_number: int) -> float:
        """Sends a signal; returns how many seconds the process took to end."""
        begun = time.monotonic()
        self.process.send_signal(signal_number)
        self.process.wait(timeout=PATIENCE_S)
        return time.monotonic() - begun

    def wait(self) -> int:
        return self.process.wait(timeout=PATIENCE_S)


@dataclass
class LiveRuns:
    """Runs on one world."""

    world: World
    orders: Path
    runs: list[LiveRun] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)  # of every run
    through: tuple[str, ...] = ()  # a command that starts the run

    def start(self, *arguments: str, **environment: str) -> LiveRun:
        log = self.orders / f"log-{len(self.runs)}"
        with log.open("w", encoding="utf-8") as file:
            process = subprocess.Popen(
                [*self.through, sys.executable, "-m", "samzip", "run", "--log-format", "json", *arguments],
                env={
                    "PATH": os.environ["PATH"],
                    "PYTHONPATH": f"{SUPPORT / 'ordered_builds'}:{SUPPORT.parents[1]}",
                    "BUILD_ORDERS": str(self.orders),
                    "SAMZIP_STATE_DIR": str(self.world.settings.state_dir),
                    "SAMZIP_DATABASE_URL": self.world.settings.database_url,
                    "SAMZIP_PART_SIZE": str(self.world.settings.part_size),
                    "SAMZIP_JOBS": "2",
                    **self.environment,
                    **environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self.runs.append(LiveRun(process, log))
        return self.runs[-1]

    def order(self, name: str) -> None:
        (self.orders / name).touch()

    def recall(self, name: str) -> None:
        (self.orders / name).unlink()

    def begun(self, part: int) -> list[int]:
        """Process ids of the workers that began a part, in order."""
        path = self.orders / f"begun-{part}"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def hold(self, *parts: int, run: LiveRun | None = None, arguments: tuple[str, ...] = ()) -> LiveRun:
        """A run that has these parts in work and waits."""
        self.order("hold")
        run = run or self.start(*arguments)
        wait_until(lambda: all(self.begun(part) for part in parts), lambda: run.text)
        return run

    def processes(self) -> list[int]:
        """Every living process that a run of this world has started, itself included."""
        mark = f"BUILD_ORDERS={self.orders}".encode()
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    is_ours = mark in (folder / "environ").read_bytes().split(b"\0")
                    is_zombie = status(int(folder.name))[0] == "Z"
                except (FileNotFoundError, ProcessLookupError, PermissionError):
                    continue
                if is_ours and not is_zombie:
                    found.append(int(folder.name))
        return found

    def fork_servers(self, run: LiveRun) -> list[int]:
        """The process that workers come from, once it is there."""
        children = Path(f"/proc/{run.process.pid}/task/{run.process.pid}/children")
        try:
            numbers = [int(number) for number in children.read_text().split()]
            return [number for number in numbers if b"forkserver" in Path(f"/proc/{number}/cmdline").read_bytes()]
        except (FileNotFoundError, ProcessLookupError):
            return []

    def workers(self, run: LiveRun) -> list[int]:
        """Processes that wait for jobs or do them: children of the fork server, which is a child of the leader."""
        parents = {number: parent(number) for number in self.processes()}
        servers = [number for number, above in parents.items() if above == run.process.pid]
        return [number for number, above in parents.items() if above in servers]

    def close(self) -> None:
        for run in self.runs:
            if run.process.poll() is None:
                run.process.kill()
                run.process.wait()
        (self.orders / "hold").unlink(missing_ok=True)
        self.world.database.close()


def status(process: int) -> list[str]:
    """State, parent and so on, as Linux tells."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()


def parent(process: int) -> int:
    return int(status(process)[1])


def wait_until(
    is_so: Callable[[], Any], explain: Callable[[], object] = lambda: "", seconds: float = PATIENCE_S
) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, f"waited {seconds} s in vain: {explain()}"
        time.sleep(0.02)
