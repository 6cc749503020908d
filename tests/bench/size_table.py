"""What `bin/bench size` measured as Markdown, with its place in docs/benchmarks.md."""

from __future__ import annotations

from samzip.dossier.parts import part_slices
from tests.bench import size as names
from tests.bench.goals import MB
from tests.bench.size import POSTGRES, SQLITE, Growth, Measures
from tests.bench.table import others, table

MARKS = ("<!-- bin/bench size --write: from here -->", "<!-- bin/bench size --write: to here -->")

ROWS = (
    (names.IDLE, "idle run"),
    (names.IDLE_NO_INDEX, "idle run without the index"),
    (names.STATUS, "`samzip status`"),
    (names.SHOW, "`samzip show`"),
    (names.COLLAPSE, "collapsing all that is pending (without Python's start)"),
    (names.PLAN, "planning all companies: `samzip run --dry-run`"),
    (names.CLICK, "a click: `POST /requests`"),
    (names.PAGE_ENDED, "`GET /status` of what has ended"),
    (names.PAGE_WAITING, "`GET /status` of who waits behind all of them"),
)


def render(growth: Growth) -> str:
    """What grew, and a row for each measurement on each database."""
    rows = [
        (told, database, *(_cell(by_step[step], name) for step in growth.plan.steps))
        for name, told in ROWS
        for database, by_step in growth.measured.items()
    ]
    head = ("requests in the history", "", *(f"{step:,}" for step in growth.plan.steps))
    absent = "" if POSTGRES in growth.measured else f"\n\nNo {POSTGRES} is installed here, so it was not measured."
    return f"{_how(growth)}{absent}\n\n{table(head, rows)}"


def _how(growth: Growth) -> str:
    plan = growth.plan
    size, calls = plan.size, plan.calls
    parts = len(part_slices(size.largest, size.part_size))
    alone = growth.measured[SQLITE].values()  # a server's own work would be taken for somebody else's
    measured = [one for measures in alone for ones in measures.commands.values() for one in ones]
    return (
        f"{size.companies:,} companies, one of them with {size.largest:,} instruments ({parts} parts), and "
        f"{size.pending:,} pending requests. {size.history:,} requests of history are {size.days} days, with as many "
        f"notifications and {size.runs:,} runs; fewer are as much less of each. Commands: median of {plan.repeats} "
        f"and largest process. Calls: median, and in brackets what 99 of 100 take, of {calls.count} or of "
        f"{calls.seconds:.0f} s, one at a time. {others(measured)}"
    )


def _cell(measures: Measures, name: str) -> str:
    if name in measures.calls:
        called = measures.calls[name]
        return f"{called.median_s * 1000:.0f} ms ({called.p99_s * 1000:.0f})"
    if name not in measures.commands:
        return "-"
    return f"{measures.wall_s(name):.2f} s, {measures.peak(name) / MB:.0f} MB"
