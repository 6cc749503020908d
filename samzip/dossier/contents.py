"""The words in which the dossier's modules talk to each other."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A document that the database points to, before anyone looked at it."""

    equipment: str | None  # the instrument as plan.label calls it; None for a procedure
    title: str  # for people: "Certificado de calibración 2"
    path: str  # in the media root, as SAM stores it
    folder: str  # in the archive, '/'-separated, below the company's folder; already clean
    stem: str  # file name without extension, not yet clean


@dataclass(frozen=True, slots=True)
class Document:
    """A document with its place in the archive, or the reason why it is missing."""

    equipment: str | None  # the instrument as plan.label calls it; None for a procedure
    title: str
    path: str  # in the media root
    entry: str | None  # full path in the archive; None when it is missing
    size: int  # bytes; 0 when it is missing
    modified: float  # POSIX seconds; 0 when it is missing
    missing: str | None = None  # why, in Spanish
    note: str | None = None  # delivered, but worth a word: "archivo vacío"
    is_damaged: bool = False  # delivered, but nobody can open it; the note says why
    identity: str = ""  # changes with the content, never opened for it: size and times, or etag


@dataclass(frozen=True, slots=True)
class PartRange:
    """Which instruments a part holds, for LEEME and the names."""

    part: int  # from 1
    first_code: str
    last_code: str
    equipment: int
