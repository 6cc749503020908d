"""What a life sheet is made from, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass

from samzip.catalog.model import Company, Equipment


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
    logo: bytes | None = None  # image file, any format that Pillow reads
    photo: bytes | None = None  # image file, any format that Pillow reads
    timezone: str = "America/Bogota"  # IANA name; datetimes are shown in it


@dataclass(frozen=True, slots=True)
class Rendered:
    """The PDF, and what could not be shown as it was given (Spanish)."""

    pdf: bytes
    notes: tuple[str, ...] = ()
    photo_problem: str | None = None  # why the photo is not shown; one of the notes tells it too
