"""What the database's address asks of PostgreSQL: TLS, and a limit for statements."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError

from samzip.batch import ending
from samzip.cli import main
from samzip.database import open_database, tables
from samzip.errors import StatementCut
from samzip.requests import work
from tests.support.pooler import pooled
from tests.support.world import World, empty_postgres_database, make_world, new_postgres_database


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """One that signed itself, for 127.0.0.1, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    made = folder / f"{name}.crt", folder / f"{name}.key"
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(made[1]))
    whom = ("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2")
    subprocess.run(["openssl", "req", "-x509", *key, *whom, "-out", str(made[0])], capture_output=True, check=True)
    return made


def samzip(folder: Path, url: URL, *arguments: str) -> object:
    """A command's exit code."""
    where = ("--state-dir", str(folder / "state"), "--database-url", url.render_as_string(hide_password=False))
    with pytest.raises(SystemExit) as ended:
        main([*arguments, *where])
    return ended.value.code


def test_over_tls_who_signed_the_servers_certificate_is_looked_at(
    postgres_server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own, others = certificate(tmp_path, "own"), certificate(tmp_path, "others")
    with pooled(empty_postgres_database(postgres_server), own) as url:
        trusted = url.set(query={"sslmode": "verify-full", "sslrootcert": str(own[0])})
        assert samzip(tmp_path, trusted, "init") == 0
        world = make_world(tmp_path, trusted.render_as_string(hide_password=False))
        world.company(equipment=1)
        assert samzip(tmp_path, trusted, "request", "--user", "CERTIBOY") == 0
        wrong = {
            "certificate verify failed": {"sslmode": "verify-full", "sslrootcert": str(others[0])},
            "does not exist": {"sslmode": "verify-full", "sslrootcert": str(tmp_path / "none.crt")},
            "SSL required": {"sslmode": "disable"},
        }
        capfd.readouterr()
        for words, query in wrong.items():
            for command in ("init", "run", "status"):
                assert samzip(tmp_path, url.set(query=query), command) == 10
                assert words in capfd.readouterr().err
        assert [row.status for row in world.requests()] == ["pending"]
        assert samzip(tmp_path, trusted, "run") == 0
        assert samzip(tmp_path, trusted, "status") == 0
        assert [row.status for row in world.requests()] == ["completed"]
        world.database.close()


@pytest.fixture
def limited(postgres_server: str, tmp_path: Path) -> Iterator[World]:
    """No statement may take longer than a second; one part waits."""
    url = f"{new_postgres_database(postgres_server)}&options=-c statement_timeout=1s"
    world = make_world(tmp_path, url)
    world.company(equipment=1)
    world.click()
    yield world
    world.database.close()


@contextmanager
def locked(world: World) -> Iterator[None]:
    """Somebody changes SAM's table of requests, and takes their time."""
    url = make_url(world.settings.database_url).difference_update_query(["options"])
    other = open_database(url.render_as_string(hide_password=False))
    with other.write() as connection:
        connection.exec_driver_sql("LOCK TABLE core_ziprequest IN ACCESS EXCLUSIVE MODE")
        yield
    other.close()


def delivers(world: World) -> None:
    assert world.run().counts.published == 1
    (request,) = world.requests()
    assert (request.status, world.files()) == ("completed", [request.file_path])
    assert world.rows(tables.work) == world.rows(tables.lease) == []


def test_a_statement_that_is_cut_before_a_part_began_costs_nothing(limited: World) -> None:
    with locked(limited), pytest.raises(StatementCut, match="statement timeout") as cut:
        limited.run()
    assert cut.value.exit_code == 10
    assert "statement_timeout" in cut.value.advice
    assert [row.status for row in limited.requests()] == ["pending"]
    assert limited.rows(tables.work) == []
    delivers(limited)


def publish_into_a_locked_table(limited: World, patch: pytest.MonkeyPatch) -> ExitStack:
    """The archive has its name, and what is to be noted of it meets the lock. Returns who holds that."""
    held = ExitStack()
    publish = type(limited.archives).publish

    def publish_and_lock(self: Any, temporary: str, name: str) -> None:
        publish(self, temporary, name)
        held.enter_context(locked(limited))

    patch.setattr(type(limited.archives), "publish", publish_and_lock)
    return held


def test_a_finished_archive_waits_for_a_table_that_is_locked_for_a_while(
    limited: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = publish_into_a_locked_table(limited, monkeypatch)
    finish, cut = work.finish, []

    def finish_at_last(*arguments: Any) -> int:
        try:
            return finish(*arguments)
        except OperationalError as error:
            cut.append(str(error))
            held.close()
            raise

    monkeypatch.setattr(work, "finish", finish_at_last)
    assert limited.run().counts.published == 1
    assert "statement timeout" in cut[0]
    assert [row.status for row in limited.requests()] == ["completed"]


def test_one_that_is_locked_for_longer_costs_an_attempt_and_no_more(
    limited: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ending, "PATIENCE_S", 0)
        with publish_into_a_locked_table(limited, patch), pytest.raises(StatementCut):
            limited.run()
    assert [(row.attempts, row.path is None) for row in limited.rows(tables.work)] == [(1, False)]
    delivers(limited)


SQL_ASCII = "TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"


@pytest.mark.parametrize(
    ("how", "setting", "environment"),
    [
        ("", "datestyle = 'SQL, DMY'", {}),
        ("", "datestyle = 'German'", {"PGDATESTYLE": "Postgres"}),
        (SQL_ASCII, "timezone = 'America/Bogota'", {}),
        ("", "timezone = 'Asia/Kolkata'", {"PGCLIENTENCODING": "LATIN1"}),
        ("", "default_transaction_isolation = 'serializable'", {"PGCLIENTENCODING": "SQL_ASCII"}),
    ],
)
def test_what_a_database_or_a_user_prefers_changes_nothing(
    postgres_server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    how: str,
    setting: str,
    environment: dict[str, str],
) -> None:
    """Its dates, its letters, its isolation."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    url = make_url(empty_postgres_database(postgres_server, how))
    admin = open_database(url.render_as_string(hide_password=False))
    with admin.write() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {url.database} SET {setting}")
    admin.close()
    assert samzip(tmp_path, url, "init") == 0
    world = make_world(tmp_path, url.render_as_string(hide_password=False))
    world.company("Básculas Ñandú €", equipment=3)
    for command in (("request", "--user", "CERTIBOY"), ("run",), ("status",), ("verify", "--all"), ("purge", "--yes")):
        assert samzip(tmp_path, url, *command) == 0, command
    assert [row.status for row in world.requests()] == ["completed"]
    assert "Básculas Ñandú €" in capfd.readouterr().out
    with world.database.write() as connection:
        assert connection.exec_driver_sql("SHOW transaction_isolation").scalar_one() == "read committed"
    world.database.close()
