"""A database that an older samzip made is brought up to date, and is then as a new one."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, inspect

import samzip.migrations
from samzip.database import Database, open_database, tables
from samzip.database.setup import HEAD, initialise, require_ready
from samzip.errors import DatabaseNotReady
from tests.support.world import empty_postgres_database


@pytest.fixture(params=["sqlite", "postgres"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Two empty databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/old.sqlite3", f"sqlite:///{tmp_path}/new.sqlite3"
    server = request.getfixturevalue("postgres_server")
    return empty_postgres_database(server), empty_postgres_database(server)


def migrate(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(samzip.migrations.__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def shape(database: Database) -> dict[str, list[tuple[str, str, bool]]]:
    """Columns and indexes of samzip's own tables."""
    with database.read() as connection:
        inspector = inspect(connection)
        return {
            name: [
                (column["name"], str(column["type"]), bool(column["nullable"]))
                for column in inspector.get_columns(name)
            ]
            + [(str(index["name"]), str(index["column_names"]), False) for index in inspector.get_indexes(name)]
            for name in tables.own.tables
        }


def test_a_database_of_the_first_revision_keeps_its_rows_and_gets_the_rest(urls: tuple[str, str]) -> None:
    old_url, new_url = urls
    database = open_database(old_url, create=True)
    with database.write() as connection:
        tables.sam.create_all(connection)
        migrate(connection, "0001")
        old = MetaData()
        old.reflect(connection, only=["samzip_archive"])
        row = {
            "path": "zip_requests/1/x.zip",
            "company_id": 1,
            "part": 1,
            "parts": 1,
            "size": 7,
            "sha256": "",
            "fingerprint": "",
        }
        row |= {"download_name": "x.zip", "warnings": "[]", "deleting": False}
        now = database.now(connection)
        connection.execute(tables.archive.insert().values(row | {"published_at": now, "expires_at": now}))
        assert "downloads" not in old.tables["samzip_archive"].columns
    with pytest.raises(DatabaseNotReady, match="its schema is 0001"):
        require_ready(database)
    done = initialise(old_url)
    assert done.created == ("samzip_attempt", "samzip_web_key")
    require_ready(database)
    with database.read() as connection:
        (kept,) = connection.execute(tables.archive.select())
    assert (kept.path, kept.size, kept.downloads, kept.downloaded_at) == (row["path"], 7, 0, None)
    assert initialise(old_url).created == ()
    initialise(new_url)
    fresh = open_database(new_url)
    assert shape(database) == shape(fresh)
    database.close()
    fresh.close()


def test_the_last_revision_is_the_one_that_this_samzip_works_with() -> None:
    names = sorted(path.name for path in (Path(samzip.migrations.__file__).parent / "versions").glob("0*.py"))
    assert names[-1].partition("_")[0] == HEAD
