"""Measures what samzip costs and prints it as Markdown. Started by bin/bench, which see for its options."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from tests.bench import machine, picture, size_picture, size_table, table, web_table
from tests.bench.goals import judge
from tests.bench.sample import measure_sample
from tests.bench.scenarios import QUICK, Bench, Plan
from tests.bench.size import QUICK_SIZE, SizePlan, measure_growth
from tests.bench.stage import ROOT, BenchFailed
from tests.bench.web import QUICK_WEB, WebBench, WebPlan

PAGE = ROOT / "docs" / "benchmarks.md"
QUICK_NOTE = "**A quick run: it shows that everything can be measured; its figures mean nothing.**"

AnyPlan = TypeVar("AnyPlan", WebPlan, SizePlan)


def main() -> None:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the folder below goes in any case
    folder = Path(tempfile.mkdtemp(prefix="samzip-bench-"))
    try:
        _measure(arguments, folder)
    except BenchFailed as failed:
        sys.exit(f"bin/bench: {failed}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        shutil.rmtree(folder)


@dataclass(frozen=True, slots=True)
class _Picture:
    """Lies beside the page and is shown above the tables."""

    name: str
    shows: str
    draw: Callable[[str], str]  # of the line below it


@dataclass(frozen=True, slots=True)
class _Told:
    """What was measured, and where in the page its place is."""

    tables: str
    marks: tuple[str, str]
    picture: _Picture | None = None


def _measure(arguments: argparse.Namespace, folder: Path) -> None:
    load_before = machine.load()
    told = {None: _goals, "web": _web, "size": _size}[arguments.what](arguments, folder)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    command = " ".join(("bin/bench", *sys.argv[1:]))
    described = machine.describe(folder)
    heading = f"`{command}`, {today}. {described}. Load average {load_before} before, {machine.load()} after."
    shown = [QUICK_NOTE, table.without_verdicts(told.tables)] if arguments.quick else [told.tables]
    block = "\n\n".join((heading, *shown))
    print(block)
    if not arguments.write:
        return
    if told.picture:
        path = PAGE.with_name(told.picture.name)
        path.write_text(told.picture.draw(f"{today} · {described}"), encoding="utf-8")
        _say(f"written: {path}")
        block = f"![{told.picture.shows}]({told.picture.name})\n\n{block}"
    PAGE.write_text(table.put_into(PAGE.read_text(encoding="utf-8"), block, told.marks), encoding="utf-8")
    _say(f"written: {PAGE}")


def _goals(arguments: argparse.Namespace, folder: Path) -> _Told:
    marks = (table.BEGIN, table.END)
    if arguments.sample:
        return _Told(measure_sample(arguments.sample, folder, arguments.repeats or Plan().repeats), marks)
    report = Bench(_plan(arguments), folder, _say).measure_all()
    judged = judge(report)
    drawn = _Picture("benchmarks.svg", picture.LABEL, partial(picture.draw, report, judged))
    return _Told(table.render(report, judged), marks, drawn)


def _web(arguments: argparse.Namespace, folder: Path) -> _Told:
    plan = _repeated(QUICK_WEB if arguments.quick else WebPlan(), arguments)
    served = WebBench(plan, folder, _say).measure_all()
    return _Told(web_table.render(served, web_table.judge(served)), web_table.MARKS)


def _size(arguments: argparse.Namespace, folder: Path) -> _Told:
    plan = _repeated(QUICK_SIZE if arguments.quick else SizePlan(), arguments)
    growth = measure_growth(plan, folder, _say)
    drawn = _Picture("growth.svg", size_picture.LABEL, partial(size_picture.draw, growth))
    return _Told(size_table.render(growth), size_table.MARKS, drawn)


def _plan(arguments: argparse.Namespace) -> Plan:
    plan = QUICK if arguments.quick else Plan()
    if arguments.repeats:
        plan = replace(plan, repeats=arguments.repeats, growth_repeats=min(arguments.repeats, plan.growth_repeats))
    return replace(plan, most=None) if arguments.skip_growth else plan


def _repeated(plan: AnyPlan, arguments: argparse.Namespace) -> AnyPlan:
    return replace(plan, repeats=arguments.repeats) if arguments.repeats else plan


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench", description="Measure what samzip costs; prints Markdown.")
    parser.add_argument(
        "what",
        nargs="?",
        choices=["web", "size"],
        help="instead: the web hook under load; a database that grows for years",
    )
    parser.add_argument(
        "--repeats", type=int, metavar="N", help="of everything; default 5, of large companies, web and size 3"
    )
    parser.add_argument("--skip-growth", action="store_true", help="leave the company of 5,000 instruments out")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md, and the picture beside it, too")
    parser.add_argument("--quick", action="store_true", help="tiny companies, once: for correctness, under a minute")
    parser.add_argument("--sample", type=Path, metavar="DIR", help="measure a copy of DIR (sam.sqlite3 and media/)")
    arguments = parser.parse_args()
    if arguments.repeats is not None and arguments.repeats < 1:
        parser.error("--repeats: at least 1")
    if arguments.what and (arguments.sample or arguments.skip_growth):
        parser.error(f"{arguments.what} takes neither --sample nor --skip-growth")
    if arguments.write and (arguments.quick or arguments.sample):
        parser.error("--write is for the full table: neither with --quick nor with --sample")
    return arguments


if __name__ == "__main__":
    main()
