"""`bin/bench web`: the hook under load, on loopback, with bounds in count and time."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import func, select

from samzip.database import open_database, tables
from tests.bench.company import USER, insert, make_company, user
from tests.bench.stage import BenchFailed, Sample, Stage, samzip
from tests.bench.web_load import Called, Downloaded, Limits, archive_link, ask, click, download, links
from tests.bench.web_server import fsyncs_per_s, new_copy, postgres, run, serve

SQLITE = "SQLite"
POSTGRES = "PostgreSQL"
DOWNLOADER = "descargas"
INSTRUMENTS = 10  # of each company that clicks: one part
PATIENCE_S = 300


@dataclass(frozen=True, slots=True)
class WebPlan:
    """How much load."""

    workers: int = 2  # processes of the server
    instruments: int = 1500  # of the company that is built meanwhile: more than a minute's work
    companies: int = 50  # that click, each with one user
    calls: Limits = field(default_factory=lambda: Limits(at_once=8, count=5000, seconds=6))  # of each kind
    downloads: int = 200
    archive: int = 32_000_000  # bytes
    block: int = 16384  # bytes that a download reads, ten times a second
    seconds: float = 12  # of downloads
    repeats: int = 3


QUICK_WEB = WebPlan(
    instruments=70,
    companies=3,
    calls=Limits(at_once=2, count=10, seconds=20),
    downloads=4,
    archive=8_000_000,
    block=4096,
    seconds=2,
    repeats=1,
)


@dataclass(slots=True)
class WebReport:
    """By the database's name, one for each repetition."""

    plan: WebPlan
    clicks: defaultdict[str, list[Called]] = field(default_factory=lambda: defaultdict(list))
    statuses: defaultdict[str, list[Called]] = field(default_factory=lambda: defaultdict(list))
    downloads: defaultdict[str, list[Downloaded]] = field(default_factory=lambda: defaultdict(list))
    run_lasted: list[bool] = field(default_factory=list)  # to the end of the calls
    fsyncs: list[float] = field(default_factory=list)  # a second


class WebBench:
    """Measures one plan in a folder of its own."""

    def __init__(self, plan: WebPlan, folder: Path, say: Callable[[str], None]) -> None:
        self.report = WebReport(plan)
        self.plan = plan
        self.folder = folder
        self.say = say

    def measure_all(self) -> WebReport:
        self.say(f"a company of {self.plan.instruments} instruments ...")
        sample = make_sample(self.plan, self.folder / "companies")
        with postgres() as server:
            for number in range(1, self.plan.repeats + 1):
                self.say(f"repeat {number} of {self.plan.repeats} ...")
                self._measure(SQLITE, Stage(sample, self.folder / "stage"))
                if server:
                    url = new_copy(sample.database, server, f"bench_{number}")
                    self._measure(POSTGRES, Stage(sample, self.folder / "stage", database_url=url))
        return self.report

    def _measure(self, name: str, stage: Stage) -> None:
        environ, plan, report = stage.environment, self.plan, self.report
        url = environ.setdefault("SAMZIP_DATABASE_URL", f"sqlite:///{stage.database}")
        samzip(environ, "request", "--user", DOWNLOADER)
        samzip(environ, "run", "--log-level", "error")
        (archive,) = request_ids(url)
        samzip(environ, "request", "--user", USER)
        users = clickers(plan)
        report.fsyncs.append(fsyncs_per_s(self.folder))
        with serve(environ, plan.workers) as server:
            with run(environ) as process:
                wait_for_work(url, process)
                statuses = links(server, users)
                before = len(request_ids(url))
                clicks = click(server, users, plan.calls)
                if (inserted := len(request_ids(url)) - before) != clicks.count:
                    raise BenchFailed(f"{clicks.count} clicks were accepted and {inserted} are in the database")
                report.clicks[name].append(clicks)
                report.statuses[name].append(ask(server, statuses, plan.calls))
                report.run_lasted.append(process.poll() is None)
            path = archive_link(server, DOWNLOADER, archive)
            report.downloads[name].append(
                download(server, path, statuses, count=plan.downloads, block=plan.block, seconds=plan.seconds)
            )
        shutil.rmtree(stage.folder)


def clickers(plan: WebPlan) -> list[str]:
    return [f"usuario{number:03}" for number in range(plan.companies)]


def make_sample(plan: WebPlan, folder: Path) -> Sample:
    """A company that takes long to build, small ones that click, and one whose archive is downloaded."""
    sample = make_company(folder, plan.instruments, small=True).sample
    (sample.media / "grande.bin").write_bytes(Random("archive").randbytes(plan.archive))
    with closing(sqlite3.connect(sample.database)) as connection, connection:
        for name in (*clickers(plan), DOWNLOADER):
            company = insert(connection, "core_empresa", {"nombre": f"Empresa {name}", "is_deleted": 0})
            insert(connection, "core_customuser", user(name, company))
            for number in range(1, 2 if name == DOWNLOADER else INSTRUMENTS + 1):
                row: dict[str, Any] = {"codigo_interno": f"EQ-{number:03}", "nombre": "Balanza", "estado": "Activo"}
                papers = {"archivo_compra_pdf": "grande.bin"} if name == DOWNLOADER else {}
                insert(connection, "core_equipo", {**row, **papers, "empresa_id": company})
    return sample


def request_ids(url: str) -> list[int]:
    """Of all requests, in their order."""
    database = open_database(url)
    with database.read() as connection:
        ids = list(connection.execute(select(tables.ziprequest.c.id).order_by(tables.ziprequest.c.id)).scalars())
    database.close()
    return ids


def wait_for_work(url: str, process: subprocess.Popen[str]) -> None:
    """Until the run has a part in work."""
    working = select(func.count()).select_from(tables.ziprequest).where(tables.ziprequest.c.status == "processing")
    database = open_database(url)
    until = time.monotonic() + PATIENCE_S
    while True:
        with database.read() as connection:
            if connection.execute(working).scalar_one():
                break
        if process.poll() is not None:
            raise BenchFailed(f"the run ended with {process.returncode} before anybody saw it at work")
        if time.monotonic() > until:
            raise BenchFailed(f"no run got to work on the large company within {PATIENCE_S} s")
        time.sleep(0.02)
    database.close()
