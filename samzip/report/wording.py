"""What operators read about each event: one table, in the vocabulary that they search their logs for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime, tzinfo
from logging import DEBUG, ERROR, INFO, WARNING
from typing import Any

from samzip import events as e

# A field that would be taken for the log's own, or that is better known by another name.
_FIELD_NAMES = {"request_id": "request", "level": "deflate_level"}

WAITING = "Cola vacía, esperando..."
OF_COMPANY = "documentos de la empresa"  # as FALTANTES.txt calls its procedures and its logo


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the text log; the fields are those of the whole event."""

    level: int  # as in `logging`
    event_id: str  # English, stable: alerts depend on it
    text: str  # Spanish, one line, printable
    fields: dict[str, Any]  # values that JSON knows


@dataclass(frozen=True, slots=True)
class Wording:
    level: int | Callable[[Any], int]
    event_id: str
    text: Callable[[Any], Sequence[str]]  # at least one line


def lines(event: e.Event, zone: tzinfo = UTC) -> list[Line]:
    """Word one event; times in the text are in `zone`, those in the fields in UTC."""
    wording = TABLE[type(event)]
    level = wording.level if isinstance(wording.level, int) else wording.level(event)
    values = flatten(event)
    # Escaping the finished line is escaping every value in it, and no template can forget to.
    texts = [printable(text) for text in wording.text(_local(event, zone))]
    return [Line(level, wording.event_id, text, values) for text in texts]


def summary_text(event: e.RunFinished) -> list[str]:
    """How a run ended, for the log and for the terminal."""
    return [f"[FIN] {_summary(event)}"]


def printable(value: str) -> str:
    r"""`value` with whatever could forge a line or steer a terminal shown as \n, \x1b, \u202e."""
    if value.isprintable():
        return value
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in value)


def flatten(value: Any) -> dict[str, Any]:
    """The fields of an event and of the values that it holds, side by side, as JSON knows them."""
    flat: dict[str, Any] = {}
    for item in fields(value):
        content = getattr(value, item.name)
        if is_dataclass(content):
            flat.update(flatten(content))
            continue
        if isinstance(content, datetime):
            content = content.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        elif isinstance(content, float):
            content = round(content, 3)
        flat[_FIELD_NAMES.get(item.name, item.name)] = content
    return flat


def count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def size_text(size: float) -> str:
    """Bytes as people in Colombia write them: 14,5 MiB, with the units that every other output of samzip has."""
    if size < 1024:
        return f"{size:.0f} bytes"
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1000 or unit == "GiB":
            break
    return f"{size:.1f} {unit}".replace(".", ",")


def duration_text(seconds: float) -> str:
    if seconds < 59.95:
        return f"{seconds:.1f} s".replace(".", ",")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _local(event: e.Event, zone: tzinfo) -> e.Event:
    values = {item.name: getattr(event, item.name) for item in fields(event)}
    times = {name: value.astimezone(zone) for name, value in values.items() if isinstance(value, datetime)}
    return replace(event, **times) if times else event


def _part(ref: e.PartRef) -> str:
    return f"{ref.company}, parte {ref.part}/{ref.parts}"


def _request(ref: e.PartRef) -> str:
    return f"Solicitud #{ref.request_id} ({_part(ref)})"


def _run_started(event: e.RunStarted) -> list[str]:
    pace = "una vez" if event.interval is None else f"intervalo: {event.interval:g}s"
    return [f"[INICIO] Procesador de cola ZIP iniciado ({pace})"]


def _orphans(event: e.OrphansRecovered) -> list[str]:
    requests = count(event.requests, "solicitud huérfana", "solicitudes huérfanas")
    files = count(event.files, "archivo temporal eliminado", "archivos temporales eliminados")
    return [f"[RECUPERACIÓN] {requests}: {event.failed} sin más intentos, las demás a la cola; {files}"]


def _orphans_level(event: e.OrphansRecovered) -> int:
    # Somebody killed a run, which is worth a look; that nobody did is not worth a line.
    return WARNING if event.requests or event.failed or event.files else DEBUG


def _archive_expired(event: e.ArchiveExpired) -> list[str]:
    requests = count(event.requests, "solicitud vencida", "solicitudes vencidas")
    return [f"[LIMPIEZA] ZIP vencido: {event.path} ({requests})"]


def _queue_empty(event: e.QueueEmpty) -> list[str]:
    text = f"[ESPERANDO] Iteración {event.iteration}: {WAITING}"
    if event.waiting:
        parts = count(event.waiting, "parte espera su próximo intento", "partes esperan su próximo intento")
        text += f" ({parts})"
    return [text]


def _collapsed(event: e.RequestsCollapsed) -> list[str]:
    requests = count(event.requests, "solicitud pendiente reunida", "solicitudes pendientes reunidas")
    return [f"[DUPLICADOS] {requests} en {count(event.parts, 'parte', 'partes')}"]


def _planned(event: e.CompanyPlanned) -> list[str]:
    size = f"{count(event.equipment, 'equipo', 'equipos')} → {count(event.parts, 'parte', 'partes')}"
    changes = []
    if event.inserted:
        changes.append(count(event.inserted, "solicitud agregada", "solicitudes agregadas"))
    if event.cancelled:
        changes.append(count(event.cancelled, "solicitud cancelada", "solicitudes canceladas"))
    if event.recut:
        changes.append(count(event.recut, "solicitud se genera de nuevo", "solicitudes se generan de nuevo"))
    return [f"[PLAN] Empresa {event.company}: {size}" + (f" ({', '.join(changes)})" if changes else "")]


def _preparing(event: e.CompanyPreparing) -> list[str]:
    return [
        "[EXCEL] Generando Excel consolidado...",
        f"[PROCEDIMIENTOS] Empresa {event.company} tiene {event.procedures} procedimientos",
    ]


def _part_started(event: e.PartStarted) -> list[str]:
    ref = event.ref
    texts = [
        f"[PROCESANDO] Solicitud #{ref.request_id} de {ref.user or 'usuario desconocido'}",
        f"[GENERANDO] Iniciando ZIP para empresa {ref.company} ({event.company_equipment} equipos)",
        f"[COMPRESIÓN] Usando nivel {event.level} para {event.equipment} equipos",
    ]
    if event.attempt > 1:
        texts.append(f"[INTENTO] Intento {event.attempt} de la parte {ref.part}/{ref.parts}")
    return texts


def _progressed(event: e.PartProgressed) -> list[str]:
    if event.code:
        number = min(event.done + 1, event.total)
        return [f"[EQUIPO] Procesando {number}/{event.total} ({event.percent}%): {event.code}"]
    return [f"[PASO] {_request(event.ref)}, {event.percent}%: {event.step}"]


def _missing(event: e.DocumentMissing) -> list[str]:
    owner = f"equipo {event.equipment}" if event.equipment else OF_COMPANY
    path = f" ({event.path})" if event.path else ""
    return [f"[FALTANTE] {_part(event.ref)}, {owner}: {event.document}{path}: {event.reason}"]


def _noted(event: e.DocumentNoted) -> list[str]:
    owner = f"equipo {event.equipment}" if event.equipment else OF_COMPANY if event.document else ""
    what = f"{event.document} ({event.path})" if event.document else ""
    named = ": ".join(filter(None, (owner, what, event.reason)))
    return [f"[OBSERVACIÓN] {_part(event.ref)}, {named}"]


def _sheet_failed(event: e.LifeSheetFailed) -> list[str]:
    what = f"{_part(event.ref)}, equipo {event.equipment}: hoja de vida no generada: {event.reason}"
    return [f"[ERROR] {what}", *(f"[ERROR] {line}" for line in event.traceback.splitlines())]


def _published(event: e.PartPublished) -> list[str]:
    verb = "reutilizado" if event.reused else "completado"
    return [f"[EXITOSO] ZIP {verb}: {event.path} ({event.size} bytes)"]


def _failed(event: e.PartFailed) -> list[str]:
    what = f"{_request(event.ref)}, intento {event.attempt}: {event.reason}"
    if event.retry_at is None:
        return [f"[ERROR] {what}; sin más intentos"]
    return [f"[REINTENTO] {what}; próximo intento {event.retry_at:%Y-%m-%d %H:%M:%S}"]


def _stop_requested(event: e.StopRequested) -> list[str]:
    return [f"[DETENIDO] Señal {event.signal}: las partes en curso vuelven a la cola"]


def _done(done: e.Counts) -> list[str]:
    items = [
        count(done.published, "parte publicada", "partes publicadas"),
        count(done.reused, "reutilizada", "reutilizadas"),
        count(done.failed, "fallida", "fallidas"),
        count(done.missing, "documento faltante", "documentos faltantes"),
        count(done.expired, "archivo vencido", "archivos vencidos"),
    ]
    if done.observations:
        items.append(count(done.observations, "observación", "observaciones"))
    if done.unremoved:
        items.append(count(done.unremoved, "archivo sin borrar", "archivos sin borrar"))
    if done.dropped:
        items.append(count(done.dropped, "parte descartada", "partes descartadas"))
    if done.rejected:
        items.append(count(done.rejected, "solicitud rechazada", "solicitudes rechazadas"))
    return items


def _summary(event: e.RunFinished) -> str:
    prefix = {"interrupted": "Interrumpido: ", "error": "Terminado por un error: "}.get(event.outcome, "")
    return f"{prefix}{', '.join(_done(event.counts))} en {duration_text(event.seconds)}"


def _ended(event: e.RunEnded) -> list[str]:
    return [f"[FIN] Código de salida {event.exit_code}" + (f": {event.reason}" if event.reason else "")]


def _report_failed(event: e.ReportFailed) -> list[str]:
    return [f"[AVISO] No se pudo enviar ({event.channel}: {event.about}): {event.reason}"]


def _stands(event: e.RunStands) -> list[str]:
    parts = count(event.in_work, "parte en curso", "partes en curso")
    return [f"[PROGRESO] {parts}, {event.ready} por empezar; hasta ahora {', '.join(_done(event.counts))}"]


def _part_stands(event: e.PartStands) -> list[str]:
    step = f", {event.step}" if event.step else ""
    size = f"{size_text(event.bytes_done)} de {size_text(event.bytes_total)}"
    where = f"{_part(event.ref)}: {event.percent}%{step}"
    return [f"[PROGRESO] {where}, {size} en {duration_text(event.seconds)}"]


_FINISHED = {"problems": WARNING, "interrupted": WARNING, "error": ERROR}

TABLE: dict[type[e.Event], Wording] = {
    e.RunStarted: Wording(INFO, "run.started", _run_started),
    e.OrphansRecovered: Wording(_orphans_level, "orphans.recovered", _orphans),
    e.CleaningStarted: Wording(INFO, "cleaning.started", lambda _: ["[LIMPIEZA] Limpiando solicitudes antiguas..."]),
    e.HistoryDeleted: Wording(
        INFO, "history.deleted", lambda it: [f"[LIMPIEZA] Eliminadas {it.requests} solicitudes antiguas"]
    ),
    e.ArchiveExpired: Wording(INFO, "archive.expired", _archive_expired),
    e.DeletionFailed: Wording(
        WARNING,
        "deletion.failed",
        lambda it: [f"[LIMPIEZA] No se pudo eliminar {it.path}: {it.reason}; se intentará en la próxima ejecución"],
    ),
    e.QueueEmpty: Wording(INFO, "queue.empty", _queue_empty),
    e.RequestsCollapsed: Wording(INFO, "requests.collapsed", _collapsed),
    e.CompanyPlanned: Wording(INFO, "company.planned", _planned),
    e.RequestRejected: Wording(
        WARNING, "request.rejected", lambda it: [f"[RECHAZADO] Solicitud #{it.request_id}: {it.reason}"]
    ),
    e.CompanyPreparing: Wording(INFO, "company.preparing", _preparing),
    e.PartStarted: Wording(INFO, "part.started", _part_started),
    e.PartProgressed: Wording(lambda it: INFO if it.code else DEBUG, "part.progressed", _progressed),
    e.DocumentMissing: Wording(WARNING, "document.missing", _missing),
    e.DocumentNoted: Wording(lambda it: WARNING if it.is_damaged else INFO, "document.noted", _noted),
    e.LifeSheetFailed: Wording(ERROR, "life_sheet.failed", _sheet_failed),
    e.PartPublished: Wording(INFO, "part.published", _published),
    e.PartFailed: Wording(lambda it: WARNING if it.retry_at else ERROR, "part.failed", _failed),
    e.PartDropped: Wording(
        WARNING, "part.dropped", lambda it: [f"[CANCELADO] {_request(it.ref)}: {it.reason}; nada publicado"]
    ),
    e.PartReleased: Wording(INFO, "part.released", lambda it: [f"[DETENIDO] {_request(it.ref)} de vuelta en la cola"]),
    e.PartsLeft: Wording(
        WARNING,
        "parts.left",
        lambda it: [f"[DETENIDO] no hubo respuesta a tiempo ({it.reason}); la próxima ejecución continúa"],
    ),
    e.StopRequested: Wording(WARNING, "stop.requested", _stop_requested),
    e.RunStands: Wording(INFO, "run.stands", _stands),
    e.PartStands: Wording(INFO, "part.stands", _part_stands),
    e.LogUnwritable: Wording(
        WARNING, "log.unwritable", lambda it: [f"[AVISO] No se puede escribir el registro {it.path}: {it.reason}"]
    ),
    e.RunFinished: Wording(lambda it: _FINISHED.get(it.outcome, INFO), "run.finished", summary_text),
    # The command itself tells on stderr what ended it; nothing is printed twice.
    e.RunEnded: Wording(DEBUG, "run.ended", _ended),
    e.ReportSent: Wording(
        lambda it: DEBUG if it.channel == "ping" else INFO,
        "report.sent",
        lambda it: [f"[AVISO] Enviado ({it.channel}: {it.about})"],
    ),
    e.ReportFailed: Wording(WARNING, "report.failed", _report_failed),
}
