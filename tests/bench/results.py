"""What was measured, before anybody judges it."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

COPY = "copy"  # `cat` into one file, and one fsync
DOCUMENTS = "documents"  # our ZIP writer alone
COLD = "cold"
CACHED = "cached"
UNCHANGED = "unchanged"
IDLE = "idle"
IDLE_TOLD = "idle, told"  # with a log of what it did
IMPORTS = "imports"  # Python and the two libraries that any command needs
ONE_JOB = "one job"
TWO_JOBS = "two jobs"
MANY = "many instruments"
MANY_ONE_JOB = "many instruments, one job"
MOST = "most instruments"
COLLAPSE = "collapse"
PLAN = "plan"

OPENED = "opened"  # documents, by a run that finds nothing changed
SHEET_S = "sheet"  # CPU seconds of one life sheet
WRITES_PER_S = "writes"  # of progress


@dataclass(frozen=True, slots=True)
class Measured:
    """One command with all its descendants."""

    wall_s: float  # until the command itself ended
    cpu_s: float  # user and system, of all processes
    peak: int  # bytes; the largest resident set of any one process
    others: float = 0.0  # processors that were busy with something else meanwhile, 0 to the number there are


@dataclass(slots=True)
class Results:
    """Measurements by name, one for each repetition and in their order: the n-th of all names are of one time."""

    runs: defaultdict[str, list[Measured]] = field(default_factory=lambda: defaultdict(list))
    facts: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def ratios(self, name: str, base: str, of: str = "wall_s") -> list[float]:
        """`name` over `base`, each repetition by itself; empty when either was not measured."""
        pairs = zip(self.runs.get(name, ()), self.runs.get(base, ()), strict=False)
        return [getattr(one, of) / getattr(other, of) for one, other in pairs]

    def values(self, name: str, of: str) -> list[float]:
        return [getattr(one, of) for one in self.runs.get(name, ())]


def mean(ones: Sequence[Measured]) -> Measured:
    """Of the same command, measured more than once in one repetition."""
    return Measured(
        statistics.fmean(one.wall_s for one in ones),
        statistics.fmean(one.cpu_s for one in ones),
        max(one.peak for one in ones),
        statistics.fmean(one.others for one in ones),
    )
