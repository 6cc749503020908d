"""Operators grep for these lines; each is held word for word."""

from __future__ import annotations

import json
import logging
from dataclasses import fields, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from samzip import events as e
from samzip.report import wording

REF = e.PartRef(1, "CERTIBOY S.A.S.", 1, 2, 47, "CERTIBOY")
PATH = "zip_requests/1/20251030_133500_parte_1_req_47.zip"
MOMENT = datetime(2026, 11, 24, 20, 40, 1, tzinfo=UTC)

EVENTS: list[e.Event] = [
    e.RunStarted("r1", "host", 12, 2, 5.0),
    e.OrphansRecovered(2, 1, 3),
    e.CleaningStarted(),
    e.HistoryDeleted(0),
    e.ArchiveExpired(PATH, "CERTIBOY S.A.S.", 2),
    e.DeletionFailed(PATH, "Permission denied"),
    e.QueueEmpty(1, 0),
    e.RequestsCollapsed(6, 2),
    e.CompanyPlanned(1, "CERTIBOY S.A.S.", 69, 2, 1, 1, 1),
    e.RequestRejected(12, "la empresa fue eliminada"),
    e.CompanyPreparing(1, "CERTIBOY S.A.S.", 69, 3),
    e.PartStarted(REF, 3, 35, 69, 2, 1),
    e.PartProgressed(REF, 0, 35, "EQ-001", 15, "Procesando equipo 1/35: EQ-001", 0, 100),
    e.DocumentMissing(REF, "EQ-001", "Manual", "documentos/m.pdf", "no existe"),
    e.DocumentNoted(REF, "EQ-001", "Manual", "documentos/m.pdf", "archivo vacío", is_damaged=False),
    e.LifeSheetFailed(REF, "EQ-001", "KeyError: 'ω'", "Traceback:\n  File a, line 1"),
    e.PartPublished(REF, PATH, 15234567, "ab", 300, 0, 3, 4.2, MOMENT, reused=False),
    e.PartFailed(REF, "disco lleno", 1, MOMENT),
    e.PartDropped(REF, "cancelada"),
    e.PartReleased(REF),
    e.PartsLeft("database is locked"),
    e.StopRequested("SIGTERM"),
    e.RunStands("r1", 1, 2, e.Counts(published=3)),
    e.PartStands(REF, 42, "Generando Excel consolidado...", 1_000_000, 2_000_000, 12.5),
    e.LogUnwritable("/var/log/samzip.log", "Permission denied"),
    e.RunFinished("r1", "done", e.Counts(published=2, missing=3, expired=1), 1.94),
    e.RunEnded("r1", 12, "no space"),
    e.ReportSent("requester", "CERTIBOY"),
    e.ReportFailed("ping", "success", "refused"),
]


def texts(event: e.Event) -> list[str]:
    return [line.text for line in wording.lines(event)]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (e.RunStarted("r1", "h", 1, 2, 5.0), ["[INICIO] Procesador de cola ZIP iniciado (intervalo: 5s)"]),
        (e.CleaningStarted(), ["[LIMPIEZA] Limpiando solicitudes antiguas..."]),
        (e.HistoryDeleted(0), ["[LIMPIEZA] Eliminadas 0 solicitudes antiguas"]),
        (e.QueueEmpty(1, 0), ["[ESPERANDO] Iteración 1: Cola vacía, esperando..."]),
        (
            e.PartStarted(REF, 3, 35, 69, 2, 1),
            [
                "[PROCESANDO] Solicitud #47 de CERTIBOY",
                "[GENERANDO] Iniciando ZIP para empresa CERTIBOY S.A.S. (69 equipos)",
                "[COMPRESIÓN] Usando nivel 2 para 35 equipos",
            ],
        ),
        (
            e.CompanyPreparing(1, "CERTIBOY S.A.S.", 69, 3),
            [
                "[EXCEL] Generando Excel consolidado...",
                "[PROCEDIMIENTOS] Empresa CERTIBOY S.A.S. tiene 3 procedimientos",
            ],
        ),
        (
            e.PartProgressed(REF, 0, 35, "EQ-001", 15, "", 0, 0),
            ["[EQUIPO] Procesando 1/35 (15%): EQ-001"],
        ),
        (
            e.PartProgressed(REF, 1, 35, "EQ-002", 17, "", 0, 0),
            ["[EQUIPO] Procesando 2/35 (17%): EQ-002"],
        ),
        (
            e.PartPublished(REF, PATH, 15234567, "ab", 300, 0, 3, 4.2, MOMENT, reused=False),
            [f"[EXITOSO] ZIP completado: {PATH} (15234567 bytes)"],
        ),
    ],
)
def test_operators_read_the_lines_that_they_know(event: e.Event, expected: list[str]) -> None:
    assert texts(event) == expected


def test_a_run_without_interval_says_that_it_ends() -> None:
    assert texts(e.RunStarted("r", "h", 1, 1, None)) == ["[INICIO] Procesador de cola ZIP iniciado (una vez)"]


def test_a_reused_archive_is_told_apart() -> None:
    event = e.PartPublished(REF, PATH, 10, "ab", 3, 0, 3, 0.0, MOMENT, reused=True)
    assert texts(event) == [f"[EXITOSO] ZIP reutilizado: {PATH} (10 bytes)"]


def test_an_empty_queue_tells_what_waits() -> None:
    assert texts(e.QueueEmpty(3, 1))[0].endswith("esperando... (1 parte espera su próximo intento)")


def test_the_last_instrument_is_never_counted_beyond_the_total() -> None:
    assert texts(e.PartProgressed(REF, 35, 35, "EQ-035", 95, "", 0, 0)) == ["[EQUIPO] Procesando 35/35 (95%): EQ-035"]


def test_a_second_attempt_is_said() -> None:
    assert texts(e.PartStarted(REF, 1, 35, 69, 2, 2))[-1] == "[INTENTO] Intento 2 de la parte 1/2"


def test_the_next_attempt_is_told_in_local_time() -> None:
    (line,) = wording.lines(e.PartFailed(REF, "disco lleno", 1, MOMENT), ZoneInfo("America/Bogota"))
    assert line.text.endswith("intento 1: disco lleno; próximo intento 2026-11-24 15:40:01")
    assert line.fields["retry_at"] == "2026-11-24T20:40:01Z"


def test_a_failure_without_attempts_left_is_an_error() -> None:
    (retried,) = wording.lines(e.PartFailed(REF, "x", 1, MOMENT))
    (final,) = wording.lines(e.PartFailed(REF, "x", 3, None))
    assert (retried.level, retried.text.split()[0]) == (logging.WARNING, "[REINTENTO]")
    assert (final.level, final.text.split()[0]) == (logging.ERROR, "[ERROR]")


def test_the_summary_counts_observations_where_there_are_any() -> None:
    finished = e.RunFinished("r1", "done", e.Counts(published=2, observations=1), 1.94)
    assert wording.summary_text(finished)[0].endswith(" 0 archivos vencidos, 1 observación en 1,9 s")


def test_what_is_odd_is_told_with_what_it_is_about() -> None:
    noted = e.DocumentNoted(REF, "EQ-001", "Manual", "m.pdf", "archivo vacío", is_damaged=False)
    where = "[OBSERVACIÓN] CERTIBOY S.A.S., parte 1/2"
    assert texts(noted) == [f"{where}, equipo EQ-001: Manual (m.pdf): archivo vacío"]
    assert texts(replace(noted, equipment="")) == [f"{where}, documentos de la empresa: Manual (m.pdf): archivo vacío"]
    missing = e.DocumentMissing(REF, "", "Logo de la empresa", "l.png", "el archivo no existe")
    what = "documentos de la empresa: Logo de la empresa (l.png): el archivo no existe"
    assert texts(missing) == [f"[FALTANTE] CERTIBOY S.A.S., parte 1/2, {what}"]
    assert texts(replace(noted, equipment="", document="", path="", reason="un logotipo")) == [f"{where}, un logotipo"]
    assert [wording.lines(replace(noted, is_damaged=bad))[0].level for bad in (False, True)] == [
        logging.INFO,
        logging.WARNING,
    ]


def test_a_life_sheet_that_could_not_be_drawn_is_told_with_the_traceback() -> None:
    event = e.LifeSheetFailed(REF, "EQ-001", "KeyError: 'ω'", "Traceback:\n  File a\x1b, line 1")
    assert texts(event) == [
        "[ERROR] CERTIBOY S.A.S., parte 1/2, equipo EQ-001: hoja de vida no generada: KeyError: 'ω'",
        "[ERROR] Traceback:",
        "[ERROR]   File a\\x1b, line 1",
    ]


def test_the_summary_counts_everything_once() -> None:
    finished = e.RunFinished("r1", "problems", e.Counts(published=2, missing=3, expired=1), 1.94)
    assert wording.summary_text(finished) == [
        "[FIN] 2 partes publicadas, 0 reutilizadas, 0 fallidas, 3 documentos faltantes, 1 archivo vencido en 1,9 s"
    ]


def test_an_interrupted_run_says_so() -> None:
    finished = e.RunFinished("r1", "interrupted", e.Counts(dropped=1, rejected=2), 75)
    (text,) = wording.summary_text(finished)
    assert text.startswith("[FIN] Interrumpido: 0 partes publicadas")
    assert text.endswith("1 parte descartada, 2 solicitudes rechazadas en 1 min 15 s")


def test_every_event_has_wording_and_an_example_here() -> None:
    # Not __subclasses__(): that still lists the classes that slots=True replaced.
    known = {c for c in vars(e).values() if isinstance(c, type) and issubclass(c, e.Event)} - {e.Event}
    assert set(wording.TABLE) == known
    assert {type(event) for event in EVENTS} == known
    ids = [entry.event_id for entry in wording.TABLE.values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_gives_bracketed_lines_and_plain_fields(event: e.Event) -> None:
    lines = wording.lines(event)
    assert lines
    for line in lines:
        assert line.text.startswith("[")
        assert line.text.isprintable()
        assert line.level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
        assert line.fields == json.loads(json.dumps(line.fields))


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_no_field_is_lost_or_taken_for_the_logs_own(event: e.Event) -> None:
    def leaves(value: object) -> int:
        values = [getattr(value, item.name) for item in fields(value)]  # type: ignore[arg-type]
        return sum(leaves(v) if isinstance(v, e.PartRef | e.Counts) else 1 for v in values)

    flat = wording.lines(event)[0].fields
    assert len(flat) == leaves(event)
    assert not {"timestamp", "level", "event"} & flat.keys()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Metrología Ñandú", "Metrología Ñandú"),
        ("a\nb", r"a\nb"),
        ("a\r\tb", r"a\r\tb"),
        ("\x1b[31mrojo", r"\x1b[31mrojo"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb\u2066", r"a\u202eb\u2066"),
        ("a\u2028b\u2029c\x85", r"a\u2028b\u2029c\x85"),
        ("\x00\x7f\ufeff", r"\x00\x7f\ufeff"),
        ("\udc80", r"\udc80"),
    ],
)
def test_a_value_cannot_forge_a_line(value: str, shown: str) -> None:
    assert wording.printable(value) == shown
    ref = e.PartRef(1, value, 1, 2, 47, value)
    assert texts(e.PartStarted(ref, 1, 35, 69, 2, 1))[:2] == [
        f"[PROCESANDO] Solicitud #47 de {shown}",
        f"[GENERANDO] Iniciando ZIP para empresa {shown} (69 equipos)",
    ]


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1,0 KiB"), (15234567, "14,5 MiB"), (2**40, "1024,0 GiB")],
)
def test_sizes_are_written_for_people(size: int, text: str) -> None:
    assert wording.size_text(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0,0 s"), (59.96, "1 min 00 s"), (125, "2 min 05 s"), (3720, "1 h 02 min")]
)
def test_durations_are_written_for_people(seconds: float, text: str) -> None:
    assert wording.duration_text(seconds) == text
