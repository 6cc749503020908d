"""Which documents an archive holds and where each belongs: the tree that customers know from SAM.

Names are given in the order of the rows' ids: whatever is added later takes nobody's name away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from operator import attrgetter
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from samzip.catalog.model import Equipment, Procedure
from samzip.dossier import names
from samzip.dossier.contents import Source
from samzip.dossier.filetypes import split_extension
from samzip.dossier.moments import in_zone

LIFE_SHEET = "Hoja_de_vida"
LIFE_SHEET_TITLE = "Hoja de vida"
PHOTO_TITLE = "Imagen"
LOGO_TITLE = "Logo de la empresa"  # no document of the archive, but told of where it is missing
WORKBOOK = "Informe_Consolidado.xlsx"
README = "LEEME.txt"
MISSING = "FALTANTES.txt"
CHECKSUMS = "SHA256SUMS"
PROCEDURES = "Procedimientos"
EQUIPMENT = "Equipos"
NO_PROCEDURES = "README.txt"  # in their folder, instead of documents
PROCEDURE_NAME_LIMIT = 50  # characters of a procedure's name that its file name keeps, as in SAM

_WITH_ID = re.compile(r" \(id \d+\)$")  # a code that ends so could be another's folder


class _Row(Protocol):
    @property
    def id(self) -> int: ...


R = TypeVar("R", bound=_Row)


def equipment_folders(codes: Iterable[tuple[int, str]], top: str) -> dict[int, str]:
    """The folder of each instrument of a company, by id; `codes` are (id, code) of all of them, `top` its own folder.

    A code that is a clean name is the folder's; any other is cleaned and followed by its row's id, "A_1 (id 7)". So a
    folder hangs on its own row alone, and neither a new instrument nor one that is deleted renames another. Only of
    codes that some file system takes for one ("EQ-1", "eq-1") has the oldest the plain name and the others their ids.
    """
    parent, taken, folders = f"{top}/{EQUIPMENT}", set(), {}
    for number, code in sorted(codes):
        key = names.fold(code)
        cleaned = names.clean(code, limit=names.CODE_LIMIT, fallback=names.FOLDER_FALLBACK)
        is_plain = code == cleaned and not _WITH_ID.search(key)
        ending = "" if is_plain and key not in taken else f" (id {number})"
        if is_plain:
            taken.add(key)
        folders[number] = f"{parent}/{names.folder_name(code, ending, limit=names.CODE_LIMIT)}"
    return folders


def shown_code(number: int, code: str) -> str:
    """How tables name an instrument, `number` being its row's id: its folder has that, too, when there is no code."""
    return code if code.strip() else f"(sin código, id {number})"


def label(code: str, folder: str) -> str:
    """How texts call an instrument: its code, and its folder where that has another name, since the code is then empty,
    was cleaned or is somebody else's as well."""
    name = folder.rpartition("/")[2]
    return code if code == name else f"{code.strip() or '(sin código)'} (carpeta {name})"


def procedure_sources(procedures: tuple[Procedure, ...], folder: str) -> Iterator[Source]:
    """Procedures lie together, named by code and name."""
    for procedure in sorted(procedures, key=attrgetter("id")):
        if procedure.document:
            stem = f"{procedure.code}_{procedure.name[:PROCEDURE_NAME_LIMIT].rstrip()}"
            title = f"Procedimiento {procedure.code.strip() or procedure.name.strip() or '(sin código)'}"
            yield Source(None, title, procedure.document, folder, stem)


def equipment_sources(equipment: Equipment, folder: str, timezone: str = "America/Bogota") -> Iterator[Source]:
    """Everything that the database points to for one instrument, in the order of the tree.

    Numbers count the records of a kind as they were entered: cal_1 stays cal_1 when one of an earlier date comes later.
    Titles tell the record's day (of a loan: in `timezone`) and number, as the histories show them.
    """
    owner = label(equipment.code, folder)
    zone = ZoneInfo(timezone)

    def source(title: str, path: str | None, below: str, stem: str | None = None) -> Iterator[Source]:
        if path:
            yield Source(owner, title, path, f"{folder}/{below}" if below else folder, stem or split_extension(path)[0])

    yield from source("Archivo de compra", equipment.purchase, "", "compra")
    yield from source("Ficha técnica", equipment.data_sheet, "", "ficha_tecnica")
    yield from source("Manual", equipment.manual, "", "manual")
    yield from source("Otros documentos", equipment.other_documents, "", "otros_documentos")
    yield from source(PHOTO_TITLE, equipment.photo, "", "imagen")
    for n, calibration in _numbered(equipment.calibrations):
        top, of = "Calibraciones", _facts(calibration.date, calibration.certificate_number)
        for title, path, below, stem in (
            ("Certificado de calibración", calibration.certificate, "Certificados_Calibracion", "cal"),
            ("Confirmación metrológica", calibration.confirmation, "Confirmacion_Metrologica", "conf"),
            ("Intervalos de calibración", calibration.intervals, "Intervalos_Calibracion", "int"),
        ):
            yield from source(f"{title} {n}{of}", path, f"{top}/{below}", f"{stem}_{n}")
    for n, maintenance in _numbered(equipment.maintenances):
        top, of = "Mantenimientos", _facts(maintenance.date, maintenance.kind)
        title = f"Mantenimiento {n}, documento"
        yield from source(f"{title} externo{of}", maintenance.external_document, f"{top}/Documentos_Externos")
        yield from source(f"{title} interno{of}", maintenance.internal_document, f"{top}/Documentos_Internos")
        yield from source(f"{title} general{of}", maintenance.general_document, f"{top}/Documentos_Generales")
    for n, verification in _numbered(equipment.verifications):
        top, of = "Comprobaciones", _facts(verification.date, verification.consecutive)
        title = f"Comprobación {n}, documento"
        certificate = f"Certificado de comprobación {n}{of}"
        yield from source(certificate, verification.certificate, f"{top}/Certificados_Comprobacion", f"comp_{n}")
        yield from source(f"{title} externo{of}", verification.external_document, f"{top}/Documentos_Externos")
        yield from source(f"{title} interno{of}", verification.internal_document, f"{top}/Documentos_Internos")
        yield from source(f"{title} general{of}", verification.general_document, f"{top}/Documentos_Generales")
    for n, loan in _numbered(equipment.loans):
        of = _facts(in_zone(loan.lent, zone).date() if loan.lent else None, loan.borrower)
        yield from source(f"Préstamo {n}, documento{of}", loan.loan_document, "Prestamos", f"prestamo_{n}")
        yield from source(f"Préstamo {n}, devolución{of}", loan.return_document, "Prestamos", f"devolucion_{n}")
    if equipment.decommission is not None:
        yield from source("Documento de baja", equipment.decommission.document, "Baja", "documento_baja")


def _numbered(records: Iterable[R]) -> Iterator[tuple[int, R]]:
    return enumerate(sorted(records, key=attrgetter("id")), 1)


def _facts(day: date | None, name: str | None) -> str:
    """What ties a document to its record: " (2024-10-20, CC-001-3)"."""
    facts = ", ".join(filter(None, (day.isoformat() if day else "", " ".join((name or "").split()))))
    return f" ({facts})" if facts else ""
