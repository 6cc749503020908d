"""What the page's addresses answer: forms without JavaScript, errors for people, and headers."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from samzip.errors import DatabaseUnreachable
from tests.support.web import BEARER, Web, body, code, make_web


def button_page(web: Web, user: str = "CERTIBOY", site: str = "http://localhost") -> tuple[str, str]:
    """Path of a page with a button, as the application has it, and the key of its form."""
    answer = web.client.post("/links", json={"user": user}, headers=BEARER)
    assert answer.status_code == 201, answer.text
    url = body(answer)["page_url"].removeprefix(site)
    (key,) = re.findall(r'name="key" value="([^"]+)"', web.client.get(url).text)
    return url, key


def problem(answer: TestResponse, status: int, title: str) -> str:
    """The page of an error; the rest of its words."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "text/html"
    assert f">{title}</h1>" in answer.text
    assert "Traceback" not in answer.text
    return html.unescape(answer.text)


def test_one_form_sent_three_times_is_one_click(web: Web) -> None:
    url, key = button_page(web)
    answers = [web.client.post(url, data={"key": key}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [303] * 3
    assert len({answer.location for answer in answers}) == 1
    assert answers[0].location.startswith("/page/")
    assert len(web.world.requests()) == 3
    assert web.client.get(answers[0].location).status_code == 200
    again = web.client.post(url, data={"key": button_page(web)[1]})
    assert again.location != answers[0].location
    assert len(web.world.requests()) == 6


def test_forms_cancel_and_retry_and_lead_back_to_the_page(quick: Web) -> None:
    accepted = quick.clicked()
    url, first = accepted["page_url"], accepted["requests"][0]["id"]
    one = quick.client.post(url, data={"action": "cancel", "request": first})
    assert (one.status_code, one.location) == (303, url.removeprefix("http://localhost"))
    assert [row.status for row in quick.world.requests()] == ["cancelled", "pending", "pending"]
    quick.world.set_request(first, status="failed")
    assert quick.client.post(url, data={"action": "retry"}).status_code == 303
    assert [row.status for row in quick.world.requests()] == ["pending"] * 3
    assert quick.client.post(url, data={"action": "cancel"}).status_code == 303
    told = problem(quick.client.get(url), 410, "Solicitud cancelada")
    assert "solicite el ZIP de nuevo en SAM" in told
    assert "<button" not in told  # the link died: it asks for nothing any more
    problem(quick.client.post(url, data={"action": "retry"}), 410, "Solicitud cancelada")


def test_a_form_that_no_page_made_changes_nothing(quick: Web) -> None:
    url = quick.clicked()["page_url"]
    for data in ({}, {"action": "drop"}, {"action": "cancel\0"}):
        problem(quick.client.post(url, data=data), 400, "Solicitud incorrecta")
    problem(quick.client.post(url, data={"action": "cancel", "request": "999999"}), 404, "No existe")
    for number in ("", "x", "-1", "1.5", "1" * 40):
        problem(quick.client.post(url, data={"action": "cancel", "request": number}), 400, "Solicitud incorrecta")
    assert {row.status for row in quick.world.requests()} == {"pending"}


def test_errors_are_pages_in_words_for_people(quick: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    status = quick.published()
    url = status["page_url"]
    problem(quick.client.get(url[:-1] + ("A" if url[-1] != "A" else "B")), 404, "Enlace no válido")
    problem(quick.client.get("/page/click/nothing"), 404, "Enlace no válido")
    problem(quick.client.get(url.replace("/page/", "/page/click/")), 404, "Enlace no válido")
    problem(quick.client.post(url, data={"action": "cancel"}), 409, "Nada que cancelar")
    problem(quick.client.get("/page/static/nothing.css"), 404, "No existe")

    def down(*_: object) -> Any:
        raise DatabaseUnreachable("no route to host")

    with monkeypatch.context() as patch:
        patch.setattr(type(quick.world.database), "read", down)
        answer = quick.client.get(url)
    assert "no route" not in problem(answer, 503, "Servicio no disponible")
    assert int(answer.headers["Retry-After"]) > 0
    quick.world.later(days=8)
    problem(quick.client.get(url), 410, "Enlace vencido")


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}
PROGRAMS = ("*/*", "application/json", "application/problem+json, text/html;q=0.5", "application/*", "x")


def test_who_opens_a_dead_link_in_a_browser_gets_a_page_and_a_program_gets_json(quick: Web) -> None:
    status = quick.published()
    urls = {name: status[f"{name}_url"] for name in ("page", "status")}
    urls["download"] = status["parts"][0]["download_url"]
    token = {name: url.rpartition("/")[2] for name, url in urls.items()}
    dead = [
        (f"/status/{token['download']}", 404, "Enlace no válido"),
        (f"/download/{token['status']}", 404, "Enlace no válido"),
        (f"/page/{token['download']}", 404, "Enlace no válido"),
        (f"/page/{token['page']}/x", 404, "No existe"),
        *((f"{url}/", 404, "No existe") for url in urls.values()),
        ("/", 404, "No existe"),
    ]
    expired = [(url, 410, "Enlace vencido") for url in urls.values()]
    for days, links in ((0, dead), (8, expired)):
        quick.world.later(days=days)
        for url, number, title in links:
            answer = quick.client.get(url, headers=BROWSER)
            told = problem(answer, number, title)
            assert "SAM" in told
            assert answer.headers["Vary"] == "Accept"
            assert_locked_down(answer)
            for accept in PROGRAMS if "/page/" not in url else PROGRAMS[1:3]:
                answer = quick.client.get(url, headers={"Accept": accept})
                assert code(answer)[0] == number
                assert answer.headers["Vary"] == "Accept"


def test_an_archive_that_is_over_says_what_to_do(quick: Web) -> None:
    part = quick.published()["parts"][0]
    quick.world.set_request(part["id"], status="expired")
    told = problem(quick.client.get(part["download_url"], headers=BROWSER), 410, "Archivo vencido")
    assert "Solicite el ZIP de nuevo en SAM." in told


def test_clicking_too_often_is_told_with_the_way_back(quick: Web) -> None:
    strict = make_web(quick.world, web_rate=1)
    url, key = button_page(strict)
    assert strict.client.post(url, data={"key": key}).status_code == 303
    answer = strict.client.post(url, data={"key": "another"})
    seconds = answer.headers["Retry-After"]
    wait = "1 segundo" if seconds == "1" else f"{seconds} segundos"
    assert f"Espere {wait} antes de solicitar de nuevo." in problem(answer, 429, "Demasiadas solicitudes")
    assert "Volver</a>" in answer.text
    assert int(seconds) > 0
    assert len(strict.world.requests()) == 3


def test_what_the_database_holds_is_shown_and_never_run(quick: Web) -> None:
    name = "<script>alert(1)</script> & 'Hijos' \" {{ 7*7 }}"
    quick.world.company(name, equipment=1, user="<b>ANA</b>", prefix="XX")
    accepted = quick.clicked("<b>ANA</b>")
    quick.world.set_request(
        accepted["requests"][0]["id"], status="processing", current_step="</p><img src=x onerror=alert(1)>"
    )
    shown = quick.client.get(accepted["page_url"]).text
    shown += quick.client.get(button_page(quick, "<b>ANA</b>")[0]).text
    assert name in html.unescape(shown)
    assert "<b>ANA" not in shown
    assert "<img" not in shown
    assert "alert(1)</script>" not in shown


def test_pages_are_locked_down(quick: Web) -> None:
    url = quick.clicked()["page_url"]
    answer = quick.client.get(url)
    assert_locked_down(answer)
    assert_locked_down(quick.client.get("/page/nothing"))
    assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son[a-z]+=", answer.text)


def assert_locked_down(answer: TestResponse) -> None:
    policy = dict(rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "form-action")} == {"'self'"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_files_of_the_page_are_kept_until_they_change(quick: Web) -> None:
    page = quick.client.get(quick.clicked()["page_url"]).text
    files = re.findall(r'(?:src|href)="(/page/static/[^"]+)"', page)
    assert len(files) == 3
    for address in files:
        answer = quick.client.get(address)
        answer.close()
        assert answer.status_code == 200
        assert re.search(r"\?v=[0-9a-f]{12}$", address)
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_addresses_hold_behind_a_proxy_with_a_prefix(quick: Web) -> None:
    web = make_web(quick.world, web_url="https://sam.example.com/zip")
    accepted = web.clicked()
    assert accepted["page_url"].startswith("https://sam.example.com/zip/page/")
    path = accepted["page_url"].removeprefix("https://sam.example.com/zip")
    assert 'href="/zip/page/static/page.css?v=' in web.client.get(path).text
    assert web.client.post(path, data={"action": "cancel"}).location == f"/zip{path}"
    url, key = button_page(web, site="https://sam.example.com/zip")
    assert web.client.post(url, data={"key": key}).location.startswith("/zip/page/")
