"""A database as it is after years: a long history of requests, many companies, a long queue. The same every time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, text

from samzip.database import Database
from samzip.dossier.parts import part_slices

REQUEST = (
    *("id", "status", "position_in_queue", "parte_numero", "created_at", "completed_at", "file_path", "file_size"),
    *("expires_at", "empresa_id", "user_id", "equipos_procesados", "progress_percentage", "total_equipos"),
    *("rango_equipos_inicio", "rango_equipos_fin", "total_partes"),
)
NOTICE = ("id", "tipo", "status", "titulo", "mensaje", "created_at", "user_id", "zip_request_id")
RUN = ("id", "host", "pid", "version", "started_at", "heartbeat_at", "finished_at", "outcome", "counts")
ARCHIVE = (
    *("path", "company_id", "part", "parts", "size", "sha256", "fingerprint", "download_name", "warnings"),
    *("published_at", "expires_at", "deleting"),
)

CACHE_KIB = 1 << 20  # as much as a grown SQLite file has

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    history: int = 1_000_000  # requests that ended, and a notification of each
    companies: int = 10_000  # the first is the large one; a company's number is its id and its user's
    pending: int = 50_000  # requests; all parts of the large company are among them
    largest: int = 10_000  # instruments of the large company
    instruments: int = 40  # of each other one
    part_size: int = 35
    days: int = 180  # that the history goes back
    runs: int = 250_000  # in the history: one a minute
    live: int = 2_000  # of the ended requests, the newest: completed, with an archive that can be downloaded

    def equipment(self, company: int) -> int:
        return self.largest if company == 1 else self.instruments


def fill(database: Database, size: Size, now: datetime) -> None:
    """Into the empty tables of `samzip init`; then statistics, as a database makes them of itself."""
    for _ in grow(database, size, now, [size.history]):
        pass


def grow(database: Database, size: Size, now: datetime, steps: Sequence[int]) -> Iterator[int]:
    """The same in steps, which are lengths of the history, each longer than the one before; yields when one is there.

    A history grows into the past here: its newest requests come first, those from before them with the next step. So
    the queue keeps its numbers, and at last it is the same history however many steps there were.
    """
    made = _History(size, now)
    with database.write() as connection:
        _insert(connection, "core_empresa", ("id", "nombre", "is_deleted"), made.companies())
        users = ("id", "username", "first_name", "last_name", "email", "is_superuser", "is_active", "rol_usuario")
        _insert(connection, "core_customuser", (*users, "empresa_id"), made.users())
        columns = ("codigo_interno", "nombre", "estado", "empresa_id")
        _insert(connection, "core_equipo", columns, made.equipment())
        _insert(connection, "core_ziprequest", REQUEST, made.queue())
    there = 0
    for step in steps:
        added = range(size.history - step, size.history - there)
        with database.write() as connection:
            _insert(connection, "core_ziprequest", REQUEST, made.requests(added))
            _insert(connection, "core_notificacionzip", NOTICE, made.notices(added))
            _insert(connection, "samzip_run", RUN, made.runs(added))
            _insert(connection, "samzip_archive", ARCHIVE, made.archives(added))
            if not database.is_sqlite:
                for table in ("core_empresa", "core_customuser", "core_ziprequest", "core_notificacionzip"):
                    after = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
                    connection.execute(text(after))
        tidy(database)
        there = step
        yield step


def tidy(database: Database) -> None:
    """What autovacuum does sooner or later, and ANALYZE on SQLite."""
    options = {} if database.is_sqlite else {"isolation_level": "AUTOCOMMIT"}  # VACUUM must not be in a transaction
    with database.engine.connect().execution_options(**options) as connection:
        connection.execute(text("ANALYZE" if database.is_sqlite else "VACUUM ANALYZE"))


def _insert(connection: Connection, table: str, columns: Sequence[str], rows: Iterator[Row]) -> None:
    """As the driver does it fastest."""
    raw = connection.connection.driver_connection
    assert raw is not None
    if connection.dialect.name == "sqlite":
        raw.execute(f"PRAGMA cache_size = -{CACHE_KIB}")  # else each page of an index is written again and again
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        raw.executemany(statement, (tuple(map(_sqlite, row)) for row in rows))
        return
    with raw.cursor() as cursor, cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _sqlite(value: Any) -> Any:
    return value.replace(tzinfo=None).isoformat(" ") if isinstance(value, datetime) else value


class _History:
    def __init__(self, size: Size, now: datetime) -> None:
        self.size = size
        self.now = now.astimezone(UTC)
        self.slices = [part_slices(size.equipment(company), size.part_size) for company in (2, 1)]  # small, large
        self.ended = list(self._ended())
        self.asked = list(self._asked())

    def companies(self) -> Iterator[Row]:
        for company in range(1, self.size.companies + 1):
            yield company, f"Empresa {company:05}", False

    def users(self) -> Iterator[Row]:
        for user in range(1, self.size.companies + 1):
            yield user, f"usuario{user:05}", "Ana", "Gómez", "ana@example.com", False, True, "ADMINISTRADOR", user

    def equipment(self) -> Iterator[Row]:
        for company in range(1, self.size.companies + 1):
            for number in range(1, self.size.equipment(company) + 1):
                yield f"EQ-{number:05}", "Balanza", "Activo", company

    def queue(self) -> Iterator[Row]:
        """Its numbers follow those of the whole history, as numbers grow with time."""
        for index, (company, part) in enumerate(self.asked):
            created = self.now - timedelta(hours=1) + timedelta(hours=1) * index / len(self.asked)
            yield self._request(self.size.history + index + 1, "pending", company, part, created, None, None, None)

    def requests(self, which: range) -> Iterator[Row]:
        """Here and below `which` counts requests of the history, from its oldest on."""
        for index in which:
            company, part, status = self.ended[index]
            created = self._moment(index)
            done = created + timedelta(minutes=1)
            is_live = status == "completed"
            over = self.now + timedelta(hours=4) if is_live else done + timedelta(hours=6)
            made = status in ("completed", "expired")
            path = _path(company, part, index + 1) if made else None
            yield self._request(index + 1, status, company, part, created, done, path, over if made else None)

    def notices(self, which: range) -> Iterator[Row]:
        for index in which:
            company, _, status = self.ended[index]
            kind = "zip_failed" if status == "failed" else "zip_ready"
            yield index + 1, kind, "read", "ZIP", "El ZIP está listo.", self._moment(index), company, index + 1

    def runs(self, which: range) -> Iterator[Row]:
        """Of the same time as those requests."""
        runs, history = self.size.runs, max(1, self.size.history)
        counts = json.dumps({"waiting": 0})
        for index in range(runs * which.start // history, runs * which.stop // history):
            begun = self.now - timedelta(minutes=runs - index)
            done = begun + timedelta(seconds=1)
            yield f"{index:012x}", "host", 1, "0", begun, done, done, "nothing" if index % 5 else "done", counts

    def archives(self, which: range) -> Iterator[Row]:
        for index in which:
            company, part, status = self.ended[index]
            if status == "completed":
                parts, over = self._parts(company), self.now + timedelta(hours=4)
                path = _path(company, part, index + 1)
                yield path, company, part, parts, 10_000_000, "0" * 64, "", "a.zip", "[]", self.now, over, False

    def _moment(self, index: int) -> datetime:
        size = self.size
        return self.now - timedelta(hours=2) - timedelta(days=size.days) / size.history * (size.history - index)

    def _request(self, number: int, status: str, company: int, part: int, created: datetime, *ended: Any) -> Row:
        slices = self.slices[company == 1]
        piece = slices[part - 1]
        done, path, over = ended
        size = 10_000_000 if path else None
        shown = (len(piece), piece.start + 1, piece.stop, len(slices))
        return number, status, 1, part, created, done, path, size, over, company, company, 0, 0, *shown

    def _ended(self) -> Iterable[tuple[int, int, str]]:
        """Company, part, status. The large company's clicks are each day's first."""
        rng, size = Random("history"), self.size
        daily = self._parts(1) * size.days
        large = min(daily, size.history // 10)
        for index in range(size.history):
            if large and index % (size.history // large) == 0:
                company, part = 1, index % self._parts(1) + 1
            else:
                company = rng.randint(2, size.companies)
                part = rng.randint(1, self._parts(company))
            old = rng.choices(("expired", "failed", "cancelled"), (94, 3, 3))[0]
            yield company, part, "completed" if index >= size.history - size.live else old

    def _asked(self) -> Iterable[tuple[int, int]]:
        rng = Random("queue")
        for part in range(1, self._parts(1) + 1):
            yield 1, part
        for _ in range(self.size.pending - self._parts(1)):
            company = rng.randint(2, self.size.companies)
            yield company, rng.randint(1, self._parts(company))

    def _parts(self, company: int) -> int:
        return len(self.slices[company == 1])


def _path(company: int, part: int, request: int) -> str:
    return f"zip_requests/{company}/{part}-{request}.zip"
