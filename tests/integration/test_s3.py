"""The whole story in a bucket: as in a folder, whatever the server does meanwhile."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import update

from samzip.app import ready_database
from samzip.archive.prepare import PrepareJob
from samzip.archive.survey import SurveyJob
from samzip.archive.zipwriter import ZipWriter
from samzip.database import tables
from samzip.doctor.examine import examine
from samzip.doctor.versions import missing_extras
from samzip.errors import BadSetting, StorageFailed
from samzip.housekeeping.items import ORPHAN, TEMPORARY, Options
from samzip.housekeeping.purge import Purge
from samzip.housekeeping.verify import DAMAGED, OK, Verifier
from samzip.selftest import places
from samzip.selftest.arena import open_arena
from samzip.settings import load
from samzip.storage import MissingFile, Store, open_store
from samzip.storage.s3 import client, store, uploads
from samzip.units import parse_bucket
from tests.support.live_runs import wait_until
from tests.support.s3 import BUCKET, PATIENCE_S, Bucket, environment, private, rclone
from tests.support.web import make_web
from tests.support.world import ShiftedDatabase, World, make_world

SOON_S = 15  # 5 are promised, on an idle machine; a request waits 60 for its answer
TEMPORARY_KEY = "zip_requests/1/20261101_120000_parte_1_req_1.zip.0123456789ab.samzip-part"
CHANGES = ("LEEME.txt", "SHA256SUMS", "Informe_Consolidado.xlsx")  # they name the moment
_numbers = itertools.count()


def new_prefix() -> str:
    return f"s3://{BUCKET}/story/{next(_numbers)}"


def world_on(folder: Path, bucket: Bucket, media: str | None = None, **flags: str) -> World:
    ShiftedDatabase.shift = timedelta(0)
    return make_world(folder, bucket=bucket, media_root=media or new_prefix(), **flags)


@pytest.fixture
def story(s3: Bucket, tmp_path: Path) -> Iterator[World]:
    """A company with three instruments, which are two parts, on rclone's server."""
    made = world_on(tmp_path, s3)
    made.company()
    yield made
    made.database.close()
    ShiftedDatabase.shift = timedelta(0)


@pytest.fixture
def on_aws(aws: Bucket, tmp_path: Path) -> Iterator[World]:
    """The same on moto's server."""
    made = world_on(tmp_path, aws)
    made.company()
    yield made
    made.database.close()
    ShiftedDatabase.shift = timedelta(0)


def states(world: World) -> list[str]:
    return [row.status for row in world.requests()]


def content(archives: Store, name: str) -> dict[str, tuple[bytes, int]]:
    """What each entry holds and how it is stored, dates left out."""
    with archives.open(name) as file, zipfile.ZipFile(file) as archive:
        return {
            info.filename: (b"" if info.filename.endswith(CHANGES) else archive.read(info), info.compress_type)
            for info in archive.infolist()
        }


def fill(world: World) -> None:
    """Documents of every size, one of which is gone, and a photo that is read twice."""
    with world.database.write() as connection:
        company = world.rows(tables.empresa)[0].id
        for number, size in enumerate((0, 10, 4096, 70_000, 1 << 20, (5 << 20) + 7)):
            path = f"documentos/EQ-{number}/ficha.pdf"
            world.put(path, (b"%PDF-1.4" + b"\x00\xffsamzip" * size)[:size])
            world.equipment(connection, company, f"L-{number}", ficha_tecnica_pdf=path)
        world.equipment(connection, company, "GONE", manual_pdf="documentos/EQ-9/nobody.pdf")


def test_a_folder_moves_to_a_bucket_with_its_archives(s3: Bucket, tmp_path: Path) -> None:
    """As docs/operations.md says."""
    world = make_world(tmp_path)
    world.company()
    world.click()
    world.run()
    root = new_prefix()
    for path in world.media.rglob("*"):
        if path.is_file():
            s3.put(f"{parse_bucket(root)[1]}/{path.relative_to(world.media)}", path.read_bytes())
    moved = replace(world, settings=replace(world.settings, media_root=root, archive_root=root), bucket=s3)
    assert [finding.check for finding in examine(moved.settings, ready_database) if finding.state == "problem"] == []
    verifier = Verifier(moved.settings, moved.database, moved.archives, moved.host)
    assert [checked.state for checked in verifier.verify(verifier.find(None))] == [OK, OK]
    moved.click()
    assert moved.run().counts.published == 2
    assert states(moved) == ["completed"] * 4
    elsewhere = replace(moved.settings, archive_root=new_prefix())
    problems = [finding.check for finding in examine(elsewhere, ready_database) if finding.state == "problem"]
    assert problems == ["downloads"]
    world.database.close()


def test_archives_from_a_bucket_are_those_from_a_folder(s3: Bucket, tmp_path: Path) -> None:
    in_bucket, in_folder = world_on(tmp_path / "s3", s3, part_size="9"), make_world(tmp_path / "local", part_size="9")
    told = []
    for world in (in_bucket, in_folder):
        world.company()
        fill(world)
        world.click()
        world.run()
        parts = sorted(world.files(), key=lambda name: name.partition("_parte_")[2])
        told.append([content(world.archives, name) for name in parts])
        assert set(states(world)) == {"completed"}
        world.database.close()
    assert told[0] == told[1]
    assert sum(map(len, told[0])) > 30


@pytest.mark.parametrize("which", ["media_root", "archive_root"])
def test_one_root_may_be_a_bucket_and_the_other_a_folder(s3: Bucket, tmp_path: Path, which: str) -> None:
    roots = {"media_root": str(tmp_path / "media"), "archive_root": str(tmp_path / "archives"), which: new_prefix()}
    (tmp_path / "archives").mkdir()
    made = make_world(tmp_path, bucket=s3 if which == "media_root" else None, **roots)
    made.company()
    made.click()
    assert made.run().counts.published == 2
    assert len(made.files()) == 2
    assert (tmp_path / "archives" / "zip_requests").exists() is (which == "media_root")
    made.database.close()


def test_the_second_click_gets_the_same_file_and_expiry_deletes_it(story: World) -> None:
    story.click()
    story.run()
    files = story.files()
    story.click()
    assert story.run().counts.reused == 2
    assert story.files() == files
    story.later(hours=7)
    story.run()
    assert story.files() == []
    assert set(states(story)) == {"expired"}


def test_a_document_that_changed_is_built_again(story: World, s3: Bucket) -> None:
    story.click()
    story.run()
    path = story.rows(tables.equipo)[0].archivo_compra_pdf
    story.put(path, b"%PDF-1.4 another content of this document")
    story.click()
    assert story.run().counts.published == 2  # the workbook, which every part has, tells of it


@pytest.mark.parametrize(
    "broken",
    [
        lambda line: line.startswith("PUT ") and "partNumber" in line,
        lambda line: line.startswith("POST ") and "uploadId" in line,  # the upload's completion
        lambda line: line.startswith("PUT ") and line.split()[1].endswith(".zip"),  # the copy
        lambda line: line.startswith("GET ") and "compra.pdf" in line,
    ],
    ids=["a part", "the completion", "the copy", "a document"],
)
def test_what_fails_on_the_way_is_tried_again_and_never_half_published(story: World, s3: Bucket, broken: Any) -> None:
    story.click()
    s3.proxy.refuse = broken
    story.run()
    assert set(states(story)) == {"pending"}
    s3.proxy.refuse = lambda line: False
    assert story.files() == []
    story.later(minutes=2)
    assert story.run().counts.published == 2
    assert set(states(story)) == {"completed"}
    assert all(name.endswith(".zip") for name in story.files())


def test_a_logo_that_the_server_refuses_costs_an_attempt_and_not_all_life_sheets(story: World, s3: Bucket) -> None:
    with story.database.write() as connection:
        connection.execute(update(tables.empresa).values(logo_empresa="logos/logo.png"))
    story.put("logos/logo.png", b"no picture")
    story.click()
    s3.proxy.refuse = lambda line: line.startswith("GET ") and "logo.png" in line
    story.run()
    assert set(states(story)) == {"pending"}
    assert story.files() == []


def test_a_server_that_is_down_costs_no_attempt_and_says_so(story: World, s3: Bucket) -> None:
    story.click()
    s3.proxy.down = True
    with pytest.raises(StorageFailed, match=f"s3://{BUCKET}/"):
        story.run()
    s3.proxy.down = False
    assert states(story) == ["pending", "pending"]
    assert story.run().counts.published == 2


@pytest.mark.parametrize("kind", [SurveyJob, PrepareJob])
def test_a_server_that_goes_away_before_a_part_is_begun_costs_no_attempt(story: World, s3: Bucket, kind: Any) -> None:
    def go_away(job: object) -> None:
        s3.proxy.down = isinstance(job, kind)

    story.executor.before = go_away
    story.click()
    with pytest.raises(StorageFailed, match=f"s3://{BUCKET}/"):
        story.run()
    s3.proxy.down = False
    assert [row.attempts for row in story.rows(tables.work)] == [0, 0]
    story.executor.before = lambda job: None
    assert story.run().counts.published == 2


def test_a_request_that_fails_once_is_made_again(story: World, s3: Bucket) -> None:
    story.click()
    seen: set[str] = set()

    def once(line: str) -> bool:
        fresh = line not in seen
        seen.add(line)
        return fresh

    s3.proxy.refuse = once
    assert story.run().counts.published == 2


def test_a_key_that_is_no_good_is_the_storages_trouble_not_the_documents(
    story: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.click()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOFNOBODY")
    with pytest.raises(StorageFailed, match="403"):
        story.run()
    with pytest.raises(StorageFailed, match="403"):
        open_store(story.settings.media_root).stat("documentos/a.pdf")
    assert states(story) == ["pending", "pending"]


def test_a_run_that_was_killed_leaves_no_half_sent_upload(story: World) -> None:
    story.click()
    archives = story.archives

    def die(job: Any) -> None:
        if hasattr(job, "temporary"):
            half_sent(archives, job.temporary)
            raise KeyboardInterrupt

    story.executor.before = die
    with pytest.raises(KeyboardInterrupt):
        story.run()
    assert [stat.size for _, stat in archives.list("zip_requests")] == [0]
    story.executor.before = lambda job: None
    assert story.run().counts.published == 2
    assert all(name.endswith(".zip") for name in story.files())


def run_command(world: World) -> tuple[list[str], dict[str, str]]:
    """A run in a process of its own, and its environment."""
    environ = {**os.environ, "SAMZIP_STATE_DIR": str(world.settings.state_dir), "SAMZIP_PART_SIZE": "2"}
    environ["SAMZIP_MEDIA_ROOT"] = world.settings.media_root
    return [sys.executable, "-m", "samzip", "run", "--jobs", "1"], environ


def test_a_killed_process_leaves_nothing_half_published(story: World, s3: Bucket, tmp_path: Path) -> None:
    story.click()
    command, environ = run_command(story)
    s3.proxy.slow = lambda line: "partNumber" in line
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    wait_until(lambda: any("partNumber" in line for line in s3.proxy.requests), (tmp_path / "log").read_text)
    process.kill()
    process.wait(PATIENCE_S)
    s3.proxy.slow = lambda line: False
    assert [stat.size for _, stat in story.archives.list("zip_requests")] == [0]  # it is half sent
    assert subprocess.run(command, env=environ, check=False, capture_output=True).returncode == 0
    assert [name[-4:] for name, _ in story.archives.list("zip_requests")] == [".zip", ".zip"]
    assert set(states(story)) == {"completed"}


@pytest.mark.parametrize(
    "silent",
    [
        lambda line: line.startswith("GET /sam?"),
        lambda line: line.startswith("PUT ") and "write-test" in line,
        lambda line: line.startswith("PUT ") and line.split()[1].endswith(".zip"),
    ],
    ids=["as it begins", "as it tries to write", "as it publishes"],
)
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_a_run_whose_bucket_does_not_answer(
    story: World, s3: Bucket, tmp_path: Path, silent: Callable[[str], bool], number: int, code: int
) -> None:
    story.click()
    command, environ = run_command(story)
    s3.proxy.slow = silent
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
    wait_until(lambda: any(map(silent, s3.proxy.requests)), (tmp_path / "log").read_text)
    asked = time.monotonic()
    process.send_signal(number)
    assert process.wait(PATIENCE_S) == code, (tmp_path / "log").read_text()
    assert time.monotonic() - asked < SOON_S
    s3.proxy.slow = lambda line: False
    assert states(story) == ["pending", "pending"]
    assert [row.attempts for row in story.rows(tables.work)] == [0, 0]
    assert subprocess.run(command, env=environ, check=False, capture_output=True).returncode == 0
    assert states(story) == ["completed", "completed"]
    assert sorted(name for name, _ in story.archives.list("zip_requests")) == sorted(
        row.path for row in story.rows(tables.archive)
    )


def test_a_signal_ends_a_run_whose_bucket_does_not_answer_while_it_copies_in_parts(
    story: World, s3: Bucket, tmp_path: Path
) -> None:
    program = tmp_path / "small_copies.py"
    program.write_text(
        "from samzip.cli import main\nfrom samzip.storage.s3 import store\nstore.LARGEST_COPY = 10\n"
        "if __name__ == '__main__':\n    main()\n"
    )
    story.click()
    (python, *_, jobs, number), environ = run_command(story)
    s3.proxy.slow = lambda line: "partNumber" in line and ".zip?" in line
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([python, str(program), "run", jobs, number], env=environ, stdout=log, stderr=log)
    wait_until(lambda: any(map(s3.proxy.slow, s3.proxy.requests)), (tmp_path / "log").read_text)
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 143, (tmp_path / "log").read_text()
    assert time.monotonic() - asked < SOON_S
    s3.proxy.slow = lambda line: False
    assert story.run().counts.published == 2
    found = {name: stat.size for name, stat in story.archives.list("zip_requests")}
    assert found == {row.path: row.size for row in story.rows(tables.archive)}  # and no half-made copy


def half_sent(archives: Store, name: str) -> None:
    """As a process leaves it that is killed at this moment."""
    key = archives.url.removeprefix(f"s3://{BUCKET}/") + "/" + name
    begun = client.boto().create_multipart_upload(Bucket=BUCKET, Key=key)
    client.boto().upload_part(Bucket=BUCKET, Key=key, UploadId=begun["UploadId"], PartNumber=1, Body=b"half")


def test_purge_finds_orphans_and_half_sent_uploads(story: World) -> None:
    story.click()
    story.run()
    kept = story.files()
    orphan = "zip_requests/1/20260101_120000_parte_1_req_9.zip"
    story.put(orphan, b"nobody's")
    half_sent(story.archives, TEMPORARY_KEY)
    story.later(minutes=6)
    purge = Purge(story.settings, story.database, story.archives, Options(), "host")
    assert [(item.kind, item.what) for item in purge.find().items] == [(ORPHAN, orphan), (TEMPORARY, TEMPORARY_KEY)]
    _, done = purge.run(0)
    assert not done.problems
    assert story.files() == kept
    assert not purge.find().items


def test_verify_reads_what_the_bucket_holds(story: World) -> None:
    story.click()
    story.run()
    verifier = Verifier(story.settings, story.database, story.archives, "host")
    assert [verdict.state for verdict in verifier.verify(verifier.find(None))] == [OK, OK]
    name = story.files()[0]
    with story.archives.open(name) as file:
        raw = bytearray(file.read())
    raw[len(raw) // 2] ^= 0xFF
    story.put(name, bytes(raw))
    assert sorted(verdict.state for verdict in verifier.verify(verifier.find(None))) == [DAMAGED, OK]


def test_doctor_tries_the_bucket_and_leaves_nothing_there(story: World) -> None:
    findings = {finding.check: finding for finding in examine(story.settings, ready_database)}
    assert findings["archives"].state == findings["media"].state == "ok"
    assert "room" not in findings
    assert story.files() == []


def test_doctor_tells_of_a_prefix_where_nothing_lies(story: World, s3: Bucket, tmp_path: Path) -> None:
    flags = {"database_url": story.settings.database_url, "state_dir": str(tmp_path), "media_root": new_prefix()}
    findings = {finding.check: finding for finding in examine(load(flags, {}), ready_database)}
    assert findings["media"].state == "warning"
    assert findings["documents"].state == "problem"


def test_a_prefix_where_nothing_lies_ends_a_run_and_costs_no_attempt(story: World, s3: Bucket) -> None:
    story.click()
    right = story.settings
    story.settings = replace(right, media_root=new_prefix())
    with pytest.raises(StorageFailed, match="is empty, though the database knows documents in it"):
        story.run()
    assert states(story) == ["pending", "pending"]
    story.settings = right
    assert story.run().counts.published == 2


def test_doctor_meets_a_server_that_answers_ranges_wrongly(
    story: World, s3: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with story.database.write() as connection:
        company = story.rows(tables.empresa)[0].id
        story.put("documentos/manual.pdf", b"%PDF" * 10_000)
        story.equipment(connection, company, "L-1", manual_pdf="documentos/manual.pdf")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{s3.proxy.target}")  # rclone's answer is 200
    findings = {finding.check: finding for finding in examine(story.settings, ready_database)}
    assert findings["media"].state == "ok"
    assert findings["documents"].state == "problem"
    assert "documentos/manual.pdf" in findings["documents"].told


def test_a_download_is_sent_by_the_bucket_itself(story: World) -> None:
    web = make_web(story, web_rate=1000)
    part = web.published()["parts"][0]
    response = web.client.get(part["download_url"])
    assert (response.status_code, response.headers["Cache-Control"]) == (302, "no-store")
    with urllib.request.urlopen(response.headers["Location"]) as answer:  # noqa: S310 -- our own server
        data = answer.read()
        assert part["file_name"] in answer.headers["Content-Disposition"]
    assert hashlib.sha256(data).hexdigest() == part["sha256"]
    head = web.client.head(part["download_url"])
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(data)))
    story.put(story.files()[0], b"cut")
    story.put(story.files()[1], b"cut")
    assert web.client.get(part["download_url"]).status_code == 410


def test_the_latency_of_requests_is_not_paid_one_by_one(s3: Bucket, tmp_path: Path) -> None:
    world = world_on(tmp_path, s3, part_size="100")
    world.company(equipment=40)
    s3.proxy.requests.clear()
    s3.proxy.most = 0
    s3.proxy.delay = 0.03
    world.click()
    assert world.run().counts.published == 1
    documents = [line for line in s3.proxy.requests if "documentos" in line]
    assert not [line for line in documents if line.startswith("HEAD")]
    assert len(documents) <= 1 + 2 * 40  # a list, and of each document its head and all of it
    assert s3.proxy.most >= 16
    world.database.close()


def test_what_a_store_proves_to_hold_is_not_read_again(on_aws: World, aws: Bucket) -> None:
    on_aws.click()
    assert on_aws.run().counts.published == 2
    assert not [line for line in aws.proxy.requests if line.startswith("GET") and ".samzip-part" in line]
    verifier = Verifier(on_aws.settings, on_aws.database, on_aws.archives, "host")
    assert [verdict.state for verdict in verifier.verify(verifier.find(None))] == [OK, OK]


def test_an_upload_that_came_out_shorter_is_no_archive(on_aws: World) -> None:
    archives = on_aws.archives
    with archives.create(TEMPORARY_KEY) as file:
        file.write(b"archive")
    assert archives.held(TEMPORARY_KEY) is not None
    on_aws.put(TEMPORARY_KEY, b"archiv")
    with pytest.raises(StorageFailed, match="7 bytes were sent, it holds 6"):
        archives.held(TEMPORARY_KEY)
    on_aws.put(TEMPORARY_KEY, b"ARCHIVE")
    assert archives.held(TEMPORARY_KEY) is None


def test_a_large_archive_is_copied_in_parts(on_aws: World, aws: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LARGEST_COPY", 5 << 20)
    monkeypatch.setattr(uploads, "PIECE", 5 << 20)
    archives, data = on_aws.archives, os.urandom(11 << 20)
    with archives.create(TEMPORARY_KEY) as file:
        file.write(data)
    archives.publish(TEMPORARY_KEY, "zip_requests/1/large.zip")
    with archives.open("zip_requests/1/large.zip") as file:
        assert file.read() == data
    assert [name for name, _ in archives.list("zip_requests")] == ["zip_requests/1/large.zip"]
    assert len([line for line in aws.proxy.requests if "partNumber" in line and "large.zip" in line]) == 3


def test_a_document_that_fails_half_way_leaves_the_archive_as_it_was(s3: Bucket) -> None:
    archives = open_store(new_prefix())

    class Failing:
        blocks = 30

        def readinto(self, buffer: memoryview) -> int:
            self.blocks -= 1
            if not self.blocks:
                raise OSError("torn")
            return len(buffer)

    moment = datetime(2026, 1, 1)  # noqa: DTZ001 -- as a ZIP has it
    with archives.create(TEMPORARY_KEY) as file, ZipWriter(file) as archive:
        archive.add_bytes("a", b"first", moment)
        with pytest.raises(OSError, match="torn"):
            archive.add_stream("b", Failing(), moment, size_hint=0)
        archive.add_bytes("c", b"last", moment)
    with archives.open(TEMPORARY_KEY) as file, zipfile.ZipFile(file) as read:
        assert {name: read.read(name) for name in read.namelist()} == {"a": b"first", "c": b"last"}


@pytest.mark.parametrize("size", [10, 40 << 20])
def test_an_upload_that_ends_in_a_panic_fails_and_does_not_hang(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    class Panic(BaseException):
        """As Rust's come to Python."""

    def panic(*arguments: object, **named: object) -> None:
        raise Panic("index out of bounds")

    monkeypatch.setattr("samzip.storage.s3.upload.obstore.put", panic)
    store = open_store(new_prefix())

    def write() -> None:
        with store.create(TEMPORARY_KEY) as file:
            file.write(b"x" * size)
            file.settle(size)  # type: ignore[attr-defined]

    with pytest.raises(StorageFailed, match="Panic: index out of bounds"):
        write()


def test_a_worker_is_more_patient_with_a_server_than_who_must_answer_signals(
    s3: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []
    monkeypatch.setattr("obstore.store.S3Store", lambda *_, **options: given.append(options["retry_config"]))
    client.bucket(BUCKET)
    client._bucket.cache_clear()
    monkeypatch.setattr("samzip.storage._patient", True)
    client.bucket(BUCKET)
    client._bucket.cache_clear()
    assert given == [client.RETRY, client.WORKER_RETRY]


def test_who_gives_up_writing_leaves_nothing(s3: Bucket) -> None:
    archives = open_store(new_prefix())

    def write() -> None:
        with archives.create(TEMPORARY_KEY) as file:
            file.write(b"x" * (20 << 20))
            file.settle(18 << 20)  # type: ignore[attr-defined]
            raise KeyError

    with pytest.raises(KeyError):
        write()
    assert list(archives.list("zip_requests")) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("upload")]


def test_a_document_that_changed_since_it_was_looked_at_costs_no_memory(s3: Bucket) -> None:
    prefix = new_prefix()
    s3.put(f"{prefix.removeprefix(f's3://{BUCKET}/')}/documentos/a.pdf", b"x" * (9 << 20))
    media = open_store(prefix)
    media.expect([("documentos/a.pdf", 10, "old")])
    with pytest.raises(OSError, match="cambió mientras se leía"):
        media.open("documentos/a.pdf")
    media.expect([("documentos/a.pdf", 8 << 20, "old")])
    with pytest.raises(OSError, match="cambió mientras se leía"):
        media.open("documentos/a.pdf")


@pytest.mark.parametrize("server", ["s3", "aws"])
def test_the_kill_test_kills_runs_that_write_into_the_users_bucket(
    request: pytest.FixtureRequest, tmp_path: Path, server: str
) -> None:
    bucket: Bucket = request.getfixturevalue(server)
    root = new_prefix()
    prefix = parse_bucket(root)[1]
    bucket.put(f"{prefix}/zip_requests/theirs.zip", b"theirs")
    ended = subprocess.run(
        [sys.executable, "-m", "samzip", "selftest", "--kills", "3", "--json", "--archive-root", root],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), "SAMZIP_STATE_DIR": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    told = json.loads(ended.stdout)
    assert (told["kills"], told["broken"]) == (3, [])
    assert told["delivered"] == told["requests"] >= 8
    assert bucket.names(prefix) == ["zip_requests/theirs.zip"]
    assert list(uploads.unfinished(client.boto(), BUCKET, prefix)) == []
    assert not (tmp_path / "state").exists()


def test_what_a_killed_test_left_in_a_bucket_goes_with_the_next_and_nothing_else_does(
    aws: Bucket, tmp_path: Path
) -> None:
    root = new_prefix()
    prefix = parse_bucket(root)[1]
    settings = load({"state_dir": str(tmp_path / "state"), "archive_root": root}, {"HOME": str(tmp_path)})
    notes = {"dead": f"{root}/{places.PREFIX}dead", "forged": f"{root}/theirs"}
    torn = tmp_path / "state" / f"{places.PREFIX}torn"
    torn.mkdir(parents=True)
    (torn / places.BUCKET).write_bytes(f"{root}/a\u00f1o".encode()[:-2])
    os.utime(torn, (0, 0))
    for name, url in notes.items():
        folder = tmp_path / "state" / f"{places.PREFIX}{name}"
        folder.mkdir(parents=True)
        (folder / places.BUCKET).write_text(url)
        aws.put(f"{parse_bucket(url)[1]}/zip_requests/1/a.zip", b"PK")
        os.utime(folder, (0, 0))
    with open_arena(settings, Random(1)):
        assert aws.names(f"{prefix}/{places.PREFIX}dead") == []
    assert aws.names(prefix) == ["theirs/zip_requests/1/a.zip"]
    assert not any(tmp_path.glob("state/samzip-*"))


def test_a_bucket_in_which_nobody_ever_began_an_upload_is_an_empty_one(tmp_path: Path) -> None:
    with rclone(tmp_path / "fresh") as fresh, environment(fresh.environment):
        client._bucket.cache_clear()
        made = open_store(f"s3://{BUCKET}/media")
        assert list(made.list("zip_requests")) == []
        assert not made.delete("zip_requests/1/a.zip")
    client._bucket.cache_clear()


def test_what_a_test_cannot_take_from_a_bucket_goes_with_the_next(aws: Bucket, tmp_path: Path) -> None:
    root = new_prefix()
    prefix = parse_bucket(root)[1]
    settings = load({"state_dir": str(tmp_path / "state"), "archive_root": root}, {"HOME": str(tmp_path)})
    (tmp_path / "state").mkdir()
    place = open_arena(settings, Random(1))
    arena = place.__enter__()
    aws.put(f"{parse_bucket(arena.archives.url)[1]}/zip_requests/1/a.zip", b"PK")
    aws.proxy.refuse = lambda line: True
    with pytest.raises(StorageFailed, match=f"in {root}/{places.PREFIX}.* goes with a later test"):
        place.__exit__(None, None, None)
    aws.proxy.refuse = lambda line: False
    assert len(aws.names(prefix)) == 1
    (left,) = (tmp_path / "state").glob(f"{places.PREFIX}*")
    os.utime(left, (0, 0))
    with open_arena(settings, Random(2)):
        pass
    assert aws.names(prefix) == []
    assert not any((tmp_path / "state").glob(f"{places.PREFIX}*"))


def test_dead_tests_of_a_bucket_that_is_away_hold_no_other_up(aws: Bucket, tmp_path: Path) -> None:
    """It is asked once for all of them."""
    settings = load({"state_dir": str(tmp_path / "state")}, {"HOME": str(tmp_path)})
    for number in range(3):
        dead = tmp_path / "state" / f"{places.PREFIX}{number}"
        dead.mkdir(parents=True)
        (dead / places.BUCKET).write_text(f"s3://{BUCKET}/{dead.name}")
        os.utime(dead, (0, 0))
    aws.proxy.refuse = lambda line: True
    asked: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "open_store", lambda url: asked.append(url) or open_store(url))  # type: ignore[func-returns-value]
        with open_arena(settings, Random(1)):
            pass
    assert len(asked) == 1
    assert len(list((tmp_path / "state").glob(f"{places.PREFIX}*"))) == 3


def test_a_bucket_that_cannot_be_written_is_told_before_anything_is_killed(s3: Bucket, tmp_path: Path) -> None:
    settings = load({"state_dir": str(tmp_path), "archive_root": "s3://none-of-that-name/x"}, {"HOME": str(tmp_path)})
    with pytest.raises(StorageFailed, match="none-of-that-name"), open_arena(settings, Random(1)):
        pass
    assert not any(tmp_path.glob("samzip-*"))


def test_without_the_extra_a_bucket_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samzip.storage.find_spec", lambda name: None)
    with pytest.raises(BadSetting, match=r"samzip\[s3\]"):
        open_store("s3://sam/media")


def test_doctor_names_the_extra_that_a_bucket_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samzip.doctor.versions.find_spec", lambda name: None)
    settings = load({"state_dir": str(tmp_path), "archive_root": "s3://sam/media"}, {})
    assert missing_extras(settings) == {"s3": ("archive_root",)}
    assert missing_extras(load({"state_dir": str(tmp_path)}, {})) == {}


def test_a_missing_object_is_missing_in_spanish(s3: Bucket) -> None:
    with pytest.raises(MissingFile) as missing:
        open_store(new_prefix()).open("documentos/no.pdf")
    assert missing.value.reason == "no existe en el almacenamiento"


def test_a_bucket_whose_certificate_a_private_authority_signed_is_used_once_its_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of MinIO or Ceph in a company's own network. Both clients go by the same file, and nobody else does."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with private(tmp_path / "server") as (reached, authority):
        for name, value in reached.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(client, "RETRY", {**client.RETRY, "max_retries": 0})
        with pytest.raises(StorageFailed, match="AWS_CA_BUNDLE names a file of authorities"):
            open_store(new_prefix()).check_readable()
        monkeypatch.setenv("AWS_CA_BUNDLE", str(authority))
        archives = open_store(new_prefix())
        with archives.create(TEMPORARY_KEY) as file:
            file.write(b"PK")
        archives.publish(TEMPORARY_KEY, "zip_requests/1/a.zip")
        with archives.open("zip_requests/1/a.zip") as file:
            assert file.read() == b"PK"
        assert list(archives.list("zip_requests"))
        assert "SSL_CERT_FILE" not in os.environ
