"""samzip selftest: real kills, and a ledger that does see what is broken."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from samzip.database import tables
from samzip.errors import StorageFailed, Unexpected
from samzip.selftest.arena import Arena, open_arena
from samzip.selftest.ledger import Broken, Ledger, judge_settled
from samzip.selftest.places import LOCK, PREFIX
from samzip.settings import load
from tests.support.world import World

ROOT = Path(__file__).parents[2]


def start(folder: Path, *args: str, **variables: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SAMZIP_STATE_DIR": str(folder / "state"), **variables}
    return subprocess.Popen(
        [sys.executable, "-m", "samzip", "selftest", *args],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever starts the tests in the background has SIGINT ignored, with nohup SIGHUP, and children inherit that.
        preexec_fn=lambda: [signal.signal(it, signal.SIG_DFL) for it in (signal.SIGINT, signal.SIGHUP)],
    )


def test_killed_runs_lose_tear_double_and_leave_nothing_and_touch_nothing_of_the_users(tmp_path: Path) -> None:
    """A database that would fail, a part size and a settings file of theirs: no run of the test may see any of them."""
    archives = tmp_path / "archives"
    mine = archives / "zip_requests" / "1" / "20260101_120000_parte_1_req_1.zip.0123456789ab.samzip-part"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    (tmp_path / "samzip.toml").write_text("part_size = 7\nmax_attempts = 1\n")
    theirs = {
        "SAMZIP_ARCHIVE_ROOT": str(archives),
        "SAMZIP_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
    }
    process = start(tmp_path, "--kills", "2", "--seed", "7", **theirs)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"Killing 2 runs; seed 7; archives in {archives}/samzip-selftest-")
    assert [line.split()[:4] for line in lines[1:3]] == [["kill", str(n), "of", "2"] for n in (1, 2)]
    counts = {line[:12].strip(): int(line[12:]) for line in lines[4:]}
    assert counts["kills"] == 2
    assert counts["delivered"] == counts["requests"] >= 8
    assert [counts[name] for name in ("lost", "torn", "twice", "left over", "waiting", "failed")] == [0] * 6
    assert sorted(it.name for it in tmp_path.iterdir()) == ["archives", "samzip.toml"]
    assert [it for it in archives.rglob("*") if it.is_file()] == [mine]


def test_json_is_one_object_and_not_even_the_folders_that_it_had_to_make_stay(tmp_path: Path) -> None:
    process = start(tmp_path, "--kills", "1", "--json")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    told = json.loads(out)
    assert (told["kills"], told["lost"], told["broken"], told["exit"]) == (1, 0, [], 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_and_its_folders_go(tmp_path: Path, number: signal.Signals, code: int) -> None:
    process = start(tmp_path, "--kills", "500")
    assert process.stdout
    assert process.stdout.readline().startswith("Killing 500 runs")
    time.sleep(0.2)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == code
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_test_left_goes_with_the_next_and_what_a_living_one_has_does_not(tmp_path: Path) -> None:
    settings = load({"state_dir": str(tmp_path / "state")}, {"HOME": str(tmp_path)})
    dead = tmp_path / "state" / f"{PREFIX}dead"
    (dead / "media").mkdir(parents=True)
    with open_arena(settings, random.Random(1)) as living:
        for folder in (dead, living.folder):
            os.utime(folder, (0, 0))
        with open_arena(settings, random.Random(2)):
            assert not dead.exists()
            assert living.folder.exists()


def test_what_another_users_test_left_is_passed_over(tmp_path: Path) -> None:
    settings = load({"state_dir": str(tmp_path / "state")}, {"HOME": str(tmp_path)})
    theirs = tmp_path / "state" / f"{PREFIX}theirs"
    (theirs / LOCK).mkdir(parents=True)  # what cannot be opened to be locked
    os.utime(theirs, (0, 0))
    with open_arena(settings, random.Random(1)):
        assert theirs.exists()


def test_a_storage_that_takes_no_folder_is_exit_12(tmp_path: Path) -> None:
    (tmp_path / "archives").write_bytes(b"a file")
    process = start(tmp_path, "--kills", "1", SAMZIP_ARCHIVE_ROOT=str(tmp_path / "archives" / "below"))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 12
    assert "archives" in err
    assert [it.name for it in tmp_path.iterdir()] == ["archives"]


@pytest.fixture
def arena(tmp_path: Path) -> Any:
    with open_arena(load({"state_dir": str(tmp_path / "state")}, {"HOME": str(tmp_path)}), random.Random(1)) as arena:
        yield arena


def test_a_run_that_ends_as_none_should_is_told_with_its_words(arena: Arena) -> None:
    arena.click("selftest")
    (Path(arena.archives.url) / "zip_requests").write_bytes(b"a file")
    with pytest.raises(StorageFailed, match="exit code 12"):
        arena.run()
    (Path(arena.archives.url) / "zip_requests").unlink()
    (arena.folder / "samzip.toml").write_text("nonsense = 1\n")
    with pytest.raises(Unexpected, match=r"(?s)exit code 78.*no such setting"):
        arena.run()


def test_a_kill_reaches_the_run_and_nothing_of_it_goes_on(arena: Arena) -> None:
    arena.click("selftest")
    assert arena.kill(0.05) is True
    assert arena.kill(60) is False  # it had ended long before


@pytest.fixture
def served(world: World) -> tuple[World, Ledger]:
    world.company(equipment=3)
    ledger = Ledger()
    for number in (1, 1):
        ledger.accept(world.click().request_ids, number)
    world.run()
    return world, ledger


def judged(world: World, ledger: Ledger) -> tuple[Broken, dict[str, int]]:
    with world.database.read() as connection:
        broken, tally = judge_settled(connection, world.archives, world.settings.temporary_dir, ledger)
    return broken, dict(tally)


def test_a_queue_in_order_breaks_nothing(served: tuple[World, Ledger]) -> None:
    assert judged(*served) == (Broken(), {"delivered": 4})


def test_waiting_and_failing_with_a_reason_are_kept_promises(served: tuple[World, Ledger]) -> None:
    world, ledger = served
    world.set_request(1, status="failed", error_message="disco lleno")
    world.set_request(4, status="pending", file_path=None)
    with world.database.write() as connection:
        now = world.database.now(connection)
        connection.execute(insert(tables.work).values(company_id=1, part=2, queued_at=now, attempts=1, deaths=0))
    assert judged(world, ledger) == (Broken(), {"delivered": 2, "failed": 1, "waiting": 1})


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"status": "processing"}, "processing after a run that ended"),
        ({"status": "pending"}, "pending, and no run would find it"),
        ({"status": "failed", "error_message": ""}, "failed after a run that ended"),
        ({"file_path": "zip_requests/1/x"}, "completed without an archive"),
    ],
)
def test_a_request_that_nobody_will_serve_is_lost(
    served: tuple[World, Ledger], values: dict[str, str], why: str
) -> None:
    world, ledger = served
    world.set_request(1, **values)
    broken, tally = judged(world, ledger)
    assert broken.lost == {f"request #1: {why}"}
    assert tally == {"delivered": 3, "lost": 1}


def test_a_row_or_a_file_that_is_gone_is_a_lost_request(served: tuple[World, Ledger]) -> None:
    world, ledger = served
    with world.database.write() as connection:
        connection.execute(delete(tables.notificacionzip))
        connection.execute(delete(tables.ziprequest).where(tables.ziprequest.c.id == 1))
    (world.media / world.files()[1]).unlink()
    broken, _ = judged(world, ledger)
    assert {words.split(":")[0] for words in broken.lost} == {"request #1", "request #2", "request #4"}


def test_an_archive_that_is_cut_or_swapped_is_torn(served: tuple[World, Ledger]) -> None:
    world, ledger = served
    first, second = (world.media / name for name in world.files())
    second.write_bytes(first.read_bytes())
    os.truncate(first, 1000)
    broken, _ = judged(world, ledger)
    assert len(broken.torn) == 3  # the cut one does not match its row either
    assert any("not the file that its row tells of" in words for words in broken.torn)


def test_a_part_in_two_files_and_a_second_announcement_are_twice(served: tuple[World, Ledger]) -> None:
    world, ledger = served
    other = world.files()[0].replace("req_3", "req_1")
    (world.media / other).write_bytes((world.media / world.files()[0]).read_bytes())
    archive = next(row for row in world.rows(tables.archive) if row.part == 1)._asdict() | {"path": other}
    notice = world.rows(tables.notificacionzip)[0]._asdict()
    del notice["id"]
    with world.database.write() as connection:
        connection.execute(insert(tables.archive).values(archive))
        connection.execute(insert(tables.notificacionzip).values(notice))
    world.set_request(1, file_path=other)
    broken, _ = judged(world, ledger)
    assert len(broken.twice) == 3
    assert any("same content" in words for words in broken.twice)
    assert any("announced more than once" in words for words in broken.twice)
    assert broken.words()[0].startswith("twice: ")


def test_files_rows_and_folders_that_nobody_needs_are_left_over(served: tuple[World, Ledger]) -> None:
    world, ledger = served
    (world.media / "zip_requests" / "1" / "x.samzip-part").write_bytes(b"x")
    (world.settings.temporary_dir / "abc").mkdir(parents=True)
    with world.database.write() as connection:
        now = world.database.now(connection)
        connection.execute(insert(tables.work).values(company_id=1, part=9, queued_at=now, attempts=0, deaths=0))
        connection.execute(insert(tables.lease).values(name="run", token="t", host="h", run_id="r", expires_at=now))
        connection.execute(update(tables.run).values(finished_at=None))
    broken, _ = judged(world, ledger)
    assert {" ".join(words.split()[:3]) for words in broken.left_over} == {
        "file zip_requests/1/x.samzip-part",
        f"folder {world.settings.temporary_dir}/abc",
        "work row of",
        "the lease of",
        "the note of",
    }
