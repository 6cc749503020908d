"""Opens a database and begins its transactions; SQLite and PostgreSQL behave alike behind it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import NullPool, QueuePool

from samzip.address import SHOWN
from samzip.database.patience import GLANCE_S, Canceller, Patience, PatientConnection
from samzip.database.types import Unread
from samzip.errors import (
    BadSetting,
    DatabaseDamaged,
    DatabaseDiskFails,
    DatabaseNotReady,
    DatabaseReadOnly,
    DatabaseUnreachable,
    Deadlock,
    RightMissing,
    RowLocked,
    SamzipError,
    StatementCut,
)
from samzip.threads import Abandoned, awaited, in_thread

if TYPE_CHECKING:
    from psycopg.abc import Buffer

BUSY_TIMEOUT_S = 30  # how long a writer waits for SQLite's single write lock

CONNECT_TIMEOUT_S = 10
IDLE_S = 60  # as long as a lease lives; after that the server ends a transaction whose host says nothing more
LOCK_S = 90  # how long a server has a statement wait for somebody else's row or table: longer than for a dead host's
# A host that lost its network notices within half a minute, not after the quarter of an hour that Linux takes (libpq).
DEAD_LINE = {"keepalives_idle": 10, "keepalives_interval": 10, "keepalives_count": 3, "tcp_user_timeout": 30_000}
TEXT = {"client_encoding": "utf8"}  # whatever the server or PGCLIENTENCODING would have
STEPS = 20_000  # of a statement's, some milliseconds, between two looks whether anybody still waits for it
KEPT = 8  # open connections to a SQLite file between two calls

POSTGRESQL_SAYS: dict[str | None, type[SamzipError]] = {  # by SQLSTATE
    "40P01": Deadlock,  # deadlock_detected
    "55P03": RowLocked,  # lock_not_available, by lock_timeout
    "57014": StatementCut,  # query_canceled, by statement_timeout or because this command was asked to end
    "25006": DatabaseReadOnly,  # a standby that is not promoted yet, or a server that was set so
    "42501": RightMissing,  # insufficient_privilege
    "42P01": DatabaseNotReady,  # no such table
    "42703": DatabaseNotReady,  # no such column
    "53100": DatabaseDiskFails,  # disk_full
    "58030": DatabaseDiskFails,  # io_error
}
SQLITE_SAYS: dict[int, type[SamzipError]] = {  # by primary result code
    sqlite3.SQLITE_INTERRUPT: StatementCut,
    sqlite3.SQLITE_CORRUPT: DatabaseDamaged,
    sqlite3.SQLITE_NOTADB: DatabaseDamaged,
    sqlite3.SQLITE_READONLY: DatabaseReadOnly,
    sqlite3.SQLITE_CANTOPEN: DatabaseReadOnly,  # it makes files of its own beside the database
    sqlite3.SQLITE_FULL: DatabaseDiskFails,
    sqlite3.SQLITE_IOERR: DatabaseDiskFails,  # also of a full disk, where the file's index should grow
}


@dataclass(frozen=True, slots=True)
class Database:
    """A database and the one clock by which samzip's states change."""

    engine: Engine
    url: URL
    canceller: Canceller | None = field(default=None, kw_only=True)  # where somebody may cut its waits short

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self, *, pauses: bool = False, lock_s: float | None = None) -> Iterator[Connection]:
        """A transaction that may write. On SQLite it takes the write lock at once (BEGIN IMMEDIATE): a transaction
        that reads first and writes later would fail as soon as another writer came between.

        A server ends it after IDLE_S without a statement, and gives its locks to whoever waits: of a host that lost its
        network it would hear nothing for hours. `pauses` is for those who do other work meanwhile. `lock_s` is for
        those who would rather not wait for somebody else's row than let others wait. Raises RowLocked, which comes of
        a server only, DatabaseUnreachable.
        """
        with _advice(self.url), self.engine.begin() as connection:
            if not self.is_sqlite and not pauses:
                _set(connection, idle_in_transaction_session_timeout=_ms(IDLE_S))
            if not self.is_sqlite and lock_s is not None:
                _set(connection, lock_timeout=_ms(lock_s))
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot for reading. Raises DatabaseUnreachable."""
        options = {"sqlite_begin": "BEGIN"} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with (
            _advice(self.url),
            self.engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            yield connection

    def now(self, connection: Connection) -> datetime:
        """The time, aware UTC: the server's own where there is a server, so that hosts need not agree."""
        if self.is_sqlite:
            return datetime.now(UTC)
        value: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return value.astimezone(UTC)

    def close(self) -> None:
        if self.canceller is not None:
            self.canceller.close()
        self.engine.dispose()


def shown_url(url: URL) -> str:
    """As people may see it: without its password, and of parameters, which may be one, only what certainly is none."""
    hidden = {name: "***" for name in url.query if name not in SHOWN}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


@contextmanager
def _advice(url: URL) -> Iterator[None]:
    """Turns the driver's words for "cannot reach it" into ours."""
    where = shown_url(url)
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnreachable(f"{where}: every connection is in use") from error
    except DBAPIError as error:
        kind = _kind(error)
        if kind is None:
            raise
        raise kind(f"{where}{' is damaged' if kind is DatabaseDamaged else ''}: {_words(error, url)}") from error


def _kind(error: DBAPIError) -> type[SamzipError] | None:
    """What an operator is told of it; None for what would be a mistake of ours."""
    by_state = POSTGRESQL_SAYS.get(getattr(error.orig, "sqlstate", None))
    by_code = SQLITE_SAYS.get(getattr(error.orig, "sqlite_errorcode", 0) & 0xFF)  # the rest of the code tells where
    if by_state or by_code:
        return by_state or by_code
    is_sqlites = isinstance(error.orig, sqlite3.DatabaseError) and not isinstance(error.orig, sqlite3.IntegrityError)
    if isinstance(error, OperationalError) or error.connection_invalidated or is_sqlites:
        return DatabaseUnreachable
    return None


def _words(error: DBAPIError, url: URL) -> str:
    """What the driver says, in one line: PostgreSQL's client answers in several, and quotes what it was given."""
    words = " ".join(str(error.orig).split())
    given = [value for name, value in url.normalized_query.items() if name not in SHOWN]
    for secret in filter(None, (str(url.password or ""), *(value for values in given for value in values))):
        words = words.replace(secret, "***")
    return words


def parse_url(text_url: str) -> URL:
    """Understands what people paste: postgres:// and postgresql:// mean psycopg 3. Raises BadSetting."""
    for prefix in ("postgres://", "postgresql://"):
        if text_url.startswith(prefix):
            text_url = "postgresql+psycopg://" + text_url.removeprefix(prefix)
    try:
        return make_url(text_url)
    except (ArgumentError, ValueError) as error:
        raise BadSetting(
            "database_url: this is not a database URL; "
            "allowed: sqlite:////absolute/path.sqlite3, postgresql://user:password@host/database"
        ) from error


def open_database(
    text_url: str,
    *,
    create: bool = False,
    patience_s: int | None = None,
    patience: Patience | None = None,
    keep_open: bool = False,
) -> Database:
    """Raises BadSetting for an URL that cannot be understood; connects only when first used.

    With `create`, a missing SQLite file is made; otherwise it is DatabaseUnreachable, since an empty file left behind
    by a typing mistake would look like an empty database. `patience_s` is for those who are waited for by people: how
    long a connection or a lock may take before it is DatabaseUnreachable. `patience` is for those who may be asked to
    end while they wait. `keep_open` is for those who come again and again: to open a SQLite file takes longer than most
    of what is done with it. Connections to a server are kept in any case.
    """
    url = parse_url(text_url)
    if url.get_backend_name() == "sqlite":
        its = patience or Patience(patience_s or BUSY_TIMEOUT_S)
        options = {"create": create, "keep_open": keep_open, "may_be_cut_short": patience is not None}
        return Database(_sqlite_engine(url, its, **options), url)
    if url.get_backend_name() != "postgresql":
        raise BadSetting(f"database_url: {url.drivername} is not supported; allowed: sqlite, postgresql")
    try:
        # No server-side prepared statements: they do not survive a pooler in transaction mode.
        connect: dict[str, int | str | None] = {
            "connect_timeout": patience_s or CONNECT_TIMEOUT_S,
            "prepare_threshold": None,
        }
        connect |= {name: value for name, value in (DEAD_LINE | TEXT).items() if name not in url.query}
        pool_timeout = patience_s or BUSY_TIMEOUT_S
        engine = create_engine(
            url, pool_pre_ping=True, pool_timeout=pool_timeout, connect_args=connect, isolation_level="READ COMMITTED"
        )
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise BadSetting(f"database_url: the driver is not installed: {error}") from error
    except ArgumentError as error:
        raise BadSetting(f"database_url: its hosts and ports do not fit together: {error}") from error
    _require_known(url)
    _read_any_date(engine)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # The driver reads no other style of dates, and a database or a user may have one.
        _set(connection, datestyle="ISO", lock_timeout=_ms(patience_s or LOCK_S))

    if patience_s is not None:
        from samzip.database.silence import end_silence

        end_silence(engine, patience_s)
    return Database(engine, url, canceller=_may_be_cut_short(engine, patience) if patience else None)


def _require_known(url: URL) -> None:
    """Raises BadSetting for a parameter that this libpq, older than samzip's list, would refuse as it connects."""
    from psycopg.pq import Conninfo

    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    for name in url.query:
        if name not in known:
            raise BadSetting(f"database_url: PostgreSQL's client on this host is too old for the parameter {name}")


def _may_be_cut_short(engine: Engine, patience: Patience) -> Canceller:
    canceller = Canceller(patience)

    def is_over() -> bool:
        return patience.is_over

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Dialect, _record: object, arguments: Any, options: Any) -> Any:
        """A server that takes calls and says nothing is left alone when patience is over."""
        try:
            if is_over():
                raise Abandoned
            connection = awaited(in_thread(lambda: dialect.connect(*arguments, **options), "connect"), is_over)
        except Abandoned as error:
            raise DatabaseUnreachable("the time that was left for the database is over") from error
        canceller.opened.add(connection)
        return connection

    @event.listens_for(engine, "checkout")
    def take(connection: Any, *_: object) -> None:
        canceller.in_use.add(connection)

    @event.listens_for(engine, "checkin")
    def give_back(connection: Any, _record: object) -> None:
        canceller.in_use.discard(connection)

    return canceller


def _set(connection: Connection, **settings: str) -> None:
    """For this transaction only, not in the connection's options, which a pooler would refuse."""
    calls = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())
    connection.exec_driver_sql(f"SELECT {calls}")


def _ms(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _read_any_date(engine: Engine) -> None:
    """PostgreSQL's calendar is wider than Python's, and psycopg refuses the rest: a moment before the year 1 or after
    9999 reads as the calendar's end, so that it still compares as it should; a day reads as Unread."""
    from psycopg import DataError
    from psycopg.types.datetime import DateLoader, TimestamptzLoader

    class AnyMoment(TimestamptzLoader):
        def load(self, data: Buffer) -> datetime:
            try:
                return super().load(data)
            except DataError:
                early = bytes(data).startswith(b"-") or bytes(data).endswith(b"BC")
                return datetime.min.replace(tzinfo=UTC) if early else datetime.max.replace(tzinfo=UTC)

    class AnyDay(DateLoader):
        def load(self, data: Buffer) -> date | Unread:  # type: ignore[override]
            try:
                return super().load(data)
            except DataError:
                return Unread(bytes(data).decode())

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.adapters.register_loader("timestamptz", AnyMoment)
        connection.adapters.register_loader("date", AnyDay)


def _sqlite_engine(url: URL, patience: Patience, *, create: bool, keep_open: bool, may_be_cut_short: bool) -> Engine:
    if not url.database or url.database == ":memory:":
        raise BadSetting("database_url: sqlite needs a file that outlives a command: sqlite:////absolute/path.sqlite3")
    path = Path(url.database).expanduser().absolute()

    def connect() -> PatientConnection:
        mode = "rwc" if create else "rw"
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}",
            uri=True,
            timeout=GLANCE_S,
            factory=PatientConnection,
            isolation_level=None,  # the driver must not begin transactions on its own
            check_same_thread=False,
        )
        connection.patience = patience
        if may_be_cut_short:  # who answers Ctrl-C by an exception would lose it in there
            connection.set_progress_handler(lambda: patience.is_over, STEPS)
        connection.execute("PRAGMA foreign_keys=ON")
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        return connection

    if keep_open:
        engine = create_engine(url, creator=connect, poolclass=QueuePool, pool_size=KEPT, max_overflow=-1)
        _notice_another_file(engine, path)
    else:
        engine = create_engine(url, creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN IMMEDIATE"))

    return engine


def _notice_another_file(engine: Engine, path: Path) -> None:
    """A kept connection goes on with the file that it opened, also when that was moved away or a backup took its
    place."""

    def identity() -> tuple[int, int] | None:
        try:
            found = path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    @event.listens_for(engine, "connect")
    def opened(_connection: Any, record: Any) -> None:
        record.info["file"] = identity()

    @event.listens_for(engine, "checkout")
    def taken(_connection: Any, record: Any, _proxy: object) -> None:
        if record.info["file"] != identity():
            raise DisconnectionError(f"{path} is another file now")
