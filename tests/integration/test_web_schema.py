"""openapi.json says what the code does: held against the addresses, against real answers, and by schemathesis."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from samzip import __version__
from samzip.options import OPTIONS
from samzip.web.problems import KINDS
from tests.support.web import BEARER, Web, body, make_web

ROOT = Path(__file__).parents[2]
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
EXAMPLES = 8  # of each operation and kind
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")


def described(web: Web) -> dict[str, Any]:
    return body(web.client.get("/openapi.json"))


def test_every_address_of_the_api_is_described_and_no_other(quick: Web) -> None:
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method)
        for rule in quick.app.url_map.iter_rules()
        if rule.endpoint.startswith("api.")
        for method in (rule.methods or ())
        if method in METHODS
    }
    document = described(quick)
    listed = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
    assert served == listed
    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"] == __version__


def test_every_problem_code_is_described_with_its_status(quick: Web) -> None:
    document = described(quick)
    responses = dict(document["components"]["responses"])
    for item in document["paths"].values():
        for operation in item.values():
            responses.update({f"{operation['operationId']} {k}": v for k, v in operation["responses"].items()})
    text = " ".join(response.get("description", "") for response in responses.values())
    inner = {"unexpected", "method_not_allowed"}  # of every address
    assert [code for code in KINDS if code not in inner and f"`{code}`" not in text] == []


def test_what_needs_a_credential_says_so(quick: Web) -> None:
    for path, item in described(quick)["paths"].items():
        for method, operation in item.items():
            address = path.replace("{request_id}", "1").replace("{token}", "x")
            answer = quick.client.open(address, method=method.upper())
            assert (answer.status_code == 401) == bool(operation["security"]), path


def test_every_address_and_every_setting_is_documented(quick: Web) -> None:
    web, readme = ((ROOT / name).read_text(encoding="utf-8") for name in ("docs/web.md", "README.md"))
    for path in described(quick)["paths"]:
        shown = path.replace("{request_id}", "ID").replace("{token}", "TOKEN")
        assert shown in web or shown.rpartition("/")[2] in web, path
    names = [option.name for option in OPTIONS if option.name.startswith("web_")]
    assert [name for name in names if f"| {name} |" not in web] == []
    assert [name for name in names if name not in readme] == []


@pytest.mark.filterwarnings("ignore")  # of the tool itself
def test_real_answers_are_as_described(quick: Web) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", quick.app)
    accepted = quick.clicked()
    quick.world.run()
    done = quick.status(accepted)
    failing = quick.clicked()
    quick.world.set_request(failing["requests"][0]["id"], status="failed", error_message="x")
    token = done["status_url"].rpartition("/")[2]
    download = done["parts"][0]["download_url"].rpartition("/")[2]
    click = body(quick.client.post("/links", json={"user": "CERTIBOY"}, headers=BEARER))["page_url"].rpartition("/")[2]
    number = failing["requests"][1]["id"]
    calls: list[tuple[str, str, int, dict[str, Any]]] = [
        ("POST", "/requests", 202, {"json": {"user": "CERTIBOY"}, "headers": BEARER}),
        ("POST", "/requests", 401, {"json": {"user": "CERTIBOY"}}),
        ("POST", "/requests", 404, {"json": {"user": "nobody"}, "headers": BEARER}),
        ("POST", "/requests", 422, {"json": {"user": 1}, "headers": BEARER}),
        ("POST", "/requests", 400, {"data": b"{", "headers": BEARER, "content_type": "application/json"}),
        ("POST", "/links", 201, {"json": {"user": "CERTIBOY"}, "headers": BEARER}),
        ("POST", f"/click/{click}", 202, {}),
        ("GET", f"/requests/{number}", 200, {"headers": BEARER}),
        ("POST", f"/requests/{number}/cancel", 200, {"headers": BEARER}),
        ("POST", f"/requests/{number}/cancel", 409, {"headers": BEARER}),
        ("GET", f"/status/{token}", 200, {}),
        ("GET", "/status/x", 404, {}),
        ("POST", f"/status/{token}/cancel", 409, {}),
        ("POST", f"/status/{failing['status_url'].rpartition('/')[2]}/retry", 200, {}),
        ("GET", f"/download/{download}", 200, {}),
        ("GET", f"/download/{download}", 206, {"headers": {"Range": "bytes=0-9"}}),
        ("GET", f"/download/{download}", 416, {"headers": {"Range": "bytes=99999999-"}}),
        ("GET", "/healthz", 200, {}),
        ("GET", "/openapi.json", 200, {}),
    ]
    for method, path, status, more in calls:
        response = quick.client.open(path, method=method, **more)
        assert response.status_code == status, (path, response.text)
        template = re.sub(r"^(/(?:status|download|click)/)[^/]+", r"\1{token}", path)
        template = re.sub(r"^/requests/\d+", "/requests/{request_id}", template)
        schema[template][method].validate_response(response)
        response.close()


@pytest.mark.filterwarnings("ignore")  # of the tool itself
def test_schemathesis_finds_no_500(quick: Web) -> None:
    """Calls made up from the description, right and wrong ones, with a credential and without."""
    web = make_web(quick.world, web_rate=1_000_000)
    status = web.published()
    links = body(web.client.post("/links", json={"user": "CERTIBOY"}, headers=BEARER))
    known = [url.rpartition("/")[2] for url in (status["status_url"], *_downloads(status), links["page_url"])]
    schema = schemathesis.openapi.from_wsgi("/openapi.json", web.app)
    answered: Counter[int] = Counter()

    def play(case: schemathesis.Case, headers: dict[str, str], token: str | None) -> None:
        if token is not None and "token" in (case.path_parameters or {}):
            case.path_parameters["token"] = token
        if token == known[0] and isinstance(case.body, dict) and "user" in case.body:
            case.body = {"user": "CERTIBOY"}
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS, headers=headers)
        answered[response.status_code] += 1

    for result in schema.get_all_operations():
        operation = result.ok()
        takes_something = bool(operation.path_parameters or operation.body)
        can_be_wrong = operation.body or operation.query  # any text at all may stand for a token
        modes = [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if can_be_wrong else [])]
        for mode in modes:
            strategy = operation.as_strategy(generation_mode=mode)
            test = given(strategy, st.sampled_from([BEARER, BEARER, {}]), st.sampled_from([*known, None]))(play)
            settings(max_examples=EXAMPLES if takes_something else 1, phases=[Phase.generate], database=None)(test)()
    assert {200, 401, 404, 422} <= set(answered)
    assert max(answered) < 500


def _downloads(status: dict[str, Any]) -> list[str]:
    return [part["download_url"] for part in status["parts"]]
