"""`samzip status` on real databases, before, during and after runs."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, update

from samzip import cli
from samzip.batch.run import Mode
from samzip.database import tables
from samzip.errors import StorageFailed
from samzip.locks import file_lock
from samzip.report.story import story_lines
from samzip.requests.collapse import collapse
from samzip.requests.overview import overview
from samzip.requests.pulse import pulse
from samzip.requests.shown import Overview
from samzip.requests.single import retry, story
from tests.support.world import World

on_sqlite = pytest.mark.parametrize("world", ["sqlite"], indirect=True)  # what no server could make different


def view(world: World, limit: int = 10) -> Overview:
    with world.database.read() as connection:
        return overview(connection, world.database.now(connection), limit)


def samzip(world: World, *args: str, capsys: pytest.CaptureFixture[str]) -> str:
    where = ["--state-dir", str(world.settings.state_dir), "--database-url", world.settings.database_url]
    with pytest.raises(SystemExit) as stopped:
        cli.main(["status", *args, *where])
    printed = capsys.readouterr()
    assert not stopped.value.code, printed.err
    assert printed.err == ""
    return printed.out


def fail(_: Any) -> None:
    raise StorageFailed("disco lleno")


def test_an_empty_database_is_no_error(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert samzip(world, capsys=capsys).startswith("Nothing yet.")
    assert json.loads(samzip(world, "--json", capsys=capsys))["requests"] == {}


def test_the_queue_is_counted_by_company_the_oldest_first(world: World) -> None:
    world.company("Zeta", equipment=3, user="zeta", prefix="Z")
    world.company("Alfa", equipment=1, user="alfa", prefix="A")
    world.click("zeta")
    world.click("alfa")
    world.click("zeta")
    shown = view(world)
    assert [(it.company, it.requests, it.parts, it.retrying) for it in shown.queue] == [
        ("Zeta", 4, 2, 0),
        ("Alfa", 1, 1, 0),
    ]
    assert shown.requests == {"pending": 5}
    assert shown.queue[0].oldest == world.requests()[0].created_at


def test_what_was_asked_for_again_waits_since_then_for_everybody_who_tells_how_long(world: World) -> None:
    world.company(equipment=1)
    (old,) = world.click().request_ids
    with world.database.write() as connection:
        now = world.database.now(connection)
        connection.execute(update(tables.ziprequest).values(created_at=now - timedelta(days=7), status="failed"))
        retry(connection, now, old)
    with world.database.read() as connection:
        assert pulse(connection, now).oldest == now  # doctor, metrics and the health that the hook tells
    assert [it.oldest for it in view(world).queue] == [now]


def test_failed_parts_tell_the_soonest_next_attempt(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.company(equipment=3)
    world.click()
    world.executor.before = fail
    world.run()
    (waits,) = view(world).queue
    assert (waits.retrying, waits.last_error) == (2, "disco lleno")
    soonest = min(row.not_before for row in world.rows(tables.work))
    assert waits.retry_at == soonest
    assert "2 parts to be tried again, from " in samzip(world, capsys=capsys)


def test_a_part_whose_run_died_is_tried_by_the_next_run(world: World) -> None:
    world.company(equipment=1)
    world.click()
    with world.database.write() as connection:
        now = world.database.now(connection)
        collapse(connection, now)
        connection.execute(tables.work.update().values(last_error="murió", attempts=1))
    (waits,) = view(world).queue
    assert (waits.retrying, waits.retry_at, waits.last_error) == (1, None, "murió")


def test_a_company_that_is_gone_has_a_name_all_the_same(world: World) -> None:
    company = world.company(equipment=1)
    world.click()
    with world.database.write() as connection:
        now = world.database.now(connection)
        work = {"company_id": company + 1, "part": 1, "queued_at": now, "attempts": 1, "token": "t", "run_id": "r"}
        connection.execute(insert(tables.work).values(work))
    (part,) = view(world).in_work
    assert (part.company, part.requests, part.percent, part.parts) == ("(empresa eliminada)", 0, 0, 1)


def test_a_run_in_progress_is_seen_from_outside(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.company(equipment=3)
    world.click()
    world.click()
    seen: list[tuple[dict[str, Any], str]] = []

    def look(_: Any) -> None:
        seen.append((json.loads(samzip(world, "--json", capsys=capsys)), samzip(world, capsys=capsys)))

    world.executor.before = look
    world.run(Mode(once=True))
    told, text = seen[-1]
    (run,) = told["running"]
    assert told["lock"]["held"]
    assert told["lock"]["holder"]["run"] == run["id"]
    assert told["requests"].get("processing", 0) >= 2
    assert told["in_work"][0]["run"] == run["id"]
    assert told["in_work"][0]["requests"] == 2
    assert f"Running: {run['id']} on test-host, process {run['pid']}, since " in text
    assert not view(world).running


@on_sqlite
def test_the_lock_of_this_host_is_shown_even_without_a_run(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert not json.loads(samzip(world, "--json", capsys=capsys))["lock"]["held"]
    with file_lock(world.settings.lock_path, wait=0, run_id="r7", host="here"):
        told = json.loads(samzip(world, "--json", capsys=capsys))
        assert "holds the lock of this host since" in samzip(world, capsys=capsys)
        assert json.loads(world.settings.lock_path.read_text())["run"] == "r7", "looking must not erase the holder"
    assert told["lock"]["held"]
    assert told["lock"]["holder"]["run"] == "r7"


def test_archives_and_runs_are_told_after_a_run(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.company(equipment=3)
    world.click()
    next(world.media.rglob("compra.pdf")).unlink()
    world.run()
    shown = view(world)
    assert shown.requests == {"completed": 2}
    assert shown.downloadable == len(shown.archives) == 2
    assert shown.bytes == sum(archive.size for archive in shown.archives)
    assert {archive.path for archive in shown.archives} == set(world.files())
    assert [run.outcome for run in shown.finished] == ["problems"]
    assert shown.finished[0].counts["published"] == 2
    text = samzip(world, capsys=capsys)
    assert "1 document missing, 0 observations" in text
    assert "5h 59m left" in text
    assert "done, with problems: 2 parts published" in text


@on_sqlite
def test_an_archive_whose_time_is_over_is_not_offered_though_its_file_is_there(world: World) -> None:
    world.company(equipment=1)
    world.click()
    world.run()
    world.later(hours=7)
    shown = view(world)
    assert (shown.downloadable, shown.bytes, shown.archives) == (0, 0, [])
    assert len(world.files()) == 1


def test_an_archive_that_a_newer_one_replaces_is_counted_apart(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    company = world.company(equipment=1)
    world.click()
    world.run()
    with world.database.write() as connection:
        world.equipment(connection, company, "A-000")
    world.later(minutes=1)
    world.click()
    world.run()
    shown = view(world)
    assert [archive.path for archive in shown.archives] == [world.requests()[-1].file_path]
    assert (shown.downloadable, shown.superseded, len(world.files())) == (1, 1, 2)
    assert shown.bytes == shown.archives[0].size
    assert "1 more that newer ones of the same parts replace" in samzip(world, capsys=capsys)


@on_sqlite
def test_the_limit_bounds_archives_and_runs_and_the_count_tells_the_rest(world: World) -> None:
    world.company(equipment=6)
    world.click()
    world.run()
    shown = view(world, limit=1)
    assert (len(shown.archives), shown.downloadable, len(shown.finished)) == (1, 3, 1)


@on_sqlite
def test_runs_that_found_nothing_do_not_hide_the_others(world: World) -> None:
    world.company(equipment=1)
    world.click()
    world.run()
    for _ in range(4):
        world.later(minutes=1)
        world.run()
    assert [run.outcome for run in view(world, limit=3).finished] == ["nothing", "done"]


@on_sqlite
def test_runs_in_the_pause_between_attempts_do_not_hide_the_one_that_failed(world: World) -> None:
    world.company(equipment=1)
    world.click()
    world.executor.before = fail
    world.run()
    for _ in range(4):
        world.later(seconds=10)
        world.run()
    assert [run.outcome for run in view(world, limit=3).finished] == ["waiting", "problems"]


def test_the_number_of_queries_does_not_grow_with_the_queue(world: World) -> None:
    statements: list[str] = []

    def count(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement)

    def queries() -> int:
        statements.clear()
        event.listen(world.database.engine, "before_cursor_execute", count)
        try:
            view(world)
        finally:
            event.remove(world.database.engine, "before_cursor_execute", count)
        return sum(it.startswith("SELECT") and "set_config" not in it for it in statements)

    for number in range(5):
        world.company(f"Empresa {number}", equipment=3, user=f"user{number}", prefix=f"E{number}")
        world.click(f"user{number}")
    few = queries()
    world.executor.before = fail
    world.run()
    assert queries() == few
    assert few <= 11


@on_sqlite
def test_everything_is_in_the_json_object_with_times_in_utc(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.company(equipment=1)
    world.click()
    world.run()
    world.click()
    told = json.loads(samzip(world, "--json", capsys=capsys))
    assert set(told) == {
        "now",
        "failed",
        "requests",
        "queue",
        "in_work",
        "running",
        "finished",
        "archives",
        "downloadable",
        "bytes",
        "superseded",
        "lock",
    }
    times = [told["now"], told["queue"][0]["oldest"], told["finished"][0]["started"], told["archives"][0]["expires"]]
    assert {datetime.fromisoformat(time).utcoffset() for time in times} == {timedelta(0)}


@on_sqlite
def test_times_are_those_of_the_time_zone_that_is_set(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.company(equipment=1)
    world.click()
    bogota = samzip(world, capsys=capsys).splitlines()[0]
    tokyo = samzip(world, "--timezone", "Asia/Tokyo", capsys=capsys).splitlines()[0]
    assert bogota.endswith(" America/Bogota")
    assert tokyo.endswith(" Asia/Tokyo")
    ahead = datetime.fromisoformat(tokyo[:19]) - datetime.fromisoformat(bogota[:19])
    assert timedelta(hours=14) <= ahead <= timedelta(hours=14, minutes=1)


@on_sqlite
def test_status_changes_nothing_in_the_state_folder(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.company(equipment=1)
    world.click()

    def state() -> list[tuple[Path, bytes]]:
        files = (path for path in world.settings.state_dir.rglob("*") if path.is_file())
        return sorted((path, path.read_bytes()) for path in files if not path.name.endswith(("-wal", "-shm")))

    world.database.close()
    before = state()
    samzip(world, capsys=capsys)
    assert state() == before


@on_sqlite
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_the_live_view_ends_well_and_outlives_a_database_that_is_away(
    world: World, number: signal.Signals, code: int
) -> None:
    world.company(equipment=3)
    world.click()
    leader, follower = pty.openpty()
    where = ["--state-dir", str(world.settings.state_dir), "--database-url", world.settings.database_url]
    process = subprocess.Popen(
        [sys.executable, "-m", "samzip", "status", "--watch", *where],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={"PATH": os.environ["PATH"], "TERM": "xterm-256color", "PYTHONPATH": str(Path.cwd())},
        # Whoever starts the tests in the background has SIGINT ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(follower)
    seen = ""

    def wait_for(text: str) -> None:
        nonlocal seen
        until = time.monotonic() + 60
        while text not in seen:
            assert time.monotonic() < until, seen
            if select.select([leader], [], [], 1)[0]:
                seen += os.read(leader, 65536).decode("utf-8", "replace")
        seen = ""

    wait_for("2 requests")
    path = Path(world.settings.state_dir) / "samzip.sqlite3"
    world.database.close()
    path.rename(path.with_suffix(".away"))
    wait_for("database away since")
    path.with_suffix(".away").rename(path)
    wait_for("no run works")
    process.send_signal(number)
    wait_for("\x1b[?1049l")  # the screen that was there before
    assert process.wait(timeout=30) == code
    os.close(leader)


@on_sqlite
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_the_live_view_wants_a_terminal(world: World, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["status", "--watch", *more, "--state-dir", str(world.settings.state_dir)])
    assert stopped.value.code == 2
    assert "--watch draws on a terminal" in capsys.readouterr().err


def told_of(world: World, number: int) -> str:
    with world.database.read() as connection:
        return "\n".join(story_lines(story(connection, world.database.now(connection), number), UTC))


@on_sqlite
def test_what_failed_is_named_with_the_next_step(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.company(equipment=1)
    (number,) = world.click().request_ids
    world.executor.before = fail
    world.run()
    assert f"Once the cause is gone, at once: samzip retry {number}" in told_of(world, number)
    for _ in range(2):
        world.later(hours=1)
        world.run()
    assert view(world).failed == (number,)
    text = samzip(world, capsys=capsys)
    assert f"failed: #{number}; samzip show ID tells why, samzip retry ID asks again" in text
    assert f"run {view(world).finished[0].id}" in text
    assert f"To have it built again: samzip retry {number}" in told_of(world, number)


def test_a_damaged_sqlite_file_is_told_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "samzip.sqlite3"
    path.write_bytes(b"SQLite format 3\0" + b"rubbish" * 1000)
    with pytest.raises(SystemExit) as ended:
        cli.main(["status", "--database-url", f"sqlite:///{path}"])
    told = capsys.readouterr().err
    assert ended.value.code == 10
    assert "is damaged: " in told
    assert "put the last copy back" in told


def test_what_a_database_server_answers_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["status", "--json", "--database-url", "postgresql://x@127.0.0.1:1/sam"])
    message = json.loads(capsys.readouterr().err)["message"]
    assert "refused" in message
    assert not set(message) & set("\n\t")


def test_a_setting_before_the_command_is_told_where_it_belongs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--config", "samzip.toml", "doctor"])
    assert ended.value.code == 2
    assert "--config belongs behind the command" in capsys.readouterr().err
