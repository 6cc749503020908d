"""Which documents an archive holds and where each belongs: the tree that customers know from SAM."""

from __future__ import annotations

from collections.abc import Iterator

from samzip.catalog.model import Equipment, Procedure
from samzip.dossier.contents import Source
from samzip.dossier.filetypes import split_extension

LIFE_SHEET = "Hoja_de_vida"
WORKBOOK = "Informe_Consolidado.xlsx"
README = "LEEME.txt"
MISSING = "FALTANTES.txt"
CHECKSUMS = "SHA256SUMS"
PROCEDURES = "Procedimientos"
EQUIPMENT = "Equipos"
PROCEDURE_NAME_LIMIT = 50  # characters of a procedure's name that its file name keeps, as in SAM


def procedure_sources(procedures: tuple[Procedure, ...], folder: str) -> Iterator[Source]:
    """Procedures lie together, named by code and name."""
    for procedure in procedures:
        if procedure.document:
            stem = f"{procedure.code}_{procedure.name[:PROCEDURE_NAME_LIMIT].rstrip()}"
            yield Source(None, f"Procedimiento {procedure.code}", procedure.document, folder, stem)


def equipment_sources(equipment: Equipment, folder: str) -> Iterator[Source]:
    """Everything that the database points to for one instrument, in the order of the tree.

    Numbers count the records of a kind from the oldest, so that cal_1 stays cal_1 when the next one comes.
    """

    def source(title: str, path: str | None, below: str, stem: str | None = None) -> Iterator[Source]:
        if path:
            yield Source(
                equipment.code, title, path, f"{folder}/{below}" if below else folder, stem or split_extension(path)[0]
            )

    yield from source("Archivo de compra", equipment.purchase, "", "compra")
    yield from source("Ficha técnica", equipment.data_sheet, "", "ficha_tecnica")
    yield from source("Manual", equipment.manual, "", "manual")
    yield from source("Otros documentos", equipment.other_documents, "", "otros_documentos")
    yield from source("Imagen", equipment.photo, "", "imagen")
    for n, calibration in enumerate(equipment.calibrations, 1):
        top = "Calibraciones"
        yield from source(
            f"Certificado de calibración {n}", calibration.certificate, f"{top}/Certificados_Calibracion", f"cal_{n}"
        )
        yield from source(
            f"Confirmación metrológica {n}", calibration.confirmation, f"{top}/Confirmacion_Metrologica", f"conf_{n}"
        )
        yield from source(
            f"Intervalos de calibración {n}", calibration.intervals, f"{top}/Intervalos_Calibracion", f"int_{n}"
        )
    for n, maintenance in enumerate(equipment.maintenances, 1):
        top, title = "Mantenimientos", f"Mantenimiento {n}, documento"
        yield from source(f"{title} externo", maintenance.external_document, f"{top}/Documentos_Externos")
        yield from source(f"{title} interno", maintenance.internal_document, f"{top}/Documentos_Internos")
        yield from source(f"{title} general", maintenance.general_document, f"{top}/Documentos_Generales")
    for n, verification in enumerate(equipment.verifications, 1):
        top, title = "Comprobaciones", f"Comprobación {n}, documento"
        yield from source(
            f"Certificado de comprobación {n}",
            verification.certificate,
            f"{top}/Certificados_Comprobacion",
            f"comp_{n}",
        )
        yield from source(f"{title} externo", verification.external_document, f"{top}/Documentos_Externos")
        yield from source(f"{title} interno", verification.internal_document, f"{top}/Documentos_Internos")
        yield from source(f"{title} general", verification.general_document, f"{top}/Documentos_Generales")
    for n, loan in enumerate(equipment.loans, 1):
        yield from source(f"Préstamo {n}, documento", loan.loan_document, "Prestamos", f"prestamo_{n}")
        yield from source(f"Préstamo {n}, devolución", loan.return_document, "Prestamos", f"devolucion_{n}")
    if equipment.is_decommissioned and equipment.decommission is not None:
        yield from source("Documento de baja", equipment.decommission.document, "Baja", "documento_baja")
