"""Measures what samzip costs and prints it as Markdown. Started by bin/bench, which see for its options."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from tests.bench import machine, picture, table, web_table
from tests.bench.goals import judge
from tests.bench.sample import measure_sample
from tests.bench.scenarios import QUICK, Bench, Plan
from tests.bench.stage import ROOT, BenchFailed
from tests.bench.web import QUICK_WEB, WebBench, WebPlan

PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "benchmarks.svg"
SHOWN = f"![What samzip costs, against copying and goals]({PICTURE.name})"
QUICK_NOTE = "**A quick run: it shows that everything can be measured; its figures mean nothing.**"


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


def _measure(arguments: argparse.Namespace, folder: Path) -> None:
    load_before = machine.load()
    drawing: Callable[[str], str] | None = None  # of the table, with what is told below it
    marks = (table.BEGIN, table.END)
    if arguments.what == "web":
        marks = web_table.MARKS
        served = WebBench(_web_plan(arguments), folder, _say).measure_all()
        tables = web_table.render(served, web_table.judge(served))
    elif arguments.sample:
        tables = measure_sample(arguments.sample, folder, arguments.repeats or Plan().repeats)
    else:
        report = Bench(_plan(arguments), folder, _say).measure_all()
        judged = judge(report)
        tables = table.render(report, judged)
        drawing = partial(picture.draw, report, judged)
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    command = " ".join(("bin/bench", *sys.argv[1:]))
    described = machine.describe(folder)
    heading = f"`{command}`, {today}. {described}. Load average {load_before} before, {machine.load()} after."
    block = "\n\n".join((heading, *([QUICK_NOTE] if arguments.quick else []), tables))
    print(block)
    if arguments.write:
        shown = f"{SHOWN}\n\n{block}" if drawing else block
        page = table.put_into(PAGE.read_text(encoding="utf-8"), shown, marks)
        PAGE.write_text(page, encoding="utf-8")
        _say(f"written: {PAGE}")
        if drawing:
            PICTURE.write_text(drawing(f"{today} · {described}"), encoding="utf-8")
            _say(f"written: {PICTURE}")


def _plan(arguments: argparse.Namespace) -> Plan:
    plan = QUICK if arguments.quick else Plan()
    if arguments.repeats:
        plan = replace(plan, repeats=arguments.repeats, growth_repeats=min(arguments.repeats, plan.growth_repeats))
    return replace(plan, most=None) if arguments.skip_growth else plan


def _web_plan(arguments: argparse.Namespace) -> WebPlan:
    plan = QUICK_WEB if arguments.quick else WebPlan()
    return replace(plan, repeats=arguments.repeats) if arguments.repeats else plan


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench", description="Measure what samzip costs; prints Markdown.")
    parser.add_argument("what", nargs="?", choices=["web"], help="web: the web hook under load, and nothing else")
    parser.add_argument(
        "--repeats", type=int, metavar="N", help="of everything; default 5, of large companies and of web 3"
    )
    parser.add_argument("--skip-growth", action="store_true", help="leave the company of 5,000 instruments out")
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks.md, and the picture beside it, too")
    parser.add_argument("--quick", action="store_true", help="tiny companies, once: for correctness, under a minute")
    parser.add_argument("--sample", type=Path, metavar="DIR", help="measure a copy of DIR (sam.sqlite3 and media/)")
    arguments = parser.parse_args()
    if arguments.repeats is not None and arguments.repeats < 1:
        parser.error("--repeats: at least 1")
    if arguments.what == "web" and (arguments.sample or arguments.skip_growth):
        parser.error("web takes neither --sample nor --skip-growth")
    if arguments.write and (arguments.quick or arguments.sample):
        parser.error("--write is for the full table: neither with --quick nor with --sample")
    return arguments


if __name__ == "__main__":
    main()
