"""The company that is measured: rows as SAM writes them, and documents, the same in every run."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from tests.bench import papers
from tests.bench.stage import Sample, empty_database

USER = "banco"
TODAY = date(2026, 6, 1)
MANUAL_EVERY = 5  # instruments; the others have a text in its place
TEXT_EVERY = 6  # instruments whose second maintenance report is a text
CALIBRATIONS = 3
MAINTENANCES = 2
VERIFICATIONS = 2
PROCEDURES = 6
SUPPLIERS = 4
KINDS = ("Balanza analítica", "Termohigrómetro", "Pie de rey", "Manómetro", "Micropipeta", "Cronómetro", "Multímetro")

Row = dict[str, Any]
Draw = Callable[..., bytes]


@dataclass(slots=True)
class Company:
    """A sample with what the bench itself has to know of its documents."""

    sample: Sample
    instruments: int
    documents: list[Path] = field(default_factory=list)  # every file but the logo, in the order of the instruments
    scans: list[Path] = field(default_factory=list)
    bytes: int = 0  # of the documents


def make_company(folder: Path, instruments: int, *, small: bool = False) -> Company:
    """19 documents an instrument and a few of the company: 69 instruments have 1,317, some 263 MiB. `small`: the same
    rows with documents of 1 to 3 KB."""
    folder.mkdir()
    media = folder / "media"
    sample = Sample(f"{instruments} instruments", empty_database(folder, media), media, (("--user", USER),))
    company = Company(sample, instruments)
    with sqlite3.connect(sample.database) as connection:
        _Filling(company, connection, small).fill()
    connection.close()
    return company


class _Filling:
    def __init__(self, company: Company, connection: sqlite3.Connection, small: bool) -> None:
        self.company = company
        self.connection = connection
        self.small = small
        self.rng = Random("company")

    def fill(self) -> None:
        media = self.company.sample.media
        (media / "logos").mkdir(parents=True)
        (media / "logos/medidas.png").write_bytes(papers.logo())
        company = self._insert(
            "core_empresa",
            nombre="Medidas y Pruebas S.A.S.",
            nit="900.123.456-7",
            logo_empresa="logos/medidas.png",
            formato_codificacion_empresa="FT-MET-01",
            formato_version_empresa="3",
            is_deleted=0,
        )
        self._insert("core_customuser", **user(USER, company))
        suppliers = [
            self._insert("core_proveedor", nombre_empresa=f"Laboratorio {name}", empresa_id=company)
            for name in ("Andino", "del Valle", "Patrón", "Cumbre")[:SUPPLIERS]
        ]
        for number in range(1, PROCEDURES + 1):
            self._insert(
                "core_procedimiento",
                codigo=f"PR-{number:02}",
                nombre=f"Calibración interna {number}",
                version="2",
                fecha_emision=str(TODAY),
                documento_pdf=self._file("procedimientos", f"procedimiento {number}", papers.scan),
                empresa_id=company,
            )
        for index in range(self.company.instruments):
            self._add_instrument(company, index, suppliers[index % SUPPLIERS])

    def _add_instrument(self, company: int, index: int, supplier: int) -> None:
        code = f"EQ-{index + 1:04}"
        has_manual = index % MANUAL_EVERY == 0
        other = papers.manual if has_manual else papers.text
        place = "manual_pdf" if has_manual else "otros_documentos_pdf"
        instrument = self._insert(
            "core_equipo",
            codigo_interno=code,
            nombre=KINDS[index % len(KINDS)],
            tipo_equipo="Equipo de medición",
            marca="Marca",
            modelo=f"M-{self.rng.randrange(100, 999)}",
            numero_serie=f"{self.rng.randrange(10**6, 10**8)}",
            ubicacion="Laboratorio 2",
            responsable="Ana Gómez",
            estado="Activo",
            rango_medida="0 a 200 g",
            resolucion="0,0001 g",
            error_maximo_permisible="0,0005 g",
            puntos_calibracion="20; 50; 100; 150; 200 g",
            observaciones="Trazable al INM de Colombia. " * self.rng.randrange(1, 5),
            fecha_adquisicion="2021-03-01",
            fecha_registro="2021-03-02 15:00:00",
            empresa_id=company,
            imagen_equipo=self._file(code, "imagen", papers.photo),
            archivo_compra_pdf=self._file(code, "compra", papers.scan),
            ficha_tecnica_pdf=self._file(code, "ficha", papers.scan),
            **{place: self._file(code, "manual" if has_manual else "datos", other)},
        )
        shared: Row = {"equipo_id": instrument, "proveedor_id": supplier, "fecha_registro": "2025-07-01 15:00:00"}
        for n in range(CALIBRATIONS):
            self._insert(
                "core_calibracion",
                **shared,
                fecha_calibracion=_years_ago(CALIBRATIONS - n),
                resultado="Aprobado",
                numero_certificado=f"C-{index}-{n}",
                observaciones="Sin ajuste",
                documento_calibracion=self._file(code, f"certificado {n}", papers.scan),
                confirmacion_metrologica_pdf=self._file(code, f"confirmacion {n}", papers.scan),
                intervalos_calibracion_pdf=self._file(code, f"intervalos {n}", papers.scan),
                confirmacion_metrologica_datos=self._readings(),
            )
        for n in range(MAINTENANCES):
            is_text = n == 1 and index % TEXT_EVERY == 0
            self._insert(
                "core_mantenimiento",
                **shared,
                fecha_mantenimiento=_years_ago(MAINTENANCES - n),
                tipo_mantenimiento="Preventivo",
                responsable="Luis Peña",
                costo="120000.00",
                descripcion="Limpieza y verificación de niveles",
                actividades_realizadas="Limpieza externa; revisión de nivel; prueba de repetibilidad",
                documento_mantenimiento=self._file(code, f"mantenimiento {n}", papers.text if is_text else papers.scan),
            )
        for n in range(VERIFICATIONS):
            self._insert(
                "core_comprobacion",
                **shared,
                fecha_comprobacion=_years_ago(VERIFICATIONS - n),
                consecutivo=index * VERIFICATIONS + n + 1,
                consecutivo_texto=f"CP-{index * VERIFICATIONS + n + 1}",
                responsable="Luis Peña",
                resultado="Conforme",
                comprobacion_pdf=self._file(code, f"comprobacion {n}", papers.scan),
                documento_comprobacion=self._file(code, f"soporte {n}", papers.scan),
                datos_comprobacion=self._readings(),
            )

    def _file(self, folder: str, title: str, draw: Draw) -> str:
        """Writes a document and returns its path below the media root."""
        suffix = {papers.text: "csv", papers.photo: "jpg"}.get(draw, "pdf")
        name = f"documentos/{folder}/{title.replace(' ', '_')}.{suffix}"
        path = self.company.sample.media / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = draw(self.rng, f"{folder} {title}", small=self.small)
        path.write_bytes(data)
        os.utime(path, (1_750_000_000, 1_750_000_000))
        self.company.documents.append(path)
        self.company.bytes += len(data)
        if draw is papers.scan:
            self.company.scans.append(path)
        return name

    def _readings(self) -> str:
        points = []
        for nominal in (20, 50, 100, 150, 200):
            error = round(self.rng.gauss(0, 0.0001), 5)
            points.append(
                {
                    "nominal": nominal,
                    "lectura": round(nominal + error, 5),
                    "error": error,
                    "incertidumbre": 0.0001,
                    "emp_absoluto": 0.0005,
                    "conformidad": "CONFORME",
                }
            )
        magnitude = {"nombre": "Masa", "unidad": "g", "puntos_medicion": points}
        return json.dumps({"version": 2, "magnitudes": [magnitude], "regla_decision": "guarda_U"})

    def _insert(self, table: str, **row: Any) -> int:
        return insert(self.connection, table, row)


def insert(connection: sqlite3.Connection, table: str, row: Row) -> int:
    """Returns the new row's id."""
    marks = ", ".join("?" * len(row))
    done = connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
    assert done.lastrowid is not None
    return done.lastrowid


def user(name: str, company: int) -> Row:
    """One who may ask for the company's archive."""
    return {
        "username": name,
        "first_name": "Ana",
        "last_name": "Gómez",
        "email": "ana@example.com",
        "is_superuser": 0,
        "is_active": 1,
        "rol_usuario": "ADMINISTRADOR",
        "empresa_id": company,
    }


def _years_ago(years: int) -> str:
    return str(TODAY - timedelta(days=365 * years))
