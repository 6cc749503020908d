"""What is measured, in what order: everything in turn, then again, so that a busy moment touches all of it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import results as names
from tests.bench.baselines import Documents, present
from tests.bench.clicks import Queue
from tests.bench.company import Company, make_company
from tests.bench.deflating import Deflating, check_choices
from tests.bench.progress import note_progress, writes_per_second
from tests.bench.results import Results, mean
from tests.bench.stage import BenchFailed, Stage, measure, measure_program
from tests.bench.watch import watch_opening

ONE_PART = "10000"  # instruments


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything."""

    instruments: int = 69
    many: int = 350
    most: int | None = 5000  # None: growth is not measured
    companies: int = 1000
    clicks: int = 100_000
    repeats: int = 5
    growth_repeats: int = 3


QUICK = Plan(instruments=6, many=12, most=40, companies=20, clicks=400, repeats=1, growth_repeats=1)


@dataclass(slots=True)
class Report:
    """All that the tables tell."""

    plan: Plan
    results: Results = field(default_factory=Results)
    documents: int = 0
    bytes: int = 0  # of the documents
    archives: int = 0  # bytes
    sizes: dict[str, int] = field(default_factory=dict)  # of each tool's archive
    absent: list[str] = field(default_factory=list)  # tools
    deflating: Deflating | None = None


class Bench:
    """Measures one plan in a folder of its own."""

    def __init__(self, plan: Plan, folder: Path, say: Callable[[str], None]) -> None:
        self.report = Report(plan)
        self.results = self.report.results
        self.plan = plan
        self.folder = folder
        self.say = say

    def measure_all(self) -> Report:
        self.say(f"a company of {self.plan.instruments} instruments ...")
        self._measure_company(make_company(self.folder / "company", self.plan.instruments))
        self.say(f"companies of {self.plan.many} and {self.plan.most or 'no'} instruments ...")
        self._measure_growth()
        self.say(f"{self.plan.clicks} clicks ...")
        queue = Queue(self.folder / "queue", companies=self.plan.companies, clicks=self.plan.clicks)
        for _ in range(self.plan.repeats):
            collapsed, planned = queue.measure()
            self.results.runs[names.COLLAPSE].append(collapsed)
            self.results.runs[names.PLAN].append(planned)
        return self.report

    def _measure_company(self, company: Company) -> None:
        self.report.documents, self.report.bytes = len(company.documents), company.bytes
        self._look_once(company)
        tools, self.report.absent = present()
        documents = Documents(company.sample.media, company.documents, self.folder / "documents")
        for number in range(1, self.plan.repeats + 1):
            self.say(f"repeat {number} of {self.plan.repeats} ...")
            documents.warm()
            copies = [documents.copy()]
            for tool in tools:
                measured, self.report.sizes[tool.name] = documents.write(tool)
                self.results.runs[tool.name].append(measured)
            self._measure_runs(company)
            copies.append(documents.copy())
            self._measure_jobs(company)
            copies.append(documents.copy())
            self.results.runs[names.COPY].append(mean(copies))
            self._measure_sheets(company)
        shutil.rmtree(documents.folder)

    def _look_once(self, company: Company) -> None:
        """What does not depend on time: which documents are opened, how well they are deflated. Warms up, too."""
        stage = Stage(company.sample, self.folder / "stage")
        stage.click()
        with watch_opening(company.sample.media) as opened:
            stage.measure_run()
            if unseen := set(company.documents) - opened.files():
                raise BenchFailed(f"the watch saw nobody open {len(unseen)} documents that were archived")
            stage.click()
            stage.measure_run()
            self.results.facts[names.OPENED].append(len(opened.files()))
        self.report.archives = sum(path.stat().st_size for path in stage.archives)
        self.report.deflating = check_choices(company, stage.archives)
        shutil.rmtree(stage.folder)

    def _measure_runs(self, company: Company) -> None:
        stage = Stage(company.sample, self.folder / "stage")
        stage.click()
        self.results.runs[names.COLD].append(stage.measure_run())
        kept = stage.kept_files()
        stage.forget_archives()
        stage.click()
        self.results.runs[names.CACHED].append(stage.measure_run())
        if stage.kept_files() != kept:
            raise BenchFailed("life sheets were drawn again although they were cached")
        built = stage.archives
        stage.click()
        self.results.runs[names.UNCHANGED].append(stage.measure_run())
        if stage.archives != built:
            raise BenchFailed("archives were built again although nothing had changed")
        self.results.runs[names.IDLE].append(stage.measure_run("--quiet"))
        self.results.runs[names.IDLE_TOLD].append(stage.measure_run("--log-level", "info", "--wait", "45s"))
        imports = [sys.executable, "-P", "-c", "import click, sqlalchemy"]
        self.results.runs[names.IMPORTS].append(measure(imports, stage.environment)[0])
        shutil.rmtree(stage.folder)

    def _measure_jobs(self, company: Company) -> None:
        for name, jobs in ((names.ONE_JOB, "1"), (names.TWO_JOBS, "2")):
            self._measure_cold(company, name, jobs)

    def _measure_cold(self, company: Company, name: str, jobs: str) -> None:
        stage = Stage(company.sample, self.folder / "stage", jobs=jobs)
        stage.click()
        self.results.runs[name].append(stage.measure_run())
        shutil.rmtree(stage.folder)

    def _measure_sheets(self, company: Company) -> None:
        folder = self.folder / "stage"
        stage = Stage(company.sample, folder)
        arguments = (str(stage.database), str(company.sample.media))
        _, told = measure_program("draw_sheets", stage.environment, *arguments)
        if told["sheets"] != company.instruments:
            raise BenchFailed(f"{told['sheets']} sheets were drawn of {company.instruments}")
        self.results.facts[names.SHEET_S].append(told["cpu_s"] / told["sheets"])
        shutil.rmtree(folder)

    def _measure_growth(self) -> None:
        many = make_company(self.folder / "many", self.plan.many, small=True)
        most = make_company(self.folder / "most", self.plan.most, small=True) if self.plan.most else None
        for number in range(1, self.plan.growth_repeats + 1):
            self.say(f"repeat {number} of {self.plan.growth_repeats} ...")
            self._measure_cold(many, names.MANY_ONE_JOB, "1")
            self._measure_cold(many, names.MANY, "2")
            if most is not None:
                self._measure_cold(most, names.MOST, "2")
            self._watch_progress(many)

    def _watch_progress(self, company: Company) -> None:
        """One part of everybody's instruments: it is long enough in work to be told of."""
        stage = Stage(company.sample, self.folder / "stage", part_size=ONE_PART)
        note_progress(stage.database)
        stage.click()
        stage.measure_run()
        self.results.facts[names.WRITES_PER_S].append(writes_per_second(stage.database))
        shutil.rmtree(stage.folder)
