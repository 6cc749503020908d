"""What the page says, state by state."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from samzip.units import customer_size
from samzip.web.part_words import part_words, show_moment, show_span
from samzip.web.words import PageWords, page_words

BOGOTA = ZoneInfo("America/Bogota")
NOW = datetime(2026, 11, 24, 20, 9, tzinfo=UTC)  # 15:09 there
NBSP = "\N{NO-BREAK SPACE}"


def later(**delta: float) -> str:
    return (NOW + timedelta(**delta)).isoformat().replace("+00:00", "Z")


def part(status: str = "pending", number: int = 1, parts: int = 2, **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(
        ("step", "position", "attempt", "retry_at", "created", "started", "estimated", "completed", "expires", "error")
    )
    archive = dict.fromkeys(("file_name", "size", "sha256", "download_url"))
    return {
        **empty,
        **archive,
        "id": number,
        "part": number,
        "parts": parts,
        "status": status,
        "percent": 0,
        "equipment": {"done": 0, "total": 35},
        "missing": 0,
        "doubtful": 0,
        "warnings": [],
        **values,
    }


def page(*states: str, **values: Any) -> PageWords:
    parts = [part(state, number, len(states)) for number, state in enumerate(states, 1)]
    working = any(state in ("pending", "processing") for state in states)
    status = {
        "company": "CERTIBOY S.A.S.",
        "now": later(),
        "percent": 40,
        "working": working,
        "can_cancel": working,
        "poll_after": 2 if working else None,
        "parts": parts,
    }
    return page_words({**status, **values}, BOGOTA)


def lines(status: str, **values: Any) -> list[str]:
    return part_words(part(status, **values), NOW, BOGOTA).lines


@pytest.mark.parametrize(
    ("states", "tone", "headline", "summary"),
    [
        ("pending pending", "work", "Su solicitud está en la cola", "Su solicitud quedó registrada."),
        ("pending cancelled", "work", "Su solicitud está en la cola", "Su solicitud quedó registrada."),
        (
            "completed processing",
            "work",
            "Estamos preparando su descarga",
            "1 de 2 partes está lista. Cada parte se puede descargar apenas esté lista.",
        ),
        (
            "completed pending failed",
            "work",
            "Estamos preparando su descarga",
            "1 de 3 partes está lista. Una parte falló.",
        ),
        ("completed completed", "ready", "Su descarga está lista", "Las 2 partes están listas."),
        ("completed cancelled", "ready", "Su descarga está lista", "1 de 2 partes está lista."),
        ("completed expired", "ready", "Una parte de su descarga venció", "1 de 2 partes está lista."),
        (
            "completed completed failed",
            "trouble",
            "Una parte no se pudo generar",
            "2 de 3 partes están listas. Una parte falló.",
        ),
        (
            "completed failed failed",
            "trouble",
            "2 partes no se pudieron generar",
            "1 de 3 partes está lista. 2 partes fallaron.",
        ),
        ("failed failed", "trouble", "Su descarga no se pudo generar", "2 partes fallaron."),
        ("expired expired", "over", "Su descarga venció", ""),
        ("completed", "ready", "Su descarga está lista", "El archivo está listo."),
        ("pending", "work", "Su solicitud está en la cola", "Su solicitud quedó registrada."),
        (
            "processing pending",
            "work",
            "Estamos preparando su descarga",
            "Cada parte se puede descargar apenas esté lista.",
        ),
        ("processing", "work", "Estamos preparando su descarga", "El archivo se está generando."),
        ("failed", "trouble", "Su descarga no se pudo generar", ""),
    ],
)
def test_the_headline_and_the_summary_fit_every_mixture(states: str, tone: str, headline: str, summary: str) -> None:
    words = page(*states.split())
    assert (words.tone, words.headline, words.summary) == (tone, headline, summary)
    assert words.lead


def test_the_windows_title_tells_progress_while_there_is_some() -> None:
    assert page("processing", "pending").title == "40 % · Estamos preparando su descarga"
    assert page("completed", "completed").title == "Su descarga está lista"


def test_one_button_asks_for_all_parts_again_and_each_has_its_own_only_if_they_differ() -> None:
    assert (page("expired", "expired").again, page("expired", "expired").single) == ("Solicitar todo de nuevo", False)
    assert (page("failed", "failed", "completed").again, page("failed", "completed").again) == (
        "Generar todo de nuevo",
        None,
    )
    assert page("failed", "completed").single
    assert (page("expired").again, page("expired").single) == (None, True)
    assert [one.again for one in page("failed", "expired", "cancelled", "completed", "pending").parts] == [
        "Generar de nuevo",
        "Solicitar de nuevo",
        None,
        None,
        None,
    ]


def test_a_finished_page_looks_again_each_minute_and_when_something_expires() -> None:
    def poll(*expiries: str) -> int | None:
        parts = [part("completed", number, expires=expires) for number, expires in enumerate(expiries, 1)]
        return page("completed", parts=parts).poll

    assert page("processing").poll == 2
    assert poll(later(hours=5), later(hours=6)) == 60
    assert poll(later(hours=5), later(seconds=20)) == 21
    assert poll(later(seconds=-5)) == 1
    assert (page("failed").poll, page("failed").refresh) == (None, None)
    assert (page("pending").refresh, page("completed").refresh) == (10, 60)


def test_a_waiting_part_tells_its_place_or_why_it_waits() -> None:
    assert lines("pending", position=1) == ["Es la siguiente."]
    assert lines("pending", position=12) == ["Lugar 12 en la cola."]
    assert lines("pending") == []
    assert lines("pending", position=3, error="disco lleno.", retry_at=later(minutes=5, seconds=3)) == [
        "El intento anterior falló: disco lleno.",
        f"Se intenta de nuevo en 5{NBSP}min.",
    ]
    assert lines("pending", error="disco lleno", retry_at=later(seconds=-1))[1] == "Se intenta de nuevo enseguida."
    assert lines("pending", position=1, error="el inventario cambió; se genera de nuevo") == [
        "El inventario cambió; se genera de nuevo.",
        "Es la siguiente.",
    ]


def test_a_part_in_work_tells_its_step_and_when_it_should_be_ready() -> None:
    step = "Procesando equipo 3/35: EQ-003"
    assert lines("processing", step=step, estimated=later(minutes=3)) == [
        step,
        f"Estará lista en unos 3{NBSP}min.",
    ]
    assert lines("processing", estimated=later(seconds=40)) == [
        "Preparando los documentos…",
        "Estará lista en menos de un minuto.",
    ]
    assert lines("processing", step=step, estimated=later(minutes=-3))[1] == "Estará lista en menos de un minuto."


def test_a_part_that_is_ready_tells_what_it_is_and_until_when() -> None:
    assert lines("completed", size=12_400_000, expires=later(hours=5, minutes=32)) == [
        f"35 equipos · 12,4{NBSP}MB",
        f"Disponible hasta las 20:41 (quedan 5{NBSP}h{NBSP}32{NBSP}min).",
    ]
    assert lines("completed", size=1, expires=later(seconds=30))[1].endswith("(queda menos de un minuto).")


def test_a_part_that_ended_tells_why() -> None:
    assert lines("failed", error="disco lleno") == ["Motivo: disco lleno."]
    assert lines("failed") == []
    again = "Si hace falta, solicite el ZIP de nuevo en SAM."
    assert lines("cancelled", error="cancelada por el operador") == ["Motivo: cancelada por el operador.", again]
    assert lines("cancelled") == [again]
    assert lines("expired", expires=later(hours=-1)) == ["Se podía descargar hasta las 14:09."]
    assert lines("expired") == ["El tiempo para descargarla terminó."]


def test_missing_documents_are_grouped_by_instrument_and_come_before_remarks() -> None:
    def warning(kind: str, equipment: str, document: str, reason: str) -> dict[str, str]:
        return {"kind": kind, "equipment": equipment, "document": document, "path": "p", "reason": reason}

    shown = part_words(
        part(
            "completed",
            missing=250,
            doubtful=1,
            warnings=[
                warning("note", "EQ-002", "Manual", "está vacío"),
                warning("missing", "EQ-001", "Compra", "no existe"),
                warning("missing", "", "Procedimiento P-1", "no existe"),
                warning("missing", "EQ-001", "Manual", "no existe"),
            ],
        ),
        NOW,
        BOGOTA,
    )
    assert [(group.owner, group.lines) for group in shown.groups] == [
        ("Equipo EQ-001", ["Compra: no existe", "Manual: no existe"]),
        ("De la empresa", ["Procedimiento P-1: no existe"]),
        ("Equipo EQ-002", ["Manual: está vacío"]),
    ]
    assert shown.unlisted == 247
    assert shown.warning == (
        "Faltan 250 documentos: FALTANTES.txt, dentro del ZIP, dice por qué. "
        "Hay 1 observación sobre documentos que sí están en el ZIP."
    )
    one = part_words(part("completed", missing=1), NOW, BOGOTA)
    assert one.warning == "Falta 1 documento: FALTANTES.txt, dentro del ZIP, dice por qué."
    assert part_words(part("completed"), NOW, BOGOTA).warning == ""


def test_a_single_part_is_not_numbered_and_an_unknown_status_is_shown_as_it_is() -> None:
    assert part_words(part(parts=1), NOW, BOGOTA).name == "Archivo ZIP"
    assert part_words(part("archived"), NOW, BOGOTA).badge == "archived"


def test_moments_are_told_as_one_says_them() -> None:
    def told(**delta: float) -> str:
        return show_moment(NOW + timedelta(**delta), NOW, BOGOTA)

    assert told() == "las 15:09"
    assert told(hours=-2) == "las 13:09"
    assert told(hours=10) == "mañana a la 01:09"
    assert told(hours=-20) == "ayer a las 19:09"
    assert told(days=6) == "el 30/11 a las 15:09"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "menos de un minuto"),
        (59, "menos de un minuto"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h"),
        (20_000, "5 h 33 min"),
    ],
)
def test_spans_are_told_in_hours_and_minutes(seconds: int, told: str) -> None:
    assert show_span(timedelta(seconds=seconds)).replace(NBSP, " ") == told


@pytest.mark.parametrize(
    ("size", "told"),
    [(0, "0 bytes"), (999, "999 bytes"), (81_700, "81,7 kB"), (142_300, "142 kB"), (1_500_000_000, "1,5 GB")],
)
def test_sizes_are_told_with_a_decimal_comma(size: int, told: str) -> None:
    assert customer_size(size).replace(NBSP, " ") == told
