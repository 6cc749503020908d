"""The goals, and whether what was measured meets them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tests.bench import results as names
from tests.bench.deflating import WORTHWHILE
from tests.bench.results import Results
from tests.bench.scenarios import Plan, Report

MB = 1_000_000

R = TypeVar("R")  # what was measured


@dataclass(frozen=True, slots=True)
class Goal(Generic[R]):
    """One row of the table; a median that is equal to the limit meets it."""

    what: str
    limit: float
    form: str  # of a figure, with its unit
    values: Callable[[R], list[float]]  # one for each repetition; empty: not measured
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A goal with what was measured."""

    goal: Goal[Any]
    values: tuple[float, ...]

    @property
    def median(self) -> float | None:
        return statistics.median(self.values) if self.values else None

    @property
    def met(self) -> bool | None:
        """None: not measured."""
        if self.median is None:
            return None
        return self.median >= self.goal.limit if self.goal.at_least else self.median <= self.goal.limit

    @property
    def share(self) -> float | None:
        """Of what is allowed that is used up: at most 1 when the goal is met. None: not measured."""
        if self.median is None:
            return None
        used, allowed = (self.goal.limit, self.median) if self.goal.at_least else (self.median, self.goal.limit)
        return used / allowed if allowed else math.inf if used else 0.0


def judge(report: Report) -> list[Judged]:
    """Every goal, measured or not."""
    return [Judged(goal, tuple(goal.values(report.results))) for goal in goals(report.plan, report)]


def goals(plan: Plan, report: Report) -> list[Goal[Results]]:
    usual, many, most = (f"{number:,}" for number in (plan.instruments, plan.many, plan.most or 5000))
    seconds, times, memory = "{:.2f} s", "{:.2f} times", "{:.0f} MB"
    return [
        Goal(
            f"whole job, {usual} instruments, nothing cached: CPU of all processes",
            2.0,
            seconds,
            lambda got: got.values(names.COLD, "cpu_s"),
        ),
        Goal("the same: time against `cat` + fsync", 4.0, times, lambda got: got.ratios(names.COLD, names.COPY)),
        Goal(
            "life sheets cached: time against `cat` + fsync",
            1.6,
            times,
            lambda got: got.ratios(names.CACHED, names.COPY),
        ),
        Goal(
            "nothing changed since the last archive: time",
            0.5,
            seconds,
            lambda got: got.values(names.UNCHANGED, "wall_s"),
        ),
        Goal("the same: documents opened", 0, "{:.0f}", lambda got: got.facts[names.OPENED]),
        Goal(
            "documents alone, through our writer: time against `cat` + fsync",
            1.15,
            times,
            lambda got: got.ratios(names.DOCUMENTS, names.COPY),
        ),
        Goal(
            "scans as they are archived: size against deflate 6",
            1.01,
            "{:.3f} times",
            lambda got: [report.deflating.stored] if report.deflating else [],
        ),
        Goal(
            f"documents stored though deflate 6 saves more than {100 * WORTHWHILE:.0f} %",
            0,
            "{:.0f}",
            lambda got: [report.deflating.missed] if report.deflating else [],
        ),
        Goal("one life sheet: CPU", 20, "{:.1f} ms", lambda got: [1000 * value for value in got.facts[names.SHEET_S]]),
        Goal(f"largest process, {usual} instruments", 120, memory, lambda got: _peaks(got, names.COLD)),
        Goal(f"largest process, {many} instruments", 120, memory, lambda got: _peaks(got, names.MANY)),
        Goal(f"largest process, {most} instruments", 120, memory, lambda got: _peaks(got, names.MOST)),
        Goal("the same: the largest of the three over the smallest", 1.1, times, _flatness),
        Goal(
            f"CPU an instrument, {most} against {many}",
            1.1,
            times,
            lambda got: _per_instrument(got, "cpu_s", plan),
        ),
        Goal(
            f"time an instrument, {most} against {many}",
            1.1,
            times,
            lambda got: _per_instrument(got, "wall_s", plan),
        ),
        Goal(
            f"second core, {usual} instruments: `--jobs 2` is faster than 1",
            1.8,
            times,
            lambda got: got.ratios(names.ONE_JOB, names.TWO_JOBS),
            at_least=True,
        ),
        Goal(
            f"second core, {many} instruments: `--jobs 2` is faster than 1",
            1.8,
            times,
            lambda got: got.ratios(names.MANY_ONE_JOB, names.MANY),
            at_least=True,
        ),
        Goal("idle run, empty queue, as cron has it: CPU", 0.25, seconds, lambda got: got.values(names.IDLE, "cpu_s")),
        Goal(
            "the same, as the systemd unit has it: CPU", 0.25, seconds, lambda got: got.values(names.IDLE_TOLD, "cpu_s")
        ),
        Goal(
            f"{plan.clicks:,} clicks of {plan.companies:,} companies collapsed and planned: time",
            3.0,
            seconds,
            lambda got: [
                one + other for one, other in zip(_walls(got, names.COLLAPSE), _walls(got, names.PLAN), strict=True)
            ],
        ),
        Goal("progress writes a second, of a part in work", 1.0, "{:.2f}", lambda got: got.facts[names.WRITES_PER_S]),
    ]


def _walls(got: Results, name: str) -> list[float]:
    return got.values(name, "wall_s")


def _peaks(got: Results, name: str) -> list[float]:
    return [value / MB for value in got.values(name, "peak")]


def _flatness(got: Results) -> list[float]:
    peaks = zip(*(_peaks(got, name) for name in (names.COLD, names.MANY, names.MOST)), strict=False)
    return [max(three) / min(three) for three in peaks]


def _per_instrument(got: Results, of: str, plan: Plan) -> list[float]:
    return [ratio * plan.many / plan.most for ratio in got.ratios(names.MOST, names.MANY, of)] if plan.most else []
