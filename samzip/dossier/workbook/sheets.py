"""The sheets as data: for each column its header, its width, its style and where its value comes from.

The first five are SAM's, column for column; customers' own formulas and macros point at them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from samzip.catalog.model import (
    DECOMMISSIONED,
    INACTIVE,
    Calibration,
    Company,
    Equipment,
    Loan,
    Maintenance,
    Procedure,
    Supplier,
    Verification,
    spaced,
)
from samzip.dossier.plan import shown_code
from samzip.dossier.results import REFUSALS
from samzip.dossier.workbook import index
from samzip.dossier.workbook.cells import Value
from samzip.dossier.workbook.index import IndexLine
from samzip.dossier.workbook.styles import Style

Row = TypeVar("Row")

ROWS_LIMIT = 1_048_576 - 5  # data rows of one sheet


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """One column; `alert` is a formula over {cell} and {row} that is true where the value needs attention."""

    header: str
    width: float  # characters of the default font
    value: Callable[[Row], Value]
    style: Style = Style.LONG
    alert: str | None = None
    link: Callable[[Row], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Layout(Generic[Row]):
    """One sheet."""

    title: str
    columns: tuple[Column[Row], ...]
    frozen: str = "A6"  # first cell that scrolls
    pages_wide: int = 1  # when printed
    rows_limit: int = ROWS_LIMIT  # data rows, then "title (2)" goes on
    hint: str | None = None  # in row 4, which SAM leaves empty


Owned = tuple[Company, Equipment, str | None]  # with the entry of its life sheet
Lent = tuple[Equipment, Loan]
Calibrated = tuple[Equipment, Calibration]
Maintained = tuple[Equipment, Maintenance]
Verified = tuple[Equipment, Verification]

# {today} is the day of generation: TODAY() would change the customer's record under his eyes.
# J is Estado; Excel compares without regard to capitals, and TRIM knows no spaces but the plain ones that are there.
_RETIRED_TEST = ",".join(f'TRIM($J{{row}})<>"{state}"' for state in (DECOMMISSIONED, INACTIVE))
_OVERDUE = f"AND(ISNUMBER({{cell}}),{{cell}}<{{today}},{_RETIRED_TEST})"
_NOT_RETURNED = (  # J is Devolución Real, K is Estado
    'AND(ISNUMBER({cell}),{cell}<{today},$J{row}="",TRIM($K{row})<>"DEVUELTO",TRIM($K{row})<>"CANCELADO")'
)
_REFUSED = ",".join(f'LEFT(TRIM({{cell}}),{len(start)})="{start}"' for start in REFUSALS)
_REJECTED = f"OR({_REFUSED})"  # Excel compares without case

EQUIPMENT: Layout[Owned] = Layout(
    "Equipos",
    (
        Column(
            *("Código Interno", 14, lambda r: shown_code(r[1].id, r[1].code), Style.LINK),
            link=lambda r: index.target(r[2]),
        ),
        Column("Nombre", 28, lambda r: r[1].name),
        Column("Empresa", 22, lambda r: r[0].name),
        Column("Tipo de Equipo", 19, lambda r: r[1].kind),
        Column("Marca", 14, lambda r: r[1].brand),
        Column("Modelo", 14, lambda r: r[1].model),
        Column("Número de Serie", 14, lambda r: r[1].serial_number),
        Column("Ubicación", 18, lambda r: r[1].location),
        Column("Responsable", 18, lambda r: r[1].responsible),
        Column("Estado", 16, lambda r: spaced(r[1].state)),
        Column("Fecha de Adquisición", 12, lambda r: r[1].acquired, Style.DATE),
        Column("Rango de Medida", 18, lambda r: r[1].measuring_range),
        Column("Resolución", 12, lambda r: r[1].resolution),
        Column("Error Máximo Permisible", 13, lambda r: r[1].maximum_permissible_error),
        Column("Puntos de Calibración", 22, lambda r: r[1].calibration_points),
        Column("Fecha de Registro", 16, lambda r: r[1].registered, Style.MOMENT),
        Column("Observaciones", 58, lambda r: r[1].notes),
        Column("Fecha Última Calibración", 12, lambda r: r[1].calibration.last, Style.DATE),
        Column("Próxima Calibración", 12, lambda r: r[1].calibration.next, Style.DATE, _OVERDUE),
        Column("Frecuencia Calibración (meses)", 13, lambda r: r[1].calibration.months, Style.NUMBER),
        Column("Fecha Último Mantenimiento", 15, lambda r: r[1].maintenance.last, Style.DATE),
        Column("Próximo Mantenimiento", 15, lambda r: r[1].maintenance.next, Style.DATE, _OVERDUE),
        Column("Frecuencia Mantenimiento (meses)", 15, lambda r: r[1].maintenance.months, Style.NUMBER),
        Column("Fecha Última Comprobación", 14, lambda r: r[1].verification.last, Style.DATE),
        Column("Próxima Comprobación", 14, lambda r: r[1].verification.next, Style.DATE, _OVERDUE),
        Column("Frecuencia Comprobación (meses)", 14, lambda r: r[1].verification.months, Style.NUMBER),
    ),
    frozen="C6",
    pages_wide=2,  # 26 columns on one page could not be read
    rows_limit=index.LINKS_LIMIT,
)

SUPPLIERS: Layout[Supplier] = Layout(
    "Proveedores",
    (
        Column("Nombre Empresa", 30, lambda s: s.name),
        Column("Nombre Contacto", 24, lambda s: s.contact),
        Column("Correo Electrónico", 28, lambda s: s.email),
        Column("Número Contacto", 16, lambda s: s.phone),
        Column("Tipo Servicio", 18, lambda s: s.kind),
        Column("Alcance", 36, lambda s: s.scope),
        Column("Servicio Prestado", 30, lambda s: s.service),
        Column("Página Web", 28, lambda s: s.website),
    ),
)

PROCEDURES: Layout[Procedure] = Layout(
    "Procedimientos",
    (
        Column("Código", 18, lambda p: p.code),
        Column("Nombre", 52, lambda p: p.name),
        Column("Observaciones", 52, lambda p: p.notes),
        Column("Versión", 10, lambda p: p.version),
        Column("Fecha de Emisión", 14, lambda p: p.issued, Style.DATE),
    ),
)

LOANS: Layout[Lent] = Layout(
    "Préstamos",
    (
        Column("Código Equipo", 14, lambda r: shown_code(r[0].id, r[0].code)),
        Column("Nombre Equipo", 28, lambda r: r[0].name),
        Column("Prestatario", 24, lambda r: r[1].borrower),
        Column("Cédula", 14, lambda r: r[1].national_id),
        Column("Cargo", 18, lambda r: r[1].position),
        Column("Teléfono", 14, lambda r: r[1].phone),
        Column("Email", 26, lambda r: r[1].email),
        Column("Fecha Préstamo", 16, lambda r: r[1].lent, Style.MOMENT),
        Column("Devolución Programada", 14, lambda r: r[1].due, Style.DATE, _NOT_RETURNED),
        Column("Devolución Real", 16, lambda r: r[1].returned, Style.MOMENT),
        Column("Estado", 12, lambda r: spaced(r[1].state)),
        Column("Observaciones", 40, lambda r: r[1].notes),
    ),
)

DASHBOARD_TITLE = "Dashboard"

CALIBRATIONS: Layout[Calibrated] = Layout(
    "Calibraciones",
    (
        Column("Código Equipo", 14, lambda r: shown_code(r[0].id, r[0].code)),
        Column("Nombre Equipo", 28, lambda r: r[0].name),
        Column("Fecha", 12, lambda r: r[1].date, Style.DATE),
        Column("Proveedor", 28, lambda r: r[1].supplier),
        Column("Resultado", 16, lambda r: spaced(r[1].result), alert=_REJECTED),
        Column("Número de Certificado", 22, lambda r: r[1].certificate_number),
        Column("Observaciones", 50, lambda r: r[1].notes),
        Column("Fecha de Registro", 16, lambda r: r[1].registered, Style.MOMENT),
    ),
)

MAINTENANCES: Layout[Maintained] = Layout(
    "Mantenimientos",
    (
        Column("Código Equipo", 14, lambda r: shown_code(r[0].id, r[0].code)),
        Column("Nombre Equipo", 28, lambda r: r[0].name),
        Column("Fecha", 12, lambda r: r[1].date, Style.DATE),
        Column("Tipo", 14, lambda r: r[1].kind),
        Column("Proveedor", 24, lambda r: r[1].supplier),
        Column("Responsable", 20, lambda r: r[1].responsible),
        Column("Costo (COP)", 16, lambda r: r[1].cost, Style.MONEY),
        Column("Descripción", 36, lambda r: r[1].description),
        Column("Actividades Realizadas", 36, lambda r: r[1].activities),
        Column("Observaciones", 32, lambda r: r[1].notes),
        Column("Fecha de Registro", 16, lambda r: r[1].registered, Style.MOMENT),
    ),
)

VERIFICATIONS: Layout[Verified] = Layout(
    "Comprobaciones",
    (
        Column("Código Equipo", 14, lambda r: shown_code(r[0].id, r[0].code)),
        Column("Nombre Equipo", 28, lambda r: r[0].name),
        Column("Fecha", 12, lambda r: r[1].date, Style.DATE),
        Column("Consecutivo", 14, lambda r: r[1].consecutive),
        Column("Proveedor", 24, lambda r: r[1].supplier),
        Column("Responsable", 22, lambda r: r[1].responsible),
        Column("Resultado", 16, lambda r: spaced(r[1].result), alert=_REJECTED),
        Column("Observaciones", 44, lambda r: r[1].notes),
        Column("Fecha de Registro", 16, lambda r: r[1].registered, Style.MOMENT),
    ),
)

DOCUMENTS: Layout[IndexLine] = Layout(
    "Documentos",
    (
        Column("Código Equipo", 14, lambda d: d.equipment),
        Column("Documento", 54, lambda d: d.title),
        Column("Parte", 8, lambda d: d.part or "todas", Style.NUMBER),
        Column("Carpeta", 54, index.folder),
        Column("Archivo", 42, index.file_name, Style.LINK, link=index.link),
        Column("Tamaño", 12, lambda d: d.size if index.is_included(d) else None, Style.SIZE),
        Column("Estado", 28, index.state, alert='LEFT({cell},5)="falta"'),
    ),
    rows_limit=index.LINKS_LIMIT,
    hint="Los enlaces abren los documentos cuando todas las partes están extraídas en una misma carpeta. "
    "Lo que se genera con cada descarga (hojas de vida, este informe) no lleva tamaño.",
)
