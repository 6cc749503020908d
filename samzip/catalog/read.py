"""Reads one company, in batches: memory does not grow with the inventory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from samzip.catalog import rows
from samzip.catalog.model import CompanyRecords, Equipment
from samzip.catalog.unread import SHOWN, legible
from samzip.database.tables import (
    bajaequipo,
    calibracion,
    comprobacion,
    customuser,
    empresa,
    equipo,
    mantenimiento,
    prestamoequipo,
    procedimiento,
    proveedor,
)
from samzip.dossier.alike import Told, phrases


def read_records(connection: Connection, company_id: int) -> CompanyRecords | None:
    """A company with its procedures and suppliers; None when it is gone."""
    found = connection.execute(select(empresa).where(empresa.c.id == company_id)).first()
    if found is None or found.is_deleted:
        return None
    procedures = connection.execute(
        select(procedimiento).where(procedimiento.c.empresa_id == company_id).order_by(*_by(procedimiento, "codigo"))
    )
    suppliers = connection.execute(
        select(proveedor).where(proveedor.c.empresa_id == company_id).order_by(*_by(proveedor, "nombre_empresa"))
    )
    told: Told = {}
    has_shown_date = (found.formato_fecha_version_empresa_display or "").strip()
    unshown = {"formato_fecha_version_empresa"} if has_shown_date else frozenset()
    return CompanyRecords(
        rows.company(legible(found, told, unshown=unshown)),
        tuple(
            rows.procedure(legible(row, told, "procedimiento", row.codigo.strip() or "(sin código)"))
            for row in procedures
        ),
        tuple(
            rows.supplier(legible(row, told, "proveedor", row.nombre_empresa[:SHOWN].strip() or "(sin nombre)"))
            for row in suppliers
        ),
        unread=tuple(phrases(told)),
    )


def read_equipment(connection: Connection, company_id: int, batch: int) -> Iterator[list[Equipment]]:
    """Every instrument of a company, ordered by code and then by id, in lists of `batch`, with all its records.

    Ordered by this process, not by the database, whose collation differs from server to server: the order decides
    which part an instrument is in.
    """
    keys = connection.execute(select(equipo.c.codigo_interno, equipo.c.id).where(equipo.c.empresa_id == company_id))
    ids = [key.id for key in sorted(keys, key=lambda key: (key.codigo_interno or "", key.id))]
    for start in range(0, len(ids), batch):
        yield _read_batch(connection, ids[start : start + batch])


def _read_batch(connection: Connection, ids: Sequence[int]) -> list[Equipment]:
    found = {row.id: row for row in connection.execute(select(equipo).where(equipo.c.id.in_(ids)))}
    calibrations = _children(connection, calibracion, ids)
    maintenances = _children(connection, mantenimiento, ids)
    verifications = _children(connection, comprobacion, ids)
    loans = _loans(connection, ids)
    decommissions = _decommissions(connection, ids)
    batch = []
    for number in filter(found.__contains__, ids):
        told: Told = {}
        decommission = decommissions.get(number)
        own = legible(found[number], told)
        records = {
            "calibrations": _named(calibrations[number], told, "calibración", "fecha_calibracion"),
            "maintenances": _named(maintenances[number], told, "mantenimiento", "fecha_mantenimiento"),
            "verifications": _named(verifications[number], told, "comprobación", "fecha_comprobacion"),
            "loans": _named(loans[number], told, "préstamo"),
        }
        leaving = legible(decommission, told, "baja") if decommission is not None else None
        batch.append(rows.equipment(own, **records, decommission=leaving, unread=tuple(phrases(told))))
    return batch


def _named(found: list[Row[Any]], told: Told, kind: str, day: str | None = None) -> list[Any]:
    """Legible ones; those told of have their day, which is in the column `day`, or else are counted as they were
    entered, like the documents of the archive."""
    return [legible(row, told, kind, _which(number, row, day)) for number, row in enumerate(found, 1)]


def _which(number: int, row: Row[Any], column: str | None) -> str:
    day = row._mapping[column] if column else None
    return f"del {day}" if isinstance(day, date) else str(number)


def _children(connection: Connection, table: Table, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    query = (
        select(table, proveedor.c.nombre_empresa.label("supplier_name"))
        .outerjoin(proveedor, proveedor.c.id == table.c.proveedor_id)
        .where(table.c.equipo_id.in_(ids))
        .order_by(table.c.id)
    )
    return _grouped(connection.execute(query))


def _loans(connection: Connection, ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    query = select(prestamoequipo).where(prestamoequipo.c.equipo_id.in_(ids)).order_by(prestamoequipo.c.id)
    return _grouped(connection.execute(query))


def _decommissions(connection: Connection, ids: Sequence[int]) -> dict[int, Row[Any]]:
    query = (
        select(bajaequipo, customuser.c.first_name, customuser.c.last_name, customuser.c.username)
        .outerjoin(customuser, customuser.c.id == bajaequipo.c.dado_de_baja_por_id)
        .where(bajaequipo.c.equipo_id.in_(ids))
        .order_by(bajaequipo.c.id)
    )
    return {row.equipo_id: row for row in connection.execute(query)}


def _grouped(found: Any) -> dict[int, list[Row[Any]]]:
    by_equipment: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in found:
        by_equipment[row.equipo_id].append(row)
    return by_equipment


def _by(table: Table, column: str) -> tuple[Any, Any]:
    return table.c[column], table.c.id
