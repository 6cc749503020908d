"""FALTANTES.txt: which documents the parts lack, and which this part has but should be looked at. In Spanish.

The conventions of the text are those of LEEME.txt; write it in leeme.TEXT_ENCODING. It names no moment: the same data
gives the same text, and LEEME.txt beside it has the moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from samzip.catalog.model import Company
from samzip.dossier.contents import Document
from samzip.dossier.leeme import finish, heading, numbers, one_line, section

_COMPANY = "Documentos de la empresa"

MISSING = "missing"
DAMAGED = "damaged"
NOTE = "note"


@dataclass(frozen=True, slots=True)
class Tally:
    """What is told of a part wherever it is told: two numbers, and how many of the second make it a problem."""

    missing: int  # documents that are not in the archive
    observations: int  # remarks on what is in it
    damaged: int  # of these, documents that nobody can open


def tally(warnings: Iterable[Mapping[str, str]]) -> Tally:
    """Counts what `warnings` returned, or what was read back of it."""
    kinds = [warning.get("kind") for warning in warnings]
    missing = kinds.count(MISSING)
    return Tally(missing, len(kinds) - missing, kinds.count(DAMAGED))


def missing_list(
    company: Company,
    part: int,
    parts: int,
    documents: Iterable[Document],
    notes: Iterable[str],
    elsewhere: Sequence[tuple[int, Document]] = (),
    of_company: Sequence[str] = (),
) -> str | None:
    """The text of FALTANTES.txt, instruments in the order of their first document; None if there is nothing to say.

    `documents` are those of this part, `notes` are remarks in Spanish that belong to no document, `elsewhere` are what
    the other parts lack, with the part of each: whichever part is extracted last then tells the whole. `of_company` are
    remarks that hold for every part and are counted in the first.
    """
    documents = list(documents)
    missing = [document for document in documents if is_missing(document)]
    remarks = [*map(_remark, _noted(documents)), *map(_listed, notes)]
    if not missing and not remarks and not elsewhere and not of_company:
        return None
    where = f", PARTE {part} DE {parts}" if parts > 1 else ""
    lines = heading(f"FALTANTES DE {one_line(company.name)}{where}")
    lines += numbers(parts, len(missing), len(elsewhere), len(remarks))
    if missing or elsewhere:
        lines.append("Cargue de nuevo en SAM lo que falta y pida otra descarga.")
    for owner, group in _by_owner(missing).items():
        lines += section(owner, (line for document in group for line in _entry(document)))
    if elsewhere:
        lines += section("DOCUMENTOS QUE FALTAN EN OTRAS PARTES", (_elsewhere(*found) for found in elsewhere))
    if remarks:
        lines += section("OBSERVACIONES", remarks)
    if of_company:
        lines += section("OBSERVACIONES SOBRE LA EMPRESA, CONTADAS EN LA PARTE 1", map(_listed, of_company))
    return finish(lines)


def warnings(documents: Iterable[Document], notes: Iterable[str]) -> list[dict[str, str]]:
    """The same facts of this part for the archive's row, ready for JSON: "equipment" (as plan.label calls it),
    "document", "path", "reason", and "kind": MISSING for what is not in the archive, DAMAGED for what cannot be
    opened, NOTE for a remark.

    What does not apply is "". Values are escaped: PostgreSQL's jsonb takes neither NUL nor lone surrogates.
    """
    documents = list(documents)
    return [
        *(_warning(MISSING, d.equipment or "", d.title, d.path, _reason(d)) for d in documents if is_missing(d)),
        *(
            _warning(DAMAGED if d.is_damaged else NOTE, d.equipment or "", d.title, d.path, d.note or "")
            for d in _noted(documents)
        ),
        *(_warning(NOTE, "", "", "", note) for note in notes),
    ]


def is_missing(document: Document) -> bool:
    """Whoever has no place in the archive is missing, even if nobody knows why."""
    return document.missing is not None or document.entry is None


def _noted(documents: Iterable[Document]) -> list[Document]:
    return [document for document in documents if document.note and not is_missing(document)]


def _reason(document: Document) -> str:
    return document.missing or "motivo desconocido"


def _by_owner(documents: Iterable[Document]) -> dict[str, list[Document]]:
    """Titles of groups: a prefix keeps a code from looking like another part of the text."""
    groups: dict[str, list[Document]] = {}
    for document in documents:
        groups.setdefault(_owner(document), []).append(document)
    return groups


def _owner(document: Document) -> str:
    return _COMPANY if document.equipment is None else f"Equipo {one_line(document.equipment)}"


def _entry(document: Document) -> Iterable[str]:
    yield f"- {one_line(document.title)}"
    if document.path:
        yield f"    Archivo: {one_line(document.path)}"
    yield f"    Motivo:  {one_line(_reason(document))}"


def _elsewhere(part: int, document: Document) -> str:
    owner = _owner(document)
    what = f"- Parte {part}, {owner[0].lower()}{owner[1:]}, {one_line(document.title)}: {one_line(_reason(document))}"
    return f"{what} ({one_line(document.path)})"


def _listed(note: str) -> str:
    return f"- {one_line(note)}"


def _remark(document: Document) -> str:
    what = f"{_owner(document)}, {one_line(document.title)}: {one_line(document.note or '')}"
    return f"- {what} ({one_line(document.entry or document.path)})"


def _warning(kind: str, equipment: str, document: str, path: str, reason: str) -> dict[str, str]:
    return {
        "kind": kind,
        "equipment": one_line(equipment),
        "document": one_line(document),
        "path": one_line(path),
        "reason": one_line(reason),
    }
