"""Calibrations, maintenances and verifications of one instrument: rows and the documents that prove them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from samzip.demo.book import Book, Form, Paper, months_later, morning, spanish_day
from samzip.demo.instruments import Kind
from samzip.demo.measurements import Readings, as_json, as_older_json, measure
from samzip.demo.people import Row

CALIBRATIONS_KEPT = 3
MAINTENANCES_KEPT = 2
VERIFICATIONS_KEPT = 2

_TASKS = (
    (
        "Preventivo",
        "Limpieza general y verificación de funcionamiento",
        "Limpieza; revisión de batería; ajuste de cero",
    ),
    ("Preventivo", "Limpieza, lubricación y revisión de partes móviles", "Desarme parcial; lubricación; prueba final"),
    ("Correctivo", "Cambio de batería y de la pantalla dañada", "Cambio de repuestos; prueba de 24 h"),
    ("Inspección", "Inspección visual y prueba de repetibilidad", "10 lecturas a media escala; sin desviación"),
    ("Predictivo", "Seguimiento de la deriva con carta de control", "Análisis de tendencia; sin acción"),
)


@dataclass(frozen=True, slots=True)
class Subject:
    """The instrument whose history is told."""

    id: int  # within the sample
    index: int  # position in its company, from 0
    code: str
    kind: Kind
    serial: str
    staff: str
    company: str
    until: date  # nothing happens later: today, or the day it was decommissioned
    rng: Random

    @property
    def heading(self) -> tuple[tuple[str, ...], ...]:
        return (
            ("Instrumento", self.kind.name),
            ("Código interno", self.code),
            ("Número de serie", self.serial),
            ("Cliente", self.company),
        )

    def folder(self, name: str) -> str:
        return f"documentos/{self.code}/{name}"


@dataclass(frozen=True, slots=True)
class Supplier:
    """Who did it: a supplier of the company, or its own staff (no id, no name)."""

    id: int | None = None
    name: str | None = None


def days_of(last: date, months: int, count: int) -> list[date]:
    """`count` dates, `months` apart, oldest first, ending with `last`."""
    return [months_later(last, -months * back) for back in reversed(range(count))]


def _issued(subject: Subject, day: date) -> date:
    """A document is signed a few days after the work."""
    return min(day + timedelta(days=3), subject.until)


def _measure(subject: Subject, bias: float) -> list[Readings]:
    return [measure(subject.rng, magnitude, bias) for magnitude in subject.kind.magnitudes]


def _tables(readings: list[Readings]) -> tuple[tuple[str, ...], ...]:
    return tuple(line for each in readings for line in each.table())


def _verdict(readings: list[Readings]) -> str:
    return "Aprobado" if all(each.conforming for each in readings) else "No Aprobado"


def add_calibrations(book: Book, subject: Subject, supplier: Supplier, days: list[date], *, fails: int | None) -> None:
    """The `fails`-th calibration (from 0) finds the instrument out of tolerance."""
    start = subject.rng.uniform(-0.35, 0.2)
    drift = subject.rng.uniform(0.02, 0.12)
    for order, day in enumerate(days):
        readings = _measure(subject, 1.15 if order == fails else start + drift * order)
        certificate = f"CC-{day:%y}{subject.index + 1:03d}-{order + 1}"
        issuer = supplier.name or subject.company
        suffix = f"{subject.code}_{order + 1}.pdf"
        dated = ("Fecha de calibración", spanish_day(day))
        verdict = _verdict(readings)
        row: Row = {
            "equipo_id": subject.id,
            "proveedor_id": supplier.id,
            "fecha_calibracion": day,
            "nombre_proveedor": supplier.name,
            "resultado": verdict,
            "numero_certificado": certificate,
            "observaciones": "Sin novedad" if order != fails else "Fuera de tolerancia: se ajusta y se recalibra",
            # The oldest record dates from before SAM knew several magnitudes.
            "confirmacion_metrologica_datos": as_older_json(readings) if order == 0 else as_json(readings),
            "fecha_registro": morning(_issued(subject, day)),
        }
        papers = (
            (
                "documento_calibracion",
                "certificados",
                "certificado",
                f"Certificado de calibración {certificate}",
                issuer,
            ),
            (
                "confirmacion_metrologica_pdf",
                "confirmaciones",
                "confirmacion",
                "Confirmación metrológica",
                subject.company,
            ),
            (
                "intervalos_calibracion_pdf",
                "intervalos",
                "intervalos",
                "Análisis de intervalos de calibración",
                subject.company,
            ),
        )
        for column, folder, name, title, author in papers:
            path = subject.folder(f"calibraciones/{folder}/{name}_{suffix}")
            rows = (*subject.heading, dated, ("Resultado", verdict), *_tables(readings))
            row[column] = book.file(path, _issued(subject, day), Paper(title, author, rows))
        book.add("core_calibracion", row)


def add_maintenances(book: Book, subject: Subject, supplier: Supplier, days: list[date]) -> None:
    for order, day in enumerate(days):
        kind, description, tasks = subject.rng.choice(_TASKS)
        stem = f"{subject.code}_{order + 1}"
        row: Row = {
            "equipo_id": subject.id,
            "proveedor_id": supplier.id,
            "fecha_mantenimiento": day,
            "tipo_mantenimiento": kind,
            "nombre_proveedor": supplier.name,
            "responsable": subject.staff,
            "costo": Decimal(subject.rng.randrange(60, 480, 5) * 1000) if supplier.id else None,
            "descripcion": description,
            "actividades_realizadas": tasks,
            "observaciones": "Equipo queda operativo",
            "fecha_registro": morning(_issued(subject, day)),
        }
        rows = (
            *subject.heading,
            ("Fecha", spanish_day(day)),
            ("Tipo", kind),
            ("Descripción", description),
            *(("Actividad", task.strip()) for task in tasks.split(";")),
        )
        turn = subject.index + order
        papers: list[tuple[str, str, str, Form]] = [
            ("documento_mantenimiento", "mantenimiento", "Informe de mantenimiento", "pdf")
        ]
        if turn % 5 == 0:
            form: Form = "docx" if turn % 2 else "pdf"
            papers.append(("documento_externo", "externo", "Reporte de servicio del proveedor", form))
        if turn % 7 == 3:
            form = "xlsx" if turn % 2 else "txt"
            papers.append(("documento_interno", "interno", "Lista de chequeo interna", form))
        for column, name, title, form in papers:
            path = subject.folder(f"mantenimientos/{name}_{stem}.{form}")
            paper = Paper(title, supplier.name or subject.company, rows, form)
            row[column] = book.file(path, _issued(subject, day), paper)
        book.add("core_mantenimiento", row)


def add_verifications(book: Book, subject: Subject, supplier: Supplier, days: list[date]) -> None:
    """Leaves `consecutivo` to number_verifications(), since it counts over the whole company."""
    start = subject.rng.uniform(-0.3, 0.3)
    for order, day in enumerate(days):
        readings = _measure(subject, start + 0.05 * order)
        stem = f"{subject.code}_{order + 1}"
        rows = (*subject.heading, ("Fecha de comprobación", spanish_day(day)), *_tables(readings))
        issued = _issued(subject, day)
        folder = subject.folder("comprobaciones")
        row: Row = {
            "equipo_id": subject.id,
            "proveedor_id": supplier.id,
            "fecha_comprobacion": day,
            "nombre_proveedor": supplier.name,
            "responsable": subject.staff,
            "resultado": _verdict(readings),
            "observaciones": "Conforme con el criterio de aceptación (error ± U dentro del EMP)",
            "datos_comprobacion": as_json(readings),
            "fecha_registro": morning(issued),
            "comprobacion_pdf": book.file(
                f"{folder}/comprobacion_{stem}.pdf", issued, Paper("Comprobación intermedia", subject.company, rows)
            ),
            "documento_comprobacion": book.file(
                f"{folder}/soporte_{stem}.pdf", issued, Paper("Soporte de la comprobación", subject.company, rows)
            ),
        }
        if (subject.index + order) % 11 == 4:
            paper = Paper("Datos crudos de la comprobación", subject.company, rows, "csv")
            row["documento_interno"] = book.file(f"{folder}/datos_{stem}.csv", issued, paper)
        if (subject.index + order) % 13 == 6:
            paper = Paper("Certificado del patrón usado", supplier.name or subject.company, rows)
            row["documento_externo"] = book.file(f"{folder}/patron_{stem}.pdf", issued, paper)
        book.add("core_comprobacion", row)


def number_verifications(rows: list[Row], prefix: str) -> None:
    """Gives one company's verifications their consecutive numbers, in the order they were done."""
    for count, row in enumerate(sorted(rows, key=lambda row: (row["fecha_comprobacion"], row["id"])), start=1):
        row["consecutivo"] = count
        row["consecutivo_texto"] = f"{prefix}-{count:03d}"
