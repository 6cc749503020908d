"""Where to strike: every system call of a traced command, by name and number."""

from __future__ import annotations

import os
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

FILE_CALLS = ("openat", "write", "pwrite64", "fsync", "fdatasync", "rename", "unlink", "ftruncate")
FOLDER_CALLS = ("mkdir", "unlinkat", "rmdir")
SOCKET_CALLS = ("sendto", "recvfrom")  # PostgreSQL's protocol
KILL_CALLS = (*FILE_CALLS, *FOLDER_CALLS, *SOCKET_CALLS)

_LINE = re.compile(r"(?P<process>\d+) +(?P<call>\w+)\((?P<text>.*)")
_RESUMED = re.compile(r"(?P<process>\d+) +<\.\.\. (?P<call>\w+) resumed>(?P<text>.*)")


@dataclass(frozen=True, slots=True)
class Step:
    """One system call of a trace."""

    process: int
    call: str
    n: int  # among the calls of this name of this process, from 1
    text: str  # arguments and result, as strace shows them


@dataclass(frozen=True, slots=True)
class Point:
    """One system call to strike at."""

    call: str
    n: int
    text: str = ""  # what it did when nobody struck

    def kill(self) -> str:
        """SIGKILL in the moment of the call: it is not carried out any more."""
        return f"{self.call}:signal=KILL:when={self.n}"

    def error(self, name: str, *, ever_after: bool = False) -> str:
        """The call fails with this errno instead of being carried out."""
        return f"{self.call}:error={name}:when={self.n}{'+' if ever_after else ''}"

    def __str__(self) -> str:
        return f"{self.call} #{self.n} ({self.text[:110]})"


def trace_options(output: Path, calls: Iterable[str] = KILL_CALLS) -> list[str]:
    """For a trace that `read_steps` reads: descriptors with their paths, no signals, nothing shortened."""
    return ["-y", "-s", "400000", "-e", "signal=none", "-e", f"trace={','.join(calls)}", "-o", str(output)]


def strike_options(injection: str, output: Path = Path(os.devnull)) -> list[str]:
    """For a run with one injected fault; `output` is a trace that `has_failed` reads."""
    call = injection.partition(":")[0]
    return ["-e", "signal=none", "-e", f"trace={call}", "-e", f"inject={injection}", "-o", str(output)]


def has_failed(trace: Path) -> bool:
    """Whether strace made a call fail."""
    return b"(INJECTED)" in trace.read_bytes()


def read_steps(trace: Path) -> list[Step]:
    """The calls in the order in which they began; an interrupted line gets its end from where it was resumed."""
    steps: list[Step] = []
    numbers: Counter[tuple[int, str]] = Counter()
    unfinished: dict[int, int] = {}
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        if match := _LINE.match(line):
            process, call, text = int(match["process"]), match["call"], match["text"]
            numbers[process, call] += 1
            if text.endswith("<unfinished ...>"):
                unfinished[process] = len(steps)
                text = text.removesuffix("<unfinished ...>")
            steps.append(Step(process, call, numbers[process, call], text))
        elif (match := _RESUMED.match(line)) and int(match["process"]) in unfinished:
            index = unfinished.pop(int(match["process"]))
            begun = steps[index]
            steps[index] = Step(begun.process, begun.call, begun.n, begun.text + match["text"])
    return steps


def points_of(steps: Sequence[Step]) -> list[Point]:
    """Of the process that makes most calls: strace counts each process (and thread) for itself."""
    main = Counter(step.process for step in steps).most_common(1)[0][0]
    return [Point(step.call, step.n, step.text) for step in steps if step.process == main]


def sample(points: Sequence[Point], size: int, seed: int) -> list[Point]:
    """The same each time, every kind of call among them, the rare kinds (rename, fsync) as a whole if they fit."""
    by_call: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        by_call[point.call].append(point)
    chance = random.Random(seed)
    chosen: list[Point] = []
    left = size
    kinds = sorted(by_call.values(), key=lambda kind: (len(kind), kind[0].call))
    for index, kind in enumerate(kinds):
        share = min(len(kind), left // (len(kinds) - index))
        chosen += chance.sample(kind, share)
        left -= share
    return chosen
