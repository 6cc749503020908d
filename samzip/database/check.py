"""What `samzip init` would do to a database, and what may keep it or a run from working there. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.schema import CreateIndex

from samzip.database import setup, tables
from samzip.database.engine import Database, open_database, shown_url
from samzip.database.rights import COLUMNS, RUNNER, SERIAL

EMPTY, OWN, SAMS = "empty", "own", "sam"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, and what would be added."""

    database: str  # without its password
    found: str  # EMPTY (or not there yet), OWN (samzip made it), SAMS
    revision: str | None  # of samzip's schema; None: it has none
    wanted: str  # the revision that this samzip works with
    creates: tuple[str, ...]  # tables, and an index where the database is samzip's own
    missing_rights: tuple[str, ...]  # one line each
    index_to_offer: str | None  # the statement; samzip itself never executes it on SAM's tables

    @property
    def is_ready(self) -> bool:
        return not self.creates and self.revision == self.wanted

    @property
    def can_be_done(self) -> bool:
        return not self.missing_rights and (self.revision or "") <= self.wanted


def check(url: str) -> Checked:
    """Raises ForeignDatabase, DatabaseUnreachable, BadSetting."""
    database = open_database(url)
    try:
        if database.is_sqlite and not _file(database).exists():
            return _checked(database, EMPTY, None, _all_tables(set()), tuple(_folder_rights(database)))
        with database.read() as connection:
            return _look(database, connection)
    finally:
        database.close()


def _look(database: Database, connection: Connection) -> Checked:
    present = set(inspect(connection).get_table_names())
    revision = setup.revision_of(connection)
    if not present - _own_tables():
        creates = _all_tables(present)
        return _checked(database, EMPTY, revision, creates, tuple(_rights(database, connection, present, creates)))
    setup.check_sam(database, connection, present)
    is_own = setup.is_own(present)
    creates = tuple(sorted(_own_tables() - present))
    lacks_index = not _finds_by_status(connection)
    index = tables.request_state.name or ""
    if is_own and lacks_index:
        creates += (index,)
    rights = tuple(_rights(database, connection, present, creates, is_old=revision not in (None, setup.HEAD)))
    offered = str(CreateIndex(tables.request_state).compile(dialect=connection.dialect)).strip()
    if not database.is_sqlite:  # clicks go on while it is made
        offered = offered.replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1)
    found = OWN if is_own else SAMS
    return _checked(database, found, revision, creates, rights, None if is_own or not lacks_index else offered)


def _checked(
    database: Database,
    found: str,
    revision: str | None,
    creates: tuple[str, ...],
    rights: tuple[str, ...],
    index: str | None = None,
) -> Checked:
    shown = shown_url(database.url)
    return Checked(shown, found, revision, setup.HEAD, creates, rights, index)


def _own_tables() -> set[str]:
    return {*tables.own.tables, setup.VERSION_TABLE}


def _all_tables(present: set[str]) -> tuple[str, ...]:
    return tuple(sorted({*tables.sam.tables, *_own_tables()} - present))


def _finds_by_status(connection: Connection) -> bool:
    """Whether an index begins with the status: without one, whoever looks for the queue reads the whole history."""
    indexes = inspect(connection).get_indexes("core_ziprequest")
    return any(index["column_names"][:1] == ["status"] for index in indexes)


def _rights(
    database: Database, connection: Connection, present: set[str], creates: tuple[str, ...], *, is_old: bool = False
) -> Iterator[str]:
    """What this user may not do and has to: once for init, always for runs."""
    if database.is_sqlite:
        yield from _file_rights(database)
        return
    schema = connection.execute(text("SELECT current_schema()")).scalar()
    if creates and not (schema and _may(connection, "has_schema_privilege(:name, 'CREATE')", schema)):
        yield f"CREATE on schema {schema or '(none in search_path)'}, to make tables"
    for name in sorted(present & _own_tables()):
        if is_old and not _may(
            connection, "pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass(:name)), 'USAGE')", name
        ):
            yield f"to own {name}, to bring it up to date"
        yield from _table_rights(connection, name, RUNNER.get(name, ()))
    for name in sorted(present & set(tables.sam.tables)):
        yield from _table_rights(connection, name, RUNNER[name])
    for name in sorted(present & set(SERIAL)):
        # A column that is an identity needs no right of its own.
        sequence = connection.execute(
            text(
                "SELECT pg_get_serial_sequence(:name, 'id') FROM pg_attribute"
                " WHERE attrelid = to_regclass(:name) AND attname = 'id' AND attidentity = ''"
            ),
            {"name": name},
        ).scalar()
        if sequence and not _may(connection, "has_sequence_privilege(:name, 'USAGE')", sequence):
            yield f"USAGE on sequence {sequence}"


def _table_rights(connection: Connection, table: str, wanted: tuple[str, ...]) -> Iterator[str]:
    if table in COLUMNS:
        for column in COLUMNS[table]:
            if not _may(connection, f"has_column_privilege(:name, '{column}', '{wanted[0]}')", table):
                yield f"{wanted[0]} ({', '.join(COLUMNS[table])}) on {table}"
                return
        return
    lacking = [right for right in wanted if not _may(connection, f"has_table_privilege(:name, '{right}')", table)]
    if lacking:
        yield f"{', '.join(lacking)} on {table}"


def _may(connection: Connection, condition: str, name: str) -> bool:
    return bool(connection.execute(text(f"SELECT {condition}"), {"name": name}).scalar())


def _file_rights(database: Database) -> Iterator[str]:
    if not os.access(_file(database), os.R_OK | os.W_OK):
        yield f"to write the file {_file(database)}"
    yield from _folder_rights(database)


def _folder_rights(database: Database) -> Iterator[str]:
    """SQLite makes files of its own beside the database."""
    folder = next(folder for folder in _file(database).parents if folder.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        yield f"to make files in {folder}"


def _file(database: Database) -> Path:
    return Path(database.url.database or "").expanduser().absolute()
