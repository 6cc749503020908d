"""`samzip init --check` tells what would be added and what is missing, and changes nothing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.engine import make_url

from samzip.cli import main
from samzip.database import open_database, tables
from samzip.database.setup import HEAD, VERSION_TABLE, initialise
from tests.support.world import World, empty_postgres_database

OWN = sorted([*tables.own.tables, VERSION_TABLE])


def check(url: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code, told = _check(url, capsys, "--json")
    return code, json.loads(told)


def _check(url: str, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["init", "--check", "--database-url", url, *more])
    return int(ended.value.code or 0), capsys.readouterr().out


def execute(url: str, *statements: str) -> None:
    database = open_database(url)
    with database.write() as connection:
        for statement in statements:
            connection.execute(text(statement))
    database.close()


def as_sam_left_it(world: World) -> str:
    """The world's database with another of Django's tables, and nothing of samzip's."""
    url = world.settings.database_url
    own = [f"DROP TABLE {name}" for name in OWN]
    execute(url, "DROP INDEX samzip_request_state", "CREATE TABLE django_session (id INTEGER PRIMARY KEY)", *own)
    return url


def shape(url: str) -> dict[str, list[str]]:
    database = open_database(url)
    with database.read() as connection:
        found = inspect(connection)
        names = found.get_table_names()
        indexes = {name: sorted(str(index["name"]) for index in found.get_indexes(name)) for name in names}
    database.close()
    return indexes


def test_a_database_that_samzip_made_needs_nothing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    code, told = check(world.settings.database_url, capsys)
    assert code == 0
    assert (told["found"], told["revision"], told["creates"], told["ready"]) == ("own", HEAD, [], True)
    assert told["missing_rights"] == []
    assert told["index_to_offer"] is None
    code, text = _check(world.settings.database_url, capsys)
    assert code == 0
    assert "Nothing to do" in text


def test_sams_database_gets_samzips_tables_and_is_offered_an_index(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    url = as_sam_left_it(world)
    before = shape(url)
    code, told = check(url, capsys)
    assert code == 0
    assert (told["found"], told["revision"], told["ready"], told["possible"]) == ("sam", None, False, True)
    assert told["creates"] == OWN
    assert shape(url) == before
    assert initialise(url).created == tuple(OWN)
    assert "samzip_request_state" not in shape(url)["core_ziprequest"]
    assert check(url, capsys)[1]["index_to_offer"] == told["index_to_offer"]
    offered = told["index_to_offer"].replace(" CONCURRENTLY", "")  # it cannot be made so in a transaction
    assert ("CONCURRENTLY" in told["index_to_offer"]) is not world.database.is_sqlite
    execute(url, offered)
    assert check(url, capsys)[1]["index_to_offer"] is None
    assert initialise(url).adopted


def test_a_database_of_an_older_samzip_gets_its_index(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    url = world.settings.database_url
    execute(url, "DROP INDEX samzip_request_state")
    assert check(url, capsys)[1]["creates"] == ["samzip_request_state"]
    assert not initialise(url).adopted
    assert check(url, capsys)[1]["ready"]


def test_another_applications_database_is_refused(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    url = as_sam_left_it(world)
    execute(url, "DROP TABLE core_notificacionzip")
    with pytest.raises(SystemExit) as ended:
        main(["init", "--check", "--database-url", url])
    assert ended.value.code == 10
    assert "lacks SAM's core_notificacionzip" in capsys.readouterr().err


def test_a_newer_schema_cannot_be_worked_with(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    execute(world.settings.database_url, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    code, told = check(world.settings.database_url, capsys)
    assert (code, told["revision"], told["possible"]) == (10, "9999", False)
    assert "of a newer samzip" in _check(world.settings.database_url, capsys)[1]
    for command in ("init", "run"):
        with pytest.raises(SystemExit) as ended:
            main([command, "--database-url", world.settings.database_url])
        told = capsys.readouterr().err
        assert ended.value.code == 10, told
        assert "its schema is 9999, of a newer samzip" in told
        assert "samzip init" not in told


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "samzip.sqlite3"
    code, told = check(f"sqlite:///{path}", capsys)
    assert (code, told["found"], told["possible"]) == (0, "empty", True)
    assert {*OWN, *tables.sam.tables} == set(told["creates"])
    assert not path.parent.exists()


def test_the_file_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "samzip.sqlite3"
    initialise(f"sqlite:///{path}")
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    assert check(f"sqlite:///{path}", capsys)[0] == 0
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_rights_that_a_role_lacks_are_named_one_by_one(
    postgres_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = empty_postgres_database(postgres_server)
    initialise(url)
    execute(
        url,
        "CREATE ROLE checked LOGIN",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"DROP TABLE {', '.join(OWN)}",
        "CREATE TABLE django_session (id INTEGER)",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO checked",
        "GRANT INSERT, UPDATE, DELETE ON core_ziprequest TO checked",
        "GRANT USAGE ON SEQUENCE core_ziprequest_id_seq TO checked",
    )
    as_role = make_url(url).set(username="checked").render_as_string(hide_password=False)
    try:
        code, told = check(as_role, capsys)
        assert (code, told["possible"]) == (10, False)
        assert told["missing_rights"] == [
            "CREATE on schema public, to make tables",
            "INSERT, DELETE on core_notificacionzip",
            "USAGE on sequence public.core_notificacionzip_id_seq",
        ]
        execute(
            url,
            "GRANT CREATE ON SCHEMA public TO checked",
            "GRANT INSERT, DELETE ON core_notificacionzip TO checked",
            "GRANT USAGE ON SEQUENCE core_notificacionzip_id_seq TO checked",
        )
        assert check(as_role, capsys)[0] == 0
    finally:
        execute(url, "DROP OWNED BY checked", "DROP ROLE checked")
