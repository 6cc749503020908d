"""What was measured as Markdown, and its place in docs/benchmarks.md."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from tests.bench import results as names
from tests.bench.baselines import TOOLS
from tests.bench.goals import MB, Judged
from tests.bench.results import Measured, Results
from tests.bench.scenarios import Plan, Report

BEGIN = "<!-- bin/bench --write: from here -->"
END = "<!-- bin/bench --write: to here -->"
MIB = 1 << 20
VERDICTS = {True: "met", False: "**missed**", None: "not measured"}


def render(report: Report, judged: Sequence[Judged]) -> str:
    """All tables, in the order of interest."""
    return "\n\n".join(
        (
            data(report),
            "### The goals",
            goals(judged),
            "### The same documents into one file, by others",
            copying(report),
            "### `samzip run`",
            runs(report),
        )
    )


def data(report: Report) -> str:
    """What was archived, and by how much it could shrink."""
    plan, deflating = report.plan, report.deflating
    sizes = " and ".join(f"{number:,}" for number in (plan.many, plan.most) if number)
    lines = [
        f"{plan.instruments} instruments, {report.documents:,} documents ({report.bytes / MIB:.1f} MiB), archives "
        f"{report.archives / MIB:.1f} MiB. With {sizes} instruments: the same rows, but documents of 1 to 3 KB each, "
        "so that they fit on the disk."
    ]
    if deflating:
        lines.append(
            f"Deflate 6 saves {_percent(deflating.least_saved)} to {_percent(deflating.most_saved)} of a scan, "
            f"{_percent(deflating.saved)} of all of them. It saves more than 3 % of {deflating.worthwhile:,} documents "
            f"of any kind; samzip deflated {deflating.worthwhile - deflating.missed:,} of those."
        )
    measured = [one for ones in report.results.runs.values() for one in ones]
    lines.append(f"Repetitions: {plan.repeats}, of the larger companies {plan.growth_repeats}. {others(measured)}")
    return "\n".join(lines)


def others(measured: Sequence[Measured]) -> str:
    """What else the machine did."""
    cores = [one.others for one in measured]
    return (
        f"While a command was measured, other work took {statistics.median(cores):.2f} cores "
        f"(at most {max(cores):.2f})."
    )


def goals(judged: Sequence[Judged]) -> str:
    """A row for every goal, measured or not."""
    rows = [
        (
            one.goal.what,
            f"at {'least' if one.goal.at_least else 'most'} {one.goal.form.format(one.goal.limit)}",
            spread(one.values, one.goal.form),
            VERDICTS[one.met],
        )
        for one in judged
    ]
    return table(("what", "goal", "measured: median (least - most)", ""), rows)


def without_verdicts(tables: str) -> str:
    """For figures that mean nothing."""
    for verdict in filter(None, VERDICTS.values()):
        tables = tables.replace(f"| {verdict} |", "|  |")
    return tables


def copying(report: Report) -> str:
    """Every tool against `cat`, each repetition by itself."""
    got = report.results
    named = [(names.COPY, "`cat`", report.bytes)]
    named += [(tool.name, tool.told, report.sizes[tool.name]) for tool in TOOLS if tool.name in report.sizes]
    rows = [
        (
            told,
            spread(got.values(name, "wall_s"), "{:.2f}"),
            spread(got.ratios(name, names.COPY), "{:.2f}"),
            spread(got.values(name, "cpu_s"), "{:.2f}"),
            spread([value / MB for value in got.values(name, "peak")], "{:.0f}"),
            f"{size / MIB:.1f}",
        )
        for name, told, size in named
    ]
    absent = (
        [f"\n\nNot installed here, and therefore not measured: {', '.join(report.absent)}."] if report.absent else []
    )
    head = ("each ends with an fsync", "time, s", "against `cat`", "CPU s", "largest process, MB", "MiB written")
    return table(head, rows) + "".join(absent)


def runs(report: Report) -> str:
    """Every `samzip` command that was measured."""
    return runs_table(report.results, commands(report.plan))


def runs_table(got: Results, named: Sequence[tuple[str, str]]) -> str:
    """Whole commands, with Python's start; `named` are names of runs and what they are."""
    rows = [
        (
            what,
            spread(got.values(name, "wall_s"), "{:.2f}"),
            spread(got.ratios(name, names.COPY), "{:.2f}") if name in AGAINST_COPY else "",
            spread(got.values(name, "cpu_s"), "{:.2f}"),
            spread([value / MB for value in got.values(name, "peak")], "{:.0f}"),
        )
        for name, what in named
        if got.runs.get(name)
    ]
    return table(("what", "time, s", "against `cat`", "CPU s", "largest process, MB"), rows)


AGAINST_COPY = (
    *(names.COLD, names.CACHED, names.UNCHANGED, names.IDLE, names.IDLE_TOLD),
    *(names.IMPORTS, names.ONE_JOB, names.TWO_JOBS),
)


def commands(plan: Plan) -> list[tuple[str, str]]:
    """Names of runs, and what they are."""
    usual = f"{plan.instruments} instruments"
    return [
        (names.COLD, f"{usual}, nothing cached"),
        (names.CACHED, f"{usual}, life sheets cached"),
        (names.UNCHANGED, f"{usual}, asked again, nothing changed"),
        (names.IDLE, "nothing asked for, `--quiet` as cron has it"),
        (names.IDLE_TOLD, "nothing asked for, with its log, as the systemd unit has it"),
        (names.IMPORTS, "no samzip at all: `python -c 'import click, sqlalchemy'`"),
        (names.ONE_JOB, f"{usual}, nothing cached, `--jobs 1`"),
        (names.TWO_JOBS, f"{usual}, nothing cached, `--jobs 2`"),
        (names.MANY_ONE_JOB, f"{plan.many:,} instruments, nothing cached, `--jobs 1`"),
        (names.MANY, f"{plan.many:,} instruments, nothing cached, `--jobs 2`"),
        (names.MOST, f"{plan.most or 0:,} instruments, nothing cached, `--jobs 2`"),
        (names.COLLAPSE, f"collapsing {plan.clicks:,} clicks (without Python's start)"),
        (names.PLAN, f"planning {plan.companies:,} companies: `samzip run --dry-run`"),
    ]


def spread(values: Sequence[float], form: str) -> str:
    """The median, and the least and the most where they look different."""
    if not values:
        return "-"
    middle, least, most = (form.format(value) for value in (statistics.median(values), min(values), max(values)))
    return middle if least == most else f"{middle} ({_bare(least)} - {_bare(most)})"


def put_into(page: str, block: str, marks: tuple[str, str] = (BEGIN, END)) -> str:
    """The page with `block` in the place of what lay between the marks. Raises ValueError without them."""
    before, begin, rest = page.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not (begin and end):
        raise ValueError(f"the page has no place for the tables: {marks[0]} and {marks[1]}")
    return f"{before}{begin}\n\n{block}\n\n{end}{after}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _bare(text: str) -> str:
    return text.split(" ", 1)[0]
