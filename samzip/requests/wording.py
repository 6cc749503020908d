"""What SAM's notifications say (Spanish: customers read them)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Notice:
    """A row of core_notificacionzip before it has a user."""

    kind: str  # zip_ready, zip_failed, zip_expired
    title: str
    text: str


def ready(company: str, part: int, parts: int, *, hours: float, missing: int, observations: int) -> Notice:
    """The archive can be downloaded for `hours` hours."""
    what = f"El ZIP de {company}" if parts == 1 else f"La parte {part} de {parts} del ZIP de {company}"
    text = f"{what} está lista para descargar." if parts > 1 else f"{what} está listo para descargar."
    text += f" Estará disponible durante {hours:g} horas."
    if missing or observations:
        text += f" Documentos faltantes: {missing}. Observaciones: {observations}. Vea FALTANTES.txt."
    return Notice("zip_ready", f"ZIP listo: {company}, parte {part} de {parts}", text)


def failed(company: str, part: int, parts: int, reason: str) -> Notice:
    """The last attempt failed."""
    text = f"No se pudo generar la parte {part} de {parts} del ZIP de {company}: {reason}. Puede solicitarlo de nuevo."
    return Notice("zip_failed", f"ZIP con error: {company}, parte {part} de {parts}", text)


def expired(company: str, part: int, parts: int) -> Notice:
    """The time to download is over."""
    text = f"La parte {part} de {parts} del ZIP de {company} venció y se eliminó. Puede solicitarla de nuevo."
    return Notice("zip_expired", f"ZIP vencido: {company}, parte {part} de {parts}", text)
