"""The main job: clicks become archives, whatever lies in the queue."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import sqlite3
import zipfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import delete, update

from samzip.archive.part import PartJob
from samzip.archive.prepare import PrepareJob
from samzip.batch.run import Mode, run
from samzip.database import tables
from samzip.errors import LockBusy, StorageFailed
from samzip.events import (
    ArchiveExpired,
    DeletionFailed,
    DocumentNoted,
    OrphansRecovered,
    PartDropped,
    PartFailed,
    PartPublished,
    PartReleased,
    PartStarted,
    RequestRejected,
)
from samzip.executors import WorkerDied
from samzip.locks import file_lock
from samzip.requests import expire, lease
from samzip.requests.collapse import Collapsed, collapse
from samzip.requests.single import cancel
from samzip.storage import MissingFile
from samzip.storage.local import LocalStore
from tests.support.world import World


def names(world: World, path: str) -> list[str]:
    with world.archives.open(path) as file:
        return zipfile.ZipFile(io.BytesIO(file.read())).namelist()


def test_three_fast_clicks_build_each_part_once_and_complete_all_six_requests(world: World) -> None:
    world.company(equipment=3)
    for _ in range(3):
        world.click()

    finished = world.run(Mode(once=True))

    assert finished.outcome == "done"
    assert finished.counts.published == 2
    rows = world.requests()
    assert [row.status for row in rows] == ["completed"] * 6
    by_part = {part: {row.file_path for row in rows if row.parte_numero == part} for part in (1, 2)}
    assert all(len(paths) == 1 for paths in by_part.values())
    assert sorted(path for paths in by_part.values() for path in paths) == world.files()
    assert all("_req_5.zip" in path for path in by_part[1])
    assert all("_req_6.zip" in path for path in by_part[2])
    assert {row.progress_percentage for row in rows} == {100}
    assert {row.current_step for row in rows} == {"ZIP completado y listo para descarga"}
    assert all(row.expires_at - row.completed_at == timedelta(hours=6) for row in rows)


def test_an_archive_row_tells_size_and_digest_of_the_file(world: World) -> None:
    world.company(equipment=1)
    world.click()
    world.run()
    (archive,) = world.rows(tables.archive)
    content = (world.media / archive.path).read_bytes()
    assert archive.size == len(content) == world.requests()[0].file_size
    assert archive.sha256 == hashlib.sha256(content).hexdigest()


def test_the_readme_names_the_moment_in_local_time(world: World) -> None:
    world.company(equipment=1)
    world.click()
    world.run()
    made = world.rows(tables.archive)[0].published_at.astimezone(ZoneInfo("America/Bogota"))
    with zipfile.ZipFile(world.media / world.files()[0]) as archive:
        readme = archive.read("CERTIBOY S.A.S/LEEME.txt").decode("utf-8-sig")
    assert f"de {made:%Y a las %H:}" in readme


def test_every_instrument_is_in_exactly_one_part(world: World) -> None:
    world.company(equipment=5)
    world.click()
    world.run()
    folders = [
        entry.split("/")[2]
        for path in world.files()
        for entry in names(world, path)
        if entry.endswith("/Hoja_de_vida.pdf")
    ]
    assert sorted(folders) == [f"EQ-{n:03}" for n in range(1, 6)]


def test_a_second_run_has_nothing_to_do(world: World) -> None:
    world.company()
    world.click()
    world.run()
    assert world.run().outcome == "nothing"


def test_unchanged_content_is_served_by_the_archive_that_is_there(world: World) -> None:
    world.at_noon()
    world.company(equipment=2)
    world.click()
    world.run()
    before = world.files()
    world.later(hours=5)
    world.click()

    finished = world.run()

    assert finished.counts.reused == 1
    assert finished.counts.published == 0
    assert world.files() == before
    first, second = world.requests()
    assert second.file_path == first.file_path
    world.later(hours=2)  # the first request is over, the second is not: the file stays
    world.run()
    assert [row.status for row in world.requests()] == ["expired", "completed"]
    assert world.files() == before


def test_changed_content_is_built_anew(world: World) -> None:
    company = world.company(equipment=2)
    world.click()
    world.run()
    with world.database.write() as connection:
        connection.execute(
            update(tables.equipo).where(tables.equipo.c.empresa_id == company).values(nombre="Otro nombre")
        )
    world.later(seconds=2)
    world.click()
    assert world.run().counts.published == 1
    assert len(world.files()) == 2


@pytest.mark.parametrize("which", ["a document", "a photo", "the logo"])
def test_what_is_replaced_while_it_is_archived_is_not_taken_for_what_it_was(world: World, which: str) -> None:
    """A restored backup has its old date again: its content must not be found under what that date stood for."""
    company = world.company(equipment=1)
    for name, colour in (("photo", "red"), ("logo", "blue")):
        world.put(f"{name}.png", _png(colour))
    with world.database.write() as connection:
        connection.execute(update(tables.equipo).values(imagen_equipo="photo.png"))
        connection.execute(update(tables.empresa).values(logo_empresa="logo.png"))
    paths = {"a document": f"documentos/{company}/EQ-001/compra.pdf", "a photo": "photo.png", "the logo": "logo.png"}
    path = world.media / paths[which]
    was, moments = path.read_bytes(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)

    def replaced(job: object) -> None:
        if isinstance(job, PrepareJob):
            path.write_bytes(was + b" " if which == "a document" else _png("green"))

    world.executor.before = replaced
    world.click()
    assert world.run().counts.published == 1
    sheets = [it for it in world.settings.cache_dir.rglob("*") if it.is_file()]
    assert len(sheets) == (1 if which == "a document" else 0)
    world.executor.before = lambda job: None
    path.write_bytes(was)
    os.utime(path, ns=moments)
    world.later(seconds=2)
    world.click()
    finished = world.run()
    assert (finished.counts.published, finished.counts.reused) == (1, 0)
    world.later(seconds=2)
    world.click()
    assert world.run().counts.reused == 1


def _png(colour: str) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(made, "PNG")
    return made.getvalue()


def test_a_queued_row_of_the_old_worker_is_read_as_pending(world: World) -> None:
    world.company(equipment=1)
    world.click()
    world.set_request(1, status="queued")
    world.run()
    assert world.requests()[0].status == "completed"


def test_a_row_left_in_processing_by_the_old_worker_is_fulfilled(world: World) -> None:
    world.company(equipment=1)
    world.click()
    world.set_request(1, status="processing", current_step="Procesando equipo 12/35: EQ-012", progress_percentage=37)
    world.run()
    assert world.requests()[0].status == "completed"
    assert world.seen(OrphansRecovered)[0].requests == 1
    assert world.seen(PartStarted)[0].attempt == 2  # the attempt that died counts


def test_impossible_requests_fail_with_a_reason_and_the_others_are_served(world: World) -> None:
    company = world.company(equipment=1)
    gone = world.company("Ida Ltda", equipment=1, user="ida")
    for user in ("CERTIBOY", "CERTIBOY", "ida"):
        world.click(user)
    world.set_request(2, parte_numero=0)
    with world.database.write() as connection:
        connection.execute(update(tables.empresa).where(tables.empresa.c.id == gone).values(is_deleted=True))
    finished = world.run()
    rows = world.requests()
    assert [row.status for row in rows] == ["completed", "failed", "failed"]
    assert rows[1].error_message == "número de parte imposible"
    assert rows[2].error_message == "la empresa fue eliminada"
    assert finished.counts.rejected == 2
    assert len(world.seen(RequestRejected)) == 2
    assert company


@pytest.mark.parametrize("status", ["completed", "failed", "weird", "cancelled"])
def test_rows_that_nobody_waits_for_are_left_alone(world: World, status: str) -> None:
    world.company(equipment=1)
    world.click()
    world.set_request(1, status=status)
    assert world.run().outcome == "nothing"
    assert world.requests()[0].status == status


def test_a_part_beyond_the_inventory_is_cancelled_with_the_reason(world: World) -> None:
    company = world.company(equipment=3)
    world.click()
    with world.database.write() as connection:
        connection.execute(
            delete(tables.equipo).where(
                tables.equipo.c.empresa_id == company, tables.equipo.c.codigo_interno == "EQ-003"
            )
        )
    world.run()
    first, second = world.requests()
    assert (first.status, first.total_partes) == ("completed", 1)
    assert second.status == "cancelled"
    assert second.error_message == "el inventario cambió: ahora es 1 parte"
    assert world.rows(tables.work) == []


def test_a_grown_inventory_gets_the_parts_that_the_click_could_not_know(world: World) -> None:
    company = world.company(equipment=2)
    world.click()
    with world.database.write() as connection:
        world.equipment(connection, company, "EQ-003")
    world.run()
    rows = world.requests()
    assert [(row.parte_numero, row.total_partes, row.status) for row in rows] == [
        (1, 2, "completed"),
        (2, 2, "completed"),
    ]


def test_a_company_that_lost_all_instruments_fails_with_a_reason(world: World) -> None:
    company = world.company(equipment=1)
    world.click()
    with world.database.write() as connection:
        connection.execute(delete(tables.equipo).where(tables.equipo.c.empresa_id == company))
    world.run()
    (row,) = world.requests()
    assert (row.status, row.error_message) == ("failed", "la empresa no tiene equipos")
    assert [notice.tipo for notice in world.rows(tables.notificacionzip)] == ["zip_failed"]


def test_a_missing_document_is_listed_everywhere_and_the_part_is_published(world: World) -> None:
    world.company(equipment=1)
    for path in world.media.rglob("compra.pdf"):
        path.unlink()
    world.click()
    finished = world.run()
    assert finished.outcome == "problems"
    assert finished.counts.missing == 1
    (archive,) = world.rows(tables.archive)
    assert "no existe" in archive.warnings
    assert "CERTIBOY S.A.S/FALTANTES.txt" in names(world, archive.path)
    (notice,) = world.rows(tables.notificacionzip)
    assert "FALTANTES.txt" in notice.mensaje


def test_a_failed_attempt_waits_longer_each_time_and_the_last_one_fails_with_the_reason(world: World) -> None:
    world.company(equipment=1)
    world.click()

    def full(job: Any) -> None:
        if isinstance(job, PartJob):
            raise StorageFailed("disk: No space left on device")

    world.executor.before = full
    for wait in (timedelta(minutes=1), timedelta(minutes=5)):
        assert world.run().counts.failed == 1
        (row,) = world.requests()
        assert (row.status, row.error_message) == ("pending", "no hay espacio en el servidor")
        assert world.run().outcome == "waiting"  # its next attempt is not due
        world.later(seconds=wait.total_seconds() + 1)
    world.run()
    (row,) = world.requests()
    assert (row.status, row.error_message) == ("failed", "no hay espacio en el servidor")
    assert {row.error for row in world.rows(tables.attempt)} == {"disk: No space left on device"}  # for operators
    assert [event.retry_at is None for event in world.seen(PartFailed)] == [False, False, True]
    assert world.rows(tables.work) == []
    assert world.files() == []
    assert world.rows(tables.notificacionzip)[0].tipo == "zip_failed"


def test_a_worker_that_dies_costs_only_its_own_part(world: World) -> None:
    world.company(equipment=4)
    world.click()

    def die(job: Any) -> None:
        if isinstance(job, PartJob) and job.part == 1:
            raise WorkerDied("el proceso murió")

    world.executor.before = die
    finished = world.run()
    assert (finished.counts.failed, finished.counts.published) == (1, 1)
    assert [row.status for row in world.requests()] == ["pending", "completed"]


def test_a_click_during_the_build_waits_for_the_next_pass_and_gets_the_same_file(world: World) -> None:
    world.company(equipment=1)
    world.click()
    world.executor.before = lambda job: world.click() if isinstance(job, PartJob) else None
    world.run(Mode(once=True))
    world.executor.before = lambda job: None
    assert [row.status for row in world.requests()] == ["completed", "pending"]
    world.run()
    first, second = world.requests()
    assert second.status == "completed"
    assert first.file_path == second.file_path


def test_the_queue_is_looked_through_when_somebody_clicked_and_not_before_every_part(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samzip.batch.building.WRITE_EVERY_S", 3600)
    world.company(equipment=12)
    world.company("Chica Ltda", equipment=1, user="chica")
    looks, parts = [], []

    def look(*arguments: Any, **how: Any) -> Collapsed:
        looks.append(len(parts))
        return collapse(*arguments, **how)

    def click_once(job: Any) -> None:
        if isinstance(job, PartJob):
            parts.append(job.part)
            if len(parts) == 3:
                world.click("chica")

    monkeypatch.setattr("samzip.batch.run.collapse", look)
    world.executor.before = click_once
    world.click()
    world.run()
    assert len(parts) == 7
    assert looks == [0, 0, 3, 7]  # the pass begins, the first turn, after the click, the next pass


def test_a_cancelled_part_in_work_is_dropped_and_nothing_is_published(world: World) -> None:
    world.company(equipment=1)
    world.click()

    def cancel_it(job: Any) -> None:
        if isinstance(job, PartJob):
            with world.database.write() as connection:
                cancel(connection, world.database.now(connection), 1)

    world.executor.before = cancel_it
    world.run()
    assert world.requests()[0].status == "cancelled"
    assert world.files() == []
    assert world.rows(tables.archive) == world.rows(tables.work) == []
    assert len(world.seen(PartDropped)) == 1


def test_a_part_taken_over_by_another_host_is_not_published_twice(world: World) -> None:
    world.company(equipment=1)
    world.click()

    def steal(job: Any) -> None:
        if isinstance(job, PartJob):
            with world.database.write() as connection:
                connection.execute(update(tables.work).values(token="f" * 32))

    world.executor.before = steal
    world.run()
    assert world.files() == []
    assert world.rows(tables.archive) == []
    assert world.seen(PartPublished) == []


def test_companies_take_turns(world: World) -> None:
    world.company("Grande SA", equipment=8, user="grande")
    world.click("grande")
    world.company("Chica Ltda", equipment=1, user="chica")
    world.click("chica")
    world.run()
    order = [event.ref.company for event in world.seen(PartPublished)]
    assert order.index("Chica Ltda") <= 1
    assert len(order) == 5


def test_expired_archives_go_rows_first_and_their_requests_say_so(world: World) -> None:
    world.company(equipment=1)
    world.click()
    world.run()
    world.later(hours=6, seconds=1)
    finished = world.run()
    assert finished.counts.expired == 1
    assert world.requests()[0].status == "expired"
    assert world.files() == []
    assert world.rows(tables.archive) == []
    assert [row.tipo for row in world.rows(tables.notificacionzip)] == ["zip_ready", "zip_expired"]


def test_many_requests_expire_in_short_transactions_and_each_archive_is_told_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expire, "BATCH", 2)
    world.company(equipment=1)
    for _ in range(5):
        world.click()
    world.run()
    world.later(hours=6, seconds=1)
    with world.database.write() as connection:
        first = expire.expire(connection, world.database.now(connection), world.settings.ttl)
    assert [item.requests for item in first] == [2]
    assert len(world.files()) == 1  # three may still point to it
    world.run()
    assert [(event.company, event.requests) for event in world.seen(ArchiveExpired)] == [("CERTIBOY S.A.S.", 3)]
    assert {row.status for row in world.requests()} == {"expired"}
    assert world.files() == []
    assert Counter(row.tipo for row in world.rows(tables.notificacionzip)) == {"zip_ready": 5, "zip_expired": 5}


def test_old_requests_go_with_their_notifications(world: World) -> None:
    world.company(equipment=1)
    world.click()
    world.run()
    world.later(days=8)
    world.run()  # expires
    world.run()  # and deletes
    assert world.requests() == []
    assert world.rows(tables.notificacionzip) == []


def test_a_cache_that_cannot_be_trimmed_takes_nothing_from_anybody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path, limit: int) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(folder / "00"))

    monkeypatch.setattr("samzip.archive.cache.trim_cache", refuse)
    world.company(equipment=1)
    world.click()
    finished = world.run()
    assert (finished.outcome, finished.counts.completed) == ("problems", 1)
    (told,) = world.seen(DeletionFailed)
    assert told.path.endswith("/00")
    assert told.reason == "Permission denied"


REFERS = """CREATE TABLE core_bitacora (id integer PRIMARY KEY,
    zip_id bigint NOT NULL REFERENCES core_ziprequest (id) DEFERRABLE INITIALLY DEFERRED)"""


def test_an_old_request_that_another_table_refers_to_stops_nobody(world: World) -> None:
    world.company(equipment=1)
    world.click()
    world.run()
    with world.database.write() as connection:
        connection.exec_driver_sql(REFERS)
        connection.exec_driver_sql("INSERT INTO core_bitacora VALUES (1, 1)")
    world.later(days=8)
    world.run()  # expires
    world.click()
    finished = world.run()
    assert finished.counts.completed == 1
    assert finished.outcome == "problems"
    (told,) = world.seen(DeletionFailed)
    assert told.path == "solicitudes antiguas"
    assert "otra tabla" in told.reason
    assert [row.status for row in world.requests()] == ["expired", "completed"]
    with world.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM core_bitacora")
    world.run()
    assert [row.status for row in world.requests()] == ["completed"]


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", "documentos/x.pdf", "zip_requests/1", "", "\x01"])
def test_a_completed_row_with_a_strange_path_expires_without_touching_any_file(world: World, path: str) -> None:
    world.company(equipment=1)
    world.click()
    (world.media / "documentos" / "x.pdf").write_bytes(b"x")
    past = datetime.now(UTC) - timedelta(days=1)
    world.set_request(1, status="completed", file_path=path, expires_at=past, completed_at=past)
    before = sorted(p for p in world.media.rglob("*") if p.is_file())
    world.run()
    assert world.requests()[0].status == "expired"
    assert sorted(p for p in world.media.rglob("*") if p.is_file()) == before


def test_a_busy_file_lock_is_said_at_once_and_changes_nothing(world: World) -> None:
    world.company(equipment=1)
    world.click()
    with (
        file_lock(world.settings.lock_path, wait=0, run_id="other", host="h"),
        pytest.raises(LockBusy, match="another run holds"),
    ):
        world.run()
    assert world.requests()[0].status == "pending"


def test_another_hosts_lease_is_respected_until_it_lapses(world: World) -> None:
    world.company(equipment=1)
    world.click()
    with world.database.write() as connection:
        now = world.database.now(connection)
        assert lease.acquire(connection, now, token="t", host="elsewhere", run_id="r") is None
    with pytest.raises(LockBusy, match="elsewhere"):
        world.run()
    world.later(seconds=61)
    assert world.run().counts.published == 1


def test_a_lease_of_this_very_host_is_taken_over_at_once(world: World) -> None:
    world.company(equipment=1)
    world.click()
    with world.database.write() as connection:
        now = world.database.now(connection)
        lease.acquire(connection, now, token="t", host=world.host, run_id="r")
    assert world.run().counts.published == 1


def test_a_user_deleted_since_the_click_does_not_stop_the_part(world: World) -> None:
    world.company(equipment=1)
    world.click()
    if world.database.is_sqlite:  # whose foreign keys hold only for connections that ask for it
        raw = sqlite3.connect(str(world.database.url.database))
        raw.execute("UPDATE core_ziprequest SET user_id = 99")
        raw.commit()
        raw.close()
    else:
        with world.database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE core_ziprequest DROP CONSTRAINT core_ziprequest_user_id_fkey")
            connection.exec_driver_sql("UPDATE core_ziprequest SET user_id = 99")
    assert world.run().counts.published == 1
    assert world.rows(tables.notificacionzip) == []


def test_a_read_only_archive_folder_is_exit_12_and_changes_nothing(world: World, monkeypatch: Any) -> None:
    world.company(equipment=1)
    world.click()

    def refuse(prefix: str) -> None:
        raise StorageFailed("no permission")

    store = world.archives
    monkeypatch.setattr(type(store), "check_writable", lambda self, prefix: refuse(prefix))
    with pytest.raises(StorageFailed):
        world.run()
    assert world.requests()[0].status == "pending"
    assert world.rows(tables.work)[0].attempts == 0


def test_stopping_puts_parts_in_work_back_without_counting_the_attempt(world: World) -> None:
    world.company(equipment=4)
    world.click()
    context = world.context()

    def stop(job: Any) -> bool:
        if isinstance(job, PartJob):
            context.stop.signal = "SIGTERM"
            return True
        return False

    world.executor.holds = stop
    finished = run(context, Mode())
    assert finished.outcome == "interrupted"
    assert {row.status for row in world.requests()} == {"pending"}
    assert {row.attempts for row in world.rows(tables.work)} == {0}
    assert len(world.seen(PartReleased)) == 1
    assert world.files() == []
    world.executor.holds = lambda job: False
    assert world.run().counts.published == 2


def test_a_media_root_that_is_not_there_is_exit_12_and_nobody_gets_an_empty_archive(world: World) -> None:
    world.company(equipment=1)
    world.click()
    shutil.move(world.media, world.media.with_name("unmounted"))
    with pytest.raises(StorageFailed, match="No such file"):
        world.run()
    assert world.requests()[0].status == "pending"
    assert not world.media.exists()
    assert world.rows(tables.run)[0].error
    shutil.move(world.media.with_name("unmounted"), world.media)
    assert world.run().counts.published == 1


@pytest.mark.parametrize("is_archive_folder_there", [False, True])
def test_a_media_root_without_any_of_its_documents_is_exit_12_too(world: World, is_archive_folder_there: bool) -> None:
    """A mount point whose volume is away is an empty folder: nobody gets an archive that lacks everything."""
    world.company(equipment=1)
    world.click()
    documents = world.media / "documentos"
    documents.rename(world.settings.state_dir / "unmounted")
    if is_archive_folder_there:
        (world.media / "zip_requests").mkdir()
    with pytest.raises(StorageFailed, match="is empty, though the database knows documents in it"):
        world.run()
    assert [(row.status, row.error_message) for row in world.requests()] == [("pending", None)]
    assert [row.attempts for row in world.rows(tables.work)] == [0]
    (world.settings.state_dir / "unmounted").rename(documents)
    assert world.run().counts.published == 1


def test_a_company_that_lost_its_documents_beside_another_is_served(world: World) -> None:
    lost = world.company(equipment=1)
    world.company("Otra", equipment=1, user="OTRA", prefix="O")
    world.click()
    shutil.rmtree(world.media / "documentos" / str(lost))
    assert world.run().counts.published == 1


def test_a_folder_of_archives_that_is_gone_is_not_made_anew_while_some_can_be_downloaded(world: World) -> None:
    """Or nobody could tell any more that a volume is not mounted, and a purge would fail every request."""
    world.company(equipment=1)
    world.click()
    assert world.run().counts.published == 1
    folder, aside = world.media / "zip_requests", world.media / "unmounted"
    folder.rename(aside)
    with world.database.write() as connection:
        connection.execute(update(tables.archive).values(fingerprint=""))
    world.click()
    with pytest.raises(StorageFailed, match="is the volume mounted"):
        world.run()
    assert not folder.exists()
    assert [row.status for row in world.requests()] == ["completed", "pending"]
    aside.rename(folder)
    assert world.run().counts.published == 1


def test_a_damaged_photo_is_listed_warned_of_and_exit_3(world: World) -> None:
    company = world.company(equipment=0)
    with world.database.write() as connection:
        world.equipment(connection, company, "EQ-001", imagen_equipo="documentos/photo.jpg")
    (world.media / "documentos" / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 no photo at all")
    world.click()
    finished = world.run()
    assert (finished.outcome, finished.counts.missing, finished.counts.damaged) == ("problems", 0, 1)
    (event,) = world.seen(DocumentNoted)
    assert event.is_damaged
    assert (event.equipment, event.path) == ("EQ-001", "documentos/photo.jpg")
    assert "imagen dañada" in event.reason
    (archive,) = world.rows(tables.archive)
    (warning,) = json.loads(archive.warnings)
    assert (warning["kind"], warning["document"]) == ("damaged", "Imagen")
    assert "CERTIBOY S.A.S/Equipos/EQ-001/imagen.jpg" in names(world, archive.path)
    world.click()
    assert world.run().counts.damaged == 1  # of a reused archive too


@pytest.mark.parametrize("picture", ["logo", "photo"])
def test_a_picture_that_could_not_be_read_for_a_moment_is_there_the_next_time(
    world: World, monkeypatch: pytest.MonkeyPatch, picture: str
) -> None:
    company = world.company(equipment=1)
    drawn = io.BytesIO()
    Image.new("RGB", (40, 30), "navy").save(drawn, "PNG")
    path = f"{picture}.png"
    world.put(path, drawn.getvalue())
    with world.database.write() as connection:
        if picture == "logo":
            connection.execute(update(tables.empresa).where(tables.empresa.c.id == company).values(logo_empresa=path))
        else:
            connection.execute(update(tables.equipo).values(imagen_equipo=path))
    world.click()
    undisturbed, opened = LocalStore.open, []

    def away(store: LocalStore, name: str) -> Any:
        opened.append(name)
        if name == path and opened.count(path) in (
            (1, 2) if picture == "logo" else (2, 3)
        ):  # a photo is delivered first
            raise MissingFile(name, "sin permiso de lectura")
        return undisturbed(store, name)

    monkeypatch.setattr(LocalStore, "open", away)
    assert world.run().counts.published == 1
    assert not has_pictures(world, world.requests()[0].file_path)
    world.click()
    assert world.run().counts.published == 1, "the archive without the picture was given again"
    assert has_pictures(world, world.requests()[-1].file_path)
    world.click()
    assert world.run().counts.reused == 1


def has_pictures(world: World, path: str) -> bool:
    """In an archive's only life sheet."""
    with zipfile.ZipFile(world.media / path) as archive:
        (sheet,) = [name for name in archive.namelist() if name.endswith("Hoja_de_vida.pdf")]
        return any(page.images for page in PdfReader(io.BytesIO(archive.read(sheet))).pages)


def test_an_archive_is_given_again_on_its_day_only_since_what_is_due_changes_with_it(world: World) -> None:
    world.company(equipment=1)
    world.at_noon()
    world.settings = replace(world.settings, ttl=timedelta(hours=30))
    world.click()
    world.run()
    world.later(hours=11)
    world.click()
    assert world.run().counts.reused == 1
    world.later(hours=2)
    world.click()
    counts = world.run().counts
    assert (counts.reused, counts.published) == (0, 1)
