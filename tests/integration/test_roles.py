"""What `samzip init --roles` grants is enough for each part of samzip, and no more than it uses."""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text, update
from sqlalchemy.engine import make_url

from samzip.cli import main
from samzip.database import open_database, tables
from samzip.database.rights import ROLES, script
from samzip.database.setup import VERSION_TABLE
from samzip.errors import DatabaseNotReady, RightMissing
from samzip.housekeeping.items import Options
from samzip.housekeeping.purge import Purge
from tests.support.web import Web, make_web
from tests.support.world import ShiftedDatabase, World, make_world, new_postgres_database

TABLES = {*tables.sam.tables, *tables.own.tables, VERSION_TABLE}
FOUND_IN = {
    "INSERT": re.compile(r"INSERT INTO (\w+)"),
    "UPDATE": re.compile(r"\bUPDATE (\w+)"),
    "DELETE": re.compile(r"DELETE FROM (\w+)"),
    "SELECT": re.compile(r"(?:FROM|JOIN|,) (\w+)"),
}


@pytest.fixture
def owner(postgres_server: str, tmp_path: Path) -> Iterator[World]:
    """A company with five instruments, in a database on which each role has what the script grants."""
    ShiftedDatabase.shift = timedelta(0)
    world = make_world(tmp_path, new_postgres_database(postgres_server))
    world.company(equipment=5)
    with world.database.write() as connection:  # as Django's users have it
        connection.exec_driver_sql("ALTER TABLE core_customuser ADD password varchar(128) NOT NULL DEFAULT 'pbkdf2'")
    with world.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(2):  # it may be executed again
            connection.exec_driver_sql(script())
        for role in ROLES:
            connection.execute(text(f"CREATE ROLE {role}_login LOGIN IN ROLE {role}"))
    yield world
    ShiftedDatabase.shift = timedelta(0)
    with world.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for role in ROLES:
            connection.execute(text(f"DROP ROLE {role}_login"))
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))
    world.database.close()


def login(owner: World, role: str) -> World:
    """The same world, entered as somebody who has that role and nothing else."""
    url = make_url(owner.settings.database_url).set(username=f"{role}_login").render_as_string(hide_password=False)
    opened = open_database(url)
    return replace(
        owner,
        settings=replace(owner.settings, database_url=url),
        database=ShiftedDatabase(opened.engine, opened.url),
        events=[],
    )


class Used:
    """What statements did with tables, as they were sent."""

    def __init__(self, engine: Engine) -> None:
        self.rights: dict[str, set[str]] = defaultdict(set)
        event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        for right, pattern in FOUND_IN.items():
            for name in TABLES & set(pattern.findall(statement)):
                self.rights[name].add(right)
                if right == "INSERT" and "DO UPDATE" in statement:
                    self.rights[name].add("UPDATE")


def test_the_script_grants_no_more_than_the_rights_that_are_used(owner: World) -> None:
    hook, runner, purge = (login(owner, role) for role in ("samzip_hook", "samzip_runner", "samzip_purge"))
    worlds = {"samzip_hook": hook, "samzip_runner": runner, "samzip_purge": purge}
    used = {role: Used(world.database.engine) for role, world in worlds.items()}
    web = make_web(hook, web_rate=1000)

    assert web.client.post(web.status(web.clicked())["cancel_url"]).status_code == 200
    assert web.client.get("/healthz").status_code == 200
    clicked = web.clicked()
    assert runner.run().counts.published == 3
    urls = [part["download_url"] for part in web.status(clicked)["parts"]]
    assert [fetch(web, url) for url in urls] == [200] * 3
    (Path(owner.settings.archive_root) / owner.files()[0]).unlink()
    assert sorted(fetch(web, url) for url in urls) == [200, 200, 410]
    runner.run()
    another = web.clicked()
    owner.set_request(another["requests"][0]["id"], status="failed")
    assert web.client.post(web.status(another)["retry_url"]).status_code == 200
    runner.run()
    assert fetch(web, web.status(another)["parts"][0]["download_url"]) == 200

    for stuck in ("fail", "retry", "delete"):
        web.clicked()
        with owner.database.write() as connection:
            connection.execute(update(tables.ziprequest).values(status="processing"))
        owner.later(days=2)
        housekeep(purge, stuck)
    web.clicked()
    leave_in_work(owner)
    housekeep(purge, "retry")
    leave_in_work(owner)
    with owner.database.write() as connection:  # two parts more than at the click
        for code in ("EQ-100", "EQ-101", "EQ-102"):
            owner.equipment(connection, 1, code)
    assert runner.run().counts.published == 4
    owner.later(days=30)
    housekeep(purge, "fail")
    web.clicked()
    runner.run()
    owner.later(days=30)
    runner.run()
    for world in worlds.values():
        world.database.close()
    for role, noted in used.items():
        granted = {table: set(rights) for table, rights in ROLES[role][0].items() if table != VERSION_TABLE}
        assert dict(noted.rights) == granted, role


def fetch(web: Web, url: str) -> int:
    with web.client.get(url) as response:
        return response.status_code


def leave_in_work(owner: World) -> None:
    """As a run does that was killed."""
    with owner.database.write() as connection:
        runs = "INSERT INTO samzip_run (id, host, pid, version, started_at, heartbeat_at) VALUES (:id, 'gone', 1, '0', "
        connection.execute(text(f"{runs} now(), now())"), {"id": secrets.token_hex(8)})
        token = secrets.token_hex(8)
        attempt = "INSERT INTO samzip_attempt (token, company_id, part, number, request_id, run_id, begun_at)"
        connection.execute(text(f"{attempt} VALUES (:token, 1, 1, 1, 1, 'gone', now())"), {"token": token})
        connection.execute(text("UPDATE samzip_work SET token = :token WHERE part = 1"), {"token": token})


def housekeep(world: World, stuck: str) -> None:
    options = Options(timedelta(hours=1), stuck, timedelta(0), True)
    _, done = Purge(world.settings, world.database, world.archives, options, world.host).run(wait=0)
    assert done.problems == []


@pytest.mark.parametrize("role", ROLES)
def test_nobody_may_read_the_hashes_of_passwords(owner: World, role: str) -> None:
    world = login(owner, role)
    with pytest.raises(RightMissing), world.database.read() as connection:
        connection.exec_driver_sql("SELECT password FROM core_customuser")
    with world.database.read() as connection:
        assert connection.execute(select(tables.customuser.c.username)).scalar() == "CERTIBOY"
    world.database.close()


def test_each_command_works_as_its_role_and_the_others_may_not(
    owner: World, capsys: pytest.CaptureFixture[str]
) -> None:
    owner.click()

    def call(role: str, *arguments: str) -> int:
        world = login(owner, role)
        told = ("--database-url", world.settings.database_url, "--state-dir", str(world.settings.state_dir))
        world.database.close()
        with pytest.raises(SystemExit) as ended:
            main([*arguments, *told])
        return int(ended.value.code or 0)

    reader, runner, purge = "samzip_reader", "samzip_runner", "samzip_purge"
    assert call(reader, "run", "--dry-run") == 0
    assert call(runner, "run", "--jobs", "1") == 0
    for command in (("status",), ("show", "1"), ("verify", "--all"), ("purge", "--dry-run")):
        assert call(reader, *command) == 0
    capsys.readouterr()
    assert call(reader, "doctor") in (0, 3)
    assert "warning  rights" in capsys.readouterr().out
    assert call(runner, "doctor") in (0, 3)
    assert "rights" not in capsys.readouterr().out
    assert call(runner, "init", "--check") == call(runner, "init") == 0  # nothing is to do, and nothing is missing
    capsys.readouterr()
    assert call(reader, "init", "--check") == 10
    assert "Missing right: INSERT, UPDATE, DELETE on samzip_work." in capsys.readouterr().out
    assert call(runner, "request", "--user", "CERTIBOY") == 0
    assert call(runner, "cancel", "4") == 0
    assert call(purge, "purge", "--yes") == 0
    capsys.readouterr()
    for role, refused in ((reader, "run"), (purge, "run")):
        assert call(role, refused) == 10
        assert "permission denied" in capsys.readouterr().err


def test_the_hook_may_not_touch_inventory_or_history(owner: World) -> None:
    hook = login(owner, "samzip_hook")
    for statement in (
        "UPDATE core_equipo SET nombre = 'x'",
        "DELETE FROM core_ziprequest",
        "UPDATE core_customuser SET is_superuser = true",
        "SELECT * FROM core_calibracion",
    ):
        with pytest.raises(DatabaseNotReady, match="permission denied"), hook.database.write() as connection:
            connection.execute(text(statement))
    hook.database.close()


def test_roles_are_printed_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["init", "--roles"])
    assert capsys.readouterr().out == script() + "\n"
    for other in ("--check", "--json"):
        with pytest.raises(SystemExit) as ended:
            main(["init", "--roles", other])
        assert ended.value.code == 2
        assert "leave out" in capsys.readouterr().err
