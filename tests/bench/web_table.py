"""What `bin/bench web` measured: judged, and as Markdown with its place in docs/benchmarks.md."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from tests.bench.goals import MB, Goal, Judged
from tests.bench.table import goals as goals_table
from tests.bench.table import spread, table
from tests.bench.web import POSTGRES, SQLITE, WebReport
from tests.bench.web_load import Called, Downloaded

MARKS = ("<!-- bin/bench web --write: from here -->", "<!-- bin/bench web --write: to here -->")

CLICKS_PER_S = 300
P99_MS = 50
GROWTH = 1.1  # of the largest process, while downloads go on


def goals(report: WebReport) -> list[Goal[WebReport]]:
    """Those of SQLite; nothing was asked of PostgreSQL but to be measured."""
    workers, downloads = report.plan.workers, report.plan.downloads
    milliseconds = "{:.0f} ms"
    return [
        Goal(
            f"clicks inserted a second during a run, {SQLITE}, {workers} workers",
            CLICKS_PER_S,
            "{:.0f}",
            lambda got: [one.per_s for one in got.clicks[SQLITE]],
            at_least=True,
        ),
        Goal(
            "the same: 99 of 100 are answered in",
            P99_MS,
            milliseconds,
            lambda got: [1000 * one.p99_s for one in got.clicks[SQLITE]],
        ),
        Goal(
            f"status asked during a run, {SQLITE}: 99 of 100 are answered in",
            P99_MS,
            milliseconds,
            lambda got: [1000 * one.p99_s for one in got.statuses[SQLITE]],
        ),
        Goal(
            "slow downloads under way at one time",
            downloads,
            "{:.0f}",
            lambda got: [one.at_once for one in _downloads(got)],
            at_least=True,
        ),
        Goal(
            "the same: largest process at their end against when all had begun",
            GROWTH,
            "{:.2f} times",
            lambda got: [one.ended / one.begun for one in _downloads(got)],
        ),
    ]


def judge(report: WebReport) -> list[Judged]:
    """Every goal, measured or not."""
    return [Judged(goal, tuple(goal.values(report))) for goal in goals(report)]


def render(report: WebReport, judged: Sequence[Judged]) -> str:
    """All tables, in the order of interest."""
    absent = "" if report.clicks[POSTGRES] else f"\n\nNo {POSTGRES} is installed here, so it was not measured."
    return "\n\n".join(
        (
            _how(report) + absent,
            goals_table(judged),
            "### Calls",
            _calls(report),
            f"### {report.plan.downloads} slow downloads at once",
            _slow_downloads(report),
        )
    )


def _how(report: WebReport) -> str:
    plan, lasted = report.plan, report.run_lasted
    calls = plan.calls
    return (
        f"`samzip serve` with {plan.workers} workers, {calls.at_once} callers at once, each call on a connection of "
        f"its own from the same host; {plan.companies} users of as many companies. Of each kind at most "
        f"{calls.count:,} calls or {calls.seconds:.0f} s. Meanwhile `samzip run --jobs 1` builds a company of "
        f"{plan.instruments:,} instruments; it was at work to the last call in {sum(lasted)} of {len(lasted)} times. "
        f"Every accepted click is counted in the database. Repetitions: {plan.repeats}. This disk makes "
        f"{statistics.median(report.fsyncs):,.0f} single pages a second safe, one after the other."
    )


def _calls(report: WebReport) -> str:
    rows = [
        (
            f"{what}, {database}",
            _spread(ones, lambda one: one.per_s, "{:.0f}"),
            _spread(ones, lambda one: 1000 * one.median_s, "{:.1f}"),
            _spread(ones, lambda one: 1000 * one.p99_s, "{:.1f}"),
            _spread(ones, lambda one: 1000 * one.cpu_s, "{:.2f}"),
        )
        for what, measured in (("`POST /requests`", report.clicks), ("`GET /status/TOKEN`", report.statuses))
        for database, ones in measured.items()
        if ones
    ]
    return table(("during a run", "a second", "median, ms", "99 of 100 within, ms", "CPU of the server, ms"), rows)


def _slow_downloads(report: WebReport) -> str:
    rows = [
        (
            database,
            _spread(ones, lambda one: one.at_once, "{:.0f}"),
            _spread(ones, lambda one: one.bytes / MB, "{:.0f}"),
            _spread(ones, lambda one: one.before / MB, "{:.0f}"),
            _spread(ones, lambda one: one.begun / MB, "{:.0f}"),
            _spread(ones, lambda one: one.ended / MB, "{:.0f}"),
            _spread(ones, lambda one: 1000 * one.meanwhile.p99_s, "{:.0f}"),
        )
        for database, ones in report.downloads.items()
        if ones
    ]
    memory = ("largest process before, MB", "all begun, MB", "at the end, MB")
    head = ("", "at once", "MB sent", *memory, "a status meanwhile: 99 of 100 within, ms")
    note = (
        f"Each takes at most {10 * report.plan.block / 1000:.0f} kB a second of an archive of "
        f"{report.plan.archive / MB:.0f} MB."
    )
    return f"{note}\n\n{table(head, rows)}"


def _spread(ones: Sequence[Called] | Sequence[Downloaded], value: Callable[..., float], form: str) -> str:
    return spread([value(one) for one in ones], form)


def _downloads(report: WebReport) -> list[Downloaded]:
    return [one for ones in report.downloads.values() for one in ones]
