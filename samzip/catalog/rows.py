"""SAM's rows become samzip's words: the one place where both vocabularies meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Row

from samzip.catalog.model import (
    Calibration,
    Company,
    Decommission,
    Equipment,
    Loan,
    Maintenance,
    Procedure,
    Schedule,
    Supplier,
    Verification,
)

SamRow = Row[Any]


class _Dated(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def date(self) -> date | None: ...


T = TypeVar("T", bound=_Dated)


def company(row: SamRow) -> Company:
    shown = _text(row.formato_fecha_version_empresa_display)
    if shown is None and row.formato_fecha_version_empresa is not None:
        shown = row.formato_fecha_version_empresa.isoformat()
    return Company(
        id=row.id,
        name=row.nombre,
        tax_id=_text(row.nit),
        logo=_text(row.logo_empresa),
        format_code=_text(row.formato_codificacion_empresa),
        format_version=_text(row.formato_version_empresa),
        format_date=shown,
    )


def procedure(row: SamRow) -> Procedure:
    return Procedure(
        id=row.id,
        code=row.codigo,
        name=row.nombre,
        version=_text(row.version),
        issued=row.fecha_emision,
        document=_text(row.documento_pdf),
        notes=_text(row.observaciones),
    )


def supplier(row: SamRow) -> Supplier:
    return Supplier(
        id=row.id,
        name=row.nombre_empresa,
        contact=_text(row.nombre_contacto),
        email=_text(row.correo_electronico),
        phone=_text(row.numero_contacto),
        kind=_text(row.tipo_servicio),
        scope=_text(row.alcance),
        service=_text(row.servicio_prestado),
        website=_text(row.pagina_web),
    )


def equipment(
    row: SamRow,
    *,
    calibrations: Sequence[SamRow],
    maintenances: Sequence[SamRow],
    verifications: Sequence[SamRow],
    loans: Sequence[SamRow],
    decommission: SamRow | None,
    unread: tuple[str, ...] = (),
) -> Equipment:
    return Equipment(
        id=row.id,
        code=row.codigo_interno,
        name=row.nombre,
        kind=_text(row.tipo_equipo),
        brand=_text(row.marca),
        model=_text(row.modelo),
        serial_number=_text(row.numero_serie),
        location=_text(row.ubicacion),
        responsible=_text(row.responsable),
        supplier=_text(row.proveedor),
        state=_text(row.estado),
        acquired=row.fecha_adquisicion,
        registered=row.fecha_registro,
        measuring_range=_text(row.rango_medida),
        resolution=_text(row.resolucion),
        maximum_permissible_error=_text(row.error_maximo_permisible),
        calibration_points=_text(row.puntos_calibracion),
        notes=_text(row.observaciones),
        purchase=_text(row.archivo_compra_pdf),
        data_sheet=_text(row.ficha_tecnica_pdf),
        manual=_text(row.manual_pdf),
        other_documents=_text(row.otros_documentos_pdf),
        photo=_text(row.imagen_equipo),
        calibration=Schedule(row.fecha_ultima_calibracion, row.proxima_calibracion, row.frecuencia_calibracion_meses),
        maintenance=Schedule(
            row.fecha_ultimo_mantenimiento, row.proximo_mantenimiento, row.frecuencia_mantenimiento_meses
        ),
        verification=Schedule(
            row.fecha_ultima_comprobacion, row.proxima_comprobacion, row.frecuencia_comprobacion_meses
        ),
        calibrations=_chronological(map(_calibration, calibrations)),
        maintenances=_chronological(map(_maintenance, maintenances)),
        verifications=_chronological(map(_verification, verifications)),
        loans=tuple(
            sorted(map(_loan, loans), key=lambda loan: (loan.lent or datetime.min.replace(tzinfo=UTC), loan.id))
        ),
        decommission=_decommission(decommission) if decommission is not None else None,
        unread=unread,
    )


def _calibration(row: SamRow) -> Calibration:
    return Calibration(
        id=row.id,
        date=row.fecha_calibracion,
        supplier=_text(row.nombre_proveedor) or _text(row.supplier_name),
        result=_text(row.resultado),
        certificate_number=_text(row.numero_certificado),
        notes=_text(row.observaciones),
        certificate=_text(row.documento_calibracion),
        confirmation=_text(row.confirmacion_metrologica_pdf),
        intervals=_text(row.intervalos_calibracion_pdf),
        measurements=_text(row.confirmacion_metrologica_datos),
        registered=row.fecha_registro,
    )


def _maintenance(row: SamRow) -> Maintenance:
    return Maintenance(
        id=row.id,
        date=row.fecha_mantenimiento,
        kind=_text(row.tipo_mantenimiento),
        supplier=_text(row.nombre_proveedor) or _text(row.supplier_name),
        responsible=_text(row.responsable),
        cost=row.costo,
        description=_text(row.descripcion),
        activities=_text(row.actividades_realizadas),
        notes=_text(row.observaciones),
        external_document=_text(row.documento_externo),
        internal_document=_text(row.documento_interno),
        general_document=_text(row.documento_mantenimiento),
        registered=row.fecha_registro,
    )


def _verification(row: SamRow) -> Verification:
    number = _text(row.consecutivo_texto)
    if number is None and row.consecutivo is not None:
        number = str(row.consecutivo)
    return Verification(
        id=row.id,
        date=row.fecha_comprobacion,
        consecutive=number,
        supplier=_text(row.nombre_proveedor) or _text(row.supplier_name),
        responsible=_text(row.responsable),
        result=_text(row.resultado),
        notes=_text(row.observaciones),
        certificate=_text(row.comprobacion_pdf),
        external_document=_text(row.documento_externo),
        internal_document=_text(row.documento_interno),
        general_document=_text(row.documento_comprobacion),
        measurements=_text(row.datos_comprobacion),
        registered=row.fecha_registro,
    )


def _loan(row: SamRow) -> Loan:
    return Loan(
        id=row.id,
        borrower=_text(row.nombre_prestatario),
        national_id=_text(row.cedula_prestatario),
        position=_text(row.cargo_prestatario),
        phone=_text(row.telefono_prestatario),
        email=_text(row.email_prestatario),
        lent=row.fecha_prestamo,
        due=row.fecha_devolucion_programada,
        returned=row.fecha_devolucion_real,
        state=_text(row.estado_prestamo),
        notes=_text(row.observaciones_prestamo),
        loan_document=_text(row.documento_prestamo),
        return_document=_text(row.documento_devolucion),
        registered=row.fecha_registro,
    )


def _decommission(row: SamRow) -> Decommission:
    full_name = " ".join(part for part in (row.first_name, row.last_name) if part)
    return Decommission(
        date=row.fecha_baja,
        reason=_text(row.razon_baja),
        notes=_text(row.observaciones),
        document=_text(row.documento_baja),
        by=full_name or _text(row.username),
        registered=row.fecha_registro,
    )


def _chronological(records: Iterable[T]) -> tuple[T, ...]:
    return tuple(sorted(records, key=lambda record: (record.date or date.min, record.id)))


def _text(value: str | None) -> str | None:
    """SAM stores both NULL and '' for nothing."""
    return value if value is not None and value.strip() else None
