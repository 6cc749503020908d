"""Makes a database ready, or tells what it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from samzip.database import tables
from samzip.database.engine import Database, open_database, shown_url
from samzip.errors import DatabaseNotReady, ForeignDatabase, NewerSchema

VERSION_TABLE = "samzip_version"  # Alembic's note of the schema's revision
HEAD = "0004"  # the revision this samzip works with


@dataclass(frozen=True, slots=True)
class Initialised:
    """What `samzip init` did."""

    adopted: bool  # the database is SAM's, not one that samzip made
    created: tuple[str, ...]  # tables


def initialise(url: str) -> Initialised:
    """Creates all tables on an empty database; on SAM's adds samzip's own and alters nothing else. Idempotent.

    Raises ForeignDatabase for a database that holds other tables, NewerSchema, DatabaseUnreachable.
    """
    database = open_database(url, create=True)
    if database.is_sqlite and database.url.database:
        Path(database.url.database).parent.mkdir(parents=True, exist_ok=True)
    try:
        with database.read() as connection:
            before = set(inspect(connection).get_table_names())
            _require_known(database, revision_of(connection))
            adopted = bool(before - {*tables.own.tables, VERSION_TABLE})
            if adopted:
                check_sam(database, connection, before)
        known = set(tables.sam.tables)
        if not before and database.is_sqlite:
            _use_wal(database)
        with database.write() as connection:
            if not adopted:
                tables.sam.create_all(connection)
            elif is_own(before):  # made by an older samzip
                tables.request_state.create(connection, checkfirst=True)
            _migrate(connection)
            after = set(inspect(connection).get_table_names())
    finally:
        database.close()
    return Initialised(bool(before & known) and not is_own(before), tuple(sorted(after - before)))


def is_own(present: set[str]) -> bool:
    """Both have SAM's tables; but samzip makes those that it needs and its own at once, and Django has more."""
    return VERSION_TABLE in present and not present - {*tables.own.tables, VERSION_TABLE, *tables.sam.tables}


def require_ready(database: Database) -> None:
    """Raises DatabaseNotReady, ForeignDatabase, DatabaseUnreachable."""
    if database.is_sqlite and not Path(database.url.database or "").expanduser().exists():
        raise DatabaseNotReady(f"there is no database yet at {database.url.database}")
    with database.read() as connection:
        revision = revision_of(connection)
        present = set() if revision else set(inspect(connection).get_table_names())
    if present and not present & set(tables.sam.tables):
        raise ForeignDatabase(
            f"{_shown(database)} holds tables of another application ({', '.join(sorted(present)[:5])})"
        )
    if revision is None:
        raise DatabaseNotReady(f"{_shown(database)}: samzip's tables are missing")
    _require_known(database, revision)
    if revision != HEAD:
        raise DatabaseNotReady(f"{_shown(database)}: its schema is {revision}, this samzip works with {HEAD}")


def _require_known(database: Database, revision: str | None) -> None:
    """Raises NewerSchema. Revisions are numbered, so that they compare as texts."""
    if revision and revision > HEAD:
        raise NewerSchema(f"{_shown(database)}: its schema is {revision}, of a newer samzip than this, made for {HEAD}")


def revision_of(connection: Connection) -> str | None:
    """Of samzip's schema; None: it has none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608
    return revision


def check_sam(database: Database, connection: Connection, present: set[str]) -> None:
    """Raises ForeignDatabase when tables or columns of SAM's are missing."""
    missing = sorted(set(tables.sam.tables) - present)
    if missing:
        shown = ", ".join(sorted(present)[:5])
        raise ForeignDatabase(
            f"{_shown(database)} holds tables of another application ({shown}) and lacks SAM's {', '.join(missing[:3])}"
        )
    inspector = inspect(connection)
    lacking = [
        f"{name}.{column.name}"
        for name, table in tables.sam.tables.items()
        for column in table.columns
        if column.name not in {found["name"] for found in inspector.get_columns(name)}
    ]
    if lacking:
        raise ForeignDatabase(
            f"{_shown(database)}: SAM's tables lack {', '.join(lacking[:5])}; is SAM's version older?"
        )


def _use_wal(database: Database) -> None:
    """Readers never wait for the writer. The mode stays with the file; SAM's own database keeps the mode it has."""
    raw = database.engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA journal_mode=WAL")
    finally:
        raw.close()


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _shown(database: Database) -> str:
    return shown_url(database.url)
