"""A timer's run that finds nothing rests without SQLAlchemy; whatever there may be to do makes a whole run of it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table

from samzip import idle
from samzip.database import tables
from samzip.database.setup import HEAD
from samzip.idle import rest, will_build
from samzip.locks import file_lock
from samzip.requests.states import ENDED, LIVE
from tests.bench.history import fill
from tests.integration.test_size import SIZE
from tests.support.world import World, make_world

LONG_AGO = datetime.now(UTC) - timedelta(days=400)


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = make_world(tmp_path)
    made.company(equipment=3)
    return made


def served(world: World) -> None:
    """Two requests, completed; nothing is left to do."""
    world.click()
    world.run()
    assert rest(world.settings) is not None


def click(world: World) -> None:
    world.click()


def queue_as_sam_did(world: World) -> None:
    for number in world.click().request_ids:
        world.set_request(number, status="queued")


def leave_in_work(world: World) -> None:
    for number in world.click().request_ids:
        world.set_request(number, status="processing")


def fail_an_attempt(world: World) -> None:
    def fail(_job: object) -> None:
        raise ValueError("así falló")

    world.click()
    world.executor.before = fail
    world.run()


def after_serving(table: Table, **values: object) -> Callable[[World], None]:
    """Everything was done, and then all rows of a table came to hold these values."""

    def happen(world: World) -> None:
        served(world)
        with world.database.write() as connection:
            connection.execute(table.update().values(values))

    return happen


def hold_the_lease(world: World) -> None:
    with world.database.write() as connection:
        row = {"name": "run", "token": "x", "host": "other", "run_id": "y", "expires_at": LONG_AGO}
        connection.execute(tables.lease.insert().values(row))


def leave_a_spool(world: World) -> None:
    (world.settings.temporary_dir / "0123456789ab").mkdir(parents=True)


def come_from_another_version(world: World) -> None:
    with world.database.write() as connection:
        connection.exec_driver_sql("UPDATE samzip_version SET version_num = '0001'")


def lack_a_table(world: World) -> None:
    with world.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE samzip_lease")


def vanish(world: World) -> None:
    Path(str(world.database.url.database)).unlink()


def be_no_database(world: World) -> None:
    world.database.close()
    for name in ("", "-wal", "-shm"):
        Path(f"{world.database.url.database}{name}").unlink(missing_ok=True)
    Path(str(world.database.url.database)).write_text("no es una base de datos" * 100)


HAPPENINGS: dict[str, Callable[[World], None]] = {
    "a click": click,
    "a queue as SAM left it": queue_as_sam_did,
    "requests left in work": leave_in_work,
    "an attempt that failed": fail_an_attempt,
    "archives that expired": after_serving(tables.ziprequest, expires_at=LONG_AGO),
    "an archive of SAM's that expired": after_serving(tables.ziprequest, expires_at=None, completed_at=LONG_AGO),
    "an archive that is to go": after_serving(tables.archive, deleting=True),
    "old requests": after_serving(tables.ziprequest, status="expired", created_at=LONG_AGO, completed_at=LONG_AGO),
    "old runs": after_serving(tables.run, started_at=LONG_AGO, finished_at=LONG_AGO),
    "old attempts": after_serving(tables.attempt, ended_at=LONG_AGO),
    "a dead run": after_serving(tables.run, finished_at=None),
    "a dead attempt": after_serving(tables.attempt, ended_at=None),
    "a lease": hold_the_lease,
    "a dead run's folder": leave_a_spool,
    "another version": come_from_another_version,
    "a table that lacks": lack_a_table,
    "no database": vanish,
    "a file that is none": be_no_database,
}


@pytest.mark.parametrize("happen", HAPPENINGS.values(), ids=HAPPENINGS)
def test_whatever_there_may_be_to_do_is_left_to_a_whole_run(world: World, happen: Callable[[World], None]) -> None:
    happen(world)
    is_readable = happen not in (vanish, be_no_database)
    before = [row.id for row in world.rows(tables.run)] if is_readable else []
    assert rest(world.settings) is None
    assert ([row.id for row in world.rows(tables.run)] if is_readable else []) == before


def test_it_rests_until_an_archive_expires_and_not_a_second_longer(world: World) -> None:
    served(world)
    expires = min(row.expires_at for row in world.requests())
    assert rest(world.settings, expires - timedelta(seconds=1)) is not None
    assert rest(world.settings, expires) is None


def test_a_whole_run_leaves_nothing_behind_that_keeps_the_next_one_from_resting(world: World) -> None:
    world.click()
    world.run()
    world.later(hours=7)
    world.run()
    world.later(days=300)
    world.run()
    assert world.requests() == []
    now = datetime.now(UTC) + timedelta(days=300, hours=7)
    assert rest(world.settings, now) is not None


def test_it_is_noted_and_told_as_a_whole_run_is_that_finds_nothing(world: World) -> None:
    whole = world.run()
    rested = rest(world.settings)
    assert rested is not None
    *told, _ended = rested.events()  # which a whole run leaves to its command
    assert [type(event) for event in told] == [type(event) for event in world.events]
    assert (rested.finished().outcome, rested.finished().counts) == (whole.outcome, whole.counts)
    (first, second) = world.rows(tables.run)
    assert (first.id, second.id) == (whole.run, rested.run)
    assert (second.outcome, second.error, second.version) == (first.outcome, first.error, first.version)
    assert second.started_at == second.finished_at == second.heartbeat_at
    assert second.host == rested.host


def test_it_rests_beside_nobody_who_works(world: World) -> None:
    with file_lock(world.settings.lock_path, wait=0, run_id="x", host="y"):
        assert rest(world.settings) is None
    with world.database.write():
        assert rest(world.settings) is None
    assert rest(world.settings) is not None


@pytest.mark.parametrize("url", ["postgresql://someone@nowhere/sam", "sqlite:///file:x?mode=ro", "sqlite:///", "what"])
def test_another_database_takes_a_whole_run(world: World, url: str) -> None:
    assert rest(replace(world.settings, database_url=url)) is None


def test_a_folder_that_cannot_be_used_is_left_to_a_whole_run_which_words_it(world: World) -> None:
    shutil.rmtree(world.settings.state_dir)
    world.settings.state_dir.write_text("no es una carpeta")
    assert rest(world.settings) is None


def test_its_words_are_those_of_the_queue() -> None:
    assert idle.REVISION == HEAD
    live, ended = (set(re.findall(r"'(\w+)'", idle.FOUND[number])) for number in (0, 2))
    assert (live, ended) == (set(LIVE), set(ENDED))


def test_a_timers_idle_run_imports_neither_sqlalchemy_nor_what_nobody_reads(world: World) -> None:
    code = (
        "import sys; from samzip.cli import main\n"
        "try: main(['run', '--quiet'])\n"
        "except SystemExit as end: assert not end.code\n"
        "print(*sorted(sys.modules))"
    )
    environ = {"SAMZIP_STATE_DIR": str(world.settings.state_dir), "SAMZIP_DATABASE_URL": world.settings.database_url}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "samzip.idle" in imported
    assert not imported & {"sqlalchemy", "structlog", "rich", "openpyxl", "reportlab", "samzip.events", "samzip.batch"}
    assert len(world.rows(tables.run)) == 1


@pytest.mark.parametrize("is_asked", [False, True])
def test_a_run_whose_output_nobody_takes_goes_on(world: World, is_asked: bool) -> None:
    if is_asked:
        world.click()
    environ = {"SAMZIP_STATE_DIR": str(world.settings.state_dir), "SAMZIP_DATABASE_URL": world.settings.database_url}
    environ |= {"SAMZIP_JOBS": "1", "SAMZIP_PART_SIZE": "2", "PATH": os.environ["PATH"]}
    command = f"exec {sys.executable} -m samzip run >&- 2>&-"
    done = subprocess.run(["bash", "-c", command], env=environ, check=False)
    assert done.returncode == 0
    assert {row.status for row in world.requests()} <= {"completed"}


@pytest.mark.parametrize("module", ["click", "samzip.settings"])
def test_sigint_ends_any_command_that_still_imports_without_a_word(module: str) -> None:
    program = f"""
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # these tests may run behind `&`
class Interrupter:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupter())
sys.argv = ["samzip", "status"]
runpy.run_module("samzip", run_name="__main__", alter_sys=True)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


def test_sigint_ends_a_run_that_has_not_begun_without_a_word(world: World) -> None:
    environ = {"SAMZIP_STATE_DIR": str(world.settings.state_dir), "SAMZIP_DATABASE_URL": world.settings.database_url}
    code = (
        "import os, signal, samzip.idle\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # these tests may run behind `&`
        "samzip.idle.rest = lambda settings: os.kill(os.getpid(), signal.SIGINT)\n"
        "from samzip.cli import main; main(['run', '--quiet'])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")  # 130 in a shell


def test_what_is_sure_to_build_archives_is_known_beforehand(world: World) -> None:
    assert not will_build(world.settings)
    world.click()
    assert will_build(world.settings)
    with file_lock(world.settings.lock_path, wait=0, run_id="x", host="y"):
        assert not will_build(world.settings)
    world.run()
    assert not will_build(world.settings)
    world.click()
    assert not will_build(world.settings)  # the same archive may do
    with world.database.write() as connection:
        connection.execute(tables.archive.update().values(deleting=True))
    assert will_build(world.settings)


def test_an_attempt_that_is_not_due_builds_nothing(world: World) -> None:
    fail_an_attempt(world)
    assert not will_build(world.settings)
    with world.database.write() as connection:
        connection.execute(tables.work.update().values(not_before=LONG_AGO))
    assert will_build(world.settings)


@pytest.mark.parametrize("happen", [lack_a_table, vanish, be_no_database])
def test_of_a_database_that_cannot_be_read_nothing_is_sure(world: World, happen: Callable[[World], None]) -> None:
    world.click()
    happen(world)
    if happen is lack_a_table:
        with world.database.write() as connection:
            connection.exec_driver_sql("DROP TABLE samzip_work")
    assert not will_build(world.settings)


@pytest.mark.parametrize("is_asked", [False, True])
def test_what_workers_come_from_starts_before_sqlalchemy_is_imported(world: World, is_asked: bool) -> None:
    if is_asked:
        world.click()
    environ = {"SAMZIP_STATE_DIR": str(world.settings.state_dir), "SAMZIP_DATABASE_URL": world.settings.database_url}
    code = (
        "import sys, samzip.fork_server as ours\n"
        "from samzip.cli import main\n"
        "ours.warm_up = lambda notes: print('warm', 'sqlalchemy' in sys.modules)\n"
        "main(['run', '--log-level', 'error'])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("warm False\n") is is_asked


def test_it_does_not_read_a_long_history(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    fill(world.database, SIZE, datetime.now(UTC))
    connection = idle._connect(Path(str(world.database.url.database)))
    values = {"now": "2026", "over": "2026", "old": "2026", "revision": HEAD}
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {idle.QUESTION}", values)]
    building = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {idle.TO_BUILD}", {"now": "2026"})]
    connection.close()
    steps = [step for step in plan if "core_ziprequest" in step]
    assert sum(step == "SCAN core_ziprequest" for step in steps) == 1  # by number, and a LIMIT ends that
    assert sum("INDEX samzip_request_state" in step for step in steps) == 2
    assert sum("INTEGER PRIMARY KEY (rowid<?)" in step for step in steps) == 1
    assert [step for step in building if "core_ziprequest" in step and "status=?" not in step] == []
