"""Measures what samzip costs and prints it as Markdown. Started by bin/bench, which see for its options."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from samples import BenchFailed, Sample, Stage, copied, demonstration, write_list

COPY = "`cat` of the documents into one file, `sync`"
COLD = "cold: every part built, no life sheet cached"
UNCHANGED = "asked again, nothing changed since"
IDLE = "idle: nothing asked for"
MIB = 1 << 20

Figures = dict[str, list[dict[str, Any]]]  # scenario -> one measurement for each repeat


def main() -> None:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the folder below goes in any case
    folder = Path(tempfile.mkdtemp(prefix="samzip-bench-"))
    try:
        print(machine(), flush=True)
        place = folder / "sample"
        sample = copied(Path(arguments.sample), place) if arguments.sample else demonstration(place)
        print(report(sample, folder, arguments.repeats))
    except BenchFailed as failed:
        sys.exit(f"bin/bench: {failed}")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        shutil.rmtree(folder)


def report(sample: Sample, folder: Path, repeats: int) -> str:
    """Every scenario in turn, then again, so that a busy moment of the machine touches them all."""
    figures: Figures = defaultdict(list)
    heading = ""
    for number in range(1, repeats + 1):
        print(f"repeat {number} of {repeats} ...", file=sys.stderr)
        stage = Stage(sample, folder / f"repeat-{number}")
        stage.click()
        figures[COLD].append(stage.measure_run())
        archives = stage.archives
        documents = folder / "documents"
        count, size = write_list(archives, sample.media, documents)
        heading = (
            f"{sample.name}: {count} documents ({size / MIB:.1f} MiB) into {len(archives)} archives "
            f"({sum(path.stat().st_size for path in archives) / MIB:.1f} MiB)"
        )
        figures[COPY].append(stage.measure_copy(documents))
        stage.click()
        figures[UNCHANGED].append(stage.measure_run())
        if len(stage.archives) != len(archives):
            raise BenchFailed("archives were built again although nothing had changed")
        figures[IDLE].append(stage.measure_run())
        shutil.rmtree(stage.folder)
    return f"{heading}; median of {repeats} (least - most)\n\n{table(figures)}\n\nload average after: {_load()}"


def table(figures: Figures) -> str:
    """One line for each scenario; the last two columns are its medians over those of the copy."""
    lines = [
        "| `samzip run` | CPU s, all processes | wall s | largest process, MiB | CPU / copy | wall / copy |",
        "|---|---|---|---|---|---|",
    ]
    base = {key: statistics.median(one[key] for one in figures[COPY]) for key in ("cpu_s", "wall_s")}
    for name in (COPY, COLD, UNCHANGED, IDLE):
        ones = figures[name]
        ratios = [statistics.median(one[key] for one in ones) / base[key] for key in ("cpu_s", "wall_s")]
        cells = [
            name,
            _spread([one["cpu_s"] for one in ones], "{:.2f}"),
            _spread([one["wall_s"] for one in ones], "{:.2f}"),
            _spread([one["peak_kib"] / 1024 for one in ones], "{:.0f}"),
            *(f"{ratio:.1f}" for ratio in ratios),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def machine() -> str:
    """Without it the figures mean nothing."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    return (
        f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB; Python {platform.python_version()}, "
        f"Linux {platform.release()}; load average before: {_load()}\n"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _load() -> str:
    return " ".join(f"{one:.2f}" for one in os.getloadavg())


def _spread(values: list[float], form: str) -> str:
    middle, least, most = (form.format(value) for value in (statistics.median(values), min(values), max(values)))
    return middle if least == most else f"{middle} ({least} - {most})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench", description="Measure what samzip costs; prints Markdown.")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="of every scenario; default 5")
    parser.add_argument("--quick", action="store_const", dest="repeats", const=2, help="2 repeats, under a minute")
    parser.add_argument("--sample", metavar="DIR", help="a copy of DIR (sam.sqlite3 and media/) instead of the demo")
    arguments = parser.parse_args()
    if arguments.repeats < 1:
        parser.error("--repeats: at least 1")
    return arguments


if __name__ == "__main__":
    main()
