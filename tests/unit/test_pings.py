"""When a watch is called, and with which address; tests/integration/test_reports.py calls a real one."""

from __future__ import annotations

from datetime import UTC

import pytest

from samzip import events as e
from samzip.report.outbox import Outbox, Parcel
from samzip.report.pings import EVERY_S, LINES, Pings


class Kept(Outbox):
    """Sends nothing."""

    def __init__(self) -> None:
        super().__init__(lambda event: None)
        self.about: list[str] = []

    def put(self, parcel: Parcel) -> None:
        self.about.append(parcel.about)


class Case:
    def __init__(self) -> None:
        self.now = 1000.0
        self.outbox = Kept()
        self.pings = Pings("https://watch/uuid", self.outbox, UTC, lambda: self.now)

    def hear(self, *events: e.Event) -> list[str]:
        for event in events:
            self.pings(event)
        return self.outbox.about


def started(interval: float | None = None) -> e.RunStarted:
    return e.RunStarted("r1", "host", 12, 2, interval)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (0, ["start", "success"]),
        (3, ["start", "fail, exit code 3"]),
        (12, ["start", "fail, exit code 12"]),
        (75, ["start"]),
        (130, ["start"]),
        (143, ["start"]),
    ],
)
def test_the_end_that_is_told_is_that_of_the_exit_code(code: int, told: list[str]) -> None:
    assert Case().hear(started(), e.QueueEmpty(1, 0), e.RunEnded("r1", code, "")) == told


def test_a_run_that_could_not_begin_fails_without_a_start() -> None:
    assert Case().hear(e.RunEnded("r1", 10, "away")) == ["fail, exit code 10"]


def test_a_run_that_keeps_going_tells_of_a_pass_now_and_then() -> None:
    case = Case()
    case.hear(started(5.0), e.QueueEmpty(1, 0), e.QueueEmpty(2, 0))
    assert case.outbox.about == ["start", "success"]
    case.now += EVERY_S
    case.hear(e.RequestRejected(12, "la empresa fue eliminada"), e.QueueEmpty(3, 0))
    assert case.outbox.about[2:] == ["fail"]
    case.now += EVERY_S
    assert case.hear(e.QueueEmpty(4, 0))[3:] == ["success"]
    case.now += EVERY_S
    assert case.hear(e.QueueEmpty(5, 1))[4:] == ["fail"], "a part waits after a failure"


def test_the_progress_of_a_long_run_does_not_push_out_what_went_wrong() -> None:
    case = Case()
    ref = e.PartRef(1, "CERTIBOY", 1, 2, 7, "ana")
    progress = [e.PartProgressed(ref, number, 400, f"EQ-{number}", 20, "", 0, 0) for number in range(LINES + 5)]
    case.hear(e.RequestRejected(12, "la empresa fue eliminada"), *progress)
    assert [line for line in case.pings._lines if "EQ-" in line] == []
    assert "la empresa fue eliminada" in "".join(case.pings._lines)


def test_only_the_last_lines_are_kept() -> None:
    case = Case()
    case.hear(*[e.HistoryDeleted(number) for number in range(LINES + 5)])
    assert len(case.pings._lines) == LINES
    assert case.pings._lines[0] == "[LIMPIEZA] Eliminadas 5 solicitudes antiguas"
