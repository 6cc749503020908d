"""Signals to real runs with real workers: what was asked to end ends soon, and nothing is lost by it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from samzip.database import tables
from samzip.dossier.keys import is_temporary
from samzip.locks import file_lock
from tests.support.live_runs import LiveRun, LiveRuns, wait_until
from tests.support.world import ShiftedDatabase, make_world, new_postgres_database

SOON_S = 15  # 5 are promised, on an idle machine; who waits for a lock or a storage waits 30 or more
EXIT_BUSY = 75


@pytest.fixture
def live(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiveRuns]:
    """Three parts wait; two are built at a time. On SQLite, unless parametrize("live", ["postgres"], indirect=True)."""
    url = None
    if getattr(request, "param", "sqlite") == "postgres":
        url = new_postgres_database(request.getfixturevalue("postgres_server"))
    ShiftedDatabase.shift = timedelta(0)
    orders = tmp_path / "orders"
    orders.mkdir()
    made = LiveRuns(make_world(tmp_path / "world", url), orders)
    made.world.company(equipment=5)
    made.world.click()
    yield made
    made.close()


def check_that_the_next_run_does_everything(live: LiveRuns, attempts: tuple[int, ...]) -> None:
    """`attempts`: which attempt each part is at then."""
    (live.orders / "hold").unlink(missing_ok=True)
    run = live.start()
    assert run.wait() == 0, run.text
    assert tuple(line["attempt"] for line in sorted(run.told("part.started"), key=lambda it: it["part"])) == attempts
    assert {row.status for row in live.world.requests()} == {"completed"}
    files = live.world.files()
    assert [name for name in files if is_temporary(name)] == []
    assert files == sorted(row.path for row in live.world.rows(tables.archive))
    assert live.world.rows(tables.work) == live.world.rows(tables.lease) == []
    assert list(live.world.settings.temporary_dir.iterdir()) == []
    wait_until(lambda: not live.processes(), live.processes, SOON_S)


def test_a_signal_ends_a_run_soon_even_when_the_documents_storage_does_not_answer(live: LiveRuns) -> None:
    live.order("hang")
    run = live.start()
    wait_until(lambda: (live.orders / "hangs").exists(), lambda: run.text)
    assert run.end(signal.SIGTERM) < SOON_S
    assert run.process.returncode == 143, run.text
    assert {row.status for row in live.world.requests()} == {"pending"}
    live.recall("hang")
    check_that_the_next_run_does_everything(live, (1, 1, 1))


@pytest.mark.parametrize(
    ("number", "code", "reaches"),
    [
        (signal.SIGTERM, 143, "the leader"),
        (signal.SIGTERM, 143, "every process"),  # as systemd does
        (signal.SIGINT, 130, "every process"),  # as a terminal does
        (signal.SIGHUP, 129, "every process"),  # as one that is closed does
    ],
)
def test_a_signal_ends_a_run_soon_and_its_parts_wait_again_without_an_attempt_counted(
    live: LiveRuns, number: signal.Signals, code: int, reaches: str
) -> None:
    run = live.hold(1, 2)
    begun = time.monotonic()
    for process in [run.process.pid] if reaches == "the leader" else live.processes():
        os.kill(process, number)
    assert run.wait() == code, run.text
    assert time.monotonic() - begun < SOON_S
    assert {row.status for row in live.world.requests()} == {"pending"}
    assert {(row.attempts, row.token) for row in live.world.rows(tables.work)} == {(0, None)}
    assert live.world.files() == []
    assert live.world.rows(tables.run)[0].outcome == "interrupted"
    assert live.world.rows(tables.lease) == []
    wait_until(lambda: not live.processes(), live.processes, SOON_S)
    assert "Traceback" not in run.text
    check_that_the_next_run_does_everything(live, (1, 1, 1))


@pytest.mark.parametrize("blocked", [signal.SIGCHLD, signal.SIGTERM, signal.SIGALRM])
def test_signals_that_the_caller_had_blocked_are_heard_all_the_same(live: LiveRuns, blocked: signal.Signals) -> None:
    start = "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [int(sys.argv[1])]); "
    live.through = (sys.executable, "-c", f"{start}os.execv(sys.argv[2], sys.argv[2:])", str(int(blocked)))
    run = live.hold(1, 2)
    os.kill(run.process.pid, signal.SIGTERM)
    assert run.wait() == 143, run.text
    live.recall("hold")
    again = live.start()
    assert again.wait() == 0, again.text


@pytest.mark.parametrize("reaches", ["the leader", "every process"])
def test_who_asks_a_run_how_far_it_is_is_told_and_disturbs_nothing(live: LiveRuns, reaches: str) -> None:
    run = live.hold(1, 2)
    for process in [run.process.pid] if reaches == "the leader" else live.processes():
        os.kill(process, signal.SIGUSR1)
    wait_until(lambda: len(run.told("part.stands")) == 2, lambda: run.text)
    (stands,) = run.told("run.stands")
    assert (stands["in_work"], stands["ready"], stands["published"]) == (2, 1, 0)
    assert [line["part"] for line in run.told("part.stands")] == [1, 2]
    live.recall("hold")
    assert run.wait() == 0, run.text
    assert {(row.outcome, row.number) for row in live.world.rows(tables.attempt)} == {("published", 1)}


def test_a_run_that_waits_between_two_passes_answers_too(live: LiveRuns) -> None:
    run = live.start("--interval", "1h")
    wait_until(lambda: run.told("queue.empty"), lambda: run.text)
    run.process.send_signal(signal.SIGUSR1)
    wait_until(lambda: run.told("run.stands"), lambda: run.text)
    assert run.told("run.stands")[0]["published"] == 3
    assert run.told("part.stands") == []
    assert run.end(signal.SIGTERM) < SOON_S
    assert run.process.returncode == 143, run.text


def test_frozen_workers_do_not_hold_the_run_up(live: LiveRuns) -> None:
    run = live.hold(1, 2)
    for part in (1, 2):
        os.kill(live.begun(part)[0], signal.SIGSTOP)
    assert run.end(signal.SIGTERM) < SOON_S
    assert run.process.returncode == 143, run.text
    assert {row.attempts for row in live.world.rows(tables.work)} == {0}
    wait_until(lambda: not live.processes(), live.processes, SOON_S)


class _Freezer(threading.Thread):
    """Keeps the fork server of a run stopped, from its first moment, however often somebody wakes it."""

    def __init__(self, live: LiveRuns, run: LiveRun, *, once: bool = False) -> None:
        super().__init__(daemon=True)
        self.live, self.run_, self.once = live, run, once
        self.frozen, self.over = threading.Event(), threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            for number in self.live.fork_servers(self.run_):
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGSTOP)
                self.frozen.set()
            if self.frozen.is_set() and self.once:
                return
            time.sleep(0.02)


def test_a_fork_server_that_is_stopped_as_it_starts_does_not_hold_the_run_up(live: LiveRuns) -> None:
    run = live.start()
    freezer = _Freezer(live, run, once=True)
    freezer.start()
    assert freezer.frozen.wait(SOON_S)
    wait_until(lambda: run.told("run.started"), lambda: run.text)  # before that a signal ends it at once
    assert run.end(signal.SIGTERM) < SOON_S
    assert run.process.returncode == 143, run.text
    wait_until(lambda: not live.processes(), live.processes, SOON_S)
    check_that_the_next_run_does_everything(live, (1, 1, 1))


def test_a_signal_ends_a_run_soon_whose_workers_do_not_come_up(live: LiveRuns) -> None:
    run = live.start()
    freezer = _Freezer(live, run)
    freezer.start()
    assert freezer.frozen.wait(SOON_S)
    wait_until(lambda: run.told("company.planned"), lambda: run.text)
    time.sleep(0.5)  # now it waits for them
    assert run.end(signal.SIGTERM) < SOON_S
    assert run.process.returncode == 143, run.text
    freezer.over.set()
    freezer.join()
    for number in live.processes():
        os.kill(number, signal.SIGCONT)
    wait_until(lambda: not live.processes(), live.processes, SOON_S)
    check_that_the_next_run_does_everything(live, (1, 1, 1))


def test_a_signal_ends_a_run_whose_log_nobody_reads_any_more(live: LiveRuns) -> None:
    """As of a pager, or of a journal that is stopped: what is written to a full pipe waits."""
    pipe = live.orders / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(reader, b"\n" * 4096)
    live.through = ("sh", "-c", f'exec "$0" "$@" 2> {pipe}')
    run = live.start(STUCK_S="1")
    wait_until(lambda: run.catches(signal.SIGTERM))
    time.sleep(1)  # in which it tells that it has begun
    assert run.end(signal.SIGTERM) < SOON_S
    assert run.process.returncode == -signal.SIGALRM
    os.close(reader)
    live.through = ()
    wait_until(lambda: not live.processes(), live.processes, SOON_S)
    check_that_the_next_run_does_everything(live, (1, 1, 1))


def test_a_second_sigint_ends_a_run_at_once_and_the_next_run_recovers(live: LiveRuns) -> None:
    run = live.hold(1, 2)
    with live.world.database.write():  # the run cannot put its parts back as long as this lasts
        run.process.send_signal(signal.SIGINT)
        time.sleep(0.7)
        assert run.process.poll() is None, "the first one is still being answered"
        assert run.end(signal.SIGINT) < SOON_S
    assert run.process.returncode == -signal.SIGINT
    wait_until(lambda: not live.processes(), live.processes, SOON_S)
    check_that_the_next_run_does_everything(live, (2, 2, 1))


@pytest.mark.parametrize("live", ["sqlite", "postgres"], indirect=True)
def test_a_signal_ends_a_run_soon_although_somebody_holds_the_database_and_the_next_run_recovers(
    live: LiveRuns,
) -> None:
    run = live.hold(1, 2)
    with live.world.database.write() as connection:
        if not live.world.database.is_sqlite:
            connection.exec_driver_sql("LOCK TABLE samzip_work, samzip_lease IN ACCESS EXCLUSIVE MODE")
        assert run.end(signal.SIGTERM) < SOON_S
    assert run.process.returncode == 143, run.text
    assert len(run.told("parts.left")) == 1, run.text
    assert run.told("part.released") == []
    assert "Traceback" not in run.text
    wait_until(lambda: not live.processes(), live.processes, SOON_S)
    check_that_the_next_run_does_everything(live, (2, 2, 1))


def test_a_lock_that_goes_in_time_costs_no_attempt(live: LiveRuns) -> None:
    run = live.hold(1, 2)
    with live.world.database.write():
        run.process.send_signal(signal.SIGTERM)
        wait_until(lambda: run.told("stop.requested"), lambda: run.text)
    assert run.wait() == 143, run.text
    assert {(row.attempts, row.token) for row in live.world.rows(tables.work)} == {(0, None)}
    check_that_the_next_run_does_everything(live, (1, 1, 1))


def test_when_the_leader_is_killed_its_processes_end_and_the_next_run_counts_the_attempt(live: LiveRuns) -> None:
    run = live.hold(1, 2)
    run.end(signal.SIGKILL)
    with file_lock(live.world.settings.lock_path, wait=0, run_id="test", host="test"):
        assert {row.status for row in live.world.requests()} == {"pending", "processing"}
    wait_until(lambda: not live.processes(), live.processes, SOON_S)
    assert any(is_temporary(name) for name in live.world.files())
    check_that_the_next_run_does_everything(live, (2, 2, 1))
    ended = {row.outcome for row in live.world.rows(tables.run)}
    assert ended == {"crashed", "done"}


def test_a_run_that_waits_for_the_lock_ends_at_once_when_asked(live: LiveRuns) -> None:
    first = live.hold(1, 2)
    second = live.start("--wait", "5m")
    wait_until(lambda: second.catches(signal.SIGTERM), lambda: second.text)
    time.sleep(0.5)  # in which a run that does not wait would end
    assert second.process.poll() is None, second.text
    assert second.end(signal.SIGTERM) < SOON_S
    assert second.process.returncode == 143, second.text
    assert first.process.poll() is None
    live.recall("hold")
    assert first.wait() == 0


def test_a_run_that_waits_gets_its_turn_and_one_that_does_not_says_who_works(live: LiveRuns) -> None:
    first = live.hold(1, 2)
    waiting = live.start("--wait", "1m")
    hasty = live.start()
    assert hasty.wait() == EXIT_BUSY
    assert f"process {first.process.pid} on " in hasty.text
    live.recall("hold")
    assert first.wait() == 0, first.text
    assert waiting.wait() == 0, waiting.text
    assert "Nothing to do." in waiting.text
    assert len(live.world.rows(tables.archive)) == 3


def test_a_run_with_an_interval_serves_new_clicks_and_ends_cleanly(live: LiveRuns) -> None:
    run = live.hold(1, 2, run=live.start("--interval", "1"))
    hasty = live.start()
    assert hasty.wait() == EXIT_BUSY, hasty.text
    live.recall("hold")
    world = live.world
    wait_until(lambda: {row.status for row in world.requests()} == {"completed"}, lambda: run.text)
    between = live.start()
    wait_until(lambda: between.process.poll() is not None)
    assert between.process.returncode in (0, EXIT_BUSY), "between two passes the queue is free"
    world.click()
    wait_until(lambda: {row.status for row in world.requests()} == {"completed"}, lambda: run.text)
    wait_until(lambda: len(run.told("queue.empty")) >= 3, lambda: run.text)
    assert run.end(signal.SIGTERM) < 2
    assert run.process.returncode == 143, run.text
    passes = [line["iteration"] for line in run.told("queue.empty")]
    assert passes == sorted(set(passes))
    note = next(row for row in world.rows(tables.run) if row.pid == run.process.pid)
    assert note.finished_at is not None
    assert world.rows(tables.lease) == []
    wait_until(lambda: not live.processes(), live.processes, SOON_S)
