"""The metrics file: what it counts, what it remembers, and what it leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from samzip import events as e
from samzip.errors import DatabaseNotReady
from samzip.report.metrics import METRICS, WRITE_EVERY_S, MetricsFile, Queue, read
from samzip.report.phases import PHASES, Phases

REF = e.PartRef(1, "CERTIBOY S.A.S.", 1, 2, 47, "CERTIBOY")
OTHER = e.PartRef(1, "CERTIBOY S.A.S.", 2, 2, 48, "CERTIBOY")
MOMENT = datetime(2026, 11, 24, 20, 40, 1, tzinfo=UTC)
STARTED = e.RunStarted("r1", "host", 12, 2, None)
PUBLISHED = e.PartPublished(REF, "a.zip", 1000, "ab", 3, 2, 3, 4.2, MOMENT, reused=False)
REUSED = e.PartPublished(OTHER, "b.zip", 500, "ab", 3, 0, 3, 0.1, MOMENT, reused=True)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Case:
    """One run's listener on a file."""

    def __init__(self, path: Path, *, database_away: bool = False) -> None:
        self.path = path
        self.clock = Clock()
        self.looks = 0
        self.database_away = database_away
        self.listener = MetricsFile(path, self._look, self.clock, self.clock)

    def _look(self) -> Queue:
        self.looks += 1
        if self.database_away:
            raise DatabaseNotReady("not there")
        return Queue({"pending": 2, "completed": 0}, MOMENT)

    def hear(self, *events: e.Event) -> None:
        for event in events:
            self.listener(event)

    def value(self, name: str, label: str = "") -> float | None:
        return read(self.path)[name].get(label)


def ended(code: int) -> e.RunEnded:
    return e.RunEnded("r1", code, "")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "samzip.prom"


def test_a_run_writes_what_it_did(path: Path) -> None:
    case = Case(path)
    case.hear(STARTED, e.PartStarted(REF, 3, 35, 69, 2, 1))
    case.clock.now += 5
    case.hear(PUBLISHED, REUSED, e.PartFailed(OTHER, "x", 1, MOMENT), ended(3))
    families = {family.name for family in text_string_to_metric_families(path.read_text())}
    assert families <= {metric.name.removesuffix("_total") for metric in METRICS}
    values = read(path)
    assert values["samzip_parts_total"] == {"built": 1, "reused": 1, "failed": 1}
    assert values["samzip_written_bytes_total"][""] == 1000
    assert values["samzip_missing_documents_total"][""] == 2
    assert values["samzip_requests"] == {"pending": 2, "completed": 0}
    assert values["samzip_oldest_pending_timestamp_seconds"][""] == MOMENT.timestamp()
    assert values["samzip_phase_seconds_total"]["building"] == 5
    assert values["samzip_last_run_exit_code"][""] == 3
    assert values["samzip_runs_total"] == {"3": 1}


def test_every_metric_appears_once_there_is_something_to_tell(path: Path) -> None:
    Case(path).hear(STARTED, PUBLISHED, ended(0))
    assert {name for name, values in read(path).items() if values} == {metric.name for metric in METRICS}


def test_counters_and_the_last_success_outlive_a_run(path: Path) -> None:
    Case(path).hear(STARTED, PUBLISHED, ended(0))
    later = Case(path)
    later.clock.now = 2000.0
    later.hear(STARTED, PUBLISHED, ended(12))
    assert later.value("samzip_parts_total", "built") == 2
    assert later.value("samzip_last_success_timestamp_seconds") == 1000
    assert later.value("samzip_last_run_timestamp_seconds") == 2000
    assert read(path)["samzip_runs_total"] == {"0": 1, "12": 1}


@pytest.mark.parametrize("code", [0, 1, 3, 10, 12, 78, 130, 143])
def test_the_exit_code_is_the_commands_and_only_0_is_success(path: Path, code: int) -> None:
    case = Case(path)
    case.hear(STARTED, ended(code))
    assert case.value("samzip_last_run_exit_code") == code
    assert (case.value("samzip_last_success_timestamp_seconds") is not None) == (code == 0)


def test_without_a_database_nothing_is_said_of_the_queue_and_nobody_waits_for_it_again(path: Path) -> None:
    Case(path).hear(STARTED, ended(0))
    case = Case(path)
    case.hear(ended(10))
    assert case.looks == 0
    assert case.value("samzip_database_up") == 0
    assert read(path)["samzip_requests"] == {}
    assert read(path)["samzip_oldest_pending_timestamp_seconds"] == {}
    assert case.value("samzip_last_success_timestamp_seconds") == 1000


def test_a_database_that_goes_away_in_between_is_told(path: Path) -> None:
    case = Case(path, database_away=True)
    case.hear(STARTED, ended(12))
    assert case.looks == 1
    assert case.value("samzip_database_up") == 0
    assert case.value("samzip_last_run_exit_code") == 12


def test_a_busy_lock_leaves_the_file_to_the_run_that_works(path: Path) -> None:
    Case(path).hear(ended(75))
    assert not path.exists()


def test_a_run_that_lost_its_place_to_another_host_counts_what_it_did(path: Path) -> None:
    case = Case(path)
    case.hear(STARTED, PUBLISHED, ended(75))
    assert case.value("samzip_parts_total", "built") == 1
    assert case.value("samzip_last_run_exit_code") == 75


def test_a_long_run_shows_that_it_lives(path: Path) -> None:
    case = Case(path)
    case.hear(STARTED)
    assert not path.exists()
    case.clock.now += WRITE_EVERY_S
    case.hear(PUBLISHED)
    assert case.value("samzip_run_active") == 1
    assert case.value("samzip_last_run_timestamp_seconds") == case.clock.now
    case.hear(ended(0))
    assert case.value("samzip_run_active") == 0


def test_a_run_that_keeps_going_writes_after_every_pass(path: Path) -> None:
    case = Case(path)
    case.hear(e.RunStarted("r1", "host", 12, 2, 5.0), e.PartFailed(REF, "x", 1, MOMENT), e.QueueEmpty(1, 1))
    assert case.value("samzip_parts_total", "failed") == 1
    assert case.value("samzip_last_success_timestamp_seconds") is None
    case.clock.now = 1500
    case.hear(e.QueueEmpty(2, 0))
    assert case.value("samzip_last_success_timestamp_seconds") == 1500


@pytest.mark.parametrize("text", ["", "samzip_parts_total{result=", "\0", 'samzip_parts_total{other="built"} 7\n'])
def test_a_file_that_cannot_be_read_begins_again(path: Path, text: str) -> None:
    path.write_text(text)
    case = Case(path)
    case.hear(STARTED, PUBLISHED, ended(0))
    assert case.value("samzip_parts_total", "built") == 1


def test_phases_add_up_to_the_length_of_the_run() -> None:
    clock = Clock()
    phases = Phases(clock)
    spent: dict[str, float] = {}
    story: list[tuple[float, e.Event]] = [
        (1, STARTED),
        (2, e.RequestsCollapsed(2, 2)),
        (4, e.CompanyPreparing(1, "C", 69, 3)),
        (8, e.PartStarted(REF, 1, 35, 69, 2, 1)),
        (16, e.PartStarted(OTHER, 1, 34, 69, 2, 1)),
        (32, PUBLISHED),
        (64, REUSED),
        (128, e.QueueEmpty(1, 0)),
        (256, e.RunFinished("r1", "done", e.Counts(), 1.0)),
        (512, ended(0)),
    ]
    for seconds, event in story:
        clock.now += seconds
        for phase, lasted in phases.hear(event):
            spent[phase] = spent.get(phase, 0) + lasted
    assert set(spent) == set(PHASES)
    assert sum(spent.values()) == phases.total == 1023
    assert spent == {"starting": 1, "cleaning": 258, "planning": 132, "preparing": 8, "building": 112, "ending": 512}
