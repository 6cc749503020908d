"""What a life sheet is made from, and what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from samzip.catalog.model import Company, Equipment
from samzip.dossier.moments import aware

NOTHING = "—"  # a value that is not there
DAMAGED = "imagen dañada: no se pudo leer"
NOT_DRAWN = "imagen en un formato que la hoja de vida no muestra"
TOO_LARGE = "imagen demasiado grande para la hoja de vida"
OF_COMPANY = "Empresa, "  # begins a note that all sheets of the company share
LOGO = f"{OF_COMPANY}logo"  # begins a note on it
PHOTO = "imagen del equipo"  # begins a note on it


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why there is no picture, in Spanish."""

    reason: str


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A document of the instrument, as the sheet lists it."""

    title: str  # "Archivo de compra"
    entry: str | None  # name in the archive, relative to the instrument's folder; None when it is not there
    missing: str | None = None  # why it is not there, in Spanish


@dataclass(frozen=True, slots=True)
class LifeSheet:
    """Everything that the sheet shows, and nothing else: equal values give equal bytes."""

    company: Company
    equipment: Equipment
    documents: tuple[DocumentLine, ...] = ()
    logo: bytes | Unreadable | None = None  # image file, any format that Pillow reads; None: the company has none
    photo: bytes | Unreadable | None = None  # the same of the instrument
    timezone: str = "America/Bogota"  # IANA name; datetimes are shown in it


@dataclass(frozen=True, slots=True)
class Rendered:
    """The PDF, and what could not be shown as it was given (Spanish)."""

    pdf: bytes
    notes: tuple[str, ...] = ()
    photo_problem: str | None = None  # why the photo is not shown; one of the notes tells it too
    is_lasting: bool = True  # False: a picture is there and could not be read, which the next time may be otherwise


def newest_record(equipment: Equipment) -> datetime | None:
    """When the newest of an instrument's records was made, aware: the only date that a life sheet has of its own."""
    return max(map(aware, _registered(equipment)), default=None)


def _registered(equipment: Equipment) -> Iterator[datetime]:
    records = (equipment.calibrations, equipment.maintenances, equipment.verifications, equipment.loans)
    for record in (equipment, equipment.decommission, *(one for history in records for one in history)):
        if record is not None and record.registered is not None:
            yield record.registered
