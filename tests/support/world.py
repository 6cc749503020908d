"""A small world to run samzip in: a database, folders, companies, and runs inside the test's own process."""

from __future__ import annotations

import atexit
import functools
import itertools
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, text, update
from sqlalchemy.engine import make_url

from samzip.batch.context import Context, Stop
from samzip.batch.run import Mode, run
from samzip.database import Database, open_database, tables
from samzip.database.patience import Patience
from samzip.database.setup import initialise
from samzip.events import Event, RunFinished
from samzip.requests import work
from samzip.requests.insert import Inserted, insert_requests
from samzip.requests.line import asked
from samzip.settings import Settings, load
from samzip.storage import Store, open_store
from samzip.units import parse_bucket
from tests.support.s3 import Bucket

_numbers = itertools.count()


class ShiftedDatabase(Database):
    """A database whose clock a test can move."""

    __slots__ = ()
    shift = timedelta(0)

    def now(self, connection: Connection) -> datetime:
        return super().now(connection) + ShiftedDatabase.shift


class InlineExecutor:
    """Does each job at once, in this process."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.before: Callable[[Any], None] = lambda job: None
        self.holds: Callable[[Any], bool] = lambda job: False  # jobs that never end

    def start(self) -> None:
        """Nothing to start."""

    def submit(self, function: Callable[..., Any], job: Any, key: str) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            self.before(job)
            if self.holds(job):
                return future
            future.set_result(function(job, lambda progress: self.told.append((key, progress))))
        except Exception as error:
            future.set_exception(error)
        return future

    def submit_here(self, function: Callable[..., Any], job: Any, key: str) -> Future[Any]:
        return self.submit(function, job, key)

    def poll(self, timeout: float) -> list[tuple[str, Any]]:
        told, self.told = self.told, []
        return told

    def cancel(self, key: str) -> None:
        """Nothing runs when this could be called."""

    def stop(self) -> None:
        """Nothing to stop."""


@dataclass
class World:
    """One database, one state folder."""

    settings: Settings
    database: Database
    events: list[Event] = field(default_factory=list)
    executor: InlineExecutor = field(default_factory=InlineExecutor)
    host: str = "test-host"
    bucket: Bucket | None = None  # that of a media root on S3

    @property
    def media(self) -> Path:
        return Path(self.settings.media_root)

    def put(self, path: str, data: bytes) -> None:
        """A document, as SAM stores it."""
        if self.bucket is not None:
            self.bucket.put(f"{parse_bucket(self.settings.media_root)[1]}/{path}", data)
            return
        target = self.media / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    @property
    def archives(self) -> Store:
        return open_store(self.settings.archive_root)

    def context(self, **changes: Any) -> Context:
        number = next(_numbers)
        context = Context(
            settings=self.settings,
            database=self.database,
            media=open_store(self.settings.media_root),
            archives=self.archives,
            make_executor=lambda: self.executor,
            publish=self.events.append,
            stop=Stop(),
            run_id=f"run{number}",
            host=self.host,
        )
        return replace(context, **changes)

    def patient(self, patience: Patience, **changes: Any) -> Context:
        """A run that may be asked to end, as samzip.app makes it. Its database is for the caller to close."""
        opened = open_database(self.settings.database_url, patience=patience)
        database = ShiftedDatabase(opened.engine, opened.url, canceller=opened.canceller)
        return self.context(database=database, grant_time=lambda: patience.grant(1), **changes)

    def run(self, mode: Mode = Mode(), **changes: Any) -> RunFinished:  # noqa: B008 -- frozen
        return run(self.context(**changes), mode)

    def company(
        self, name: str = "CERTIBOY S.A.S.", equipment: int = 3, user: str | None = "CERTIBOY", prefix: str = "EQ"
    ) -> int:
        """A company with instruments that have one document each."""
        with self.database.write() as connection:
            company_id = connection.execute(
                insert(tables.empresa).values(nombre=name, is_deleted=False).returning(tables.empresa.c.id)
            ).scalar_one()
            if user:
                self.user(connection, user, company_id)
            for number in range(1, equipment + 1):
                self.equipment(connection, company_id, f"{prefix}-{number:03}")
        return int(company_id)

    def user(self, connection: Connection, name: str, company_id: int | None, **values: Any) -> int:
        row = {
            "username": name,
            "first_name": "Ana",
            "last_name": "Gómez",
            "email": "ana@example.com",
            "is_superuser": False,
            "is_active": True,
            "rol_usuario": "ADMINISTRADOR",
            "empresa_id": company_id,
        }
        statement = insert(tables.customuser).values(row | values).returning(tables.customuser.c.id)
        return int(connection.execute(statement).scalar_one())

    def equipment(self, connection: Connection, company_id: int, code: str, **values: Any) -> int:
        path = f"documentos/{company_id}/{code.replace('/', '_')}/compra.pdf"
        self.put(path, b"%PDF-1.4\n% " + code.encode("utf-8", "replace") * 20)
        row = {
            "codigo_interno": code,
            "nombre": f"Balanza {code}",
            "estado": "Activo",
            "empresa_id": company_id,
            "archivo_compra_pdf": path,
            "fecha_adquisicion": date(2024, 3, 1),
            "fecha_registro": datetime(2024, 3, 1, 12, tzinfo=UTC),
        }
        statement = insert(tables.equipo).values(row | values).returning(tables.equipo.c.id)
        return int(connection.execute(statement).scalar_one())

    def click(self, user: str = "CERTIBOY", company_id: int | None = None) -> Inserted:
        with self.database.write() as connection:
            now = self.database.now(connection)
            return insert_requests(connection, now, user=user, company_id=company_id, part_size=self.settings.part_size)

    def claim(self, company_id: int, part: int) -> work.Claim:
        """A waiting part, as a run has it in work."""
        with self.database.write() as connection:
            held = work.claim(
                connection,
                self.database.now(connection),
                company_id=company_id,
                part=part,
                token="t" * 32,
                run_id="r1",
                requests=asked(connection, company_id, part),
            )
        assert held is not None
        return held

    def requests(self) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(tables.ziprequest).order_by(tables.ziprequest.c.id)))

    def rows(self, table: Any) -> list[Any]:
        with self.database.read() as connection:
            return list(connection.execute(select(table)))

    def set_request(self, request_id: int, **values: Any) -> None:
        with self.database.write() as connection:
            connection.execute(update(tables.ziprequest).where(tables.ziprequest.c.id == request_id).values(values))

    def files(self) -> list[str]:
        """Everything under zip_requests/."""
        return sorted(name for name, _ in self.archives.list("zip_requests"))

    def seen(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def later(self, **delta: float) -> None:
        ShiftedDatabase.shift += timedelta(**delta)

    def at_noon(self) -> None:
        """The company's, so that some hours later it is the same day: an archive is given again on its day only."""
        now = datetime.now(UTC)
        self.later(seconds=(now.replace(hour=17, minute=0, second=0) - now).total_seconds())  # UTC-5


def make_world(folder: Path, database_url: str | None = None, bucket: Bucket | None = None, **flags: str) -> World:
    """Empty folders below `folder`, and a database: an initialised one that is given, else a new file."""
    settings = load(
        {"state_dir": str(folder / "state"), "database_url": database_url, "jobs": "1", "part_size": "2", **flags},
        {"HOME": str(folder)},
    )
    settings.state_dir.mkdir(parents=True, exist_ok=True)
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
        shutil.copyfile(_initialised_file(), str(url.database))
    if bucket is None:
        Path(settings.media_root).mkdir(parents=True, exist_ok=True)
    opened = open_database(settings.database_url)
    return World(settings, ShiftedDatabase(opened.engine, opened.url), bucket=bucket)


@functools.cache
def _initialised_file() -> Path:
    """Copied for each world: initialising is half of what most of them cost."""
    folder = Path(tempfile.mkdtemp(prefix="samzip-template-"))
    atexit.register(shutil.rmtree, folder)
    initialise(f"sqlite:///{folder}/template.sqlite3")
    return folder / "template.sqlite3"


@functools.cache
def _initialised_database(server: str) -> str:
    url = make_url(empty_postgres_database(server))
    initialise(url.render_as_string(hide_password=False))
    return str(url.database)


def new_postgres_database(server: str) -> str:
    """URL of an initialised database on a test server."""
    return _create(server, f" TEMPLATE {_initialised_database(server)}")


def empty_postgres_database(server: str, how: str = "") -> str:
    """`how` ends the statement that creates it."""
    return _create(server, f" {how}")


def _create(server: str, how: str) -> str:
    name = f"samzip_{next(_numbers)}"
    admin = open_database(server)
    with admin.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}{how}"))
    admin.close()
    return make_url(server).set(database=name).render_as_string(hide_password=False)
