"""What the page says about a status: pure, in the customers' Spanish.

The page is made on the server at the first look and at every later one, so that its words stand here alone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from samzip.web.answers import is_surplus
from samzip.web.part_words import PartWords, part_words

READY_S = 60  # between two looks at what is ready: its countdown goes by minutes
REFRESH_S = 10  # without JavaScript, while a part is in work: time to read, and to press a button


@dataclass(frozen=True, slots=True)
class PageWords:
    """All that the page says."""

    title: str  # of the browser's window
    company: str
    tone: str  # work, ready, trouble or over: decides the colours
    headline: str
    summary: str  # a screen reader is told whenever it changes: no per cent, no times
    lead: str
    percent: int | None  # of everything; None: no bar
    parts: list[PartWords]
    downloads: int  # parts that are ready
    single: bool  # whether each part has a button of its own to ask for it again
    poll: int | None  # seconds until the next look; None: nothing changes by itself
    refresh: int | None  # the same without JavaScript
    can_cancel: bool
    again: str | None  # on the button that asks again for all that failed or expired, if that is several


def page_words(status: dict[str, Any], timezone: tzinfo) -> PageWords:
    """`status` is what the hook answers; times are told in `timezone`."""
    now = datetime.fromisoformat(status["now"])
    parts = [part_words(part, now, timezone) for part in status["parts"] if not is_surplus(part, status["parts"])]
    states = Counter(part.state for part in parts)
    total = len(parts)
    works = status["working"]
    headline = _headline(states, total)
    again = [part for part in parts if part.again]
    return PageWords(
        title=f"{status['percent']} % · {headline}" if works else headline,
        company=status["company"],
        tone="work" if works else "trouble" if states["failed"] else "ready" if states["completed"] else "over",
        headline=headline,
        summary=_summary(states, total),
        lead=_lead(states, total),
        percent=status["percent"] if works and total > 1 else None,
        parts=parts,
        downloads=states["completed"],
        single=len(again) < total or total == 1,
        poll=_poll(status, now),
        refresh=REFRESH_S if works else READY_S if states["completed"] else None,
        can_cancel=status["can_cancel"],
        again=("Solicitar todo de nuevo" if states["expired"] else "Generar todo de nuevo") if len(again) > 1 else None,
    )


def _headline(states: Counter[str], total: int) -> str:
    failed = states["failed"]
    if states["processing"] or (states["pending"] and states["completed"]):
        return "Estamos preparando su descarga"
    if states["pending"]:
        return "Su solicitud está en la cola"
    if failed == total:
        return "Su descarga no se pudo generar"
    if failed:
        return "Una parte no se pudo generar" if failed == 1 else f"{failed} partes no se pudieron generar"
    if states["completed"]:
        return "Una parte de su descarga venció" if states["expired"] else "Su descarga está lista"
    return "Su descarga venció"


def _summary(states: Counter[str], total: int) -> str:
    ready, works, failed = states["completed"], states["processing"], states["failed"]
    words = []
    if states["pending"] and not (ready or works or failed):
        words.append("Su solicitud quedó registrada.")
    elif total == 1:
        words += ["El archivo está listo."] if ready else ["El archivo se está generando."] if works else []
    elif ready == total:
        words.append(f"Las {total} partes están listas.")
    elif ready:
        words.append(f"{ready} de {total} partes {'está lista' if ready == 1 else 'están listas'}.")
    if works and total > 1:
        words.append("Cada parte se puede descargar apenas esté lista.")
    if failed and total > 1:
        words.append("Una parte falló." if failed == 1 else f"{failed} partes fallaron.")
    return " ".join(words)


def _lead(states: Counter[str], total: int) -> str:
    if states["pending"] or states["processing"]:
        return "Puede cerrar esta página y volver con el mismo enlace: el trabajo continúa."
    if states["failed"]:
        return "Puede pedir que se genere de nuevo. Si vuelve a fallar, avise a quien administra SAM en su empresa."
    if states["completed"] and total > 1:
        return "Descargue todas las partes antes de que venzan y extráigalas en una misma carpeta."
    if states["completed"]:
        return "Descargue el archivo antes de que venza."
    return "Los archivos se guardan solo unas horas. Puede solicitarlos de nuevo."


def _poll(status: dict[str, Any], now: datetime) -> int | None:
    if status["poll_after"] is not None:
        return int(status["poll_after"])
    ends = [
        int((datetime.fromisoformat(part["expires"]) - now).total_seconds()) + 1
        for part in status["parts"]
        if part["status"] == "completed" and part["expires"]
    ]
    return max(1, min(READY_S, *ends)) if ends else None
