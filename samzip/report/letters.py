"""What is written to those who asked (Spanish: customers read it) and to operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from samzip.dossier.missing import DAMAGED, MISSING, tally
from samzip.report.wording import count, printable
from samzip.requests.shown import DeliveredPart, Delivery, Owner
from samzip.units import customer_size

LISTED = 10  # documents that a letter names for each part; FALTANTES.txt has all

Link = Callable[[int, Owner, datetime], str | None]  # request, whose, until when -> address


@dataclass(frozen=True, slots=True)
class Letter:
    """Plain text."""

    title: str
    text: str
    is_bad: bool = False  # services that have colours show it red


def to_requester(delivery: Delivery, zone: tzinfo, link: Link | None) -> Letter:
    """Where it is, how large, what it lacks, and until when it can be downloaded."""
    company = printable(delivery.company)
    ready = [part for part in delivery.parts if part.error is None]
    if not ready:
        title = f"No se pudo generar el ZIP de {company}"
    elif len(ready) < len(delivery.parts):
        title = f"El ZIP de {company} está listo en parte"
    else:
        title = f"El ZIP de {company} está listo"
    addresses = [
        link(part.request_id, delivery.owner, part.expires) if link and part.expires else None
        for part in delivery.parts
    ]
    blocks = [_part(part, zone, address) for part, address in zip(delivery.parts, addresses, strict=True)]
    if ready and not any(addresses):
        blocks.append("Descárguelo en SAM, donde lo solicitó.")
    return Letter(title, "\n\n".join([f"{title.removesuffix('.')}.", *blocks]) + "\n", is_bad=not ready)


def to_operators(host: str, problems: Sequence[str], exit_code: int | None, reason: str) -> Letter:
    """`problems` are lines of the log; `reason` is the error that ended the run, "" for none."""
    where = printable(host)
    if reason:
        title = f"samzip en {where}: la ejecución terminó con un error (código {exit_code})"
    else:
        title = f"samzip en {where}: {count(len(problems), 'parte falló', 'partes fallaron')} sin más intentos"
    body = [f"{title}.", "", *([printable(reason)] if reason else []), *problems, "", ADVICE]
    return Letter(title, "\n".join(body) + "\n", is_bad=True)


ADVICE = "Para saber más: samzip doctor, samzip status."


def _part(part: DeliveredPart, zone: tzinfo, address: str | None) -> str:
    name = "Archivo" if part.parts == 1 else f"Parte {part.part} de {part.parts}"
    if part.error is not None:
        return f"{name}: no se pudo generar ({printable(part.error).removesuffix('.')}). Puede solicitarlo de nuevo."
    lines = [f"{name}: {customer_size(part.size)}"]
    if part.expires is not None:
        lines[0] += f", disponible hasta el {part.expires.astimezone(zone):%Y-%m-%d a las %H:%M}"
    if address:
        lines.append(address)
    if part.warnings:
        found = tally(part.warnings)
        numbers = f"Documentos faltantes: {found.missing}. Observaciones: {found.observations}."
        lines.append(f"{numbers} Todo está en FALTANTES.txt.")
        unusable = [warning for warning in part.warnings if warning["kind"] in (MISSING, DAMAGED)]
        lines += [f"  - {_document(warning)}" for warning in unusable[:LISTED]]
        if len(unusable) > LISTED:
            lines.append(f"  - y {len(unusable) - LISTED} más")
    return "\n".join(lines)


def _document(warning: dict[str, str]) -> str:
    return printable(": ".join(filter(None, (warning["equipment"], warning["document"]))))
