"""The log as a file gets it: whole lines, one object per event, and a run that outlives it."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from samzip import events as e
from samzip.report.log import LogListener, configure

REF = e.PartRef(1, "CERTIBOY S.A.S.", 1, 2, 47, "CERTIBOY")
MOMENT = datetime(2026, 11, 24, 20, 40, 1, 250_000, tzinfo=UTC)
STARTED = e.RunStarted("r1", "host", 12, 2, 5.0)


def listener(
    stream: Any,
    format: str = "text",  # noqa: A002
    level: str = "info",
    run_id: str | None = None,
) -> LogListener:
    return configure(format, level, stream, run_id, zone=ZoneInfo("America/Bogota"), clock=lambda: MOMENT)


def progressed(code: str, done: int = 0) -> e.PartProgressed:
    return e.PartProgressed(REF, done, 35, code, 15, "paso", 0, 0)


def test_text_lines_carry_local_time_and_off_a_terminal_their_runs_id() -> None:
    stream = io.StringIO()
    log = listener(stream)
    for event in (STARTED, e.PartStarted(REF, 3, 35, 69, 2, 1)):
        log(event)
    assert stream.getvalue() == (
        "2026-11-24 15:40:01 r1 [INICIO] Procesador de cola ZIP iniciado (intervalo: 5s)\n"
        "2026-11-24 15:40:01 r1 [PROCESANDO] Solicitud #47 de CERTIBOY\n"
        "2026-11-24 15:40:01 r1 [GENERANDO] Iniciando ZIP para empresa CERTIBOY S.A.S. (69 equipos)\n"
        "2026-11-24 15:40:01 r1 [COMPRESIÓN] Usando nivel 2 para 35 equipos\n"
    )


def test_json_is_one_object_per_event() -> None:
    stream = io.StringIO()
    log = listener(stream, "json", run_id="r1")
    log(e.PartStarted(REF, 3, 35, 69, 2, 1))
    log(e.PartFailed(REF, "disco lleno", 1, MOMENT))
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first == {
        "timestamp": "2026-11-24T20:40:01.250Z",
        "level": "info",
        "event": "part.started",
        "run": "r1",
        "company_id": 1,
        "company": "CERTIBOY S.A.S.",
        "part": 1,
        "parts": 2,
        "request": 47,
        "user": "CERTIBOY",
        "requests": 3,
        "equipment": 35,
        "company_equipment": 69,
        "deflate_level": 2,
        "attempt": 1,
        "message": "[PROCESANDO] Solicitud #47 de CERTIBOY "
        "[GENERANDO] Iniciando ZIP para empresa CERTIBOY S.A.S. (69 equipos) "
        "[COMPRESIÓN] Usando nivel 2 para 35 equipos",
    }
    assert list(first)[:4] == ["timestamp", "level", "event", "run"]
    assert (second["level"], second["event"]) == ("warning", "part.failed")
    assert (second["reason"], second["retry_at"]) == ("disco lleno", "2026-11-24T20:40:01Z")


def test_the_run_is_known_from_its_start() -> None:
    stream = io.StringIO()
    log = listener(stream, "json")
    log(STARTED)
    log(e.CleaningStarted())
    assert [json.loads(line)["run"] for line in stream.getvalue().splitlines()] == ["r1", "r1"]


def test_auto_is_json_off_a_terminal_and_text_on_one() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    pipe, terminal = io.StringIO(), Terminal()
    for stream in (pipe, terminal):
        listener(stream, "auto")(e.CleaningStarted())
    assert json.loads(pipe.getvalue())["event"] == "cleaning.started"
    assert terminal.getvalue().endswith("[LIMPIEZA] Limpiando solicitudes antiguas...\n")


@pytest.mark.parametrize(
    ("level", "words"),
    [
        ("debug", ["[PASO]", "[EQUIPO]", "[FALTANTE]", "[ERROR]"]),
        ("info", ["[EQUIPO]", "[FALTANTE]", "[ERROR]"]),
        ("warning", ["[FALTANTE]", "[ERROR]"]),
        ("error", ["[ERROR]"]),
    ],
)
def test_the_level_filters(level: str, words: list[str]) -> None:
    stream = io.StringIO()
    log = listener(stream, level=level)
    log(progressed(""))
    log(progressed("EQ-001"))
    log(e.DocumentMissing(REF, "EQ-001", "Manual", "m.pdf", "no existe"))
    log(e.PartFailed(REF, "x", 3, None))
    assert [line.split()[2] for line in stream.getvalue().splitlines()] == words


def test_an_instrument_is_named_once_while_it_is_in_work() -> None:
    stream = io.StringIO()
    log = listener(stream)
    for event in (progressed("EQ-001"), progressed("EQ-001"), progressed(""), progressed("EQ-001")):
        log(event)
    log(progressed("EQ-002", 1))
    log(e.PartReleased(REF))
    log(progressed("EQ-002", 1))  # another attempt
    assert [line.split()[-1] for line in stream.getvalue().splitlines()] == [
        "EQ-001",
        "EQ-002",
        "cola",
        "EQ-002",
    ]


FORGED = "x\n2026-11-24 15:40:01 [EXITOSO] ZIP completado\r\x1b[2K\u202e\u2028\x85"


@pytest.mark.parametrize("format_", ["text", "json"])
def test_a_company_cannot_forge_a_line(format_: str) -> None:
    stream = io.StringIO()
    ref = e.PartRef(1, FORGED, 1, 1, 47, FORGED)
    listener(stream, format_)(e.PartDropped(ref, FORGED))
    written = stream.getvalue()
    assert written.endswith("\n")
    assert written[:-1].isprintable()
    assert len(written.splitlines()) == 1
    if format_ == "json":
        assert json.loads(written)["company"] == FORGED


def test_accents_stay_readable_in_json() -> None:
    stream = io.StringIO()
    listener(stream, "json")(e.RequestRejected(1, "Metrología"))
    assert '"reason": "Metrología"' in stream.getvalue()


def test_a_character_that_the_encoding_lacks_is_escaped() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii", write_through=True) as stream:
        listener(stream)(e.CleaningStarted())
        listener(stream)(e.QueueEmpty(1, 0))
        assert raw.getvalue().endswith(b"Iteraci\\xf3n 1: Cola vac\\xeda, esperando...\n")


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_under_the_log_does_not_end_the_run() -> None:
    log = listener(Full())
    log(e.CleaningStarted())
    log(e.CleaningStarted())
    assert isinstance(log.lost, OSError)
    assert log.lost.errno == errno.ENOSPC


def test_a_reader_that_went_away_does_not_end_the_run() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w", buffering=1, encoding="utf-8")
    log = listener(stream)
    log(e.CleaningStarted())
    assert isinstance(log.lost, BrokenPipeError)
    with contextlib.suppress(BrokenPipeError):
        stream.close()


def test_a_closed_stream_does_not_end_the_run() -> None:
    stream = io.StringIO()
    log = listener(stream)
    stream.close()
    log(e.CleaningStarted())
    assert isinstance(log.lost, ValueError)


def test_an_error_that_is_not_the_streams_is_not_hidden() -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise TypeError("a bug")

    with pytest.raises(TypeError):
        listener(Broken())(e.CleaningStarted())


def test_logging_does_not_pay_for_rich_and_leaves_it_importable() -> None:
    code = (
        "import sys, io\n"
        "from samzip.report.log import configure\n"
        "configure('json', 'info', io.StringIO(), 'r1')\n"
        "assert 'structlog' in sys.modules and 'rich' not in sys.modules\n"
        "import rich.progress\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
