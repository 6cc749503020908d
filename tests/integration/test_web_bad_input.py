"""What must never stop the hook, insert anything or show its inside."""

from __future__ import annotations

import html
import io
import json
from typing import Any

import pytest
from sqlalchemy import update

from samzip.database import tables
from samzip.web.app import BODY_LIMIT
from tests.support.web import BEARER, Web, body, code

NO_OBJECT = [b"", b"{", b"[]", b'"x"', b"null", b"\xff\xfe", b'{"user": NaN}', b"[" * 8000, b'{"user": "\xc3"}', b"\0"]
WRONG_VALUES = [
    {},
    {"user": None},
    {"user": 1},
    {"user": ["CERTIBOY"]},
    {"user": {"a": 1}},
    {"user": True},
    {"user": ""},
    {"user": "x" * 151},
    {"user": "a\0b"},
    {"user": "a\nb"},
    {"user": "\ud800"},
    {"user": "CERTIBOY", "company": "1"},
    {"user": "CERTIBOY", "company": 0},
    {"user": "CERTIBOY", "company": -1},
    {"user": "CERTIBOY", "company": 1.0},
    {"user": "CERTIBOY", "company": True},
    {"user": "CERTIBOY", "company": 2**63},
    {"user": "CERTIBOY", "company": 10**400},
    {"user": "CERTIBOY", "company": [1]},
    {"user": "CERTIBOY", "other": 1},
    {"user": "CERTIBOY", "\ud800": 1},
]
TRICKS = [
    "/requests/0",
    "/requests/-1",
    "/requests/01",
    "/requests/1.0",
    "/requests/1e3",
    "/requests/9223372036854775808",
    "/requests/../../etc/passwd",
    "/requests/%2e%2e%2f1",
    "/requests/1%00",
    "/requests/1'--",
    "/requests/٣",
    "/requests/1/../2",
    "/requests//1",
    "/requests/1/",
    "/status/../requests",
    "/status/%2e%2e%2frequests",
    "/download/..%2f..%2fetc%2fpasswd",
    "/nowhere",
    "/",
]
NASTY = [
    "' OR 1=1 --",
    "'; DROP TABLE core_ziprequest; --",
    "<script>alert(1)</script>",
    "{{ 7*7 }}",
    "../../etc/passwd",
    "%00%2e%2e",
    "ñandú ☃ 𝔘",
]


def test_what_is_no_json_object_is_refused(quick: Web) -> None:
    for content in NO_OBJECT:
        response = quick.client.post("/requests", data=content, headers=BEARER, content_type="application/json")
        assert code(response) == (400, "bad_json"), content
    assert quick.world.requests() == []


def test_a_name_that_comes_twice_is_refused_wherever_it_stands(quick: Web) -> None:
    """Whoever checked the body before may have looked at the other one."""
    status = quick.clicked()["status_url"]
    number = quick.world.requests()[0].id
    twice = b'{"request": %d, "request": %d}' % (number, number + 1)
    for path, content in (
        ("/requests", b'{"user": "CERTIBOY", "user": "ANA"}'),
        ("/requests", b'{"user": "CERTIBOY", "\\u0075ser": "CERTIBOY"}'),
        ("/links", b'{"user": "CERTIBOY", "company": 1, "company": null}'),
        ("/requests", b'{"user": {"a": 1, "a": 2}}'),
        (f"{status}/cancel", twice),
    ):
        response = quick.client.post(path, data=content, headers=BEARER, content_type="application/json")
        assert code(response) == (400, "bad_json"), content
        assert "dos veces" in response.text
    assert [row.status for row in quick.world.requests()] == ["pending"] * 3


def test_another_type_of_content_is_refused(quick: Web) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "x"):
        response = quick.client.post("/requests", data=b'{"user": "CERTIBOY"}', headers=BEARER, content_type=kind)
        assert code(response) == (415, "not_json"), kind
    assert quick.world.requests() == []


def test_wrong_types_and_values_are_named_and_nothing_is_inserted(quick: Web) -> None:
    for value in WRONG_VALUES:
        for path in ("/requests", "/links"):
            sent = json.dumps(value)
            response = quick.client.post(path, data=sent, headers=BEARER, content_type="application/json")
            assert code(response) == (422, "invalid_field"), value
            assert body(response)["field"]
    status = quick.clicked()["status_url"]
    for choice in ({"request": "1"}, {"request": 0}, {"request": True}, {"part": 1}):
        assert code(quick.client.post(f"{status}/cancel", json=choice)) == (422, "invalid_field"), choice
    assert code(quick.client.post(f"{status}/cancel", json={"request": 4711})) == (404, "not_found")
    assert code(quick.client.get("/requests/1?user=a&user=b", headers=BEARER)) == (422, "invalid_field")
    assert [row.status for row in quick.world.requests()] == ["pending"] * 3


def test_a_key_that_is_none_is_refused(quick: Web) -> None:
    for key in ("", " ", "a b", "ñ", "x" * 256):
        assert code(quick.click(Idempotency_Key=key)) == (422, "invalid_field"), key
    assert quick.world.requests() == []


def test_sql_and_html_in_a_field_are_just_text(web: Web) -> None:
    company = web.world.rows(tables.empresa)[0].id
    for value in NASTY:
        assert code(web.click(value)) == (404, "unknown_user")
        with web.world.database.write() as connection:
            web.world.user(connection, value, company)
            connection.execute(update(tables.empresa).values(nombre=value))
        key = "".join(c for c in value if 32 < ord(c) < 127)
        response = web.click(value, Idempotency_Key=key)
        assert response.status_code == 202
        accepted = body(response)
        assert (accepted["user"], accepted["company"]["name"]) == (value, value)
        number = accepted["requests"][0]["id"]
        shown = web.client.get(f"/requests/{number}", query_string={"user": value}, headers=BEARER)
        assert body(shown)["user"] == value
        page = web.client.get(accepted["page_url"])
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert value in html.unescape(page.text)
    assert len(web.world.requests()) == 3 * len(NASTY)


def test_a_huge_body_is_refused_unread(quick: Web) -> None:
    huge = b'{"user": "' + b"x" * BODY_LIMIT + b'"}'
    status = quick.clicked()["status_url"]
    for path, headers in (("/requests", BEARER), ("/requests", {}), (f"{status}/cancel", {})):
        response = quick.client.post(path, data=huge, headers=headers, content_type="application/json")
        assert code(response) == (413, "too_large")


@pytest.mark.parametrize("more", [0, 1])
def test_a_body_in_chunks_has_the_same_limit(quick: Web, more: int) -> None:
    sent = b'{"user": "CERTIBOY"}'.ljust(BODY_LIMIT + more)
    whole = quick.client.post("/requests", data=sent, headers=BEARER, content_type="application/json")
    chunked = quick.client.post(
        "/requests",
        input_stream=io.BytesIO(sent),
        headers={**BEARER, "Transfer-Encoding": "chunked"},
        content_type="application/json",
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert whole.status_code == chunked.status_code == (413 if more else 202)


class Broken(io.RawIOBase):
    """A body that the server cannot read to its end."""

    def readable(self) -> bool:
        return True

    def readinto(self, _: object) -> int:
        raise ZeroDivisionError("a server's own error")


def test_a_body_that_breaks_off_is_the_senders_fault_and_inserts_nothing(quick: Web) -> None:
    page = quick.clicked()["page_url"]
    whole = b'{"user": "CERTIBOY"}'
    cut = {"CONTENT_LENGTH": str(len(whole) + 1), "wsgi.input_terminated": True}  # as gunicorn has it
    endless = {"wsgi.input": Broken(), "wsgi.input_terminated": True}
    for environ in (cut, endless):
        sent: dict[str, Any] = {"data": whole, "environ_overrides": environ, "headers": BEARER}
        response = quick.client.post("/requests", content_type="application/json", **sent)
        assert code(response) == (400, "bad_request")
        assert "Solicitud incorrecta" in quick.client.post(page, **sent).text
    assert len(quick.world.requests()) == 3


def test_tricks_in_addresses_lead_nowhere(quick: Web) -> None:
    quick.clicked()
    for path in TRICKS:
        status, name = code(quick.client.get(path, headers=BEARER))
        assert (status, name) in ((404, "not_found"), (404, "unknown_link"), (405, "method_not_allowed")), path


def test_methods_that_an_address_does_not_know_are_named(quick: Web) -> None:
    wrong = quick.client.get("/requests", headers=BEARER)
    assert code(wrong) == (405, "method_not_allowed")
    assert set(wrong.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    assert code(quick.client.delete("/requests/1", headers=BEARER)) == (405, "method_not_allowed")
    options = quick.client.options("/requests")
    assert (options.status_code, options.data) == (200, b"")
    assert set(options.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_head_answers_as_get_without_a_body(quick: Web) -> None:
    accepted = quick.clicked()
    for path in (accepted["status_url"], "/healthz", "/openapi.json"):
        got, head = quick.client.get(path), quick.client.head(path)
        assert (head.status_code, head.data) == (got.status_code, b"")
        assert head.headers["Content-Type"] == got.headers["Content-Type"]


def test_a_mistake_of_our_own_shows_nothing_of_the_inside(quick: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("the inside: /srv/secret")

    monkeypatch.setattr("samzip.web.clicks.insert_for", break_down)
    response = quick.click()
    assert code(response) == (500, "unexpected")
    assert "inside" not in response.text


def test_a_row_that_sam_left_odd_is_shown_all_the_same(quick: Web) -> None:
    web, world = quick, quick.world
    accepted = web.clicked()
    world.set_request(accepted["requests"][0]["id"], status="queued", progress_percentage=900, total_equipos=None)
    part = web.status(accepted)["parts"][0]
    assert (part["status"], part["percent"], part["equipment"]["total"]) == ("pending", 100, None)
    for request in accepted["requests"]:
        world.set_request(request["id"], status="dormida")
    assert web.status(accepted)["working"] is False
