"""What the page says about one part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from samzip.dossier.leeme import count
from samzip.dossier.missing import MISSING
from samzip.units import customer_size

_MINUTE = timedelta(minutes=1)
_BADGES = {
    "pending": "En la cola",
    "processing": "Generando",
    "completed": "Lista",
    "failed": "Falló",
    "cancelled": "Cancelada",
    "expired": "Venció",
}
_NEAR_DAYS = {-1: "ayer", 1: "mañana"}
_ANEW = "Si hace falta, solicite el ZIP de nuevo en SAM."  # no link brings back what an operator may have cancelled
_AGAIN = {"failed": "Generar de nuevo", "expired": "Solicitar de nuevo"}


@dataclass(frozen=True, slots=True)
class Group:
    """What is said about the documents of one instrument."""

    owner: str
    lines: list[str]


@dataclass(frozen=True, slots=True)
class PartWords:
    """One part."""

    id: int  # of its request
    name: str
    state: str  # as in the status: decides the colours
    badge: str
    percent: int | None  # of its bar; None: no bar
    lines: list[str]
    warning: str  # what is missing, in a sentence; "" when nothing is
    groups: list[Group]  # the documents that it speaks of
    unlisted: int  # how many of them are not in `groups`
    file_name: str | None
    sha256: str | None
    download_url: str | None
    again: str | None  # on the button that asks for it again


def part_words(part: dict[str, Any], now: datetime, timezone: tzinfo) -> PartWords:
    """`part` as in the hook's status."""
    state = part["status"]
    return PartWords(
        id=part["id"],
        name=f"Parte {part['part']} de {part['parts']}" if part["parts"] > 1 else "Archivo ZIP",
        state=state,
        badge=_BADGES.get(state, state),
        percent=part["percent"] if state in ("pending", "processing") else None,
        lines=_lines(part, now, timezone),
        warning=_warning(part["missing"], part["doubtful"]),
        groups=_groups(part["warnings"]),
        unlisted=part["missing"] + part["doubtful"] - len(part["warnings"]),
        file_name=part["file_name"],
        sha256=part["sha256"],
        download_url=part["download_url"],
        again=_AGAIN.get(state),
    )


def _lines(part: dict[str, Any], now: datetime, timezone: tzinfo) -> list[str]:
    expires = _time(part["expires"])
    match part["status"]:
        case "pending":
            return _waiting(part, now)
        case "processing":
            return [part["step"] or "Preparando los documentos…", *_estimate(_time(part["estimated"]), now)]
        case "completed":
            until = [f"Disponible hasta {show_moment(expires, now, timezone)}{_left(expires, now)}."] if expires else []
            return [_facts(part), *until]
        case "expired":
            until = [f"Se podía descargar hasta {show_moment(expires, now, timezone)}."] if expires else []
            return until or ["El tiempo para descargarla terminó."]
        case state:
            why = [f"Motivo: {part['error'].rstrip('.')}."] if part["error"] else []
            return [*why, _ANEW] if state == "cancelled" else why


def _waiting(part: dict[str, Any], now: datetime) -> list[str]:
    retry_at = _time(part["retry_at"])
    if retry_at and part["error"]:
        when = f"en {show_span(retry_at - now)}" if retry_at > now else "enseguida"
        return [f"El intento anterior falló: {part['error'].rstrip('.')}.", f"Se intenta de nuevo {when}."]
    error = part["error"] or ""  # why it is built again, though it was ready before
    why = [f"{error[0].upper()}{error[1:].rstrip('.')}."] if error else []
    place = part["position"]
    return why if place is None else [*why, "Es la siguiente." if place == 1 else f"Lugar {place} en la cola."]


def _estimate(estimated: datetime | None, now: datetime) -> list[str]:
    if estimated is None:
        return []
    about = "unos " if estimated - now >= 2 * _MINUTE else ""
    return [f"Estará lista en {about}{show_span(estimated - now)}."]


def _left(expires: datetime, now: datetime) -> str:
    """How long that is from now."""
    left = expires - now
    return f" ({'quedan' if left >= 2 * _MINUTE else 'queda'} {show_span(left)})"


def _facts(part: dict[str, Any]) -> str:
    total, size = part["equipment"]["total"], part["size"]
    facts = [count(total, "equipo", "equipos") if total else "", customer_size(size) if size else ""]
    return " · ".join(filter(None, facts))


def _warning(missing: int, doubtful: int) -> str:
    words = []
    if missing:
        verb, many = "Falta" if missing == 1 else "Faltan", count(missing, "documento", "documentos")
        words.append(f"{verb} {many}: FALTANTES.txt, dentro del ZIP, dice por qué.")
    if doubtful:
        words.append(f"Hay {count(doubtful, 'observación', 'observaciones')} sobre documentos que sí están en el ZIP.")
    return " ".join(words)


def _groups(warnings: list[dict[str, str]]) -> list[Group]:
    """By instrument, what is missing first."""
    groups: dict[str, Group] = {}
    for warning in sorted(warnings, key=lambda warning: warning.get("kind") != MISSING):
        code, document = warning.get("equipment"), warning.get("document")
        owner = f"Equipo {code}" if code else "De la empresa"
        line = ": ".join(text for text in (document, warning.get("reason")) if text)
        groups.setdefault(owner, Group(owner, [])).lines.append(line)
    return list(groups.values())


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def show_moment(at: datetime, now: datetime, timezone: tzinfo) -> str:
    """las 15:09, mañana a las 02:01, el 30/11 a las 15:09: as it goes after "hasta"."""
    local = at.astimezone(timezone)
    clock = f"{'la' if local.hour == 1 else 'las'} {local:%H:%M}"
    days = (local.date() - now.astimezone(timezone).date()).days
    if days == 0:
        return clock
    return f"{_NEAR_DAYS.get(days, f'el {local:%d/%m}')} a {clock}"


def show_span(span: timedelta) -> str:
    """5 h 32 min, 12 min, menos de un minuto; rounded down."""
    minutes = int(span / _MINUTE)
    if minutes < 1:
        return "menos de un minuto"
    hours, rest = divmod(minutes, 60)
    text = " ".join([*([f"{hours} h"] if hours else []), *([f"{rest} min"] if rest else [])])
    return text.replace(" ", "\N{NO-BREAK SPACE}")
