"""samzip verify: what is sound, what is damage, and how a damaged archive comes back."""

from __future__ import annotations

import json
import os
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from samzip import cli
from samzip.database import tables
from samzip.errors import StorageFailed
from samzip.housekeeping.verify import Verifier
from samzip.locks import file_lock
from samzip.requests import lease
from samzip.storage.local import LocalStore
from tests.support.world import World

SAMS = "zip_requests/1/20260101_120000_parte_1_req_1.zip"


@pytest.fixture
def samzip(world: World, capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*args: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            cli.main(["verify", *args, *settings_of(world)])
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    return call


def settings_of(world: World) -> list[str]:
    return ["--database-url", world.settings.database_url, "--state-dir", str(world.settings.state_dir)]


def publish(world: World, equipment: int = 1, clicks: int = 1) -> list[Path]:
    """The files of a company whose archives were just published."""
    world.company(equipment=equipment)
    for _ in range(clicks):
        world.click()
    world.run()
    return [world.media / name for name in world.files()]


def flip_a_byte(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    path.write_bytes(raw)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def remove(path: Path) -> None:
    path.unlink()


def replace_by_another_sound_archive(path: Path) -> None:
    """Same size, every CRC right: only the SHA-256 tells."""
    size = path.stat().st_size
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"")
    overhead = path.stat().st_size
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", b"x" * (size - overhead))
    assert path.stat().st_size == size


DAMAGES = [flip_a_byte, cut, remove, replace_by_another_sound_archive]


def test_sound_archives_are_told_line_by_line(world: World, samzip: Any) -> None:
    first, second = publish(world, equipment=3)
    code, out, err = samzip("--all")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith(f"ok          {world.files()[0]}: ")
    assert lines[1].startswith(f"ok          {world.files()[1]}: ")
    assert lines[2].startswith("2 archives, ")
    assert lines[2].endswith("read: 2 ok.")
    assert first.exists()
    assert second.exists()


def test_one_request_is_verified_by_its_number(world: World, samzip: Any) -> None:
    publish(world, equipment=3)
    code, out, _ = samzip("2")
    assert code == 0
    assert out.splitlines()[0].startswith(f"ok          {world.requests()[1].file_path}: ")
    assert "1 archive," in out


def test_with_nothing_published_it_says_so(samzip: Any) -> None:
    assert samzip("--all") == (0, "Nothing to verify: no archive can be downloaded now.\n", "")


@pytest.mark.parametrize("args", [(), ("1", "--all")])
def test_it_wants_either_a_request_or_all(samzip: Any, args: tuple[str, ...]) -> None:
    code, out, err = samzip(*args)
    assert (code, out) == (2, "")
    assert "give the ID of a request, or --all" in err


def test_a_request_without_an_archive_is_refused_with_the_reason(world: World, samzip: Any) -> None:
    world.company(equipment=1)
    world.click()
    assert "request #1 is pending: it has no archive to verify" in samzip("1")[2]
    assert "there is no request #9" in samzip("9")[2]
    world.run()
    past = datetime.now(UTC) - timedelta(days=1)
    world.set_request(1, expires_at=past)
    code, _, err = samzip("1")
    assert code == 2
    assert "its time is over" in err


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_exit_13_and_changes_nothing(world: World, samzip: Any, damage: Any) -> None:
    (path,) = publish(world)
    damage(path)
    before = world.requests(), world.rows(tables.archive), world.files()
    code, out, err = samzip("--all")
    assert (code, err) == (13, "")
    assert out.startswith("damaged     zip_requests/")
    assert "1 damaged" in out
    assert "samzip verify --all --repair" in out
    assert (world.requests(), world.rows(tables.archive), world.files()) == before


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_repair_has_every_request_of_a_damaged_archive_served_again(world: World, samzip: Any, damage: Any) -> None:
    damaged, sound = publish(world, equipment=3, clicks=2)
    bytes_before = sound.read_bytes()
    damage(damaged)

    code, out, err = samzip("--all", "--repair")

    assert (code, err) == (13, "")
    assert f"repaired    {damaged.relative_to(world.media)}: 2 requests back in the queue" in out
    assert out.splitlines()[-1] == "Next: samzip run"
    assert not damaged.exists()
    waiting = [row for row in world.requests() if row.parte_numero == 1]
    assert {(row.status, row.file_path, row.file_size, row.expires_at) for row in waiting} == {
        ("pending", None, None, None)
    }
    assert {row.status for row in world.requests() if row.parte_numero == 2} == {"completed"}
    assert world.rows(tables.lease) == []
    world.later(seconds=2)
    finished = world.run()
    assert (finished.counts.published, finished.counts.reused, finished.counts.completed) == (1, 0, 2)
    assert {(row.status, row.error_message) for row in world.requests()} == {("completed", None)}
    assert sound.read_bytes() == bytes_before
    assert samzip("--all")[0] == 0


def test_repair_leaves_sound_archives_and_the_queue_alone(world: World, samzip: Any) -> None:
    publish(world)
    before = world.requests(), world.rows(tables.archive)
    assert samzip("--all", "--repair")[0] == 0
    assert (world.requests(), world.rows(tables.archive)) == before


def test_repair_killed_before_the_file_goes_leaves_a_row_that_the_next_run_finds(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = publish(world)
    flip_a_byte(path)

    class Killed(BaseException):
        pass

    def die(self: LocalStore, name: str) -> bool:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "delete", die)
        with pytest.raises(Killed):
            cli.main(["verify", "--all", "--repair", *settings_of(world)])
    (archive,) = world.rows(tables.archive)
    assert archive.deleting
    assert world.requests()[0].status == "pending"
    world.later(seconds=2)
    world.run()
    (request,) = world.requests()
    assert request.status == "completed"
    assert world.files() == [request.file_path]
    assert not path.exists()


def test_a_file_that_cannot_be_removed_is_told_and_goes_with_the_next_run(
    world: World, samzip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = publish(world)
    flip_a_byte(path)

    def refuse(self: LocalStore, name: str) -> bool:
        raise StorageFailed("read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "delete", refuse)
        code, out, _ = samzip("--all", "--repair")
    assert code == 13
    assert "problem     read-only file system; the next run removes the file" in out
    world.later(seconds=2)
    world.run()
    assert world.files() == [world.requests()[0].file_path]


def test_repair_ends_only_what_is_still_downloadable(world: World, samzip: Any) -> None:
    """A request whose time is over is not built again for nobody."""
    (path,) = publish(world, clicks=2)
    world.set_request(1, expires_at=datetime.now(UTC) - timedelta(minutes=1))
    flip_a_byte(path)
    code, out, _ = samzip("--all", "--repair")
    assert code == 13
    assert "1 request back in the queue" in out
    world.later(seconds=2)
    world.run()
    assert [row.status for row in world.requests()] == ["expired", "completed"]
    assert world.files() == [world.requests()[1].file_path]
    assert world.rows(tables.archive)[0].path == world.requests()[1].file_path


def test_a_run_that_works_keeps_repair_out_and_the_damage_is_told_all_the_same(world: World, samzip: Any) -> None:
    (path,) = publish(world)
    flip_a_byte(path)
    with file_lock(world.settings.lock_path, wait=0, run_id="other", host="h"):
        code, out, _ = samzip("--all", "--repair", "--wait", "0s")
        assert code == 13
        assert "1 damaged.\nNot repaired: another run holds" in out
        assert "--wait 5m waits for it" in out
        code, out, _ = samzip("--all", "--repair", "--wait", "0s", "--json")
    assert code == 13
    told = json.loads(out)
    assert [it["state"] for it in told["archives"]] == ["damaged"]
    assert told["repaired"] == []
    assert "another run holds" in told["hindrance"]
    with world.database.write() as connection:
        lease.acquire(connection, world.database.now(connection), token="t", host="elsewhere", run_id="r")
    code, out, _ = samzip("--all", "--repair", "--wait", "0s")
    assert code == 13
    assert "Not repaired: host elsewhere works on this queue" in out
    assert path.exists()
    assert world.requests()[0].status == "completed"
    assert samzip("--all")[0] == 13  # looking needs no lock


def test_an_archive_that_sams_worker_made_is_checked_by_its_crcs(world: World, samzip: Any) -> None:
    path = adopt_one_of_sams(world)
    code, out, _ = samzip("--all")
    assert code == 0
    assert out.startswith(f"ok          {SAMS}: ")
    flip_a_byte(path)
    code, out, _ = samzip("1")
    assert code == 13
    assert "content differs from its CRC" in out


def test_a_damaged_archive_of_sams_worker_is_built_again_too(world: World, samzip: Any) -> None:
    path = adopt_one_of_sams(world)
    flip_a_byte(path)
    samzip("--all", "--repair")
    assert not path.exists()
    assert world.rows(tables.archive) == []
    world.run()
    assert world.requests()[0].status == "completed"
    assert samzip("--all")[0] == 0


def adopt_one_of_sams(world: World) -> Path:
    world.company(equipment=1)
    world.click()
    path = world.media / SAMS
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("CERTIBOY/Equipos/Año.pdf", os.urandom(5000))
    now = datetime.now(UTC)
    world.set_request(1, status="completed", file_path=SAMS, completed_at=now, expires_at=None)
    return path


@pytest.mark.parametrize("path", ["documentos/x.pdf", "../../etc/passwd", "", "zip_requests/1"])
def test_a_path_that_names_no_archive_is_passed_over_and_never_touched(world: World, samzip: Any, path: str) -> None:
    world.company(equipment=1)
    world.click()
    (world.media / "documentos" / "x.pdf").write_bytes(b"x")
    world.set_request(1, status="completed", file_path=path, completed_at=datetime.now(UTC))
    before = world.requests()
    code, out, _ = samzip("--all", "--repair")
    assert code == 0
    assert out.startswith("skipped     ")
    assert world.requests() == before
    assert (world.media / "documentos" / "x.pdf").read_bytes() == b"x"


def test_a_volume_that_is_not_mounted_is_exit_12_and_nobody_is_put_back(world: World, samzip: Any) -> None:
    publish(world)
    (world.media / "zip_requests").rename(world.media / "elsewhere")
    code, _, err = samzip("--all", "--repair")
    assert code == 12
    assert "is the volume mounted?" in err
    assert world.requests()[0].status == "completed"


def test_an_archive_that_cannot_be_judged_is_exit_12_and_stays(world: World, samzip: Any) -> None:
    (path,) = publish(world)
    elsewhere = world.settings.state_dir / "elsewhere.zip"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    code, out, _ = samzip("--all", "--repair")
    assert code == 12
    assert out.startswith("unreadable  ")
    assert "what lies there is a link that leads out of archive_root" in out
    assert "Move away what lies there" in out
    assert path.is_symlink()
    assert world.requests()[0].status == "completed"
    path.rename(elsewhere.with_suffix(".link"))  # as it says
    assert samzip("--all", "--repair")[0] == 13
    assert world.requests()[0].status == "pending"


def test_a_disk_that_no_longer_gives_what_it_was_given_is_damage(
    world: World, samzip: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(world)

    def fail(*_: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("samzip.housekeeping.verify.verify_zip", fail)
    code, out, _ = samzip("--all")
    assert code == 13
    assert "cannot be read: Input/output error" in out


def test_an_archive_that_expires_while_it_is_read_is_no_damage(world: World) -> None:
    (path,) = publish(world)
    verifier = Verifier(world.settings, world.database, world.archives, world.host)
    found = verifier.find(None)
    with world.database.write() as connection:  # as a run does it: rows first, then the file
        connection.execute(delete(tables.archive))
    world.set_request(1, status="expired")
    path.unlink()
    assert list(verifier.verify(found)) == []


def test_json_is_one_object(world: World, samzip: Any) -> None:
    damaged, _ = publish(world, equipment=3)
    flip_a_byte(damaged)
    code, out, err = samzip("--all", "--repair", "--json")
    assert (code, err) == (13, "")
    told = json.loads(out)
    assert told["exit"] == 13
    assert [(it["state"], it["requests"]) for it in told["archives"]] == [("damaged", 1), ("ok", 1)]
    assert told["archives"][1]["entries"] > 5
    assert told["repaired"] == [{"path": told["archives"][0]["path"], "requests": 1, "problem": ""}]
