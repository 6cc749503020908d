"""Behind PgBouncer in transaction mode, where each transaction may get another connection to the server."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from samzip.database import open_database
from samzip.housekeeping.items import Options
from samzip.housekeeping.purge import Purge
from tests.support.live_runs import wait_until
from tests.support.web import make_web
from tests.support.world import ShiftedDatabase, World, make_world, new_postgres_database

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
SETTINGS = """
[databases]
* = host={socket} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
"""


def answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def pooled(postgres_server: str, tmp_path: Path) -> Iterator[World]:
    """Fewer connections to the server than those that want one."""
    if PROGRAM is None:
        pytest.skip("pgbouncer is not here")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    url = make_url(new_postgres_database(postgres_server))
    folder = Path(tempfile.mkdtemp(prefix="samzip-pool-"))
    folder.chmod(0o755)  # it does not work as root
    (folder / "pool.ini").write_text(SETTINGS.format(socket=url.query["host"], port=port))
    owner = ["-u", Path(str(url.query["host"])).owner()] if Path("/proc/self").owner() == "root" else []
    with subprocess.Popen([PROGRAM, "-q", *owner, folder / "pool.ini"], stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: answers(port))
            through = url.set(host="127.0.0.1", port=port, query={}, username="samzip")
            ShiftedDatabase.shift = timedelta(0)
            world = make_world(tmp_path, through.render_as_string(hide_password=False))
            yield world
            world.database.close()
        finally:
            process.terminate()
    shutil.rmtree(folder)


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
