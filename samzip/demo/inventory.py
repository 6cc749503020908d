"""The inventory of one company: its instruments with their own documents, each with its whole history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from samzip.demo.activities import (
    CALIBRATIONS_KEPT,
    MAINTENANCES_KEPT,
    VERIFICATIONS_KEPT,
    Subject,
    Supplier,
    add_calibrations,
    add_maintenances,
    add_verifications,
    days_of,
)
from samzip.demo.book import Book, Form, Paper, Photo, months_later, morning, number, spanish_day
from samzip.demo.instruments import KINDS
from samzip.demo.people import (
    CALIBRATIONS,
    MAINTENANCE,
    PLACES,
    PURCHASES,
    STAFF,
    VERIFICATIONS,
    House,
    Row,
)

# Days until an activity is due: overdue ones, some within 30, 60 and 90 days, the rest later.
DUE_IN = (-75, -20, 11, 24, 41, 53, 68, 83, 118, 160, 220, 300)

# Index of an instrument within CERTIBOY (code EQ-001 is 0) -> what is special about it.
DECOMMISSIONED = {6: 40, 49: 200}  # days ago
STATES = {9: "En Calibración", 17: "En Mantenimiento", 25: "Inactivo", 33: "En Comprobación", 58: "Inactivo"}
FAILED_CALIBRATION = {4: 1, 15: 1, 25: 2, 36: 0}  # which of the calibrations
OTHER_DOCUMENTS: dict[int, Form] = {1: "docx", 8: "xlsx", 13: "csv", 18: "txt", 22: "pdf", 29: "pdf", 44: "docx"}
TURNED_PHOTO = 2
# A person typed this name, and somebody photographed that invoice and called it a PDF.
TYPED_NAME = {11: "Garantía del fabricante año 2 (copia señalada).pdf"}
PHOTOGRAPHED_PURCHASE = 19


@dataclass(frozen=True, slots=True)
class Setting:
    """What the instruments of one company share."""

    house: House
    user: int
    suppliers: dict[str, list[Supplier]]  # service -> who gives it
    today: date

    def supplier(self, service: str, turn: int) -> Supplier:
        choices = self.suppliers.get(service) or [Supplier()]
        return choices[turn % len(choices)]

    @property
    def main(self) -> bool:
        """Whether this is the company that has the special cases."""
        return self.house.number == 1


def _last(until: date, index: int, factor: int, months: int) -> date:
    """When an activity was last done so that the next one is due as DUE_IN says, but never in the future."""
    due_in = min(DUE_IN[index * factor % len(DUE_IN)], 30 * months - 6 - index % 9)
    return min(months_later(until + timedelta(days=due_in), -months), until)


def add_equipment(book: Book, setting: Setting, index: int) -> None:
    house = setting.house
    code = f"{house.prefix}-{index + 1:03d}"
    kind = KINDS[index % len(KINDS)]
    rng = Random(f"samzip demo {code}")  # noqa: S311 -- sample data
    gone = DECOMMISSIONED.get(index) if setting.main else None
    until = setting.today - timedelta(days=gone or 0)
    subject = Subject(
        id=len(book.rows.get("core_equipo", ())) + 1,
        index=index,
        code=code,
        kind=kind,
        serial=f"{rng.choice('ABCNRS')}{rng.randrange(10**6, 10**8)}",
        staff=STAFF[index % len(STAFF)],
        company=house.name,
        until=until,
        rng=rng,
    )
    calibrations, maintenances, verifications = (
        days_of(_last(until, index, factor, months), months, kept)
        for factor, months, kept in zip(
            (1, 5, 7), kind.months, (CALIBRATIONS_KEPT, MAINTENANCES_KEPT, VERIFICATIONS_KEPT), strict=True
        )
    )
    oldest = min(*calibrations, *maintenances, *verifications)
    row = _equipment_row(book, setting, subject, acquired=oldest - timedelta(days=rng.randrange(20, 900)))
    lasts = zip(
        ("fecha_ultima_calibracion", "fecha_ultimo_mantenimiento", "fecha_ultima_comprobacion"),
        ("proxima_calibracion", "proximo_mantenimiento", "proxima_comprobacion"),
        ("frecuencia_calibracion_meses", "frecuencia_mantenimiento_meses", "frecuencia_comprobacion_meses"),
        (calibrations[-1], maintenances[-1], verifications[-1]),
        kind.months,
        strict=True,
    )
    for last_column, next_column, months_column, last, months in lasts:
        row |= {last_column: last, months_column: Decimal(months)}
        row[next_column] = None if gone else months_later(last, months)
    book.add("core_equipo", row)
    fails = FAILED_CALIBRATION.get(index) if setting.main else None
    add_calibrations(book, subject, setting.supplier(CALIBRATIONS, index), calibrations, fails=fails)
    add_maintenances(book, subject, setting.supplier(MAINTENANCE, index), maintenances)
    add_verifications(book, subject, setting.supplier(VERIFICATIONS, index), verifications)
    if gone:
        _add_decommission(book, setting, subject)


def _equipment_row(book: Book, setting: Setting, subject: Subject, acquired: date) -> Row:
    kind, index = subject.kind, subject.index
    brand, model = kind.models[index // len(KINDS) % len(kind.models)]
    seller = setting.supplier(PURCHASES, index).name or "Compra directa"
    state = STATES.get(index, "Activo") if setting.main else "Activo"
    if setting.main and index in DECOMMISSIONED:
        state = "De Baja"
    return {
        "empresa_id": setting.house.number,
        "codigo_interno": subject.code,
        "nombre": kind.name,
        "tipo_equipo": kind.role,
        "marca": brand,
        "modelo": model,
        "numero_serie": subject.serial,
        "ubicacion": PLACES[index * 5 % len(PLACES)],
        "responsable": subject.staff,
        "proveedor": seller,
        "estado": state,
        "rango_medida": kind.measuring_range,
        "resolucion": kind.resolution,
        "error_maximo_permisible": kind.maximum_error,
        "puntos_calibracion": "; ".join(
            f"{', '.join(number(point, 1).removesuffix(',0') for point in each.points)} {each.unit}"
            for each in kind.magnitudes
        ),
        "observaciones": "Trazable al INM de Colombia. Ñ: señalizado y codificado en el sitio de uso.",
        "fecha_adquisicion": acquired,
        "fecha_registro": morning(acquired + timedelta(days=5)),
        **_own_documents(book, setting, subject, (brand, model, seller), acquired),
    }


def _own_documents(book: Book, setting: Setting, subject: Subject, origin: tuple[str, str, str], acquired: date) -> Row:
    """Files them and returns the columns of core_equipo that name them."""
    brand, model, seller = origin
    index, main, folder = subject.index, setting.main, subject.folder("equipos")
    rows = (*subject.heading, ("Marca y modelo", f"{brand} {model}"), ("Fecha", spanish_day(acquired)))
    facts = (
        *rows,
        ("Rango de medida", subject.kind.measuring_range),
        ("Resolución", subject.kind.resolution),
        ("Error máximo permisible", subject.kind.maximum_error),
    )
    scan: Form = "jpeg" if main and index == PHOTOGRAPHED_PURCHASE else "pdf"
    planned = {
        "archivo_compra_pdf": (f"compra/compra_{subject.code}.pdf", Paper("Factura de venta", seller, rows, scan)),
        "ficha_tecnica_pdf": (f"ficha_tecnica/ficha_tecnica_{subject.code}.pdf", Paper("Ficha técnica", brand, facts)),
        "manual_pdf": (f"manuales/manual_{subject.code}.pdf", Paper("Manual de usuario", brand, facts, pages=2)),
    }
    if main and index in OTHER_DOCUMENTS:
        form = OTHER_DOCUMENTS[index]
        name = f"otros_documentos/acta_entrega_{subject.code}.{form}"
        planned["otros_documentos_pdf"] = (name, Paper("Acta de entrega y recepción", seller, facts, form))
    if main and index in TYPED_NAME:
        planned["otros_documentos_pdf"] = (
            f"otros_documentos/{TYPED_NAME[index]}",
            Paper("Garantía del fabricante", brand, facts),
        )
    columns: Row = {column: book.file(f"{folder}/{name}", acquired, paper) for column, (name, paper) in planned.items()}
    columns.setdefault("otros_documentos_pdf", None)
    photo = Photo(subject.kind.picture, subject.code, turned=main and index == TURNED_PHOTO)
    path = f"{folder}/imagenes/{subject.code}.jpg"
    columns["imagen_equipo"] = book.file(path, acquired + timedelta(days=5), photo)
    return columns


def _add_decommission(book: Book, setting: Setting, subject: Subject) -> None:
    reason = "Daño irreparable: la reparación supera el costo de reposición"
    rows = (*subject.heading, ("Fecha de baja", spanish_day(subject.until)), ("Razón", reason))
    path = subject.folder(f"bajas_equipo/baja_{subject.code}.pdf")
    document = book.file(path, subject.until, Paper("Acta de baja de equipo", setting.house.name, rows))
    book.add(
        "core_bajaequipo",
        {
            "equipo_id": subject.id,
            "fecha_baja": subject.until,
            "razon_baja": reason,
            "observaciones": "Se retira del inventario y se identifica con etiqueta roja",
            "documento_baja": document,
            "fecha_registro": morning(subject.until, 20),
            "dado_de_baja_por_id": setting.user,
        },
    )
