"""The live view of `samzip status --watch`, on screens of different width."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from samzip.errors import DatabaseUnreachable
from samzip.report import watch as watching
from samzip.report.status import Clock, Lock
from samzip.report.watch import Seen, picture, speed, warnings, watch
from samzip.requests.shown import ArchiveShown, Overview, PartInWork, QueuedCompany, RunShown

BOGOTA = ZoneInfo("America/Bogota")
NOW = datetime(2026, 11, 24, 20, 0, 0, tzinfo=UTC)  # 15:00 in Bogotá
HELD = Lock("samzip.lock", held=True, holder={"pid": 12, "host": "here/5a", "run": "r1"})
FREE = replace(HELD, held=False)
EMPTY = Overview(NOW, {}, [], [], [], [], [], 0, 0)
WORKING = RunShown("r1", "here/5a", 12, NOW - timedelta(minutes=2), NOW, None, None, {})
PART = PartInWork(
    company="CERTIBOY S.A.S.",
    part=1,
    parts=2,
    percent=42,
    step="Procesando equipo 12/35: EQ-012",
    requests=3,
    attempt=1,
    run="r1",
    done=12,
    total=35,
    started=NOW - timedelta(seconds=10),
    ready=NOW + timedelta(seconds=14),
)
QUEUED = QueuedCompany(1, "Laboratorio Andino Ltda", 6, 2, NOW - timedelta(minutes=3, seconds=5), 0, None, None)
DONE = RunShown(
    "r0", "here", 9, NOW - timedelta(seconds=123), None, NOW - timedelta(minutes=2), "done", {"published": 2}
)


def drawn(seen: Seen, width: int = 80, **more: object) -> str:
    screen = Console(file=io.StringIO(), width=width, height=100, color_system=None, legacy_windows=False)
    screen.print(picture(seen, BOGOTA, 5, width, **more))  # type: ignore[arg-type]
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    assert all(len(line) <= width for line in text.splitlines())
    return text


def told(view: Overview, lock: Lock = FREE) -> str:
    return "\n".join(warnings(Seen(view, lock), Clock(view.now, BOGOTA)))


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_queue_work_speed_time_left_and_runs_are_shown_as_far_as_the_screen_is_wide(width: int) -> None:
    view = replace(EMPTY, queue=[QUEUED], in_work=[PART], running=[WORKING], finished=[DONE])
    text = drawn(Seen(view, HELD), width)
    for fact in ("samzip  2026-11-24 15:00:00", "CERTI", "1/2", "42%", "14s", "Queue: 6 requests for 2 parts"):
        assert fact in text
    assert ("14s left" in text) == (width >= 60)
    assert ("1.2/s" in text) == (width >= 60)
    assert ("EQ-012" in text) == (width >= 100)
    assert "!" not in text, "all is well"


def test_how_a_run_ended_is_told_whole_on_a_narrow_screen() -> None:
    counts = {"published": 12, "bytes": 45 << 20, "failed": 3, "missing": 14, "observations": 2, "completed": 30}
    run = RunShown("r0", "here", 1, NOW, NOW, NOW, "problems", counts)
    screen = " ".join(drawn(Seen(replace(EMPTY, finished=[run]), FREE), 60).split())
    assert "3 attempts failed, 14 documents missing, 2 observations, 30 requests completed" in screen


def test_a_part_without_progress_has_neither_speed_nor_time_left() -> None:
    fresh = replace(PART, done=0, ready=None, percent=0)
    assert speed(fresh, NOW) == speed(replace(PART, started=None), NOW) == ""
    assert "- left" in drawn(Seen(replace(EMPTY, in_work=[fresh], running=[WORKING]), HELD))


def test_a_longer_queue_than_shown_is_counted() -> None:
    text = drawn(Seen(replace(EMPTY, queue=[QUEUED] * 7), FREE))
    assert text.count("Laboratorio") == 5
    assert "and 2 more companies" in text


def test_what_needs_a_look_is_told_first() -> None:
    lacking = {"kind": "missing", "equipment": "EQ-1", "document": "Manual", "path": "m.pdf", "reason": "no existe"}
    archive = ArchiveShown("p", "C", 1, 1, 1, "", NOW, NOW, "n", [lacking])
    old = replace(QUEUED, oldest=NOW - timedelta(hours=1), retrying=1, last_error="disco lleno")
    view = replace(EMPTY, queue=[old], in_work=[PART], finished=[replace(DONE, outcome="crashed")], archives=[archive])
    assert told(view).splitlines() == [
        "1 part left by a run that is gone; the next run takes them back",
        "a request waits for 1h and no run works: samzip doctor",
        "Laboratorio Andino Ltda: 1 part to be tried again. Last error: disco lleno",
        "the last run ended early: crashed",
        "1 document missing, 0 damaged in the archives shown by samzip status",
    ]
    lines = drawn(Seen(view, FREE)).splitlines()
    assert all(line.startswith("! ") for line in lines[1:6])
    assert "dead: nobody holds the lock" in told(replace(EMPTY, running=[WORKING]), FREE)


def test_no_value_steers_the_terminal_or_is_taken_for_markup() -> None:
    evil = "[red]X[/red]\nQueue: empty\x1b[2J"
    view = replace(EMPTY, queue=[replace(QUEUED, company=evil)], in_work=[replace(PART, company=evil, step=evil)])
    text = drawn(Seen(view, FREE), 120)
    assert "\x1b" not in text
    assert "[red]X" in text
    assert "Queue: empty" not in text.splitlines()


def test_a_database_that_is_away_is_told_with_the_last_that_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Seen(replace(EMPTY, queue=[QUEUED]), FREE)
    answers: list[Seen | BaseException] = [seen, DatabaseUnreachable("no answer"), seen, KeyboardInterrupt()]
    drawings: list[str] = []

    def look() -> Seen:
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def keep(seen: Seen, zone: ZoneInfo, limit: int, width: int, away: tuple[datetime, str] | None) -> object:
        drawings.append(away[1] if away else "")
        return picture(seen, zone, limit, width, away)

    monkeypatch.setattr(watching, "EVERY_S", 0)
    monkeypatch.setattr(watching, "picture", keep)
    screen = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    with pytest.raises(KeyboardInterrupt):
        watch(look, BOGOTA, 5, screen)
    assert drawings == ["", "no answer", ""]
    written = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "database away since" in written
    assert "Laboratorio" in written
    assert written.rindex("\x1b[?1049l") > written.rindex("\x1b[?1049h"), "the terminal is as it was"


def test_a_database_that_is_away_from_the_start_is_an_error() -> None:
    def look() -> Seen:
        raise DatabaseUnreachable("no answer")

    with pytest.raises(DatabaseUnreachable):
        watch(look, BOGOTA, 5, Console(file=io.StringIO()))
