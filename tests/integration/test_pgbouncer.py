"""Behind PgBouncer in transaction mode, where each transaction may get another connection to the server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from samzip.app import ready_database
from samzip.database import open_database
from samzip.database.check import check
from samzip.doctor.examine import examine
from samzip.housekeeping.items import Options
from samzip.housekeeping.purge import Purge
from tests.support.pooler import pooled as through_a_pooler
from tests.support.web import make_web
from tests.support.world import ShiftedDatabase, World, make_world, new_postgres_database


@pytest.fixture
def pooled(postgres_server: str, tmp_path: Path) -> Iterator[World]:
    """Fewer connections to the server than those that want one."""
    with through_a_pooler(new_postgres_database(postgres_server)) as url:
        ShiftedDatabase.shift = timedelta(0)
        world = make_world(tmp_path, url.render_as_string(hide_password=False))
        yield world
        world.database.close()


def test_the_whole_story_behind_a_pooler_in_transaction_mode(pooled: World) -> None:
    pooled.company(equipment=5)
    impatient = open_database(pooled.settings.database_url, patience_s=10)
    web = make_web(replace(pooled, database=impatient), web_rate=1000)
    with ThreadPoolExecutor(8) as clicks:
        accepted = [taken.result() for taken in [clicks.submit(web.clicked) for _ in range(12)]]
    dropped = web.status(accepted.pop())
    assert web.client.post(dropped["cancel_url"]).status_code == 200
    finished = pooled.run()
    assert (finished.outcome, finished.counts.published, finished.counts.completed) == ("done", 3, 33)
    told = web.status(accepted[0])
    assert [part["status"] for part in told["parts"]] == ["completed"] * 3
    for part in told["parts"]:
        with web.client.get(part["download_url"]) as response:
            assert (response.status_code, len(response.data)) == (200, part["size"])
    purge = Purge(
        pooled.settings,
        pooled.database,
        pooled.archives,
        Options(timedelta(days=1), "fail", timedelta(0), True),
        "host",
    )
    assert purge.run(wait=0)[1].problems == []
    assert pooled.files() == []
    impatient.close()


def test_the_doctor_and_the_check_of_a_database_need_one_connection(postgres_server: str, tmp_path: Path) -> None:
    with through_a_pooler(new_postgres_database(postgres_server), size=1) as url:
        world = make_world(tmp_path, url.render_as_string(hide_password=False))
        world.company(equipment=1)
        told = {it.check: it.state for it in examine(world.settings, ready_database)}
        assert (told["database"], told.get("documents")) == ("ok", "ok")
        assert check(world.settings.database_url).is_ready
        world.database.close()
