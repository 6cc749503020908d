"""The index of the archive's documents, and links to them that work once the parts are extracted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

LINKS_LIMIT = 65_530  # hyperlinks that Excel opens on one sheet: "Excel specifications and limits"
LINK_LENGTH_LIMIT = 2_079  # characters; a longer one makes Excel repair the workbook

_RESERVED = re.compile(r"[\x00-\x7f]+")
_SAFE = "/!$&'()*+,;=@"  # of RFC 3986's path; ':' is not, lest a first segment look like a scheme


@dataclass(frozen=True, slots=True)
class IndexLine:
    """An entry of the archives, or a document that is missing."""

    equipment: str | None  # plan.shown_code of the instrument; None for a procedure, and for what tells of the whole
    title: str  # for people
    part: int | None  # from 1; None: it is in every part
    entry: str | None  # full path in the archive, with the company's folder; None when it is missing
    size: int | None = None  # bytes; None for what is made after the workbook
    missing: str | None = None  # why, in Spanish
    note: str | None = None  # on what is there: "archivo vacío"
    home: str | None = None  # its owner's folder, with the company's


def below_company(entry: str) -> str:
    """The entry's path seen from the workbook, which lies in the company's folder."""
    _, slash, rest = entry.partition("/")
    return rest if slash else entry


def folder(line: IndexLine) -> str | None:
    """Where the document lies below the company's folder, "" at its top; where its owner's lie when it is missing."""
    if line.entry is None:
        return below_company(line.home) if line.home else None
    return below_company(line.entry).rpartition("/")[0]


def file_name(line: IndexLine) -> str | None:
    return None if line.entry is None else line.entry.rpartition("/")[2]


def state(line: IndexLine) -> str:
    if not is_included(line):
        return f"falta: {line.missing or 'sin motivo registrado'}"
    return f"incluido ({line.note})" if line.note else "incluido"


def is_included(line: IndexLine) -> bool:
    return line.missing is None and line.entry is not None


def link(line: IndexLine) -> str | None:
    """Relative reference to the entry; None if there is none, or none that Excel would open."""
    return target(line.entry) if is_included(line) else None


def target(entry: str | None) -> str | None:
    """Relative reference to an entry from the workbook's folder, an IRI (RFC 3987); None if Excel would not open it.

    Only ASCII is percent-encoded. Windows reads other percent-encoded bytes of a file name in the
    machine's code page, so "ñ" stays "ñ" (RFC 8089, appendix E, "UrlCreateFromPath").
    """
    if entry is None:
        return None
    reference = _RESERVED.sub(lambda ascii_run: quote(ascii_run[0], safe=_SAFE), below_company(entry))
    return reference if 0 < len(reference) <= LINK_LENGTH_LIMIT else None
