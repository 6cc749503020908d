"""A queue in which everybody clicked again and again."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

from tests.bench.company import insert, user
from tests.bench.results import Measured
from tests.bench.stage import DATABASE, SAMZIP, BenchFailed, empty_database, environment, measure, measure_program

INSTRUMENTS = 40  # of each company: two parts
PARTS = 2
COLUMNS = (
    "status, position_in_queue, parte_numero, created_at, empresa_id, user_id, equipos_procesados,"
    " progress_percentage, total_equipos, rango_equipos_inicio, rango_equipos_fin, total_partes"
)


class Queue:
    """A database with pending clicks, to be collapsed again in every repetition."""

    def __init__(self, folder: Path, *, companies: int, clicks: int) -> None:
        folder.mkdir()
        self.folder = folder
        self.companies = companies
        self.clicks = clicks
        self.media = folder / "media"
        self.media.mkdir()
        self.full = empty_database(folder, self.media).rename(folder / "full.sqlite3")
        with sqlite3.connect(self.full) as connection:
            self._fill(connection)
        connection.close()

    def measure(self) -> tuple[Measured, Measured]:
        """Collapsing all clicks to work, then planning every company as `samzip run --dry-run` does."""
        environ = environment(self.folder, self.media)
        shutil.copyfile(self.full, self.folder / DATABASE)
        whole, told = measure_program("collapse_clicks", environ, f"sqlite:///{self.folder / DATABASE}")
        if (told["requests"], told["parts"]) != (self.clicks, self.companies * PARTS):
            raise BenchFailed(f"{self.clicks} clicks were collapsed to {told}")
        planned, printed = measure([*SAMZIP, "run", "--dry-run", "--json"], environ)
        companies = json.loads(printed)["companies"]
        if len(companies) != self.companies:
            raise BenchFailed(f"{len(companies)} of {self.companies} companies were planned")
        return Measured(told["wall_s"], told["cpu_s"], whole.peak, whole.others), planned

    def _fill(self, connection: sqlite3.Connection) -> None:
        rows = []
        for number in range(self.companies):
            company = insert(connection, "core_empresa", {"nombre": f"Empresa {number:04}", "is_deleted": 0})
            person = insert(connection, "core_customuser", user(f"usuario{number:04}", company))
            instruments = [(f"EQ-{n:03}", "Balanza", "Activo", company) for n in range(INSTRUMENTS)]
            connection.executemany(
                "INSERT INTO core_equipo (codigo_interno, nombre, estado, empresa_id) VALUES (?, ?, ?, ?)", instruments
            )
            for click in range(self.clicks // self.companies):
                part = click % PARTS + 1
                moment = f"2026-06-01 {click // 60 % 24:02}:{click % 60:02}:00.000000"
                numbers = (0, 0, INSTRUMENTS // PARTS, 1, INSTRUMENTS // PARTS, PARTS)
                rows.append(("pending", click + 1, part, moment, company, person, *numbers))
        marks = ", ".join("?" * 12)
        connection.executemany(f"INSERT INTO core_ziprequest ({COLUMNS}) VALUES ({marks})", rows)
