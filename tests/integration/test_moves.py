"""Each move between a request's states is made by some function, and only from where it may be made."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert

from samzip.database import tables
from samzip.errors import UsageProblem
from samzip.requests import expire, integrity, purge, single, work
from samzip.requests.collapse import collapse
from samzip.requests.insert import pending_row
from samzip.requests.states import ENDED, LIVE, PENDING, Move
from samzip.requests.wording import Notice
from tests.support.moves import forget_moves, moves_made, note_moves
from tests.support.world import World

STATES = (*LIVE, "completed", *ENDED, "en espera")  # the last one is unknown to samzip
PATH = "zip_requests/1/20200101_000000_parte_1_req_1.zip"
NOTICE = Notice("zip_ready", "ZIP listo", "Está listo.")
PUBLISHED = work.Published(PATH, 1, 1, "", "", "", "", "[]")
TTL = timedelta(hours=6)
LATER = timedelta(days=8)
HELD = work.Claim(company_id=1, part=1, token="t", attempt=1, requests=1, request_id=1, user="ana")


def claim(connection: Connection, now: Any) -> None:
    connection.execute(delete(tables.work))
    collapse(connection, now)
    work.claim(connection, now, company_id=1, part=1, token="t", run_id="r", requests=[1])


# What makes each move of request 1, whose part is in work.
MAKERS: dict[Move, Callable[[Connection, Any], object]] = {
    Move.CLAIM: claim,
    Move.PUBLISH: lambda connection, now: work.finish(connection, now, HELD, PUBLISHED, now + TTL, NOTICE),
    Move.PUT_BACK: lambda connection, now: work.release(connection, now, HELD),
    Move.FAIL: lambda connection, now: purge.end_stuck(connection, now, [1], "fail"),
    Move.CANCEL: lambda connection, now: single.cancel(connection, now, 1),
    Move.EXPIRE: lambda connection, now: expire.expire(connection, now + LATER, TTL),
    Move.REBUILD: lambda connection, now: integrity.withdraw(connection, now, TTL, PATH),
    Move.LOSE: lambda connection, now: purge.lose(connection, now, [PATH]),
    Move.RETRY: lambda connection, now: single.retry(connection, now, 1),
    Move.FORGET: lambda connection, now: expire.delete_history(connection, now + LATER),
    Move.DELETE: lambda connection, now: purge.end_stuck(connection, now, [1], "delete"),
}


@pytest.mark.parametrize("move", Move)
def test_a_move_is_made_from_the_states_that_are_stated_and_from_no_other(world: World, move: Move) -> None:
    world.company(equipment=1)
    note_moves(world)
    for status in STATES:
        put_request(world, status)
        with world.database.write() as connection, suppress(UsageProblem):
            MAKERS[move](connection, world.database.now(connection))
        made = {("pending" if status in PENDING else status, move.target)} if status in move.sources else set()
        assert moves_made(world) == made, status


def put_request(world: World, status: str) -> None:
    """Request 1 and nothing else, as if it had always been in this state."""
    with world.database.write() as connection:
        for table in (tables.notificacionzip, tables.ziprequest, tables.work, tables.archive, tables.attempt):
            connection.execute(delete(table))
        now = world.database.now(connection)
        connection.execute(delete(tables.run))
        run = {"id": "passed", "host": "h", "pid": 1, "version": "0", "outcome": "done"}
        moments = dict.fromkeys(("started_at", "heartbeat_at", "finished_at"), now + LATER)
        connection.execute(insert(tables.run).values(run | moments))  # whatever waits still is stuck
        row = pending_row(user_id=1, company_id=1, part=1, parts=1, first=1, last=1, now=now, position=1)
        row |= {"id": 1, "status": status, "file_path": PATH, "completed_at": now, "expires_at": now + TTL}
        connection.execute(insert(tables.ziprequest).values(row))
        held = {"company_id": 1, "part": 1, "queued_at": now, "token": "t", "run_id": "dead", "attempts": 1}
        connection.execute(insert(tables.work).values(held))
    forget_moves(world)
