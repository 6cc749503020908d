"""The sample goes into a real database and a real folder, whole or not at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import func, insert, select, text

from samzip.database import Database, open_database
from samzip.database.tables import customuser, empresa, equipo, sam, ziprequest
from samzip.demo.load import Loaded, load
from samzip.errors import DatabaseNotReady, StorageFailed, UsageProblem
from tests.support.world import new_postgres_database

TODAY = date(2026, 3, 31)

Sample = tuple[Database, Path, Loaded]


def new_database(folder: Path) -> Database:
    database = open_database(f"sqlite:///{folder}/sam.sqlite3", create=True)
    with database.write() as connection:
        sam.create_all(connection)
    return database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = new_database(tmp_path)
    yield database
    database.close()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    folder = tmp_path_factory.mktemp("demo")
    database = new_database(folder)
    yield database, folder / "media", load(database, folder / "media", today=TODAY, small=True)
    database.close()


def files(media: Path) -> list[Path]:
    return sorted(path for path in media.rglob("*") if path.is_file())


def rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    with database.read() as connection:
        return {
            name: [tuple(row) for row in connection.execute(select(table).order_by(table.c.id))]
            for name, table in sam.tables.items()
        }


def count(database: Database) -> int:
    return sum(len(each) for each in rows(database).values())


def test_what_it_says_it_wrote_is_there(loaded: Sample) -> None:
    database, media, result = loaded
    found = files(media)
    assert result == Loaded(
        companies=2, equipment=74, documents=len(found), bytes=sum(path.stat().st_size for path in found)
    )
    assert 1400 <= result.documents <= 1600
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(equipo)) == 74
        assert connection.scalar(select(func.count()).select_from(ziprequest)) == 0


def test_every_reference_points_at_a_row(loaded: Sample) -> None:
    database, _, _ = loaded
    with database.read() as connection:
        assert connection.execute(text("PRAGMA foreign_key_check")).all() == []


def test_every_document_that_a_row_names_is_in_the_folder(loaded: Sample) -> None:
    database, media, _ = loaded
    named = {
        value
        for each in rows(database).values()
        for row in each
        for value in row
        if isinstance(value, str) and value.startswith(("documentos/", "empresas_logos/"))
    }
    assert named == {path.relative_to(media).as_posix() for path in files(media)}


def test_every_pdf_opens_but_the_photographed_one(loaded: Sample) -> None:
    _, media, _ = loaded
    for path in files(media):
        if path.suffix == ".pdf" and path.name != "compra_EQ-020.pdf":
            assert len(PdfReader(path).pages) in (1, 2)


def test_every_picture_opens(loaded: Sample) -> None:
    _, media, _ = loaded
    pictures = [path for path in files(media) if path.suffix in (".jpg", ".png")]
    assert len(pictures) == 74 + 2
    for path in pictures:
        with Image.open(path) as image:
            image.load()


def test_a_file_is_as_old_as_its_record(loaded: Sample) -> None:
    database, media, _ = loaded
    with database.read() as connection:
        row = connection.execute(select(equipo).where(equipo.c.id == 1)).one()
    modified = datetime.fromtimestamp((media / row.archivo_compra_pdf).stat().st_mtime, UTC)
    assert modified.date() == row.fecha_adquisicion
    assert all(datetime.fromtimestamp(path.stat().st_mtime, UTC).date() <= TODAY for path in files(media))


def test_two_loads_of_the_same_day_are_equal_to_the_byte(loaded: Sample, tmp_path: Path, database: Database) -> None:
    first, media, result = loaded
    assert load(database, tmp_path / "media", today=TODAY, small=True) == result
    assert rows(database) == rows(first)

    def fingerprint(root: Path) -> list[tuple[str, str, int]]:
        return [
            (str(path.relative_to(root)), hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            for path in files(root)
        ]

    assert fingerprint(tmp_path / "media") == fingerprint(media)


def test_empty_folders_are_welcome_and_progress_counts_every_file(database: Database, tmp_path: Path) -> None:
    (tmp_path / "media" / "documentos").mkdir(parents=True)
    seen: list[tuple[int, int]] = []
    result = load(
        database, tmp_path / "media", today=TODAY, small=True, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(done, result.documents) for done in range(1, result.documents + 1)]


def test_a_second_load_is_refused_and_changes_nothing(loaded: Sample, tmp_path: Path) -> None:
    database, _, _ = loaded
    before = rows(database)
    with pytest.raises(UsageProblem, match=r"core_empresa already holds 2 rows.*samzip init"):
        load(database, tmp_path / "other", today=TODAY, small=True)
    assert rows(database) == before
    assert not (tmp_path / "other").exists()


def test_a_database_with_somebodys_user_is_refused(database: Database, tmp_path: Path) -> None:
    person = {"username": "x", "first_name": "", "last_name": "", "email": "", "rol_usuario": "TECNICO"}
    with database.write() as connection:
        connection.execute(insert(customuser).values(**person, is_superuser=False, is_active=True))
    with pytest.raises(UsageProblem, match="core_customuser already holds 1 row;"):
        load(database, tmp_path / "media", today=TODAY, small=True)
    assert not (tmp_path / "media").exists()


def test_a_media_folder_with_a_file_is_refused_by_name(database: Database, tmp_path: Path) -> None:
    stranger = tmp_path / "media" / "documentos" / "mine.pdf"
    stranger.parent.mkdir(parents=True)
    stranger.write_bytes(b"mine")
    with pytest.raises(UsageProblem, match=r"documentos/mine\.pdf"):
        load(database, tmp_path / "media", today=TODAY, small=True)
    assert files(tmp_path / "media") == [stranger]
    assert count(database) == 0


def test_a_media_root_that_is_a_file_is_refused(database: Database, tmp_path: Path) -> None:
    (tmp_path / "media").write_bytes(b"")
    with pytest.raises(UsageProblem, match="is not a folder"):
        load(database, tmp_path / "media", today=TODAY, small=True)


def test_a_database_without_tables_is_told_to_be_made_ready(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/empty.sqlite3", create=True)
    with pytest.raises(DatabaseNotReady, match="has no table core_"):
        load(database, tmp_path / "media", today=TODAY, small=True)
    database.close()


def test_a_database_that_sam_made_is_refused(database: Database, tmp_path: Path) -> None:
    with database.write() as connection:
        connection.execute(text("ALTER TABLE core_empresa RENAME TO old"))
        connection.execute(
            text("CREATE TABLE core_empresa (id integer PRIMARY KEY, nombre text NOT NULL, limite integer NOT NULL)")
        )
    with pytest.raises(UsageProblem, match=r"core_empresa demands a value for limite.*SAM itself"):
        load(database, tmp_path / "media", today=TODAY, small=True)


def test_a_database_that_sam_made_on_postgresql_is_refused(postgres_server: str, tmp_path: Path) -> None:
    database = open_database(new_postgres_database(postgres_server))
    name = "confirmacion_metrologica_datos"
    with database.write() as connection:
        connection.exec_driver_sql(f"ALTER TABLE core_calibracion ALTER {name} TYPE jsonb USING {name}::jsonb")
    with pytest.raises(UsageProblem, match=f"core_calibracion keeps as JSON {name}.*SAM itself"):
        load(database, tmp_path / "media", today=TODAY, small=True)
    database.close()


def test_an_interruption_among_the_files_leaves_neither_files_nor_rows(database: Database, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(database, tmp_path / "a" / "media", today=TODAY, small=True, progress=stop)
    assert not (tmp_path / "a").exists()
    assert count(database) == 0


def test_a_failure_among_the_rows_removes_the_files_that_were_written(database: Database, tmp_path: Path) -> None:
    with database.write() as connection:
        connection.execute(
            text(
                "CREATE TRIGGER refuse BEFORE INSERT ON core_prestamoequipo "
                "BEGIN SELECT RAISE(ABORT, 'no loans today'); END"
            )
        )
    (tmp_path / "media").mkdir()
    with pytest.raises(Exception, match="no loans today"):
        load(database, tmp_path / "media", today=TODAY, small=True)
    assert list((tmp_path / "media").iterdir()) == []
    assert count(database) == 0


def test_a_disk_that_cannot_be_written_is_a_storage_failure(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "media" / "x.pdf"))

    monkeypatch.setattr(os, "utime", full)
    with pytest.raises(StorageFailed, match=r"x\.pdf: No space left on device"):
        load(database, tmp_path / "media", today=TODAY, small=True)
    assert not (tmp_path / "media").exists()


def test_a_database_that_once_held_rows_numbers_the_sample_itself(database: Database, tmp_path: Path) -> None:
    with database.write() as connection:
        connection.execute(insert(empresa).values(nombre="Anterior", is_deleted=False))
        connection.execute(empresa.delete())
    load(database, tmp_path / "media", today=TODAY, small=True)
    with database.read() as connection:
        ids = list(connection.scalars(select(empresa.c.id).order_by(empresa.c.id)))
        owners = set(connection.scalars(select(equipo.c.empresa_id)))
    assert ids == [2, 3]
    assert owners == {2, 3}
