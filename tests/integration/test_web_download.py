"""Downloads: whole, in pieces, by the web server in front, and when there is nothing to give any more."""

from __future__ import annotations

import hashlib
import io
import shutil
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import delete, update
from werkzeug.test import TestResponse

from samzip.batch import ending
from samzip.database import tables
from samzip.requests import runs
from samzip.requests.shown import Owner
from samzip.requests.single import story
from samzip.web.links import Links
from tests.support.web import SECRET, Web, body, code, make_web
from tests.support.world import make_world

OURS = Owner(user_id=1, company_id=1)


def first(status: dict[str, Any]) -> dict[str, Any]:
    part = status["parts"][0]
    assert isinstance(part, dict)
    return part


def get(web: Web, url: str, **headers: str) -> TestResponse:
    """Read to the end and closed, as a server does."""
    response = web.client.get(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response.get_data()
    response.close()
    return response


def file_of(web: Web, part: dict[str, Any]) -> Path:
    (row,) = [row for row in web.world.rows(tables.archive) if row.sha256 == part["sha256"]]
    return web.world.media / row.path


def test_the_file_is_what_was_published_under_its_own_name(quick: Web) -> None:
    part = first(quick.published())
    response = get(quick, part["download_url"])
    assert (response.status_code, response.mimetype) == (200, "application/zip")
    assert hashlib.sha256(response.data).hexdigest() == part["sha256"]
    with zipfile.ZipFile(io.BytesIO(response.data)) as archive:
        assert archive.testzip() is None
    assert response.headers["ETag"] == f'"{part["sha256"]}"'
    assert int(response.headers["Content-Length"]) == part["size"] == len(response.data)
    assert f'filename="{part["file_name"]}"' in response.headers["Content-Disposition"]
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_broken_download_goes_on_where_it_was(quick: Web) -> None:
    part = first(quick.published())
    url, tag, size = part["download_url"], f'"{part["sha256"]}"', part["size"]
    head = get(quick, url, Range="bytes=0-999")
    tail = get(quick, url, Range="bytes=1000-", If_Range=tag)
    assert (head.status_code, tail.status_code) == (206, 206)
    assert tail.headers["Content-Range"] == f"bytes 1000-{size - 1}/{size}"
    assert int(tail.headers["Content-Length"]) == size - 1000
    assert hashlib.sha256(head.data + tail.data).hexdigest() == part["sha256"]
    changed = get(quick, url, Range="bytes=1000-", If_Range='"other"')
    assert (changed.status_code, len(changed.data)) == (200, size)
    assert len(get(quick, url, Range="bytes=-100").data) == 100
    several = get(quick, url, Range="bytes=0-1,5-6")
    assert (several.status_code, len(several.data)) == (200, size)


def test_a_range_behind_the_end_is_refused_with_the_size(quick: Web) -> None:
    part = first(quick.published())
    response = get(quick, part["download_url"], Range=f"bytes={part['size']}-")
    assert code(response) == (416, "range_not_satisfiable")
    assert response.headers["Content-Range"] == f"bytes */{part['size']}"


def test_head_tells_all_and_sends_nothing(quick: Web) -> None:
    part = first(quick.published())
    for headers in ({}, {"Range": "bytes=0-9"}):
        response = quick.client.head(part["download_url"], headers=headers)
        assert (response.status_code, response.data) == (200, b"")
        assert int(response.headers["Content-Length"]) == part["size"]
    assert quick.world.rows(tables.archive)[0].downloads == 0


def test_who_has_the_file_gets_it_not_again(quick: Web) -> None:
    part = first(quick.published())
    response = get(quick, part["download_url"], If_None_Match=f'"{part["sha256"]}"')
    assert (response.status_code, response.data) == (304, b"")


def test_downloads_that_begin_are_counted_and_shown(web: Web) -> None:
    part = first(web.published())
    for headers in ({}, {"Range": "bytes=0-9"}, {"Range": "bytes=10-19"}):
        get(web, part["download_url"], **headers)
    (row,) = [row for row in web.world.rows(tables.archive) if row.sha256 == part["sha256"]]
    assert row.downloads == 2
    assert row.downloaded_at is not None
    with web.world.database.read() as connection:
        told = story(connection, web.world.database.now(connection), part["id"])
    assert told.archive is not None
    assert (told.archive.downloads, told.archive.downloaded) == (2, row.downloaded_at)


def test_a_download_that_cannot_be_counted_succeeds(quick: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    from samzip.errors import DatabaseUnreachable

    part = first(quick.published())

    def busy(*_: object) -> None:
        raise DatabaseUnreachable("database is locked")

    monkeypatch.setattr("samzip.web.delivery.runs.count_download", busy)
    assert len(get(quick, part["download_url"]).data) == part["size"]


def test_the_expiry_counts_at_the_moment_of_the_download_not_at_that_of_the_sweeper(quick: Web) -> None:
    status = quick.published()
    url = first(status)["download_url"]
    quick.world.later(hours=6, seconds=1)
    assert get(quick, url).status_code == 410
    assert file_of(quick, first(status)).exists()
    forever = Links([SECRET]).download(
        first(status)["id"], OURS, quick.world.requests()[0].expires_at.replace(year=2100)
    )
    assert code(get(quick, f"/download/{forever}")) == (410, "archive_expired")


def test_a_download_that_began_before_the_expiry_finishes(quick: Web) -> None:
    part = first(quick.published())
    begun = quick.client.get(part["download_url"])
    blocks = begun.iter_encoded()
    received = next(blocks)
    quick.world.later(hours=7)
    quick.world.run()
    assert quick.world.files() == []
    received += b"".join(blocks)
    begun.close()
    assert hashlib.sha256(received).hexdigest() == part["sha256"]


def test_a_number_that_is_given_again_to_another_company_opens_nothing(quick: Web) -> None:
    """As after a database was put back."""
    accepted = quick.clicked()
    mine = first(quick.published())
    quick.world.company("Otra Ltda", equipment=5, user="otra")
    with quick.world.database.write() as connection:
        connection.execute(delete(tables.notificacionzip))
        connection.execute(delete(tables.ziprequest))
    theirs = quick.clicked("otra")
    numbers = [one["id"] for one in theirs["requests"]]
    with quick.world.database.write() as connection:
        for number, given in zip(numbers, (one["id"] for one in accepted["requests"]), strict=True):
            connection.execute(update(tables.ziprequest).where(tables.ziprequest.c.id == number).values(id=given))
    quick.world.run()
    assert {row.status for row in quick.world.requests()} == {"completed"}
    assert code(get(quick, accepted["status_url"])) == (410, "link_expired")
    assert code(get(quick, mine["download_url"])) == (410, "archive_expired")
    assert code(quick.client.post(f"{accepted['status_url']}/cancel")) == (410, "link_expired")


def test_what_is_asked_of_another_file_is_refused(quick: Web) -> None:
    part = first(quick.published())
    assert code(get(quick, part["download_url"], If_Match='"other"', Range="bytes=5-")) == (412, "changed")
    weak = f'W/"{part["sha256"]}"'
    assert code(get(quick, part["download_url"], If_Match=weak)) == (412, "changed")
    assert get(quick, part["download_url"], If_None_Match=weak).status_code == 304
    for wanted in (f'"{part["sha256"]}"', f'"other", "{part["sha256"]}"', "*"):
        assert get(quick, part["download_url"], If_Match=wanted, Range="bytes=5-").status_code == 206


def test_a_cancelled_request_that_is_published_for_others_is_not_given(quick: Web) -> None:
    mine = quick.clicked()
    quick.clicked()
    quick.client.post(f"{mine['status_url']}/cancel")
    quick.world.run()
    token = Links([SECRET]).download(mine["requests"][0]["id"], OURS, quick.world.requests()[-1].expires_at)
    assert code(get(quick, f"/download/{token}")) == (410, "cancelled")


def test_a_request_that_is_not_ready_or_failed_gives_nothing(quick: Web) -> None:
    accepted = quick.clicked()
    number = accepted["requests"][0]["id"]
    token = Links([SECRET]).download(number, OURS, quick.world.requests()[0].created_at.replace(year=2100))
    assert code(get(quick, f"/download/{token}")) == (409, "not_ready")
    quick.world.set_request(number, status="failed")
    assert code(get(quick, f"/download/{token}")) == (410, "archive_failed")
    with quick.world.database.write() as connection:
        connection.execute(delete(tables.ziprequest))
    assert code(get(quick, f"/download/{token}")) == (410, "archive_expired")


def test_a_file_that_vanished_is_made_again(web: Web) -> None:
    status = web.published()
    other = web.published()  # the same archives serve it
    part = first(status)
    file_of(web, part).unlink()
    assert code(get(web, part["download_url"])) == (410, "archive_gone")
    for link in (status, other):
        states = [one["status"] for one in web.status(link)["parts"]]
        assert states == ["pending", "completed", "completed"]
    assert "se genera de nuevo" in first(web.status(status))["error"]
    web.world.later(seconds=1)  # an archive's name has the second in it
    web.world.run()
    again = first(web.status(other))
    assert again["status"] == "completed"
    response = get(web, again["download_url"])
    assert hashlib.sha256(response.data).hexdigest() == again["sha256"]


def test_a_file_that_was_cut_short_is_made_again(quick: Web) -> None:
    part = first(quick.published())
    path = file_of(quick, part)
    path.write_bytes(path.read_bytes()[:-1])
    assert code(get(quick, part["download_url"])) == (410, "archive_gone")
    quick.world.later(seconds=1)
    quick.world.run()
    assert not path.exists()
    assert first(quick.status(quick.clicked()))["status"] == "pending"
    assert {row.status for row in quick.world.requests()[:3]} == {"completed"}


def test_an_archive_that_is_taken_back_while_it_is_given_again_is_built_anew_in_that_run(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = first(web.published())
    again = web.clicked()
    web.world.later(seconds=2)  # an archive's name has the second in it
    reuse = ending.reuse

    def meanwhile(context: Any, item: Any, known: Any) -> None:
        if known.sha256 == part["sha256"]:
            file_of(web, part).unlink(missing_ok=True)
            assert code(get(web, part["download_url"])) == (410, "archive_gone")
        reuse(context, item, known)

    monkeypatch.setattr(ending, "reuse", meanwhile)
    done = web.world.run()
    assert (done.outcome, done.counts.published) == ("done", 1)
    later = [row for row in web.world.requests() if row.parte_numero == 1]
    assert [row.status for row in later] == ["completed", "completed"]
    assert get(web, first(web.status(again))["download_url"]).status_code == 200


def test_a_volume_that_is_not_mounted_costs_nobody_an_archive(quick: Web) -> None:
    part = first(quick.published())
    shutil.move(quick.world.media / "zip_requests", quick.world.media / "elsewhere")
    response = get(quick, part["download_url"])
    assert code(response) == (503, "storage_unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert {row.status for row in quick.world.requests()} == {"completed"}
    shutil.move(quick.world.media / "elsewhere", quick.world.media / "zip_requests")
    assert get(quick, part["download_url"]).status_code == 200


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "/etc/passwd", "documentos/1/EQ-001/compra.pdf", "zip_requests/x", ""]
)
def test_no_row_makes_another_file_downloadable(quick: Web, path: str) -> None:
    part = first(quick.published())
    quick.world.set_request(part["id"], file_path=path)
    assert code(get(quick, part["download_url"])) == (410, "archive_failed")


def test_an_archive_that_sams_own_worker_made_is_downloaded_too(quick: Web) -> None:
    part = first(quick.published())
    with quick.world.database.write() as connection:
        connection.execute(delete(tables.archive))
        connection.execute(update(tables.ziprequest).values(expires_at=None))
    response = get(quick, part["download_url"])
    assert (response.status_code, len(response.data)) == (200, part["size"])
    assert f"_parte_1_req_{part['id']}.zip" in response.headers["Content-Disposition"]
    tag = response.headers["ETag"]
    assert get(quick, part["download_url"], Range="bytes=5-", If_Range=tag).status_code == 206


@pytest.mark.parametrize(
    ("setting", "header", "prefix"),
    [
        ("/protected", "X-Accel-Redirect", "/protected/"),
        ("/", "X-Accel-Redirect", "/"),
        ("x-sendfile", "X-Sendfile", None),
    ],
)
def test_the_web_server_in_front_sends_the_file(quick: Web, setting: str, header: str, prefix: str | None) -> None:
    fronted = make_web(quick.world, web_sendfile=setting)
    part = first(fronted.published())
    response = get(fronted, part["download_url"])
    place = response.headers[header]
    assert (response.status_code, response.data) == (200, b"")
    assert place.isascii()
    relative = file_of(fronted, part).relative_to(fronted.world.media).as_posix()
    assert unquote(place) == (f"{prefix}{relative}" if prefix else str(fronted.world.media / relative))
    assert "filename*" in response.headers["Content-Disposition"]
    assert "ETag" not in response.headers
    assert fronted.world.rows(tables.archive)[0].downloads == 1
    file_of(fronted, part).unlink()
    assert code(get(fronted, part["download_url"])) == (410, "archive_gone")


def test_a_place_with_other_characters_is_percent_encoded(tmp_path: Path) -> None:
    world = make_world(tmp_path, media_root=str(tmp_path / "Señal 50%"))
    world.company(equipment=1)
    web = make_web(world, web_sendfile="x-sendfile")
    place = get(web, first(web.published())["download_url"]).headers["X-Sendfile"]
    assert "/Se%C3%B1al%2050%25/" in place
    assert Path(unquote(place)).is_file()
    world.database.close()


def test_healthz_knows_when_nobody_works_on_the_queue(web: Web) -> None:
    def health() -> tuple[int, str, str]:
        response = web.client.get("/healthz")
        return response.status_code, body(response)["status"], body(response)["runs"]

    assert health() == (200, "ok", "ok")
    web.clicked()
    assert health() == (200, "ok", "ok")
    web.world.later(minutes=10, seconds=5)
    assert health() == (503, "failing", "stopped")
    web.world.run()
    assert health() == (200, "ok", "ok")
    web.world.later(minutes=11)
    assert health() == (200, "ok", "ok")  # nobody waits
    web.clicked()
    assert health() == (503, "failing", "stopped")
    with web.world.database.write() as connection:
        now = web.world.database.now(connection)
        connection.execute(update(tables.run).values(finished_at=None, heartbeat_at=now))
    assert health() == (200, "ok", "ok")  # a long run that shows life
    web.world.later(minutes=11)
    assert health() == (503, "failing", "stopped")


def test_healthz_knows_of_a_request_that_a_dead_run_left_in_work(web: Web) -> None:
    for one in web.clicked()["requests"]:
        web.world.set_request(one["id"], status="processing")
    with web.world.database.write() as connection:
        now = web.world.database.now(connection)
        runs.begin(connection, now, run_id="dead", host="x", pid=1, version="0")
    response = web.client.get("/healthz")
    assert (response.status_code, body(response)["runs"], body(response)["waiting"]) == (200, "ok", 0)
    web.world.later(minutes=11)
    response = web.client.get("/healthz")
    assert (response.status_code, body(response)["runs"], body(response)["waiting"]) == (503, "stopped", 3)
    web.world.run()
    assert web.client.get("/healthz").status_code == 200


def test_healthz_misses_the_volume_that_downloads_miss(quick: Web) -> None:
    part = first(quick.published())
    assert quick.client.get("/healthz").status_code == 200
    shutil.rmtree(quick.world.media / "zip_requests")
    assert code(get(quick, part["download_url"])) == (503, "storage_unavailable")
    response = quick.client.get("/healthz")
    assert (response.status_code, body(response)["archives"]) == (503, "unreachable")


def test_healthz_knows_when_the_archives_are_out_of_reach(quick: Web) -> None:
    shutil.rmtree(quick.world.media)
    response = quick.client.get("/healthz")
    assert (response.status_code, body(response)["archives"]) == (503, "unreachable")
