"""What the holder of a link sees and may do, until the link dies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update

from samzip.batch.run import Mode
from samzip.database import tables
from samzip.requests import single, work
from samzip.requests.collapse import collapse
from tests.support.web import BEARER, SECRET, Web, body, code, make_web


def parts(status: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(part[name] for name in names) for part in status["parts"]]


def claim(web: Web, part: int) -> work.Claim:
    """A part as a run has it in work."""
    company = web.world.requests()[-1].empresa_id
    with web.world.database.write() as connection:
        collapse(connection, web.world.database.now(connection))
    return web.world.claim(company, part)


def test_a_link_shows_the_queue_the_progress_and_the_archive(web: Web) -> None:
    web.world.company("Laboratorio Andino", equipment=1, user="ANDINO", prefix="LA")
    web.clicked("ANDINO")
    accepted = web.clicked()
    waiting = web.status(accepted)
    assert parts(waiting, "part", "status", "position") == [(1, "pending", 2), (2, "pending", 3), (3, "pending", 4)]
    assert (waiting["working"], waiting["percent"], waiting["ready"], waiting["total"]) == (True, 0, 0, 3)
    assert (waiting["can_cancel"], waiting["can_retry"]) == (True, False)

    held = claim(web, 1)
    with web.world.database.write() as connection:
        estimated = web.world.database.now(connection)
        step = "Procesando equipo 1/2: EQ-001"
        work.progress(connection, held, step=step, percent=50, done=1, estimated=estimated)
    working = web.status(accepted)
    assert parts(working, "status", "step", "percent", "position", "attempt")[0] == ("processing", step, 50, None, 1)
    assert working["parts"][0]["equipment"] == {"done": 1, "total": 2}
    assert working["parts"][0]["estimated"].endswith("Z")
    assert working["percent"] == 50 // 3
    assert working["poll_after"] < waiting["poll_after"]
    assert parts(working, "position")[1:] == [(2,), (3,)]

    web.world.run()
    done = web.status(accepted)
    assert parts(done, "status", "percent") == [("completed", 100)] * 3
    assert (done["working"], done["percent"], done["ready"], done["poll_after"]) == (False, 100, 3, None)
    rows = web.world.requests()[1:]
    assert [part["size"] for part in done["parts"]] == [row.file_size for row in rows]
    assert all(part["file_name"].startswith("SAM_Equipos_CERTIBOY") for part in done["parts"])
    assert all(web.client.head(part["download_url"]).status_code == 200 for part in done["parts"])


def test_a_part_that_the_inventory_gained_before_the_build_is_shown_by_the_same_link(web: Web) -> None:
    web.world.company("Otra", equipment=5, user="OTRA", prefix="OT")
    accepted, stranger = web.clicked(), web.clicked("OTRA")
    alone = body(web.client.get(f"/requests/{accepted['requests'][0]['id']}", headers=BEARER))
    company = accepted["company"]["id"]
    with web.world.database.write() as connection:
        for number in (6, 7):
            web.world.equipment(connection, company, f"EQ-00{number}")
    web.world.run()
    done = web.status(accepted)
    assert parts(done, "part", "parts", "status") == [(number, 4, "completed") for number in (1, 2, 3, 4)]
    assert (done["ready"], done["total"], done["percent"]) == (4, 4, 100)
    assert web.client.head(done["parts"][3]["download_url"]).status_code == 200
    assert parts(web.status(alone), "part") == [(1,)]
    assert parts(web.status(stranger), "part") == [(1,), (2,), (3,)]


def test_a_link_never_shows_what_a_later_click_asked_for(web: Web) -> None:
    accepted = web.clicked()
    alone = body(web.client.get(f"/requests/{accepted['requests'][0]['id']}", headers=BEARER))
    for one in accepted["requests"]:
        assert web.client.post(f"/requests/{one['id']}/cancel", headers=BEARER).status_code == 200
    later = web.clicked()
    for link in (accepted, alone):
        assert web.client.get(link["status_url"]).status_code == 410
        assert web.client.post(link["status_url"] + "/cancel").status_code == 410
    assert parts(web.status(later), "part", "status") == [(1, "pending"), (2, "pending"), (3, "pending")]


def test_the_link_of_one_request_shows_no_other_part_whoever_inserted_them(web: Web) -> None:
    accepted = web.clicked()
    first, second, third = (one["id"] for one in accepted["requests"])
    web.world.set_request(second, created_at=datetime.now(UTC) + timedelta(seconds=1))  # as SAM's own model does it
    web.world.set_request(third, created_at=datetime.now(UTC) + timedelta(seconds=2))
    alone = body(web.client.get(f"/requests/{first}", headers=BEARER))
    assert parts(web.status(alone), "id") == [(first,)]
    assert web.client.post(alone["status_url"] + "/cancel").status_code == 200
    assert parts(web.status(accepted), "status") == [("cancelled",), ("pending",), ("pending",)]


def test_a_part_that_the_inventory_lost_before_the_build_is_not_waited_for(quick: Web) -> None:
    accepted = quick.clicked()
    with quick.world.database.write() as connection:
        connection.execute(delete(tables.equipo).where(tables.equipo.c.codigo_interno == "EQ-005"))
    quick.world.run()
    done = quick.status(accepted)
    assert parts(done, "part", "status") == [(1, "completed"), (2, "completed"), (3, "cancelled")]
    assert (done["ready"], done["total"], done["percent"], done["can_retry"]) == (2, 2, 100, False)
    page = quick.client.get(accepted["page_url"]).text
    assert "Las 2 partes están listas." in page
    assert "Descargar todas" in page
    assert "Cancelada" not in page


def test_what_is_missing_is_told(quick: Web) -> None:
    gone = next(quick.world.media.glob("documentos/*/EQ-002/compra.pdf"))
    gone.unlink()
    status = quick.published()
    assert parts(status, "missing", "doubtful") == [(1, 0), (0, 0), (0, 0)]
    (warning,) = status["parts"][0]["warnings"]
    assert (warning["kind"], warning["equipment"]) == ("missing", "EQ-002")
    assert warning["reason"] == "no existe en el almacenamiento"


def test_a_part_that_failed_once_tells_why_and_when_it_is_tried_again(quick: Web) -> None:
    accepted = quick.clicked()
    held = claim(quick, 1)
    with quick.world.database.write() as connection:
        now = quick.world.database.now(connection)
        notice = work.Notice("zip_failed", "t", "m")
        work.fail(
            connection, now, held, reason="/srv/x.zip: No space left", told="disco lleno", max_attempts=3, notice=notice
        )
    (first, *_) = quick.status(accepted)["parts"]
    assert (first["status"], first["error"], first["attempt"]) == ("pending", "disco lleno", 2)
    assert first["retry_at"] is not None


def test_cancelling_ends_the_link_and_what_it_names_alone(web: Web) -> None:
    mine, other = web.clicked(), web.clicked()
    number = mine["requests"][0]["id"]
    one = body(web.client.post(f"{mine['status_url']}/cancel", json={"request": number}))
    assert parts(one, "status") == [("cancelled",), ("pending",), ("pending",)]
    assert web.status(mine)["working"] is True
    everything = web.client.post(web.status(mine)["cancel_url"])
    assert (everything.status_code, parts(body(everything), "status")) == (200, [("cancelled",)] * 3)
    dead = [
        web.client.get(mine["status_url"]),
        web.client.post(f"{mine['status_url']}/cancel"),
        web.client.post(f"{mine['status_url']}/retry"),
    ]
    assert [code(answer) for answer in dead] == [(410, "cancelled")] * 3
    assert parts(web.status(other), "status") == [("pending",)] * 3
    assert {row.error_message for row in web.world.requests()[:3]} == {"cancelada por quien la solicitó"}


def test_a_part_in_work_that_its_only_wanter_cancels_is_dropped(web: Web) -> None:
    accepted = web.clicked()

    def cancel(_: object) -> None:
        web.client.post(f"{accepted['status_url']}/cancel")

    web.world.executor.before = cancel
    web.world.run(Mode(once=True))
    assert web.world.files() == []
    assert {row.status for row in web.world.requests()} == {"cancelled"}


def test_what_has_ended_cannot_be_cancelled(quick: Web) -> None:
    status = quick.published()
    assert code(quick.client.post(status["cancel_url"])) == (409, "not_cancellable")
    assert code(quick.client.post(status["retry_url"])) == (409, "not_retryable")
    assert parts(quick.status(status), "status") == [("completed",)] * 3


def test_what_expired_or_failed_is_asked_for_again_by_the_same_link(web: Web) -> None:
    status = web.published()
    web.world.later(hours=7)
    over = web.status(status)  # no sweeper has been here
    assert parts(over, "status", "download_url") == [("expired", None)] * 3
    assert over["can_retry"] is True
    again = body(web.client.post(over["retry_url"]))
    assert parts(again, "status", "percent") == [("pending", 0)] * 3
    web.world.run()
    assert len(web.world.files()) == 3  # what was over is gone
    assert parts(web.status(status), "status") == [("completed",)] * 3
    number = status["parts"][1]["id"]
    web.world.set_request(number, status="failed", error_message="disco lleno")
    assert parts(body(web.client.post(over["retry_url"], json={"request": number})), "status")[1] == ("pending",)


def test_what_the_sweeper_has_seen_is_asked_for_again_too(quick: Web) -> None:
    status = quick.published()
    quick.world.later(hours=7)
    quick.world.run()
    assert {row.status for row in quick.world.requests()} == {"expired"}
    assert parts(body(quick.client.post(status["retry_url"])), "status") == [("pending",)] * 3


def test_asking_again_is_a_click_and_counted_as_one(quick: Web) -> None:
    strict = make_web(quick.world, web_rate=1)
    accepted = strict.clicked()
    for request in accepted["requests"]:
        quick.world.set_request(request["id"], status="failed")
    assert code(strict.client.post(f"{accepted['status_url']}/retry")) == (429, "too_many_requests")
    assert {row.status for row in quick.world.requests()} == {"failed"}


def test_a_link_expires_with_the_history(quick: Web) -> None:
    accepted = quick.clicked()
    quick.world.later(days=7, seconds=1)
    for answer in (
        quick.client.get(accepted["status_url"]),
        quick.client.post(f"{accepted['status_url']}/cancel"),
        quick.client.get(accepted["page_url"]),
    ):
        assert answer.status_code == 410
    assert code(quick.client.get(accepted["status_url"])) == (410, "link_expired")


def test_a_link_whose_requests_are_gone_is_over(quick: Web) -> None:
    accepted = quick.clicked()
    with quick.world.database.write() as connection:
        connection.execute(delete(tables.ziprequest))
    assert code(quick.client.get(accepted["status_url"])) == (410, "link_expired")


def test_a_user_who_may_no_longer_sees_nothing_any_more(quick: Web) -> None:
    status = quick.published()
    urls = [status["status_url"], status["parts"][0]["download_url"]]
    other = quick.world.company("Otra", user=None, prefix="OT")
    for values in ({"is_active": False}, {"rol_usuario": "TECNICO"}, {"empresa_id": other}):
        before = {name: getattr(quick.world.rows(tables.customuser)[0], name) for name in values}
        for change, expected in ((values, 403), (before, 200)):
            with quick.world.database.write() as connection:
                connection.execute(update(tables.customuser).values(change))
            assert [quick.client.head(url).status_code for url in urls] == [expected] * 2, change
    with quick.world.database.write() as connection:
        connection.execute(update(tables.empresa).values(is_deleted=True))
    assert [code(quick.client.get(url)) for url in urls] == [(403, "not_allowed")] * 2


def test_a_link_of_another_secret_is_none(quick: Web) -> None:
    accepted = quick.clicked()
    stranger = make_web(quick.world, web_secret=("another-secret-of-all",))
    rotated = make_web(quick.world, web_secret=("another-secret-of-all", SECRET))
    assert code(stranger.client.get(accepted["status_url"])) == (404, "unknown_link")
    assert rotated.client.get(accepted["status_url"]).status_code == 200


def test_a_link_is_asked_for_again_in_the_order_in_which_runs_make_work_of_clicks(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL: two who insert the same rows of work in opposite orders wait in a circle."""
    status = web.status(web.clicked())
    numbers = [part["id"] for part in status["parts"]]
    for part, number in enumerate(reversed(numbers), 1):
        web.world.set_request(number, status="failed", parte_numero=part)
    asked: list[int] = []
    retry = single.retry

    def noted(connection: Any, now: Any, request_id: int) -> Any:
        asked.append(request_id)
        return retry(connection, now, request_id)

    monkeypatch.setattr(single, "retry", noted)
    web.client.post(status["retry_url"])
    assert asked == numbers[::-1]
