"""A host that dies, or loses its database or its network, while it builds: the other host's runs take over, and each
part is published once."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.engine import make_url

from samzip.database import engine, open_database, tables
from samzip.errors import DatabaseUnreachable
from samzip.requests import lease
from tests.support.faults import network
from tests.support.faults.proxy import Proxy
from tests.support.live_runs import LiveRun, LiveRuns, wait_until
from tests.support.world import make_world, new_postgres_database

SHORT_S = 4.0  # the lease's life, where nobody measures
REAL_S = lease.TIME_TO_LIVE.total_seconds()
PATIENCE_S = 300
DATABASE, BUSY, KILLED = 10, 75, -signal.SIGKILL
PARTS = 2


@dataclass
class Fleet:
    """Two hosts, one queue, one folder of archives."""

    first: LiveRuns
    second: LiveRuns
    proxy: Proxy  # between the first one and the database
    socket: str  # of the database

    def work(self, **environment: str) -> LiveRun:
        """The first host has both parts in work, their files half written."""
        return self.first.hold(*range(1, PARTS + 1), run=self.first.start(**environment))

    def take_over(self, every: float, *arguments: str) -> list[int]:
        """The second host's runs, one every so many seconds as a timer has it, until all is published. Their codes."""
        codes = []
        while not codes or {row.status for row in self.first.world.requests()} != {"completed"}:
            due = time.monotonic() + every
            codes.append(self.second.start(*arguments).process.wait(timeout=PATIENCE_S))
            assert codes[-1] in (0, BUSY), self.second.runs[-1].text
            time.sleep(max(0.0, due - time.monotonic()))
        return codes

    def check(self, run: LiveRun) -> None:
        """Each part was published once, by the second host, and nothing of the first one's is left."""
        world = self.first.world
        assert run.told("part.published") == []
        published = [line for other in self.second.runs for line in other.told("part.published")]
        assert sorted(line["part"] for line in published) == [1, 2]
        archives = {row.part: row.path for row in world.rows(tables.archive)}
        assert world.files() == sorted(archives.values())
        assert {(row.status, row.file_path == archives[row.parte_numero]) for row in world.requests()} == {
            ("completed", True)
        }
        assert world.rows(tables.work) == world.rows(tables.lease) == []
        assert [row.outcome for row in world.rows(tables.attempt)].count("published") == PARTS


@pytest.fixture
def fleet(postgres_server: str, tmp_path: Path) -> Iterator[Fleet]:
    world = make_world(tmp_path / "first", new_postgres_database(postgres_server))
    world.company(equipment=3)
    world.click()
    state = tmp_path / "second"
    state.mkdir()
    other = replace(world, settings=replace(world.settings, state_dir=state))
    proxy = Proxy(tmp_path / "line", postgres_server)
    shared = {"SAMZIP_MEDIA_ROOT": world.settings.media_root, "SAMZIP_ARCHIVE_ROOT": world.settings.archive_root}
    hosts = []
    for name, its in (("one", world), ("two", other)):
        (tmp_path / name).mkdir()
        hosts.append(LiveRuns(its, tmp_path / name, environment=dict(shared)))
    hosts[0].environment["SAMZIP_DATABASE_URL"] = proxy.url(world.settings.database_url)
    socket = f"{make_url(postgres_server).query['host']}/.s.PGSQL.5432"
    yield Fleet(*hosts, proxy, socket)
    for host in hosts:
        for number in host.processes():
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        host.close()
    proxy.close()


def die(fleet: Fleet, run: LiveRun) -> None:
    """With all its processes at once."""
    os.killpg(run.process.pid, signal.SIGKILL)
    assert run.wait() == KILLED


def lose_database(fleet: Fleet, run: LiveRun) -> None:
    fleet.proxy.sever()


def lose_network(fleet: Fleet, run: LiveRun) -> None:
    """No packet arrives, and nobody is told."""
    (fleet.first.orders / "lose").touch()
    wait_until((fleet.first.orders / "lost").exists)


def with_a_network(fleet: Fleet, **more: str) -> None:
    """The first host's database is on the other side of one."""
    if subprocess.run([*network.UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nobody may have a network of their own here")
    fleet.first.through = network.command(fleet.socket, fleet.first.orders)
    url = make_url(fleet.second.world.settings.database_url)
    url = url.set(host="127.0.0.1", port=network.PORT, query=more)
    fleet.first.environment["SAMZIP_DATABASE_URL"] = url.render_as_string(hide_password=False)


def ends(fleet: Fleet, run: LiveRun) -> int:
    """By itself, when its builds go on as if nothing had been."""
    fleet.first.recall("hold")
    return run.process.wait(timeout=PATIENCE_S)


def test_a_host_without_its_database_is_followed_by_another_and_ends(fleet: Fleet) -> None:
    run = fleet.work(LEASE_S=str(SHORT_S))
    lose_database(fleet, run)
    fleet.take_over(0, "--wait", "1m")
    assert ends(fleet, run) == DATABASE, run.text
    fleet.check(run)


def test_a_host_whose_network_is_gone_without_a_word_is_followed_by_another_and_ends(fleet: Fleet) -> None:
    with_a_network(fleet, tcp_user_timeout="2000")
    run = fleet.work(LEASE_S=str(SHORT_S))
    lose_network(fleet, run)
    fleet.take_over(0, "--wait", "1m")
    assert ends(fleet, run) == DATABASE, run.text
    fleet.check(run)


def test_a_server_hears_when_a_host_is_gone_and_what_the_address_says_of_that_counts(postgres_server: str) -> None:
    url = make_url(new_postgres_database(postgres_server)).update_query_dict({"tcp_user_timeout": "5000"})
    database = open_database(url.render_as_string(hide_password=False))
    with database.read() as connection:
        told = connection.connection.driver_connection.info.get_parameters()
    database.close()
    assert told["tcp_user_timeout"] == "5000"
    assert (told["keepalives_idle"], told["keepalives_interval"], told["keepalives_count"]) == ("10", "10", "3")


def test_a_host_that_is_gone_in_the_middle_of_a_transaction_holds_nobody_up_longer_than_its_lease(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "IDLE_S", 1)
    database = fleet.first.world.database
    with database.write() as connection:
        assert lease.acquire(connection, database.now(connection), token="one", host="one", run_id="one") is None

    def wait_for_a_silent_one() -> None:
        with database.write() as silent:
            assert lease.renew(silent, database.now(silent), "one")
            with database.write() as connection:  # it waits for that row
                assert lease.renew(connection, database.now(connection), "one")
            silent.execute(select(1))

    with pytest.raises(DatabaseUnreachable, match="idle-in-transaction"):
        wait_for_a_silent_one()


@pytest.mark.sweep
@pytest.mark.parametrize("every", [60, 5])
@pytest.mark.parametrize("fault", [die, lose_database, lose_network])
def test_failover_at_its_true_length(fleet: Fleet, fault: Callable[[Fleet, LiveRun], None], every: float) -> None:
    """Prints how long the queue stood: from the fault to the first archive of the other host."""
    if fault is lose_network:
        with_a_network(fleet)
    run = fleet.work()
    fault(fleet, run)
    began = time.time()
    fleet.take_over(every, *(("--wait", "45s") if every == 60 else ()))
    first = min(row.published_at for row in fleet.first.world.rows(tables.archive))
    print(f"\n{fault.__name__}, a run every {every} s: {first.timestamp() - began:.0f} s", flush=True)
    if fault is not die:
        assert ends(fleet, run) == DATABASE, run.text
        print(f"the run that was cut off had ended {time.time() - began:.0f} s after the fault", flush=True)
    fleet.check(run)
