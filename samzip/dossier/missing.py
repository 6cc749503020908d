"""FALTANTES.txt: which documents a part lacks, and which it has but should be looked at. For people, in Spanish.

The conventions of the text are those of LEEME.txt; write it in leeme.TEXT_ENCODING.
"""

from __future__ import annotations

from collections.abc import Iterable

from samzip.dossier.contents import Document
from samzip.dossier.leeme import count, finish, heading, one_line, section

_PROCEDURES = "Procedimientos de la empresa"


MISSING = "missing"
DAMAGED = "damaged"
NOTE = "note"


def missing_list(documents: Iterable[Document], notes: Iterable[str]) -> str | None:
    """The text of FALTANTES.txt, instruments in the order of their first document; None if there is nothing to say.

    `notes` are remarks in Spanish that belong to no document.
    """
    documents = list(documents)
    missing = [document for document in documents if _is_missing(document)]
    remarks = [*map(_remark, _noted(documents)), *(f"- {one_line(note)}" for note in notes)]
    if not missing and not remarks:
        return None
    lines = heading("DOCUMENTOS QUE FALTAN" if missing else "OBSERVACIONES SOBRE LOS DOCUMENTOS")
    if missing:
        many = count(len(missing), "documento registrado en SAM no está", "documentos registrados en SAM no están")
        lines += [f"{many} en esta parte.", "Cargue de nuevo en SAM lo que falta y pida otra descarga."]
        for owner, group in _by_owner(missing).items():
            lines += section(owner, (line for document in group for line in _entry(document)))
    if remarks:
        lines += section("OBSERVACIONES", remarks) if missing else remarks
    return finish(lines)


def warnings(documents: Iterable[Document], notes: Iterable[str]) -> list[dict[str, str]]:
    """The same facts for the archive's row, ready for JSON: "equipment" (its code), "document", "path", "reason",
    and "kind": MISSING for what is not in the archive, DAMAGED for what cannot be opened, NOTE for a remark.

    What does not apply is "". Values are escaped: PostgreSQL's jsonb takes neither NUL nor lone surrogates.
    """
    documents = list(documents)
    return [
        *(_warning(MISSING, d.equipment or "", d.title, d.path, _reason(d)) for d in documents if _is_missing(d)),
        *(
            _warning(DAMAGED if d.is_damaged else NOTE, d.equipment or "", d.title, d.path, d.note or "")
            for d in _noted(documents)
        ),
        *(_warning(NOTE, "", "", "", note) for note in notes),
    ]


def _noted(documents: Iterable[Document]) -> list[Document]:
    return [document for document in documents if document.note and not _is_missing(document)]


def _is_missing(document: Document) -> bool:
    """Whoever has no place in the archive is missing, even if nobody knows why."""
    return document.missing is not None or document.entry is None


def _reason(document: Document) -> str:
    return document.missing or "motivo desconocido"


def _by_owner(documents: Iterable[Document]) -> dict[str, list[Document]]:
    """Titles of groups: a prefix keeps a code from looking like another part of the text."""
    groups: dict[str, list[Document]] = {}
    for document in documents:
        groups.setdefault(_owner(document), []).append(document)
    return groups


def _owner(document: Document) -> str:
    return _PROCEDURES if document.equipment is None else f"Equipo {one_line(document.equipment)}"


def _entry(document: Document) -> Iterable[str]:
    yield f"- {one_line(document.title)}"
    yield f"    Archivo: {one_line(document.path)}"
    yield f"    Motivo:  {one_line(_reason(document))}"


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
