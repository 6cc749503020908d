"""What samzip costs on a database that grows for years. Started by `bin/bench size`, which see for its options."""

from __future__ import annotations

import json
import shutil
import sqlite3
import statistics
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, text, update
from sqlalchemy.engine import make_url

from samzip.database import open_database, tables
from samzip.database.setup import initialise
from tests.bench.history import Size, grow, tidy
from tests.bench.results import Measured
from tests.bench.stage import SAMZIP, BenchFailed, environment, measure, measure_program
from tests.bench.web_load import Called, Limits, ask, click, links
from tests.bench.web_server import postgres, serve

SQLITE, POSTGRES = "SQLite", "PostgreSQL"
CLICKERS = 20
LARGE = Size()
CALLS = Limits(at_once=1, count=200, seconds=20)

IDLE = "idle"
IDLE_NO_INDEX = "idle, no index"
STATUS = "status"
SHOW = "show"
PLAN = "plan"
COLLAPSE = "collapse"
CLICK = "click"
PAGE_ENDED = "page of what has ended"
PAGE_WAITING = "page of who waits"


@dataclass(frozen=True, slots=True)
class SizePlan:
    """How much is measured."""

    size: Size = LARGE  # at last
    steps: tuple[int, ...] = (0, 10_000, 100_000, 1_000_000)  # lengths of the history, the last one is the size's
    repeats: int = 3  # of each command
    calls: Limits = CALLS


QUICK_SIZE = SizePlan(
    Size(history=2000, companies=60, pending=100, largest=100, instruments=40, days=30, runs=200, live=20),
    steps=(0, 2000),
    repeats=1,
    calls=replace(CALLS, count=20),
)


@dataclass(slots=True)
class Measures:
    """Of one database with one length of history."""

    commands: dict[str, list[Measured]] = field(default_factory=dict)
    calls: dict[str, Called] = field(default_factory=dict)

    def wall_s(self, name: str) -> float:
        """Median, of a command with Python's start or of one call."""
        if name in self.calls:
            return self.calls[name].median_s
        return statistics.median(one.wall_s for one in self.commands[name])

    def peak(self, name: str) -> int:
        """Bytes, of any process."""
        return max(one.peak for one in self.commands[name])


@dataclass(slots=True)
class Growth:
    """Measures of each database, by the length of its history."""

    plan: SizePlan
    measured: dict[str, dict[int, Measures]] = field(default_factory=dict)


def measure_growth(plan: SizePlan, folder: Path, say: Callable[[str], None]) -> Growth:
    """Each database grows once. Measuring changes it, so that is done on a copy at each step."""
    growth = Growth(plan)
    with postgres() as server:
        for name in (SQLITE, *([POSTGRES] if server else [])):
            place = OnServer(server) if server and name == POSTGRES else InFolder(folder)
            initialise(place.url)
            database = open_database(place.url)
            growth.measured[name] = {}
            for step in grow(database, plan.size, datetime.now(UTC), plan.steps):
                say(f"{name} with {step:,} requests of history ...")
                database.engine.dispose()  # PostgreSQL copies only what nobody uses
                with place.copy() as url:
                    growth.measured[name][step] = _Copy(folder / f"{name}-{step}", url, plan, step).measure_all()
            database.close()
    return growth


class InFolder:
    """SQLite's databases."""

    def __init__(self, folder: Path) -> None:
        self._grown, self._copy = folder / "grown.sqlite3", folder / "copy.sqlite3"
        self.url = f"sqlite:///{self._grown}"

    @contextmanager
    def copy(self) -> Iterator[str]:
        """Its URL. Rows that came later and are older leave pages half full; a copy by VACUUM has full ones."""
        with closing(sqlite3.connect(self._grown)) as connection:
            connection.execute("VACUUM INTO ?", (str(self._copy),))
        with closing(sqlite3.connect(self._copy)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # that is not copied
        yield f"sqlite:///{self._copy}"
        self._copy.unlink()


class OnServer:
    """Databases of a PostgreSQL server."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._execute("CREATE DATABASE grown")
        self.url = self._url("grown")

    @contextmanager
    def copy(self) -> Iterator[str]:
        """Its URL."""
        self._execute("CREATE DATABASE copy TEMPLATE grown STRATEGY file_copy")
        yield self._url("copy")
        self._execute("DROP DATABASE copy WITH (FORCE)")

    def _url(self, name: str) -> str:
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)

    def _execute(self, statement: str) -> None:
        admin = open_database(self._server)
        with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
        admin.close()


class _Copy:
    """A database of one size, and the commands that are measured on it and change it."""

    def __init__(self, folder: Path, url: str, plan: SizePlan, step: int) -> None:
        folder.mkdir()
        (folder / "media" / "zip_requests").mkdir(parents=True)  # of the archives that the history knows
        self.folder = folder
        self.plan = plan
        self.size = plan.size
        self.step = step
        self.measures = Measures()
        self.environ = environment(folder, folder / "media") | {
            "SAMZIP_DATABASE_URL": url,
            "SAMZIP_HISTORY": f"{plan.size.days + 30}d",
        }
        self.url = url
        self.database = open_database(url)

    def measure_all(self) -> Measures:
        self._commands()
        self._web()
        self._collapse()
        self._empty_the_queue()
        self._repeat(IDLE, "run", "--json")
        self._drop_index()
        self._repeat(IDLE_NO_INDEX, "run", "--json")
        self.database.close()
        shutil.rmtree(self.folder)
        return self.measures

    def _commands(self) -> None:
        told = self._repeat(STATUS, "status", "--json")
        if told["requests"]["pending"] != self.size.pending:
            raise BenchFailed(f"of {self.size.pending} pending requests samzip status tells {told['requests']}")
        if self.step:
            self._repeat(SHOW, "show", str(self.size.history), "--json")
        planned = self._repeat(PLAN, "run", "--dry-run", "--json")["companies"]
        if sum(company["requests"] for company in planned) != self.size.pending:
            raise BenchFailed(f"{len(planned)} companies are planned, and not with all requests")

    def _repeat(self, name: str, *arguments: str) -> dict[str, Any]:
        for _ in range(self.plan.repeats):
            measured, printed = measure([*SAMZIP, *arguments], self.environ)
            self.measures.commands.setdefault(name, []).append(measured)
        told: dict[str, Any] = json.loads(printed)
        return told

    def _web(self) -> None:
        names = [f"usuario{company:05}" for company in range(2, 2 + CLICKERS)]
        calls = self.plan.calls
        with serve(self.environ, 1) as server:
            self.measures.calls[CLICK] = click(server, names, calls)
            waiting = links(server, names)
            self.measures.calls[PAGE_WAITING] = ask(server, waiting, calls)
            with self.database.write() as connection:
                newest = self.size.history + self.size.pending
                made = tables.ziprequest.c.id > newest
                connection.execute(update(tables.ziprequest).where(made).values(status="failed"))
            self.measures.calls[PAGE_ENDED] = ask(server, waiting, calls)

    def _collapse(self) -> None:
        for _ in range(self.plan.repeats):
            with self.database.write() as connection:
                connection.execute(delete(tables.work))
            whole, told = measure_program("collapse_clicks", self.environ, self.url)
            if told["requests"] != self.size.pending:
                raise BenchFailed(f"{self.size.pending} clicks were collapsed to {told}")
            measured = replace(whole, wall_s=told["wall_s"], cpu_s=told["cpu_s"])
            self.measures.commands.setdefault(COLLAPSE, []).append(measured)

    def _empty_the_queue(self) -> None:
        """It never was: only the history is left."""
        with self.database.write() as connection:
            connection.execute(delete(tables.work))
            connection.execute(delete(tables.ziprequest).where(tables.ziprequest.c.id > self.size.history))
        tidy(self.database)

    def _drop_index(self) -> None:
        """As SAM's database is."""
        tables.request_state.drop(self.database.engine)
        tidy(self.database)
