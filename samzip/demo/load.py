"""Fills an empty database and an empty media folder with the sample."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import JSON, Connection, Table, func, insert, inspect, select

from samzip.database import Database
from samzip.database.tables import sam
from samzip.demo.book import Book, Document, morning
from samzip.demo.documents import content
from samzip.demo.records import sample
from samzip.errors import DatabaseNotReady, StorageFailed, UsageProblem

GUARDED = ("core_empresa", "core_customuser", "core_equipo", "core_ziprequest")  # any row there is somebody's data

Progress = Callable[[int, int], None]  # files written, files in all


@dataclass(frozen=True, slots=True)
class Loaded:
    """What load() wrote."""

    companies: int
    equipment: int
    documents: int  # files: papers, photos and logos
    bytes: int  # of those files


def load(
    database: Database, media: Path, *, today: date, small: bool = False, progress: Progress | None = None
) -> Loaded:
    """Write the sample, dated relative to `today`; with `small`, the same rows with thumbnails for documents.

    All or nothing: the rows are one transaction, and the files go again if anything fails. Raises UsageProblem
    (nothing was touched) if there is data or a file already, DatabaseNotReady, DatabaseUnreachable, StorageFailed.
    """
    book = sample(today)
    with _removed_on_failure() as made, database.write(pauses=True) as connection:
        _refuse_data(connection)
        _refuse_files(media)
        size = _write_files(media, book.documents, made, small=small, progress=progress)
        _write_rows(connection, book)
    return Loaded(
        companies=len(book.rows["core_empresa"]),
        equipment=len(book.rows["core_equipo"]),
        documents=len(book.documents),
        bytes=size,
    )


def _refuse_data(connection: Connection) -> None:
    schema = inspect(connection)
    present = set(schema.get_table_names())
    absent = sorted(set(sam.tables) - present)
    if absent:
        raise DatabaseNotReady(f"the database has no table {absent[0]}")
    for name in GUARDED:
        rows = connection.scalar(select(func.count()).select_from(sam.tables[name])) or 0
        if rows:
            raise UsageProblem(
                f"{name} already holds {rows} row{'s' if rows > 1 else ''}; the sample goes into an empty database "
                "only: point SAMZIP_DATABASE_URL at a new one and run `samzip init` there"
            )
    # SAM's own tables demand columns that the sample does not know, and have types that it does not write; better said
    # now than as a constraint's name.
    for name, table in sam.tables.items():
        for column in schema.get_columns(name):
            is_demanded = column["name"] not in table.c and not column["nullable"] and column["default"] is None
            if is_demanded or isinstance(column["type"], JSON):
                why = "demands a value for" if is_demanded else "keeps as JSON"
                raise UsageProblem(
                    f"{name} {why} {column['name']}: this database was made by SAM itself; the sample goes "
                    "only into one that `samzip init` made: point SAMZIP_DATABASE_URL at a new one"
                )


def _refuse_files(media: Path) -> None:
    if media.exists() and not media.is_dir():
        raise UsageProblem(f"{media} is not a folder; point SAMZIP_MEDIA_ROOT at a new one")
    found = next((path for path in media.rglob("*") if path.is_symlink() or not path.is_dir()), None)
    if found is not None:
        raise UsageProblem(
            f"{media} already holds files (for one, {found.relative_to(media)}); the sample goes into an empty folder "
            "only: point SAMZIP_MEDIA_ROOT at a new one"
        )


@contextmanager
def _removed_on_failure() -> Iterator[list[Path]]:
    """Files and folders that are put on the list go, last first, when the block does not end well."""
    made: list[Path] = []
    try:
        yield made
    except BaseException:
        for path in reversed(made):
            # What cannot go (someone put a file of his own there) must not hide why the rest went.
            with suppress(OSError):
                if path.is_dir():
                    path.rmdir()
                else:
                    path.unlink(missing_ok=True)
        raise


def _make_folder(folder: Path, made: list[Path]) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent, made)
    folder.mkdir()
    made.append(folder)


def _write_files(
    media: Path, documents: list[Document], made: list[Path], *, small: bool, progress: Progress | None
) -> int:
    """Returns the bytes written."""
    total = 0
    try:
        _make_folder(media, made)
        for done, document in enumerate(documents, start=1):
            path = media / document.path
            data = content(document, small=small)
            _make_folder(path.parent, made)
            made.append(path)
            path.write_bytes(data)
            moment = morning(document.day).timestamp()
            os.utime(path, (moment, moment))
            total += len(data)
            if progress is not None:
                progress(done, len(documents))
    except OSError as error:
        raise StorageFailed(f"{error.filename or media}: {error.strerror or error}") from error
    return total


def _write_rows(connection: Connection, book: Book) -> None:
    """The database numbers the rows: ids that we chose would collide with its own next ones on PostgreSQL."""
    ids: dict[str, dict[int, int]] = {}  # table -> id within the sample -> id in the database
    for name, rows in book.rows.items():
        table = sam.tables[name]
        targets = _references(table)
        known = ids.setdefault(name, {})
        for row in rows:
            values = {
                column: ids[targets[column]][value] if column in targets and value is not None else value
                for column, value in row.items()
                if column != "id"
            }
            known[row["id"]] = connection.scalars(insert(table).values(values).returning(table.c.id)).one()


def _references(table: Table) -> dict[str, str]:
    """Column -> the table it refers to."""
    return {column.name: key.column.table.name for column in table.c for key in column.foreign_keys}
