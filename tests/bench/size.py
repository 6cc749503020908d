"""What samzip costs on a database that has grown for years. Started by `bin/bench size`, which see for its options."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import delete, text, update
from sqlalchemy.engine import make_url

from samzip.database import Database, open_database, tables
from samzip.database.setup import initialise
from tests.bench import machine
from tests.bench.history import Size, fill
from tests.bench.results import Measured
from tests.bench.stage import SAMZIP, BenchFailed, environment, measure, measure_program
from tests.bench.web_load import Called, Limits, ask, click, links
from tests.bench.web_server import postgres, serve

LARGE = Size()
QUICK = Size(history=2000, companies=60, pending=100, largest=100, instruments=40, days=30, runs=200, live=20)
YOUNG_HISTORY = 1000  # requests that the same queue is measured with, to compare
CALLS = Limits(at_once=1, count=200, seconds=20)
CLICKERS = 20
DATABASES = ("SQLite", "PostgreSQL")
ROWS = (
    *("idle run", "idle run, no index", "status", "status, no index", "show", "run --dry-run", "collapse"),
    *("POST /requests", "GET /status", "GET /status of one who waits"),
)


@dataclass(slots=True)
class Measures:
    """Of one database and one size."""

    commands: dict[str, list[Measured]] = field(default_factory=dict)
    calls: dict[str, Called] = field(default_factory=dict)

    def add(self, name: str, measured: Measured) -> None:
        self.commands.setdefault(name, []).append(measured)

    def cell(self, name: str) -> str:
        if name in self.calls:
            called = self.calls[name]
            return f"{called.median_s * 1000:.0f} ms (p99 {called.p99_s * 1000:.0f})"
        ones = self.commands[name]
        wall = statistics.median(one.wall_s for one in ones)
        return f"{wall:.2f} s, {max(one.peak for one in ones) / 1e6:.0f} MB"


class _Grown:
    """A database of one size, and the commands that are measured on it."""

    def __init__(self, folder: Path, url: str, size: Size, repeats: int) -> None:
        folder.mkdir()
        (folder / "media" / "zip_requests").mkdir(parents=True)  # of the archives that the history knows
        self.repeats = repeats
        self.size = size
        self.measures = Measures()
        self.environ = environment(folder, folder / "media") | {
            "SAMZIP_DATABASE_URL": url,
            "SAMZIP_HISTORY": f"{size.days + 30}d",
        }
        self.url = url
        initialise(url)
        self.database = open_database(url)
        fill(self.database, size, datetime.now(UTC))

    def measure_all(self) -> Measures:
        self._commands()
        self._web()
        self._collapse()
        self._empty_the_queue()
        self._repeat("idle run", "run", "--json")
        self._drop_index()
        self._repeat("idle run, no index", "run", "--json")
        self._repeat("status, no index", "status", "--json")
        self.database.close()
        return self.measures

    def _commands(self) -> None:
        told = self._repeat("status", "status", "--json")
        if told["requests"]["pending"] != self.size.pending:
            raise BenchFailed(f"of {self.size.pending} pending requests samzip status tells {told['requests']}")
        self._repeat("show", "show", str(self.size.history), "--json")
        planned = self._repeat("run --dry-run", "run", "--dry-run", "--json")["companies"]
        if sum(company["requests"] for company in planned) != self.size.pending:
            raise BenchFailed(f"{len(planned)} companies are planned, and not with all requests")

    def _repeat(self, name: str, *arguments: str) -> dict[str, object]:
        for _ in range(self.repeats):
            measured, printed = measure([*SAMZIP, *arguments], self.environ)
            self.measures.add(name, measured)
        told: dict[str, object] = json.loads(printed)
        return told

    def _web(self) -> None:
        names = [f"usuario{company:05}" for company in range(2, 2 + CLICKERS)]
        with serve(self.environ, 1) as server:
            self.measures.calls["POST /requests"] = click(server, names, CALLS)
            waiting = links(server, names)
            self.measures.calls["GET /status of one who waits"] = ask(server, waiting, CALLS)
            with self.database.write() as connection:
                newest = self.size.history + self.size.pending
                made = tables.ziprequest.c.id > newest
                connection.execute(update(tables.ziprequest).where(made).values(status="failed"))
            self.measures.calls["GET /status"] = ask(server, waiting, CALLS)

    def _collapse(self) -> None:
        for _ in range(self.repeats):
            with self.database.write() as connection:
                connection.execute(delete(tables.work))
            whole, told = measure_program("collapse_clicks", self.environ, self.url)
            if told["requests"] != self.size.pending:
                raise BenchFailed(f"{self.size.pending} clicks were collapsed to {told}")
            self.measures.add("collapse", replace(whole, wall_s=told["wall_s"], cpu_s=told["cpu_s"]))

    def _empty_the_queue(self) -> None:
        with self.database.write() as connection:
            connection.execute(delete(tables.work))
            pending = tables.ziprequest.c.status == "pending"
            ended = {"status": "cancelled", "completed_at": datetime.now(UTC)}
            connection.execute(update(tables.ziprequest).where(pending).values(ended))
        self._tidy()

    def _drop_index(self) -> None:
        """As SAM's database is."""
        tables.request_state.drop(self.database.engine)
        self._tidy()

    def _tidy(self) -> None:
        options = {} if self.database.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        with self.database.engine.connect().execution_options(**options) as connection:
            connection.execute(text("ANALYZE" if self.database.is_sqlite else "VACUUM ANALYZE"))


def measure_sizes(folder: Path, large: Size, repeats: int) -> dict[tuple[str, int], Measures]:
    """By database and length of the history."""
    measured = {}
    young = replace(large, history=min(YOUNG_HISTORY, large.history // 2), runs=1000, live=20)
    with postgres() as server:
        for size in (young, large):
            for name, url in _urls(folder, server, size):
                _say(f"{name} with {size.history} requests of history ...")
                grown = _Grown(folder / f"{name}-{size.history}", url, size, repeats)
                measured[name, size.history] = grown.measure_all()
    return measured


def _urls(folder: Path, server: str | None, size: Size) -> Iterator[tuple[str, str]]:
    yield "SQLite", f"sqlite:///{folder}/size-{size.history}.sqlite3"
    if server is None:
        return
    admin: Database = open_database(server)
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE size_{size.history}"))
    admin.close()
    yield "PostgreSQL", make_url(server).set(database=f"size_{size.history}").render_as_string(hide_password=False)


def render(measured: dict[tuple[str, int], Measures]) -> str:
    """A table in Markdown."""
    names = [f"{name}, {history:,} requests" for name, history in measured]
    lines = [f"| | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    lines += [f"| {row} | {' | '.join(one.cell(row) for one in measured.values())} |" for row in ROWS]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench size", description="A database grown for years; prints Markdown.")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="of each command")
    parser.add_argument("--quick", action="store_true", help="a few thousand rows, once: for correctness")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the folder below goes in any case
    folder = Path(tempfile.mkdtemp(prefix="samzip-size-"))
    try:
        large, repeats = (QUICK, 1) if arguments.quick else (LARGE, arguments.repeats)
        before = machine.load()
        shown = render(measure_sizes(folder, large, repeats))
        described = f"{machine.describe(folder)}. Load average {before} before, {machine.load()} after."
        print(f"`bin/bench {' '.join(['size', *sys.argv[1:]])}`, {datetime.now(UTC):%Y-%m-%d}. {described}\n\n{shown}")
    except BenchFailed as failed:
        sys.exit(f"bin/bench: {failed}")
    finally:
        shutil.rmtree(folder)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
