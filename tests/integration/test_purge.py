"""`samzip purge` on real rows and real files."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, select, update

from samzip import cli
from samzip.batch.run import Mode
from samzip.cli import purge as command
from samzip.database.tables import archive, customuser, lease, notificacionzip, run, work, ziprequest
from samzip.demo.load import load
from samzip.dossier.keys import temporary_key
from samzip.errors import StorageFailed, UsageProblem
from samzip.housekeeping import purge as housekeeping
from samzip.locks import file_lock
from samzip.requests import work as work_of_parts
from samzip.requests.collapse import collapse
from samzip.requests.recover import fence, recover
from samzip.requests.single import retry
from samzip.requests.wording import Notice
from samzip.storage import MissingFile, open_store
from samzip.storage.local import LocalStore
from tests.support.world import World, make_world

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)
TOKEN = "0123456789abcdef0123456789abcdef"
SPOOL = "fedcba987654"


def key(number: int, company: int = 1, part: int = 1) -> str:
    return f"zip_requests/{company}/20261001_101500_parte_{part}_req_{number}.zip"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[World]:
    """A company with instruments, on SQLite."""
    made = make_world(tmp_path)
    made.company()
    yield made
    made.database.close()


def put(world: World, name: str, *, age: timedelta = 2 * HOUR, content: bytes = b"PK archive") -> Path:
    path = world.media / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return touch(path, age)


def touch(path: Path, age: timedelta) -> Path:
    moment = time.time() - age.total_seconds()
    os.utime(path, (moment, moment))
    return path


def request(world: World, status: str, *, created: timedelta = 3 * HOUR, **values: Any) -> int:
    """A request row, created so long ago."""
    row = {
        "status": status,
        "position_in_queue": 1,
        "parte_numero": 1,
        "created_at": NOW - created,
        "empresa_id": 1,
        "user_id": 1,
        "equipos_procesados": 0,
        "progress_percentage": 0,
        "total_partes": 2,
    }
    with world.database.write() as connection:
        statement = insert(ziprequest).values(row | values).returning(ziprequest.c.id)
        return int(connection.execute(statement).scalar_one())


def served(world: World, path: str, *, left: timedelta = HOUR, **values: Any) -> int:
    return request(world, "completed", file_path=path, expires_at=NOW + left, completed_at=NOW - 2 * HOUR, **values)


def served_before(world: World) -> None:
    """A database that remembers no archive at all takes none for an orphan."""
    request(world, "expired")


def published(world: World, path: str, *, left: timedelta = HOUR, deleting: bool = False) -> None:
    row = {
        "path": path,
        "company_id": 1,
        "part": 1,
        "parts": 2,
        "size": 10,
        "sha256": "",
        "fingerprint": "",
        "download_name": "",
        "warnings": "[]",
        "published_at": NOW - 2 * HOUR,
        "expires_at": NOW + left,
        "deleting": deleting,
    }
    with world.database.write() as connection:
        connection.execute(insert(archive).values(row))


def claimed(world: World, *, run_id: str = "0123456789ab", path: str | None = None, **values: Any) -> None:
    row = {
        "company_id": 1,
        "part": 1,
        "queued_at": NOW - 30 * HOUR,
        "token": TOKEN,
        "run_id": run_id,
        "attempts": 2,
        "path": path,
        "last_error": "disco lleno",
    }
    with world.database.write() as connection:
        connection.execute(insert(work).values(row | values))


def leased(world: World, run_id: str, left: timedelta = timedelta(minutes=1)) -> None:
    row = {"name": "run", "token": TOKEN, "host": "elsewhere", "run_id": run_id}
    with world.database.write() as connection:
        connection.execute(insert(lease).values(**row, expires_at=world.database.now(connection) + left))


def notify(world: World, request_id: int) -> None:
    row = {
        "tipo": "zip_ready",
        "status": "unread",
        "titulo": "ZIP listo",
        "mensaje": "",
        "created_at": NOW,
        "user_id": 1,
        "zip_request_id": request_id,
    }
    with world.database.write() as connection:
        connection.execute(insert(notificacionzip).values(row))


def notices(world: World) -> list[tuple[str, int]]:
    return [(row.tipo, row.zip_request_id) for row in world.rows(notificacionzip)]


def statuses(world: World) -> list[str]:
    return [row.status for row in world.requests()]


def where(world: World) -> list[str]:
    return ["--state-dir", str(world.settings.state_dir), "--database-url", world.settings.database_url]


def call(world: World, *args: str) -> tuple[int, str]:
    """Exit code and output; a SamzipError comes through."""
    result = CliRunner().invoke(cli.group, ["purge", *args, *where(world)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def told(world: World, *args: str) -> dict[str, Any]:
    code, output = call(world, "--json", *args)
    value: dict[str, Any] = json.loads(output)
    assert value["exit"] == code
    return value


def kinds(value: dict[str, Any]) -> list[tuple[str, str]]:
    return [(item["kind"], item["what"]) for item in value["found"]]


def fatal(world: World, *args: str, capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    """Exit code and stderr of the whole program."""
    with pytest.raises(SystemExit) as stopped:
        cli.main(["purge", *args, *where(world)])
    return stopped.value.code, capsys.readouterr().err


def everything(folder: Path, *, but: str = "") -> dict[str, str]:
    """Every file, link and folder with what it holds."""
    found = {}
    for top, folders, names in os.walk(folder):
        for name in [*folders, *names]:
            path = Path(top, name)
            if path.is_symlink():
                content = f"-> {path.readlink()}"
            else:
                content = "" if path.is_dir() else hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(folder))] = content
    return {name: content for name, content in found.items() if not but or not name.startswith(but)}


def mess(world: World) -> None:
    """Something of every kind."""
    notify(world, request(world, "failed", created=timedelta(days=8)))  # the oldest has the lowest number
    put(world, key(1))  # orphan
    put(world, temporary_key(key(2), TOKEN))
    put(world, key(3))  # expired
    published(world, key(3), left=-HOUR)
    served(world, key(3), left=-HOUR)
    served(world, "", left=-HOUR)  # expired without a file
    published(world, key(4))  # lost
    served(world, key(4))
    put(world, key(5))  # live
    published(world, key(5))
    served(world, key(5))
    request(world, "processing", created=timedelta(days=2), parte_numero=2)
    with world.database.write() as connection:
        finished = {"started_at": NOW - timedelta(days=9), "heartbeat_at": NOW, "finished_at": NOW - timedelta(days=9)}
        connection.execute(insert(run).values(id="old", host="h", pid=1, version="1", outcome="done", **finished))
    spool = world.settings.temporary_dir / SPOOL / "1"
    spool.mkdir(parents=True)
    (spool / "records").write_bytes(b"x" * 50)
    touch(spool.parent, HOUR)
    shelf = world.settings.cache_dir / "ab"
    shelf.mkdir(parents=True)
    for number in range(3):
        (shelf / f"{number:062x}").write_bytes(b"x" * 100)


CACHE = ("--cache-size", "200")
ALL = [
    ("expired archive", key(3)),
    ("expired request", "request #3"),
    ("lost archive", key(4)),
    ("orphan archive", key(1)),
    ("temporary file", temporary_key(key(2), TOKEN)),
    ("old request", "requests, with their notifications"),
    ("old run", "notes of runs"),
    ("stuck request", "#6 processing: CERTIBOY S.A.S., part 2 of 2"),
]


def test_what_a_dry_run_shows_is_what_a_purge_does_and_afterwards_nothing_is_left(place: World) -> None:
    mess(place)
    before = everything(place.settings.state_dir, but="samzip.sqlite3"), place.requests(), place.rows(archive)
    dry = told(place, "--dry-run", *CACHE)
    assert (everything(place.settings.state_dir, but="samzip.sqlite3"), place.requests(), place.rows(archive)) == before
    assert not place.settings.lock_path.exists()

    did = told(place, "--yes", *CACHE)
    assert dry["done"] is None
    assert did["found"] == [
        item | {"since": found["since"]} for item, found in zip(dry["found"], did["found"], strict=True)
    ]
    assert kinds(did)[: len(ALL)] == ALL
    assert [item["kind"] for item in did["found"][len(ALL) :]] == ["spool", "cache"]
    assert did["done"] == {
        "counts": {
            "expired request": 1,
            "expired archive": 1,
            "old request": 1,
            "old run": 1,
            "lost archive": 1,
            "orphan archive": 1,
            "temporary file": 1,
            "spool": 1,
            "cache": 1,
        },
        "requests": 3,
        "bytes": 10 + 10 + 10 + 50 + 100,
    }
    assert did["problems"] == []
    assert place.files() == [key(5)]
    assert [(row.status, row.error_message) for row in place.requests()] == [
        ("expired", None),
        ("expired", None),
        ("failed", "el archivo ya no existe; solicítelo de nuevo"),
        ("completed", None),
        ("processing", None),
    ]
    assert notices(place) == [("zip_expired", 2), ("zip_expired", 3), ("zip_failed", 4)]
    assert [row.path for row in place.rows(archive)] == [key(5)]
    assert place.rows(run) == []
    assert list(place.settings.temporary_dir.iterdir()) == []
    assert len(list(place.settings.cache_dir.glob("??/*"))) == 2

    again = told(place, "--yes", *CACHE)
    assert [item["action"] for item in again["found"]] == ["list"]
    assert again["done"] == {"counts": {}, "requests": 0, "bytes": 0}


def test_both_databases_are_purged_alike(world: World) -> None:
    world.company()
    with world.database.read() as connection:
        company, user = connection.execute(select(customuser.c.empresa_id, customuser.c.id)).one()
    whose = {"empresa_id": company, "user_id": user}
    put(world, key(1))
    published(world, key(4))
    served(world, key(4), **whose)
    put(world, key(5))
    served(world, key(5), left=-HOUR, **whose)
    stuck = request(world, "processing", created=timedelta(days=2), **whose)
    claimed(world, company_id=company)
    assert len(told(world, "--dry-run", "--stuck", "retry")["found"]) == 4
    assert told(world, "--yes", "--stuck", "retry")["exit"] == 0
    assert statuses(world) == ["failed", "expired", "pending"]
    assert [(row.attempts, row.token) for row in world.rows(work)] == [(0, None)]
    assert world.files() == []
    assert world.rows(archive) == []
    passed(world, ago=-HOUR)
    assert told(world, "--yes", "--stuck", "delete")["done"]["requests"] == 1
    assert stuck not in [row.id for row in world.requests()]
    assert world.rows(work) == []


def test_what_a_run_published_survives_a_purge(place: World) -> None:
    place.click()
    place.run(Mode())
    before = place.files(), place.requests(), place.rows(archive)
    assert len(before[0]) == 2
    for path in place.media.rglob("*.zip"):
        touch(path, timedelta(days=3))
    assert told(place, "--yes")["found"] == []
    assert (place.files(), place.requests(), place.rows(archive)) == before


def test_documents_beside_the_archives_are_never_touched(place: World, tmp_path: Path) -> None:
    sample = make_world(tmp_path / "sample")
    load(sample.database, sample.media, today=date(2026, 11, 24), small=True)
    put(sample, key(1))
    put(sample, "documentos/zip_requests/1/20261001_101500_parte_1_req_1.zip")
    before = everything(sample.media, but=key(1))
    assert len(before) > 1000
    did = told(sample, "--yes", "--all-archives", "--stuck", "delete")
    assert kinds(did) == [("orphan archive", key(1))]
    assert everything(sample.media) == before
    sample.database.close()


ALMOST = [
    "zip_requests/informe.pdf",
    "zip_requests/20261001_101500_parte_1_req_1.zip",
    "zip_requests/01/20261001_101500_parte_1_req_1.zip",
    "zip_requests/1/20261001_101500_parte_1_req_1.zip.bak",
    "zip_requests/1/20261001_101500_parte_1_req_1.ZIP",
    "zip_requests/1/20261001_101500_PARTE_1_REQ_1.zip",
    "zip_requests/1/ 20261001_101500_parte_1_req_1.zip",
    "zip_requests/1/20261301_101500_parte_1_req_1.zip",
    "zip_requests/1/deeper/20261001_101500_parte_1_req_1.zip",
    "zip_requests/1/20261001_101500_parte_1_req_1.zip.samzip-part",
    "zip_requests/1/20261001_101500_parte_1_req_1.zip.0123456789AB.samzip-part",
    "zip_requests/1/20261001_101500_parte_1_req_1.zip.0123456789ab.samzip-part2",
    "ZIP_REQUESTS/1/20261001_101500_parte_1_req_1.zip",
    "zip_requests2/1/20261001_101500_parte_1_req_1.zip",
    "documentos/1/20261001_101500_parte_1_req_1.zip",
    "20261001_101500_parte_1_req_1.zip",
]


def test_a_name_that_is_almost_samzips_stays_even_when_a_row_names_it(place: World) -> None:
    for name in ALMOST:
        put(place, name)
        published(place, name, left=-HOUR)
        served(place, name, left=-HOUR)
    before = everything(place.media)
    assert told(place, "--yes", "--all-archives")["exit"] == 0
    assert everything(place.media) == before


def test_a_link_that_leads_outside_is_reported_and_skipped(place: World, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    for number in (1, 2, 3):
        (outside / Path(key(number)).name).write_bytes(b"somebody's")
    put(place, key(9, company=2))
    (place.media / "zip_requests" / "1").symlink_to(outside)
    published(place, key(1), left=-HOUR)
    published(place, key(2))
    served(place, key(2))
    before = everything(outside)
    did = told(place, "--yes", "--all-archives")
    assert did["exit"] == 3
    assert [problem["what"] for problem in did["problems"]] == [key(1), key(2)]
    assert kinds(did) == [("orphan archive", key(9, company=2))]
    assert everything(outside) == before
    assert statuses(place) == ["completed"]
    assert place.files() == []


def test_a_link_that_stays_inside_is_not_followed_either(place: World) -> None:
    names = [Path(key(number)).name for number in (1, 2, 3)]
    for name in names:
        put(place, f"documentos/copias/{name}")
    (place.media / "zip_requests").mkdir()
    (place.media / "zip_requests" / "1").symlink_to(place.media / "documentos" / "copias")
    link = place.media / key(4, company=2)
    link.parent.mkdir()
    link.symlink_to(place.media / "documentos" / "copias" / names[0])
    published(place, key(1), left=-HOUR)
    published(place, key(4, company=2), deleting=True)
    before = everything(place.media)
    assert told(place, "--yes", "--all-archives")["exit"] == 3
    assert everything(place.media) == before


def test_a_zip_requests_folder_that_is_itself_a_link_outside_loses_nothing(place: World, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere" / "1"
    outside.mkdir(parents=True)
    touch(outside, HOUR)
    (outside / Path(key(1)).name).write_bytes(b"somebody's")
    touch(outside / Path(key(1)).name, HOUR)
    (place.media / "zip_requests").symlink_to(outside.parent)
    with pytest.raises(StorageFailed, match="leads outside"):
        call(place, "--yes")
    assert (outside / Path(key(1)).name).exists()


def test_what_changed_in_the_last_five_minutes_stays_and_is_mentioned(place: World) -> None:
    put(place, key(1), age=timedelta(minutes=4))
    put(place, temporary_key(key(2), TOKEN), age=timedelta(minutes=4))
    code, output = call(place, "--yes")
    assert (code, output) == (
        0,
        "2 unknown files changed in the last 5 minutes: left for the next purge.\nNothing to purge.\n",
    )
    assert len(place.files()) == 2


def test_while_another_hosts_run_lives_a_purge_is_exit_75_and_shows_nothing_of_what_that_run_makes(
    place: World, capsys: pytest.CaptureFixture[str]
) -> None:
    served_before(place)
    making = [key(1), temporary_key(key(1), TOKEN)]
    for name in making:
        put(place, name, age=timedelta(days=1))
    put(place, temporary_key(key(1), "f" * 32), age=timedelta(days=1))  # an attempt before this one
    spool = place.settings.temporary_dir / "0123456789ab"
    spool.mkdir(parents=True)
    touch(spool, timedelta(days=1))
    claimed(place, path=key(1))
    leased(place, "0123456789ab")
    request(place, "processing", created=timedelta(days=2))
    shown = kinds(told(place, "--dry-run", "--stuck", "delete"))
    assert shown == [("temporary file", temporary_key(key(1), "f" * 32))]
    files = place.files()
    code, err = fatal(place, "--yes", "--stuck", "delete", capsys=capsys)
    assert (code, "host elsewhere works on this queue" in err) == (75, True)
    assert place.files() == files
    assert set(making) < set(files)
    assert spool.exists()
    assert statuses(place) == ["expired", "processing"]

    with place.database.write() as connection:
        connection.execute(update(lease).values(expires_at=NOW - timedelta(seconds=1)))
    shown = told(place, "--dry-run", "--stuck", "fail")
    did = told(place, "--yes", "--stuck", "fail")
    assert kinds(did) == kinds(shown)
    assert len(kinds(did)) == 5
    assert place.files() == []
    assert not spool.exists()
    assert statuses(place) == ["expired", "failed"]
    assert place.rows(work) == []


def test_older_than_leaves_younger_orphans(place: World) -> None:
    served_before(place)
    put(place, key(1), age=7 * HOUR)
    put(place, key(2), age=5 * HOUR)
    assert kinds(told(place, "--yes", "--older-than", "6h")) == [("orphan archive", key(1))]
    assert place.files() == [key(2)]


def test_all_archives_ends_live_ones_with_their_requests(place: World) -> None:
    for number in (1, 2):
        put(place, key(number), age=timedelta(0))
        served(place, key(number))
    published(place, key(1))
    served(place, key(1), parte_numero=2)
    did = told(place, "--yes", "--all-archives")
    assert kinds(did) == [("published archive", key(1)), ("published archive", key(2))]
    assert did["done"] == {"counts": {"published archive": 2}, "requests": 3, "bytes": 20}
    assert statuses(place) == ["expired"] * 3
    assert sorted(notices(place)) == [("zip_expired", 1), ("zip_expired", 2), ("zip_expired", 3)]
    assert (place.files(), place.rows(archive)) == ([], [])
    assert told(place, "--yes", "--all-archives")["found"] == []


def passed(world: World, *, ago: timedelta, outcome: str = "done") -> None:
    """A run of that time, at its end."""
    then = NOW - ago
    moments = {"started_at": then, "heartbeat_at": then, "finished_at": then}
    with world.database.write() as connection:
        connection.execute(insert(run).values(id=str(ago), host="h", pid=1, version="0", outcome=outcome, **moments))


def test_a_request_that_merely_waits_is_not_stuck(place: World) -> None:
    """No run has had a chance at it: the timer was dead, each run met a storage that is away, or one works still."""
    waits = request(place, "pending", created=30 * HOUR)
    passed(place, ago=31 * HOUR)
    passed(place, ago=20 * HOUR, outcome="error")
    assert told(place, "--yes", "--stuck", "delete")["found"] == []
    passed(place, ago=10 * HOUR, outcome="nothing")
    assert [item["what"].split()[0] for item in told(place, "--dry-run")["found"]] == [f"#{waits}"]


def test_stuck_requests_are_only_listed_by_default(place: World) -> None:
    passed(place, ago=HOUR)
    request(place, "pending", created=25 * HOUR)
    request(place, "queued", created=timedelta(days=40), parte_numero=2)
    request(place, "pending", created=23 * HOUR)
    code, output = call(place, "--yes")
    assert code == 0
    assert "2 stuck requests -> list: no run works on it" in output
    assert "--stuck fail, retry or delete decides" in output
    assert statuses(place) == ["pending", "queued", "pending"]
    assert len(told(place, "--dry-run", "--stuck-after", "22h")["found"]) == 3


def test_stuck_fail_tells_the_users(place: World) -> None:
    passed(place, ago=HOUR)
    request(place, "pending", created=25 * HOUR)
    request(place, "processing", created=25 * HOUR)
    request(place, "pending", created=25 * HOUR, parte_numero=2)
    claimed(place)
    assert told(place, "--yes", "--stuck", "fail")["done"]["counts"] == {"stuck request": 3}
    assert [(row.status, row.error_message) for row in place.requests()] == [
        ("failed", "la solicitud esperó demasiado tiempo")
    ] * 3
    assert sorted(notices(place)) == [("zip_failed", 1), ("zip_failed", 2), ("zip_failed", 3)]
    assert place.rows(work) == []
    assert told(place, "--yes", "--stuck", "fail")["found"] == []


def test_stuck_retry_gives_a_part_all_its_attempts_again_and_a_run_builds_it(place: World) -> None:
    passed(place, ago=HOUR)
    place.click()
    with place.database.write() as connection:
        connection.execute(update(ziprequest).values(created_at=NOW - 30 * HOUR, status="processing"))
    claimed(place, attempts=3, not_before=NOW + HOUR)
    assert told(place, "--yes", "--stuck", "retry")["done"]["counts"] == {"stuck request": 2}
    row = place.rows(work)[0]
    assert (row.attempts, row.token, row.run_id, row.not_before, row.last_error) == (0, None, None, None, None)
    assert statuses(place) == ["pending", "pending"]
    assert told(place, "--yes", "--stuck", "delete")["found"] == []  # from now on they merely wait
    place.run(Mode())
    assert statuses(place) == ["completed", "completed"]


def test_what_was_asked_for_again_is_not_stuck_until_a_run_has_passed_over_it(place: World) -> None:
    failed = request(place, "failed", created=48 * HOUR)
    passed(place, ago=HOUR)
    with place.database.write() as connection:
        retry(connection, place.database.now(connection), failed)
    assert told(place, "--yes", "--stuck", "delete")["found"] == []
    with place.database.write() as connection:  # as if that had been the day before yesterday
        connection.execute(update(work).values(queued_at=NOW - 40 * HOUR))
    assert [item["what"].split()[0] for item in told(place, "--dry-run")["found"]] == [f"#{failed}"]


@pytest.mark.parametrize("ends", ["dropped", "failed for good", "recovered"])
def test_what_was_asked_for_again_while_its_part_was_in_work_is_not_stuck_either(place: World, ends: str) -> None:
    old = request(place, "cancelled", created=48 * HOUR)
    passed(place, ago=HOUR)
    new = request(place, "pending", created=timedelta(0))
    with place.database.write() as connection:
        now = place.database.now(connection)
        collapse(connection, now)
        mine = {"company_id": 1, "part": 1, "requests": [new]}
        held = work_of_parts.claim(connection, now, token="f" * 32, run_id="r", **mine)
        assert held is not None
        retry(connection, now, old)
        if ends == "dropped":
            work_of_parts.drop(connection, now, held)
        elif ends == "recovered":
            fence(connection, now, "e" * 32)
            recover(connection, now, 1)
        else:
            notice = Notice("zip_failed", "t", "m")
            work_of_parts.fail(connection, now, held, reason="r", told="t", max_attempts=1, notice=notice)
    after = {"dropped": "processing"}.get(ends, "failed")
    assert {row.id: row.status for row in place.requests()} == {old: "pending", new: after}
    assert [item["what"].split()[0] for item in told(place, "--dry-run")["found"]] == []
    assert [row.part for row in place.rows(work)] == [1]


def test_a_retry_does_not_push_others_who_wait_for_the_part_behind_later_clicks(place: World) -> None:
    request(place, "pending", created=3 * HOUR)
    passed(place, ago=2 * HOUR, outcome="error")
    request(place, "pending", created=HOUR, parte_numero=2)
    failed = request(place, "failed", created=48 * HOUR)
    with place.database.write() as connection:
        now = place.database.now(connection)
        collapse(connection, now)
        retry(connection, now, failed)
        assert [item.part for item in work_of_parts.waiting(connection, now)] == [1, 2]


def test_what_waits_for_its_next_attempt_is_not_stuck(place: World) -> None:
    request(place, "pending", created=48 * HOUR)
    passed(place, ago=HOUR, outcome="problems")
    claimed(place, token=None, not_before=NOW + HOUR)
    assert told(place, "--dry-run")["found"] == []
    with place.database.write() as connection:
        connection.execute(update(work).values(not_before=NOW - HOUR))
    assert len(told(place, "--dry-run")["found"]) == 1


def test_stuck_delete_takes_the_notifications_along_and_leaves_the_younger_clicks(place: World) -> None:
    passed(place, ago=HOUR)
    notify(place, request(place, "pending", created=25 * HOUR))
    notify(place, request(place, "pending", created=HOUR))
    claimed(place, token=None, run_id=None)
    assert told(place, "--yes", "--stuck", "delete")["done"]["counts"] == {"stuck request": 1}
    assert [row.id for row in place.requests()] == [2]
    assert notices(place) == [("zip_ready", 2)]
    assert len(place.rows(work)) == 1


def test_a_lost_archive_fails_every_click_that_it_served_and_nobody_elses(place: World) -> None:
    put(place, key(2))
    for path in (key(1), key(2)):
        published(place, path)
        served(place, path)
        served(place, path)
    assert [item["requests"] for item in told(place, "--yes")["found"]] == [[1, 2]]
    assert statuses(place) == ["failed", "failed", "completed", "completed"]
    with place.database.read() as connection:
        texts = set(connection.execute(select(notificacionzip.c.mensaje)).scalars())
    assert texts == {
        "El archivo de la parte 1 de 2 del ZIP de CERTIBOY S.A.S. ya no existe. Puede solicitarlo de nuevo."
    }


def test_a_volume_that_is_not_mounted_fails_nobodys_request(place: World, capsys: pytest.CaptureFixture[str]) -> None:
    published(place, key(1))
    served(place, key(1))
    code, error = fatal(place, "--yes", capsys=capsys)
    assert code == 12
    assert "is the volume mounted?" in error
    assert statuses(place) == ["completed"]


def test_archives_that_are_all_gone_at_once_fail_nobodys_request(
    place: World, capsys: pytest.CaptureFixture[str]
) -> None:
    (place.media / "zip_requests").mkdir()
    for number in (1, 2, 3):
        published(place, key(number))
        served(place, key(number))
    code, error = fatal(place, "--yes", capsys=capsys)
    assert code == 12
    assert "none of the archives that the database knows (3) is in" in error
    assert statuses(place) == ["completed"] * 3
    put(place, key(1))
    assert told(place, "--yes")["done"]["counts"] == {"lost archive": 2}


def test_one_archive_that_is_gone_from_a_folder_without_anything_is_a_volume_that_is_away(
    place: World, capsys: pytest.CaptureFixture[str]
) -> None:
    (place.media / "zip_requests").mkdir()
    published(place, key(1))
    served(place, key(1))
    code, error = fatal(place, "--yes", capsys=capsys)
    assert code == 12
    assert "none of the archives that the database knows (1) is in" in error
    assert statuses(place) == ["completed"]
    (place.media / "zip_requests" / "1").mkdir()  # as where somebody deleted the file
    assert told(place, "--yes")["done"]["counts"] == {"lost archive": 1}


def test_where_nothing_can_be_removed_nobody_loses_an_archive(
    place: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(place, key(1))
    published(place, key(1))
    served(place, key(1))

    def refuse(_store: LocalStore, prefix: str) -> None:
        raise StorageFailed(f"{prefix}: Read-only file system")

    monkeypatch.setattr(LocalStore, "check_writable", refuse)
    code, error = fatal(place, "--yes", "--all-archives", capsys=capsys)
    assert (code, "Read-only file system" in error) == (12, True)
    assert statuses(place) == ["completed"]
    assert place.files() == [key(1)]


def test_the_archives_of_another_installation_are_not_taken_for_orphans_while_none_of_ours_is_there(
    place: World, capsys: pytest.CaptureFixture[str]
) -> None:
    published(place, key(1))
    served(place, key(1))
    put(place, key(7, company=3))
    code, error = fatal(place, "--yes", capsys=capsys)
    assert code == 12
    assert "none of the archives that the database knows (1) is in" in error
    assert statuses(place) == ["completed"]
    assert place.files() == [key(7, company=3)]


def test_a_database_without_companies_does_not_take_every_archive_for_an_orphan(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    path = put(world, key(1))
    did = told(world, "--yes")
    assert (did["exit"], did["done"]["counts"], path.exists()) == (3, {}, True)
    assert "is SAMZIP_DATABASE_URL the right one?" in did["problems"][0]["why"]
    assert told(world, "--yes", "--all-archives")["done"]["counts"] == {"orphan archive": 1}
    assert not path.exists()
    world.database.close()


def test_a_database_that_has_served_nothing_yet_does_not_take_what_another_serves_for_orphans(place: World) -> None:
    path = put(place, key(1))
    request(place, "pending")
    request(place, "failed")
    did = told(place, "--yes")
    assert (did["exit"], did["done"]["counts"], path.exists()) == (3, {}, True)
    assert did["problems"][0]["what"] == "1 archive that this database does not know"
    assert "it remembers none at all" in did["problems"][0]["why"]
    served_before(place)
    assert told(place, "--yes")["done"]["counts"] == {"orphan archive": 1}


def test_a_store_says_of_an_absent_file_what_purge_waits_for(tmp_path: Path) -> None:
    with pytest.raises(MissingFile) as missing:
        open_store(str(tmp_path)).stat(key(1))
    assert missing.value.reason == housekeeping.ABSENT


def test_a_file_that_cannot_be_removed_stops_nothing_else(place: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2, 3, 4):
        put(place, key(number))
    published(place, key(1), left=-HOUR)
    published(place, key(2), left=-HOUR)
    delete = LocalStore.delete

    def refuse(self: LocalStore, name: str) -> bool:
        if name in (key(1), key(3)):
            raise StorageFailed(f"{name}: Operation not permitted")
        return delete(self, name)

    monkeypatch.setattr(LocalStore, "delete", refuse)
    did = told(place, "--yes")
    assert did["exit"] == 3
    assert [problem["what"] for problem in did["problems"]] == [key(1), key(3)]
    assert did["done"] == {"counts": {"expired archive": 1, "orphan archive": 1}, "requests": 0, "bytes": 20}
    assert place.files() == [key(1), key(3)]
    assert [(row.path, row.deleting) for row in place.rows(archive)] == [(key(1), True)]
    monkeypatch.undo()
    assert told(place, "--yes")["exit"] == 0
    assert (place.files(), place.rows(archive)) == ([], [])


@pytest.mark.parametrize("at", range(5))
def test_after_a_kill_at_any_file_the_next_purge_finishes(
    place: World, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    for number in range(1, 6):
        put(place, key(number))
    published(place, key(1), left=-HOUR)
    published(place, key(2))
    served(place, key(2))
    published(place, key(3))
    served(place, key(4))
    delete, calls = LocalStore.delete, iter(range(10))

    def die(self: LocalStore, name: str) -> bool:
        if next(calls) == at:
            if at % 2:
                delete(self, name)  # the file went, its row did not yet
            raise KeyboardInterrupt
        return delete(self, name)

    monkeypatch.setattr(LocalStore, "delete", die)
    assert call(place, "--yes", "--all-archives")[0] == 130
    for row in place.requests():  # nobody is offered a file that is going
        assert row.status == "expired" or (place.media / row.file_path).exists()
    monkeypatch.undo()
    assert told(place, "--yes", "--all-archives")["exit"] == 0
    assert (place.files(), place.rows(archive), statuses(place)) == ([], [], ["expired", "expired"])
    assert told(place, "--yes", "--all-archives")["found"] == []


def test_a_run_finishes_what_a_killed_purge_began(place: World) -> None:
    put(place, key(1))
    published(place, key(1), deleting=True)
    place.run(Mode())
    assert (place.files(), place.rows(archive)) == ([], [])


def test_history_goes_in_batches(place: World) -> None:
    with place.database.write() as connection:
        row = {
            "status": "failed",
            "position_in_queue": 1,
            "parte_numero": 1,
            "created_at": NOW - timedelta(days=8),
            "empresa_id": 1,
            "user_id": 1,
            "equipos_procesados": 0,
            "progress_percentage": 0,
            "total_partes": 1,
        }
        connection.execute(insert(ziprequest), [row] * 1001)
    request(place, "failed", created=timedelta(days=6))
    request(place, "pending", created=HOUR)
    did = told(place, "--yes")
    assert [(item["kind"], item["count"]) for item in did["found"]] == [("old request", 1001)]
    assert did["done"]["counts"] == {"old request": 1001}
    assert len(place.requests()) == 2


def test_links_in_the_state_folder_lead_nowhere(place: World, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis").write_bytes(b"x" * 500)
    for folder in (place.settings.temporary_dir, place.settings.cache_dir / "ab"):
        folder.mkdir(parents=True)
    (place.settings.temporary_dir / SPOOL).symlink_to(precious)
    (place.settings.cache_dir / "cd").symlink_to(precious)
    (place.settings.cache_dir / "ab" / f"{0:062x}").write_bytes(b"x" * 300)
    did = told(place, "--yes", "--cache-size", "100")
    assert did["exit"] == 0
    assert did["done"]["bytes"] == 300
    assert (precious / "thesis").exists()


def test_a_run_that_works_is_exit_75_and_a_dry_run_does_not_mind(
    place: World, capsys: pytest.CaptureFixture[str]
) -> None:
    served_before(place)
    put(place, key(1))
    lock = file_lock(place.settings.lock_path, wait=0, run_id="r", host="h")
    with lock:
        assert fatal(place, "--yes", capsys=capsys)[0] == 75
        assert len(told(place, "--dry-run")["found"]) == 1
        assert place.files() == [key(1)]
    held = threading.Event()

    def hold() -> None:
        with file_lock(place.settings.lock_path, wait=0, run_id="r", host="h"):
            held.set()
            time.sleep(0.5)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    assert call(place, "--yes", "--wait", "20s")[0] == 0
    holder.join()
    assert place.files() == []


def test_off_a_terminal_somebody_has_to_say_yes(place: World, capsys: pytest.CaptureFixture[str]) -> None:
    put(place, key(1))
    for args in (
        [],
        ["--all-archives"],
        ["--json"],
        ["--dry-run", "--yes"],
        ["--stuck", "burn"],
        ["--older-than", "x"],
    ):
        code, error = fatal(place, *args, capsys=capsys)
        assert code == 2, args
        assert error
    with pytest.raises(UsageProblem, match="--yes to act, or --dry-run"):
        call(place)
    assert place.files() == [key(1)]


def test_a_database_that_is_away_is_exit_10(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["purge", "--yes", "--json", "--state-dir", str(tmp_path)])
    assert stopped.value.code == 10
    assert json.loads(capsys.readouterr().err)["exit"] == 10


def test_a_store_that_cannot_be_read_is_exit_12(
    place: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put(place, key(1))

    def walk(*_: object, **__: object) -> Iterator[object]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "walk", walk)
    assert fatal(place, "--yes", capsys=capsys)[0] == 12


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_on_terminal", lambda: True)


def answer(world: World, text: str, *args: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.group, ["purge", *args, *where(world)], input=text)
    return result.exit_code, result.output


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_it_shows_and_asks(place: World) -> None:
    served_before(place)
    put(place, key(1))
    code, output = answer(place, "n\n")
    assert (code, place.files()) == (0, [key(1)])
    assert output.endswith("Go ahead? [y/N]: n\nNothing was changed.\n")
    assert answer(place, "")[0] == 130  # end of input
    code, output = answer(place, "y\n")
    assert (code, place.files()) == (0, [])
    assert output.count(key(1)) == 1
    assert output.endswith("Done: 1 orphan archive; 10 B freed.\n")
    assert answer(place, "")[1] == "Nothing to purge.\n"


@pytest.mark.usefixtures("terminal")
def test_all_archives_asks_twice(place: World) -> None:
    put(place, key(1))
    served(place, key(1))
    code, output = answer(place, "y\nn\n", "--all-archives")
    assert (code, place.files(), statuses(place)) == (0, [key(1)], ["completed"])
    assert "Customers lose what they can download now." in output
    assert answer(place, "y\ny\n", "--all-archives")[0] == 0
    assert (place.files(), statuses(place)) == ([], ["expired"])


@pytest.mark.usefixtures("terminal")
def test_what_turns_up_while_the_question_waits_is_not_acted_on(place: World, monkeypatch: pytest.MonkeyPatch) -> None:
    served_before(place)
    put(place, key(1))
    put(place, key(2))

    def confirm(_: str) -> bool:
        served(place, key(2))
        put(place, key(3))
        return True

    monkeypatch.setattr(command.click, "confirm", confirm)
    assert answer(place, "")[0] == 0
    assert place.files() == [key(2), key(3)]


def test_a_real_terminal_is_asked(place: World) -> None:
    served_before(place)
    put(place, key(1))
    leader, follower = pty.openpty()
    os.write(leader, b"y\n")
    process = subprocess.run(
        [sys.executable, "-m", "samzip", "purge", *where(place)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        timeout=30,
        check=False,
    )
    os.close(follower)
    printed = os.read(leader, 10_000).decode()
    os.close(leader)
    assert process.returncode == 0, printed
    assert "Go ahead? [y/N]:" in printed
    assert place.files() == []


@pytest.mark.sweep
def test_of_ten_thousand_archives_exactly_the_thirty_orphans_go(place: World, record_property: Any) -> None:
    folder = place.media / "zip_requests" / "1"
    folder.mkdir(parents=True)
    old = time.time() - 3600
    for number in range(1, 10_001):
        path = place.media / key(number)
        path.touch()
        os.utime(path, (old, old))
    known = range(1, 9_971)
    with place.database.write() as connection:
        row = {
            "company_id": 1,
            "part": 1,
            "parts": 1,
            "size": 0,
            "sha256": "",
            "fingerprint": "",
            "download_name": "",
            "warnings": "[]",
            "published_at": NOW,
            "expires_at": NOW + HOUR,
            "deleting": False,
        }
        connection.execute(insert(archive), [row | {"path": key(number)} for number in known])
        served_row = {
            "status": "completed",
            "position_in_queue": 1,
            "parte_numero": 1,
            "created_at": NOW,
            "empresa_id": 1,
            "user_id": 1,
            "equipos_procesados": 0,
            "progress_percentage": 0,
            "total_partes": 1,
            "expires_at": NOW + HOUR,
        }
        connection.execute(insert(ziprequest), [served_row | {"file_path": key(number)} for number in known])
    started, computed = time.monotonic(), time.process_time()
    did = told(place, "--yes")
    seconds = time.monotonic() - started
    print(f"10,000 archives, 30 orphans: {seconds:.2f} s, {time.process_time() - computed:.2f} s of CPU")
    record_property("seconds", seconds)
    assert did["done"]["counts"] == {"orphan archive": 30}
    assert place.files() == sorted(key(number) for number in known)


@pytest.mark.parametrize("option", ["--stuck-after", "--older-than"])
def test_a_time_that_no_calendar_holds_is_refused(
    place: World, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    code, error = fatal(place, "--dry-run", option, "3000000d", capsys=capsys)
    assert code == 2
    assert "'3000000d' is more than a hundred years" in " ".join(error.split())
    assert told(place, "--dry-run", option, "36500d")["exit"] == 0
