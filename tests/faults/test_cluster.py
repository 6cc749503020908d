"""A Dask cluster builds as the pool does; what dies there costs an attempt, what goes away costs none."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from samzip.app import ready_database
from samzip.cluster import DaskCluster
from samzip.cluster_joining import CONNECT_S, differences
from samzip.cluster_worker import Probe, Ticket, make_probe, unfit
from samzip.doctor.examine import examine
from samzip.dossier.keys import CLUSTER_TEST
from samzip.errors import BadSetting, ClusterFailed
from samzip.events import PartFailed, PartProgressed
from samzip.settings import load
from tests.support.cluster import (
    PATIENCE_S,
    SLOW_S,
    Cluster,
    build_for_ever,
    build_or_die,
    build_silently,
    build_slowly,
    start_cluster,
    wait_for,
)
from tests.support.live_runs import LiveRuns
from tests.support.world import World, make_world

Client = pytest.importorskip("distributed", reason="the extra dask is not installed").Client


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with start_cluster(tmp_path_factory.mktemp("dask"), workers=2) as started:
        yield started


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    made.company(equipment=5)
    yield made
    made.database.close()


def run_on(cluster: Cluster, world: World, jobs: int = 2) -> object:
    world.settings = replace(world.settings, executor=cluster.executor, jobs=jobs)

    def make() -> DaskCluster:
        return DaskCluster(world.settings, world.settings.temporary_dir / "run")

    return world.run(make_executor=make)


class Words(logging.Handler):
    """What Dask says of its own accord."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def work(world: World) -> list[tuple[int, str | None]]:
    from samzip.database import tables

    return [(row.attempts, row.token) for row in world.rows(tables.work)]


def test_workers_of_a_cluster_build_what_was_asked_for(cluster: Cluster, world: World) -> None:
    world.click()
    run_on(cluster, world)
    assert [row.status for row in world.requests()] == ["completed"] * 3
    assert len(world.files()) == 3
    for name in world.files():
        with zipfile.ZipFile(Path(world.settings.archive_root, name)) as archive:
            assert archive.testzip() is None
    assert not list(world.settings.temporary_dir.rglob("*.begun"))


def test_the_doctor_tries_the_workers(
    cluster: Cluster, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(world.settings, executor=cluster.executor)
    (new,) = [finding for finding in examine(settings, ready_database) if finding.check == "executor"]
    assert (new.state, new.told.startswith("not asked")) == ("warning", True)
    assert not (world.media / "zip_requests").exists()  # who makes it owns it
    world.put(CLUSTER_TEST, b"that of a run")
    found = {finding.check: finding for finding in examine(settings, ready_database)}
    assert found["executor"].state == "ok"
    assert found["executor"].told.startswith(f"{cluster.executor} has 2 workers: versions, threads, stores")
    assert world.files() == [CLUSTER_TEST]
    assert (world.media / CLUSTER_TEST).read_bytes() == b"that of a run"
    assert not list(world.settings.state_dir.glob("doctor-*"))
    monkeypatch.setattr("samzip.cluster_worker.CODE", "another", raising=True)  # the leader's alone
    found = {finding.check: finding for finding in examine(settings, ready_database)}
    assert found["executor"].state == "problem"
    assert "differs from the leader's" in found["executor"].told
    assert world.files() == [CLUSTER_TEST]
    (new,) = [
        it for it in examine(replace(settings, state_dir=tmp_path / "none"), ready_database) if it.check == "executor"
    ]
    assert (new.state, new.told.startswith("not asked")) == ("warning", True)
    monkeypatch.setattr("samzip.cluster_joining.CONNECT_S", 0.5)
    gone = replace(world.settings, executor="dask://127.0.0.1:9")
    found = {finding.check: finding for finding in examine(gone, ready_database)}
    assert found["executor"].state == "problem"
    assert "no scheduler answers at dask://127.0.0.1:9" in found["executor"].told


def test_a_worker_that_dies_costs_its_part_an_attempt_and_no_other(
    cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samzip.batch.building.build_part", build_or_die)
    (world.media / "die").touch()
    world.click()
    run_on(cluster, world)
    assert sorted(row.status for row in world.requests()) == ["completed", "completed", "pending"]
    assert work(world) == [(1, None)]
    (failed,) = world.seen(PartFailed)
    assert "murió" in failed.reason
    assert len(world.files()) == 2
    cluster.add_worker()
    world.later(minutes=2)
    run_on(cluster, world)
    assert [row.status for row in world.requests()] == ["completed"] * 3


def test_a_cancelled_part_ends_in_its_worker_and_progress_is_heard(
    cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from samzip.requests import single

    monkeypatch.setattr("samzip.batch.building.build_part", build_for_ever)
    world.click()
    ids = [row.id for row in world.requests()]

    def cancel_all() -> None:
        wait_for(lambda: world.seen(PartProgressed))
        for number in ids:
            with world.database.write() as connection:
                single.cancel(connection, world.database.now(connection), number)

    canceller = threading.Thread(target=cancel_all)
    canceller.start()
    run_on(cluster, world, jobs=3)
    canceller.join()
    assert {row.status for row in world.requests()} == {"cancelled"}
    assert world.seen(PartProgressed)[0].code == "EQ-001"
    wait_for((world.media / "ended").exists)
    assert world.files() == []


@pytest.mark.sweep
def test_a_worker_with_many_threads_is_refused(cluster: Cluster, world: World) -> None:
    extra = cluster.add_worker(threads=2)
    world.click()
    try:
        wait_for(lambda: _refused(cluster, world))
    finally:
        extra.kill()
        extra.wait()
    assert {row.status for row in world.requests()} == {"pending"}


def _refused(cluster: Cluster, world: World) -> bool:
    executor = DaskCluster(replace(world.settings, executor=cluster.executor), world.settings.temporary_dir / "run")
    try:
        executor.start()
    except ClusterFailed as error:
        return "--nthreads 1" in str(error)
    finally:
        executor.stop()
    return False


def test_a_scheduler_that_falls_silent_gives_the_parts_back_and_ends_the_run(
    cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samzip.batch.building.build_part", build_for_ever)
    monkeypatch.setattr("samzip.cluster.SILENT_S", 3)
    world.click()

    def stop() -> None:
        wait_for(lambda: world.seen(PartProgressed))
        cluster.scheduler.send_signal(signal.SIGSTOP)

    stopper = threading.Thread(target=stop)
    stopper.start()
    try:
        with pytest.raises(ClusterFailed, match="has not answered for 3 s"):
            run_on(cluster, world)
    finally:
        cluster.scheduler.send_signal(signal.SIGCONT)
    stopper.join()
    assert [row.status for row in world.requests()] == ["pending"] * 3
    assert work(world) == [(0, None)] * 3


def test_a_worker_that_is_silent_is_named(cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samzip.cluster_joining.SILENT_S", 3)
    silent = cluster.add_worker()
    with Client(cluster.address, timeout=PATIENCE_S, set_as_default=False) as watch:
        wait_for(lambda: silent.pid in watch.run(os.getpid).values())
        silent.send_signal(signal.SIGSTOP)
        try:
            world.click()
            with pytest.raises(ClusterFailed, match=r"worker tcp://\S+: it has not answered for 3 s"):
                run_on(cluster, world)
        finally:
            silent.send_signal(signal.SIGCONT)
            silent.kill()
            silent.wait()
    assert work(world) == [(0, None)] * 3
    assert world.files() == []


def test_a_job_that_says_nothing_costs_an_attempt(
    cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samzip.batch.building.build_part", build_silently)
    monkeypatch.setattr("samzip.executors.SILENT_S", 2.0)
    silent = world.media / "silent-1"
    silent.touch()
    world.click()
    run_on(cluster, world)
    silent.unlink()
    first, *others = world.requests()
    assert first.status == "pending"
    assert first.error_message.startswith("el proceso que generaba esta parte no dio señales durante")
    assert work(world) == [(1, None)]
    assert {row.status for row in others} == {"completed"}
    assert len(world.files()) == 2


def test_a_job_that_waits_for_a_worker_is_not_silent(
    cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samzip.batch.building.build_part", build_slowly)
    monkeypatch.setattr("samzip.executors.SILENT_S", SLOW_S - 2)
    world.click()
    run_on(cluster, world, jobs=3)  # two workers
    assert [row.status for row in world.requests()] == ["completed"] * 3


@pytest.mark.parametrize("jobs", [1, 2])  # with two of them another one waits for the worker meanwhile
def test_jobs_that_no_worker_begins_cost_no_attempt(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    """The only worker has a job that hangs in it, although the run has given that up."""
    monkeypatch.setattr("samzip.batch.building.build_part", build_silently)
    monkeypatch.setattr("samzip.executors.SILENT_S", 4.0)
    silent = world.media / "silent-1"
    silent.touch()
    world.click()
    with start_cluster(tmp_path, workers=1) as one:
        with pytest.raises(ClusterFailed, match="has begun anything"):
            run_on(one, world, jobs=jobs)
        silent.unlink()
    first, *others = world.requests()
    assert (first.status, [row.status for row in others]) == ("pending", ["pending", "pending"])
    assert sorted(attempts for attempts, _ in work(world)) == [0, 0, 1]


def test_a_scheduler_that_goes_away_gives_the_parts_back_and_ends_the_run(
    cluster: Cluster, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = Words()
    logging.getLogger("distributed.client").addHandler(words)
    monkeypatch.setattr("samzip.batch.building.build_part", build_for_ever)
    world.click()

    def kill() -> None:
        wait_for(lambda: world.seen(PartProgressed))
        cluster.scheduler.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ClusterFailed, match="went away"):
        run_on(cluster, world)
    killer.join()
    assert [row.status for row in world.requests()] == ["pending"] * 3
    assert work(world) == [(0, None)] * 3
    assert world.files() == []
    assert words.records == []  # the error says it


def test_a_signal_ends_a_run_that_waits_for_a_scheduler_or_for_workers(tmp_path: Path) -> None:
    orders = tmp_path / "orders"
    orders.mkdir()
    live = LiveRuns(make_world(tmp_path / "world"), orders)
    live.world.company(equipment=5)
    live.world.click()
    with ExitStack() as stack:
        empty = stack.enter_context(start_cluster(tmp_path, workers=0))
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        watch = stack.enter_context(Client(empty.address, timeout=PATIENCE_S, set_as_default=False))
        before = watch.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.clients))
        waits: dict[str, Callable[[], object]] = {
            f"dask://127.0.0.1:{silent.getsockname()[1]}": lambda: stack.enter_context(silent.accept()[0]),
            empty.executor: lambda: wait_for(
                lambda: watch.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.clients)) > before
            ),
        }
        for executor, wait in waits.items():
            run = live.start("--executor", executor)
            wait()
            assert run.end(signal.SIGTERM) < CONNECT_S, run.text
            assert run.process.returncode == 143, run.text
            assert {row.status for row in live.world.requests()} == {"pending"}
            assert work(live.world) == [(0, None)] * 3
            assert "Traceback" not in run.text
        assert live.world.files() == []
        live.close()


def test_a_scheduler_that_is_not_there_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samzip.cluster_joining.CONNECT_S", 0.5)
    world.settings = replace(world.settings, executor="dask://127.0.0.1:1")
    with pytest.raises(ClusterFailed, match=r"no scheduler answers at dask://127\.0\.0\.1:1"):
        DaskCluster(world.settings, world.settings.temporary_dir).start()


def test_another_server_at_the_address_is_no_scheduler(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as Dask's dashboard: one of its ports is easily taken for the other."""
    monkeypatch.setattr("samzip.cluster_joining.CONNECT_S", 2)
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        executor = f"dask://127.0.0.1:{server.server_port}"
        world.settings = replace(world.settings, executor=executor)
        with pytest.raises(ClusterFailed, match="8787 is its dashboard's"):
            DaskCluster(world.settings, world.settings.temporary_dir).start()
        server.shutdown()


def test_a_cluster_is_a_setting(tmp_path: Path) -> None:
    def executor(text: str) -> str:
        return load({"executor": text, "state_dir": str(tmp_path)}, {}).executor

    assert executor("dask://scheduler:8786/") == "dask://scheduler:8786"
    assert executor("dask+tls://scheduler:8786") == "dask+tls://scheduler:8786"
    for wrong in ("dask://scheduler", "tcp://scheduler:8786", "dask://:8786", "dask://scheduler:8786/path"):
        with pytest.raises(BadSetting, match="executor"):
            executor(wrong)


@pytest.fixture
def probe(world: World) -> Probe:
    (world.media / "documentos").mkdir(exist_ok=True)
    return make_probe(world.settings, world.settings.temporary_dir / "jobs", CLUSTER_TEST)


def test_a_worker_like_the_leader_is_fit(probe: Probe) -> None:
    assert unfit(probe) is None


def test_a_worker_that_differs_from_the_leader_says_in_what(probe: Probe, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "probe").write_text("another leader's")
    elsewhere = str(other)
    told = [
        unfit(replace(probe, code="")),
        unfit(replace(probe, state=other / "nothing")),
        unfit(replace(probe, state=other / "probe")),
        unfit(replace(probe, archive_url=elsewhere)),
        unfit(replace(probe, media_url=elsewhere)),
        unfit(replace(probe, media_url=f"{elsewhere}/nothing")),
    ]
    expected = ["install the same", "must be shared", "must be shared", "archive_root", "media_root", "nothing"]
    for problem, part in zip(told, expected, strict=True):
        assert problem is not None
        assert part in problem


def test_a_worker_of_another_version_is_named() -> None:
    def host(python: str, dask: str) -> dict[str, Any]:
        return {"host": {"python": f"{python}.final.0"}, "packages": {"dask": dask, "distributed": dask}}

    mine = host("3.11.2", "2026.1")
    same = {"client": mine, "workers": {"tcp://a": host("3.11.9", "2026.1")}}
    assert list(differences(same)) == []
    for theirs, told in ((host("3.12.1", "2026.1"), "python 3.12"), (host("3.11.2", "2025.9"), "dask 2025.9")):
        worker, problem = next(differences({"client": mine, "workers": {"tcp://b": theirs}}))
        assert worker == "tcp://b"
        assert problem.startswith(f"it has {told}, and this host ")


def test_a_ticket_is_used_once(tmp_path: Path) -> None:
    ticket = Ticket(tmp_path / "jobs", "a")
    ticket.write()
    assert ticket.use()
    assert not ticket.use()
    assert ticket.is_valid
    ticket.take_back()
    assert not ticket.is_valid
    ticket.end()
    assert not ticket.is_begun


def test_a_ticket_that_was_taken_back_is_not_used(tmp_path: Path) -> None:
    ticket = Ticket(tmp_path / "jobs", "a")
    ticket.write()
    ticket.take_back()
    assert not ticket.use()
