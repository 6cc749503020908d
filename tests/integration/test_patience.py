"""How long a transaction waits for somebody else's lock, and what becomes of that when the command is asked to end."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from samzip.database import Database, open_database
from samzip.database.patience import Patience
from samzip.errors import DatabaseUnreachable
from tests.support.world import World

LONG_S = 300


@contextmanager
def opened(url: str, patience: Patience) -> Iterator[Database]:
    database = open_database(url, patience=patience)
    yield database
    database.close()


@contextmanager
def held(world: World) -> Iterator[None]:
    """Somebody has what every writer needs."""
    with world.database.write() as connection:
        if not world.database.is_sqlite:
            connection.exec_driver_sql("LOCK TABLE samzip_lease IN ACCESS EXCLUSIVE MODE")
        yield


def test_a_command_that_is_asked_to_end_waits_for_no_lock_any_more(world: World) -> None:
    patience = Patience(LONG_S)
    with opened(world.settings.database_url, patience) as database, held(world):
        patience.end_in(0.3)
        for _ in range(2):  # and it does not begin to wait again
            with pytest.raises(DatabaseUnreachable), database.write() as connection:
                connection.execute(text("DELETE FROM samzip_lease"))
    with world.database.write() as connection:
        connection.execute(text("DELETE FROM samzip_lease"))


def test_what_can_be_had_without_waiting_is_had_until_the_time_is_over(world: World) -> None:
    patience = Patience(LONG_S)
    with opened(world.settings.database_url, patience) as database:
        patience.end_in(LONG_S)
        with database.write() as connection:
            assert connection.execute(text("DELETE FROM samzip_lease")).rowcount == 0


def test_a_commit_waits_for_who_reads_the_file_where_samzip_did_not_make_it(tmp_path: Path) -> None:
    """Without a write-ahead log, as on a file that SAM made, a commit needs the readers gone."""
    path = tmp_path / "sam.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as reader:
        reader.execute("CREATE TABLE t (x)")
        for seconds in (LONG_S, 0.3):
            patience = Patience(LONG_S)
            with opened(f"sqlite:///{path}", patience) as database:
                reader.execute("BEGIN")
                reader.execute("SELECT * FROM t").fetchall()
                patience.end_in(seconds)
                if seconds == LONG_S:
                    threading.Timer(0.3, reader.execute, ["COMMIT"]).start()
                    with database.write() as connection:
                        connection.execute(text("INSERT INTO t VALUES (1)"))
                    continue
                with pytest.raises(DatabaseUnreachable, match="locked"), database.write() as connection:
                    connection.execute(text("INSERT INTO t VALUES (2)"))
                reader.execute("COMMIT")
        assert reader.execute("SELECT x FROM t").fetchall() == [(1,)]
