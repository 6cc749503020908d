"""A click from SAM: who may, what it inserts, and what is said to everything else."""

from __future__ import annotations

import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from limits.errors import StorageError
from limits.storage import MemoryStorage
from sqlalchemy import select, text, update

from samzip.database import open_database, tables
from samzip.errors import BadSetting
from samzip.requests.shown import Owner
from samzip.web import create_app
from tests.support.web import BEARER, OTHER_TOKEN, SECRET, TOKEN, Web, body, code, make_web
from tests.support.world import World, make_world, new_postgres_database


def test_a_click_inserts_a_request_for_each_part_and_gives_links(web: Web) -> None:
    accepted = web.clicked()
    rows = web.world.requests()
    assert [(row.status, row.parte_numero, row.total_partes) for row in rows] == [("pending", n, 3) for n in (1, 2, 3)]
    assert accepted["requests"] == [{"id": row.id, "part": row.parte_numero, "parts": 3} for row in rows]
    assert accepted["company"] == {"id": rows[0].empresa_id, "name": "CERTIBOY S.A.S."}
    assert (accepted["user"], accepted["equipment"]) == ("CERTIBOY", 5)
    assert web.client.get(accepted["status_url"]).status_code == 200
    assert web.client.get(accepted["page_url"]).status_code == 200


def test_three_fast_clicks_are_one_build(web: Web) -> None:
    clicks = [web.clicked() for _ in range(3)]
    done = web.world.run()
    assert done.counts.published == 3
    files = {tuple(part["sha256"] for part in web.status(click)["parts"]) for click in clicks}
    assert len(files) == 1


def test_links_begin_with_the_address_that_people_reach(quick: Web) -> None:
    web = make_web(quick.world, web_url="https://sam.example.com/zip")
    accepted = web.clicked()
    assert accepted["page_url"].startswith("https://sam.example.com/zip/page/")
    assert accepted["status_url"].startswith("https://sam.example.com/zip/status/")


def test_links_of_a_mounted_hook_begin_with_its_place(quick: Web) -> None:
    response = quick.client.post(
        "/requests", json={"user": "CERTIBOY"}, headers=BEARER, base_url="https://sam.example.com/zip"
    )
    assert body(response)["status_url"].startswith("https://sam.example.com/zip/status/")


def test_only_a_service_may_click(quick: Web) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong-token-here"}, {"Authorization": f"Basic {TOKEN}"}):
        response = quick.client.post("/requests", json={"user": "CERTIBOY"}, headers=headers)
        assert code(response) == (401, "unauthenticated")
    assert quick.world.requests() == []


@pytest.mark.parametrize("token", [TOKEN, OTHER_TOKEN])
def test_a_signed_call_clicks_once_and_its_replay_is_refused_by_every_worker(web: Web, token: str) -> None:
    content = b'{"user": "CERTIBOY"}'
    stamp = int(time.time())
    assert web.signed("POST", "/requests", content, token=token, at=stamp).status_code == 202
    other_worker = make_web(web.world)
    for worker in (web, other_worker):
        assert code(worker.signed("POST", "/requests", content, token=token, at=stamp)) == (401, "replayed")
    assert len(web.world.requests()) == 3


def test_a_signature_is_for_one_body_path_and_hour(quick: Web) -> None:
    content = b'{"user": "CERTIBOY"}'
    other_body = quick.signed("POST", "/requests", content, sent_content=b'{"user": "sam"}')
    other_path = quick.signed("POST", "/links", content, sent_path="/requests")
    assert code(other_body) == code(other_path) == (401, "unauthenticated")
    old = quick.signed("POST", "/requests", content, at=int(time.time()) - 301)
    assert code(old) == (401, "stale_signature")
    assert quick.world.requests() == []


def test_a_signed_read_counts_its_query(quick: Web) -> None:
    number = quick.clicked()["requests"][0]["id"]
    assert quick.signed("GET", f"/requests/{number}?user=CERTIBOY").status_code == 200
    assert quick.signed("GET", f"/requests/{number}?user=CERTIBOY", sent_path=f"/requests/{number}").status_code == 401


def test_sams_rules_say_who_may(quick: Web) -> None:
    rules: list[tuple[dict[str, Any], tuple[int, str] | None]] = [
        ({"rol_usuario": "TECNICO"}, (403, "not_allowed")),
        ({"rol_usuario": ""}, (403, "not_allowed")),
        ({"is_active": False}, (403, "not_allowed")),
        ({"is_active": False, "is_superuser": True}, (403, "not_allowed")),
        ({"empresa_id": None}, (403, "not_allowed")),
        ({"empresa_id": None, "is_superuser": True}, (422, "company_needed")),
        ({"rol_usuario": "GERENCIA"}, None),
        ({"is_superuser": True, "rol_usuario": "TECNICO"}, None),
    ]
    own = quick.world.rows(tables.empresa)[0].id
    usual = {"rol_usuario": "ADMINISTRADOR", "is_active": True, "is_superuser": False, "empresa_id": own}
    for values, expected in rules:
        before = len(quick.world.requests())
        with quick.world.database.write() as connection:
            connection.execute(update(tables.customuser).values(usual | values))
        response = quick.click()
        assert (code(response) if expected else response.status_code) == (expected or 202), values
        assert (len(quick.world.requests()) > before) == (expected is None), values


def test_a_user_never_learns_whether_another_company_exists(quick: Web) -> None:
    foreign = quick.world.company("Laboratorio Andino", user="ANDINO", prefix="LA")
    answers = [quick.click(company=number) for number in (foreign, foreign + 999)]
    assert [code(answer) for answer in answers] == [(403, "not_allowed")] * 2
    assert answers[0].text == answers[1].text
    assert quick.world.requests() == []


def test_a_superuser_chooses_the_company(quick: Web) -> None:
    other = quick.world.company("Laboratorio Andino", user=None, prefix="LA")
    with quick.world.database.write() as connection:
        quick.world.user(connection, "sam", None, is_superuser=True, rol_usuario="")
    assert quick.clicked("sam", other)["company"]["name"] == "Laboratorio Andino"
    assert code(quick.click("sam", other + 999)) == (404, "unknown_company")


def test_a_company_that_is_gone_or_empty_gets_nothing(quick: Web) -> None:
    quick.world.company("Vacía", equipment=0, user="VACIA")
    assert code(quick.click("VACIA")) == (409, "nothing_to_pack")
    with quick.world.database.write() as connection:
        connection.execute(update(tables.empresa).values(is_deleted=True))
    assert code(quick.click()) == (404, "unknown_company")
    assert quick.world.requests() == []


def test_the_same_key_gives_the_same_answer_and_inserts_once(web: Web) -> None:
    first, second = web.click(Idempotency_Key="click-1"), web.click(Idempotency_Key="click-1")
    assert (first.status_code, body(first)) == (second.status_code, body(second))
    assert len(web.world.requests()) == 3
    assert web.click(Idempotency_Key="click-2").status_code == 202
    assert len(web.world.requests()) == 6


def test_a_key_is_for_one_body_one_service_and_one_day(quick: Web) -> None:
    assert quick.click(Idempotency_Key="k").status_code == 202
    own = quick.world.requests()[0].empresa_id
    assert code(quick.click(company=own, Idempotency_Key="k")) == (422, "key_reused")
    other = {"Authorization": f"Bearer {OTHER_TOKEN}"}
    assert quick.click(Idempotency_Key="k", **other).status_code == 202
    quick.world.later(hours=25)
    assert quick.click(company=own, Idempotency_Key="k").status_code == 202


def test_a_click_that_was_refused_uses_no_key(quick: Web) -> None:
    assert code(quick.click("nobody", Idempotency_Key="k")) == (404, "unknown_user")
    assert quick.click(Idempotency_Key="k").status_code == 202


def test_simultaneous_retries_with_one_key_insert_once(web: Web) -> None:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(body(web.click(Idempotency_Key="k")))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(web.world.requests()) == 3
    assert answers == [answers[0]] * 6


def test_a_user_clicks_six_times_a_minute_for_a_company(web: Web) -> None:
    other = web.world.company("Laboratorio Andino", user="ANDINO", prefix="LA")
    with web.world.database.write() as connection:
        web.world.user(connection, "sam", None, is_superuser=True, rol_usuario="")
    workers = [web, make_web(web.world)]
    for number in range(6):
        assert workers[number % 2].click().status_code == 202
    for worker in workers:
        refused = worker.click()
        assert code(refused) == (429, "too_many_requests")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert web.click("ANDINO").status_code == 202
    assert web.click("sam", other).status_code == 202
    assert len(web.world.requests()) == 6 * 3 + 2 * 2
    web.world.later(seconds=61)
    assert web.click().status_code == 202


def test_nobody_is_sent_away_for_longer_than_the_window_whatever_the_databases_clock_says(quick: Web) -> None:
    web = make_web(quick.world, web_rate=1)
    web.world.later(minutes=10)
    web.click()
    assert web.click().headers["Retry-After"] == "60"


def test_the_rate_is_a_setting_and_retries_with_a_key_do_not_count(quick: Web) -> None:
    web = make_web(quick.world, web_rate=1)
    for _ in range(3):
        assert web.click(Idempotency_Key="k").status_code == 202
    assert code(web.click()) == (429, "too_many_requests")


def test_clicks_that_were_refused_do_not_count(web: Web) -> None:
    empty = web.world.company("Vacía", equipment=0, user="VACIA")
    strict = make_web(web.world, web_rate=1)
    for _ in range(3):
        assert code(strict.click("VACIA")) == (409, "nothing_to_pack")
    with web.world.database.write() as connection:
        web.world.equipment(connection, empty, "EQ-1")
    assert strict.click("VACIA").status_code == 202


def test_what_is_remembered_goes_when_it_is_over(web: Web) -> None:
    stamp = int(time.time())
    for number in range(5):
        web.click(Idempotency_Key=f"k{number}")
        web.signed("GET", "/requests/1", at=stamp - number)
    assert len(web.world.rows(tables.web_key)) == 5 + 5 + 1
    web.world.later(hours=25)
    web.click()
    assert [row.kind for row in web.world.rows(tables.web_key)] == ["clicks"]


def test_every_answer_is_hardened(quick: Web) -> None:
    for response in (quick.click(), quick.client.get("/nowhere"), quick.client.get("/healthz")):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_service_reads_and_cancels_one_request_of_a_user(quick: Web) -> None:
    other = quick.world.company("Laboratorio Andino", user="ANDINO", prefix="LA")
    number = quick.clicked()["requests"][1]["id"]
    shown = body(quick.client.get(f"/requests/{number}?user=CERTIBOY", headers=BEARER))
    assert (shown["id"], shown["part"], shown["status"], shown["user"]) == (number, 2, "pending", "CERTIBOY")
    assert body(quick.client.get(shown["status_url"]))["total"] == 1
    for path in (f"/requests/{number}?user=ANDINO", "/requests/4711", "/requests/4711?user=ANDINO"):
        for answer in (quick.client.get(path, headers=BEARER), quick.client.get(path, headers=BEARER)):
            assert code(answer) == (404, "not_found")
    assert code(quick.client.post(f"/requests/{number}/cancel?user=ANDINO", headers=BEARER)) == (404, "not_found")
    done = quick.client.post(f"/requests/{number}/cancel?user=CERTIBOY", headers=BEARER)
    assert (done.status_code, body(done)["status"]) == (200, "cancelled")
    assert code(quick.client.post(f"/requests/{number}/cancel", headers=BEARER)) == (409, "not_cancellable")
    assert [row.status for row in quick.world.requests()] == ["pending", "cancelled", "pending"]
    assert other


def test_a_link_with_a_button_clicks_in_its_users_name(quick: Web) -> None:
    made = quick.client.post("/links", json={"user": "CERTIBOY"}, headers=BEARER)
    assert made.status_code == 201
    assert quick.world.requests() == []
    page = body(made)["page_url"]
    assert quick.client.get(page).status_code == 200
    token = page.rpartition("/")[2]
    for _ in range(2):
        assert quick.client.post(f"/click/{token}", headers={"Idempotency-Key": "k"}).status_code == 202
    assert [row.parte_numero for row in quick.world.requests()] == [1, 2, 3]
    quick.world.later(hours=13)
    assert code(quick.client.post(f"/click/{token}")) == (410, "link_expired")
    assert code(quick.client.post(f"/click/{token}x")) == (404, "unknown_link")
    assert code(quick.client.post("/links", json={"user": "nobody"}, headers=BEARER)) == (404, "unknown_user")


def test_a_link_with_a_button_asks_again_who_may(quick: Web) -> None:
    page = body(quick.client.post("/links", json={"user": "CERTIBOY"}, headers=BEARER))["page_url"]
    with quick.world.database.write() as connection:
        connection.execute(update(tables.customuser).values(is_active=False))
    assert code(quick.client.post(f"/click/{page.rpartition('/')[2]}")) == (403, "not_allowed")


def test_a_database_that_is_busy_is_told_with_advice_when_to_come_again(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    world.company()
    impatient = open_database(world.settings.database_url, patience_s=1)
    web = make_web(World(world.settings, impatient))
    with world.database.write() as connection:
        connection.execute(select(tables.ziprequest.c.id))
        busy = web.click()
        assert web.client.get("/healthz").status_code == 200
    assert code(busy) == (503, "database_unavailable")
    assert int(busy.headers["Retry-After"]) > 0
    assert web.click().status_code == 202
    impatient.close()
    world.database.close()


def test_a_locked_row_is_not_waited_for_on_postgresql(tmp_path: Path, postgres_server: str) -> None:
    url = new_postgres_database(postgres_server)
    world = make_world(tmp_path, url)
    world.company()
    impatient = open_database(url, patience_s=1)
    web = make_web(World(world.settings, impatient))
    with world.database.write() as connection:
        connection.execute(text("LOCK TABLE core_ziprequest"))
        assert code(web.click()) == (503, "database_unavailable")
    assert web.click().status_code == 202
    impatient.close()
    world.database.close()


@pytest.mark.parametrize("url", ["sqlite:////nowhere/db.sqlite3", "postgresql://nobody@127.0.0.1:1/nothing"])
def test_a_database_that_is_away_is_no_crash(tmp_path: Path, url: str) -> None:
    world = make_world(tmp_path)
    away = open_database(url, patience_s=1)
    web = make_web(World(world.settings, away))
    links = make_web(world).app.extensions["samzip"].links
    token = links.status([1], Owner(1, 1), datetime(2100, 1, 1, tzinfo=UTC))
    answers = [web.click(), web.client.get(f"/status/{token}"), web.signed("GET", "/requests/1")]
    assert [code(answer) for answer in answers] == [(503, "database_unavailable")] * 3
    assert all("nowhere" not in answer.text and "127.0.0.1" not in answer.text for answer in answers)
    health = web.client.get("/healthz")
    assert (health.status_code, body(health)["database"]) == (503, "unreachable")
    assert int(health.headers["Retry-After"]) > 0
    world.database.close()


def test_a_file_that_was_moved_away_or_replaced_is_noticed(tmp_path: Path) -> None:
    world = make_world(tmp_path, web_tokens=f"{TOKEN} {OTHER_TOKEN}", web_secret=SECRET)
    world.company(equipment=1)
    world.database.close()
    path = Path(world.database.url.database or "")
    app = create_app(world.settings)
    web = Web(world, app)
    backup = tmp_path / "backup.sqlite3"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
        source.backup(target)
    assert web.click().status_code == 202
    path.rename(tmp_path / "away.sqlite3")
    assert code(web.click()) == (503, "database_unavailable")
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    backup.rename(path)
    assert web.click().status_code == 202
    assert len(world.requests()) == 1
    app.extensions["samzip"].database.close()
    world.database.close()


def test_an_application_is_made_from_settings_alone(tmp_path: Path) -> None:
    world = make_world(tmp_path, web_tokens=f"{TOKEN} {OTHER_TOKEN}", web_secret=SECRET)
    world.company()
    client = create_app(world.settings).test_client()
    answer = client.post("/requests", json={"user": "CERTIBOY"}, headers=BEARER)
    assert (answer.status_code, len(world.requests())) == (202, 2)
    world.database.close()


def test_a_database_that_was_not_brought_up_to_date_is_no_crash(web: Web) -> None:
    accepted = web.clicked()
    with web.world.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE samzip_archive RENAME TO old_archive")
        connection.exec_driver_sql("ALTER TABLE samzip_web_key RENAME TO old_web_key")
    assert code(web.click()) == (503, "database_unavailable")
    assert code(web.client.get(accepted["status_url"])) == (503, "database_unavailable")


def test_clicks_can_be_counted_elsewhere(quick: Web) -> None:
    memory = make_web(quick.world, web_counters="memory://", web_rate=1)
    assert [memory.click().status_code for _ in range(2)] == [202, 429]
    assert quick.world.rows(tables.web_key) == []
    broken = make_web(quick.world, web_counters="broken://")
    answer = broken.click()
    assert code(answer) == (503, "counters_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    with pytest.raises(BadSetting, match="web_counters"):
        make_web(quick.world, web_counters="nothing://")


class Broken(MemoryStorage):
    """Counters that are out of reach."""

    STORAGE_SCHEME = ["broken"]  # noqa: RUF012 -- as the base class declares it

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        raise StorageError(ConnectionError("Connection refused"))


@pytest.mark.parametrize(
    "changes",
    [{"web_tokens": ()}, {"web_secret": ()}, {"web_tokens": ("x" * 15,)}, {"web_secret": ("x" * 20, "short")}],
)
def test_no_application_is_made_without_good_secrets(quick: Web, changes: dict[str, Any]) -> None:
    settings = replace(quick.world.settings, **{"web_tokens": (TOKEN,), "web_secret": (SECRET,), **changes})
    with pytest.raises(BadSetting, match=next(iter(changes))) as error:
        create_app(settings)
    assert "short" not in str(error.value)
