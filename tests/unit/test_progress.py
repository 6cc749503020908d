"""The terminal's display, recorded: what a person sees at 60, 80 and 120 columns."""

from __future__ import annotations

import functools
import io
import re
import sys
import threading
from datetime import UTC, datetime
from typing import TextIO, cast

import pyte
import pytest
from rich.console import Console

from samzip import events as e
from samzip.report.log import GuardedStream
from samzip.report.progress import MISSING_SHOWN, Bars, ProgressDisplay

MOMENT = datetime(2026, 11, 24, 20, 40, 1, tzinfo=UTC)
PATH = "zip_requests/1/20251030_133500_parte_1_req_47.zip"
STARTED = e.RunStarted("r1", "host", 12, 2, None)


def ref(part: int = 1, company: str = "CERTIBOY S.A.S.", company_id: int = 1) -> e.PartRef:
    return e.PartRef(company_id, company, part, 2, 46 + part, "CERTIBOY")


def start(which: e.PartRef) -> e.PartStarted:
    return e.PartStarted(which, 3, 35, 69, 2, 1)


def progress(which: e.PartRef, percent: int, code: str = "EQ-014") -> e.PartProgressed:
    return e.PartProgressed(which, 13, 35, code, percent, "", 4_000_000, 9_000_000)


def publish(which: e.PartRef, missing: int = 0, reused: bool = False) -> e.PartPublished:
    return e.PartPublished(which, PATH, 15234567, "ab", 300, missing, 3, 4.2, MOMENT, reused)


def console(width: int = 80) -> Console:
    return Console(record=True, width=width, height=40, force_terminal=True, file=io.StringIO(), highlight=False)


class Screen:
    """A display with what is on it: its bars as they are, and the lines that it printed."""

    def __init__(self, width: int = 80) -> None:
        self.console = console(width)
        self.display = ProgressDisplay(self.console)
        self.now = 100.0
        self.display._bars.get_time = lambda: self.now

    def show(self, *events: e.Event) -> None:
        for event in events:
            self.display(event)

    def bars(self) -> list[str]:
        paper = Console(width=self.console.width, file=io.StringIO(), force_terminal=True, color_system=None)
        paper.print(self.display._bars.get_renderable())
        return cast(io.StringIO, paper.file).getvalue().splitlines()

    def printed(self) -> list[str]:
        # The record keeps a bar that was wiped before the line that took its place was written.
        text = re.sub(r"^.*?(?=[✓✗⚠] )", "", self.console.export_text(clear=False), flags=re.MULTILINE)
        return [line.rstrip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_the_bars_show_the_run_and_each_part_in_work(width: int) -> None:
    screen = Screen(width)
    with screen.display:
        screen.show(STARTED, e.RequestsCollapsed(6, 2), start(ref(1)), start(ref(2)))
        for percent in (24, 25):
            screen.now += 1
            screen.show(progress(ref(1), 2 * percent), progress(ref(2), percent, "EQ-049"))
        total, first, second = screen.bars()
    assert re.match(r"Total +0/2 ", total)
    assert " 37%" in total
    assert re.match(r"CERTIBOY S.A.S. 1/2 ", first)
    assert " 50%" in first
    assert re.match(r"CERTIBOY S.A.S. 2/2 ", second)
    assert " 25%" in second
    assert ("EQ-049" in second) == (width >= 60)
    assert ("1,9 MiB/s" in second) == (width >= 80)
    assert second.endswith("  1:15")
    assert all(len(row) <= width and "━" in row for row in (total, first, second))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_long_company_leaves_room_for_its_numbers(width: int) -> None:
    which = e.PartRef(1, "Laboratorio de Metrología y Calibración del Norte " * 3, 123, 300, 1, "ana")
    screen = Screen(width)
    with screen.display:
        screen.show(STARTED, start(which), progress(which, 99, "CÓDIGO-INTERNO-MUY-LARGO-0001"))
        row = screen.bars()[1]
    assert len(row) <= width
    assert "… 123/300 CÓDIGO-" in row
    assert " 99%" in row
    assert row.count("━") >= 4


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_finished_part_leaves_a_lasting_line(width: int) -> None:
    screen = Screen(width)
    with screen.display:
        screen.show(STARTED, start(ref(1)), start(ref(2)), publish(ref(1), missing=3))
        screen.show(publish(ref(2), reused=True))
        assert len(screen.bars()) == 1
    printed = screen.printed()
    assert any(line.startswith("✓ CERTIBOY S.A.S. 1/2") for line in printed)
    assert any("14,5 MiB, 4,2 s" in line for line in printed)
    assert any(PATH in line for line in printed)  # in one piece
    assert any("14,5 MiB, reutilizado" in line for line in printed)
    assert "⚠ 3 documentos faltantes, 0 observaciones: ver FALTANTES.txt" in printed


def test_a_failed_part_leaves_its_reason() -> None:
    screen = Screen(120)
    with screen.display:
        screen.show(STARTED, start(ref(1)), e.PartFailed(ref(1), "disco lleno", 3, None))
    expected = "✗ [ERROR] Solicitud #47 (CERTIBOY S.A.S., parte 1/2), intento 3: disco lleno; sin más intentos"
    assert expected in screen.printed()


def test_a_part_that_starts_again_is_counted_once() -> None:
    screen = Screen()
    with screen.display:
        screen.show(STARTED, start(ref(1)), e.PartFailed(ref(1), "x", 1, MOMENT))
        assert "1/1" in screen.bars()[0]
        screen.show(start(ref(1)))
        assert "0/1" in screen.bars()[0]
        screen.show(start(ref(1)), publish(ref(1)))
        assert "1/1" in screen.bars()[0]
        assert len(screen.bars()) == 1


def test_warnings_go_above_the_bars_and_the_rest_does_not() -> None:
    screen = Screen(120)
    with screen.display:
        screen.show(STARTED, e.CleaningStarted(), e.HistoryDeleted(3), start(ref(1)))
        screen.show(e.RequestRejected(9, "la empresa fue eliminada"), e.StopRequested("SIGTERM"))
        screen.show(e.PartReleased(ref(1)))
    printed = "\n".join(screen.printed())
    assert "⚠ [RECHAZADO] Solicitud #9: la empresa fue eliminada" in printed
    assert "⚠ [DETENIDO] Señal SIGTERM" in printed
    assert "[LIMPIEZA]" not in printed


def test_missing_documents_are_named_up_to_a_few() -> None:
    screen = Screen(120)
    with screen.display:
        screen.show(STARTED, start(ref(1)))
        for number in range(50):
            screen.show(e.DocumentMissing(ref(1), f"EQ-{number}", "Manual", "m.pdf", "no existe"))
    assert sum("[FALTANTE]" in line for line in screen.printed()) == MISSING_SHOWN


def test_the_summary_comes_last_and_the_bars_are_gone() -> None:
    screen = Screen(120)
    with screen.display:
        screen.show(STARTED, start(ref(1)), publish(ref(1)))
        screen.show(e.RunFinished("r1", "done", e.Counts(published=1), 4.2))
        assert not screen.display._bars.live.is_started
    assert screen.printed()[-1] == (
        "✓ [FIN] 1 parte publicada, 0 reutilizadas, 0 fallidas, 0 documentos faltantes, 0 archivos vencidos en 4,2 s"
    )


def test_an_idle_run_draws_no_bar() -> None:
    screen = Screen()
    with screen.display:
        screen.show(STARTED, e.CleaningStarted(), e.QueueEmpty(1, 0))
        assert not screen.display._bars.live.is_started


def test_a_run_that_goes_on_says_that_it_waits() -> None:
    screen = Screen(60)
    with screen.display:
        screen.show(e.RunStarted("r1", "h", 1, 1, 5.0), start(ref(1)), publish(ref(1)), e.QueueEmpty(4, 0))
        (row,) = screen.bars()
    assert "Cola vacía, esperando..." in row
    assert "1/1" not in row


def test_the_workbook_is_told_while_no_part_is_in_work() -> None:
    screen = Screen(60)
    with screen.display:
        screen.show(STARTED, e.RequestsCollapsed(2, 2), e.CompanyPreparing(1, "CERTIBOY S.A.S.", 69, 3))
        assert "0/2 partes Excel de CERTIBOY S.A.S." in screen.bars()[0]


def test_a_company_cannot_speak_markup_or_escape_sequences() -> None:
    which = ref(1, company="[red]x[/red]\n\x1b[31m")
    screen = Screen(120)
    with screen.display:
        screen.show(STARTED, start(which), progress(which, 15, "[b]E[/b]"))
        row = screen.bars()[1]
        screen.show(e.PartDropped(which, "[/] [link=x]\x1b]0;t\x07"), publish(which))
    assert r"[red]x[/red]\n\x1b[31m 1/2 [b]E[/b]" in row
    printed = "\n".join(screen.printed())
    assert r"([red]x[/red]\n\x1b[31m, parte 1/2): [/] [link=x]\x1b]0;t\x07;" in printed
    assert r"✓ [red]x[/red]\n\x1b[31m 1/2" in printed


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    screen = Screen()
    with screen.display:
        screen.show(STARTED, start(ref(1)), progress(ref(1), 50), publish(ref(1)))
    written = cast(io.StringIO, screen.console.file).getvalue()
    assert "✓" in written
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", written)


def test_a_terminal_without_these_characters_gets_plain_ones() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as stream:
        display = ProgressDisplay(Console(file=cast(TextIO, GuardedStream(stream)), width=80))
        with display:
            display(e.RunFinished("r1", "done", e.Counts(published=1), 4.2))
        stream.flush()
        assert raw.getvalue().startswith(b"+ [FIN] 1 parte publicada")


def test_a_terminal_that_goes_away_does_not_end_the_run() -> None:
    stream = io.StringIO()
    stream.close()
    display = ProgressDisplay(file=stream)
    with display:
        for event in (STARTED, start(ref(1)), publish(ref(1))):
            display(event)
    assert isinstance(display.lost, ValueError)


def test_standard_output_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    with screen.display:
        screen.show(STARTED, start(ref(1)))
        print('{"result": 1}')
    assert capsys.readouterr().out == '{"result": 1}\n'


def test_it_refreshes_at_most_eight_times_a_second() -> None:
    assert Bars(console()).live.refresh_per_second <= 8


def test_lines_stay_whole_while_the_bars_are_drawn_by_another_thread(request: pytest.FixtureRequest) -> None:
    """Both count the rows that stand there to wipe them: whoever counts between the other's wiping and drawing wipes a
    line too many, or leaves a bar."""
    request.addfinalizer(functools.partial(sys.setswitchinterval, sys.getswitchinterval()))
    sys.setswitchinterval(1e-5)
    written = io.StringIO()
    drawn = ProgressDisplay(Console(width=80, height=40, force_terminal=True, file=written, color_system=None))
    ended = threading.Event()

    def refresh() -> None:
        while not ended.is_set():
            drawn._bars.refresh()

    with drawn:
        drawn(e.RequestsCollapsed(400, 400))
        drawn(start(ref(1)))
        threads = [threading.Thread(target=refresh) for _ in range(2)]
        for thread in threads:
            thread.start()
        for part in range(2, 102):
            drawn(start(ref(part)))
            drawn(publish(ref(part)))
        ended.set()
        for thread in threads:
            thread.join()
    screen = pyte.Screen(80, 400)
    pyte.Stream(screen).feed(written.getvalue().replace("\n", "\r\n"))
    shown = [line.rstrip() for line in screen.display if line.strip()]
    assert [line.split()[3] for line in shown[::2]] == [f"{part}/2" for part in range(2, 102)]
    assert [line.strip() for line in shown[1::2]] == [PATH] * 100
