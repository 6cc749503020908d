"""The API's addresses: each reads what was sent, asks the hook, and answers JSON. openapi.json describes them."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable
from importlib import resources
from typing import Any, cast

from flask import Blueprint, Response, current_app, g, jsonify, request

from samzip import __version__
from samzip.web.bodies import Click, read_click, read_object, read_request_id, read_user
from samzip.web.callers import SIGNATURE_HEADER, TIMESTAMP_HEADER, Call, identify
from samzip.web.delivery import deliver
from samzip.web.hook import Hook
from samzip.web.problems import RETRY_AFTER_S, Problem

blueprint = Blueprint("api", __name__)

Answer = Response | tuple[Response, int]
View = Callable[..., Answer]

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def hook() -> Hook:
    """That of the running application."""
    return cast(Hook, current_app.extensions["samzip"])


def for_services(view: View) -> View:
    """Lets in who proves to be a service."""

    @functools.wraps(view)
    def checked(**values: Any) -> Answer:
        asked = hook()
        query = request.query_string.decode("latin-1")
        call = Call(
            method=request.method,
            path=f"{request.path}?{query}" if query else request.path,
            body=request.get_data(),
            authorization=request.headers.get("Authorization"),
            timestamp=request.headers.get(TIMESTAMP_HEADER),
            signature=request.headers.get(SIGNATURE_HEADER),
        )
        caller = identify(call, asked.settings.web_tokens, time.time())
        asked.accept_signature(caller)
        g.samzip_caller = caller
        return view(**values)

    return checked


@blueprint.post("/requests")
@for_services
def click() -> Answer:
    wanted: Click = read_click(request)
    return jsonify(hook().click(wanted.user, wanted.company, caller=g.samzip_caller.name, key=_idempotency_key())), 202


@blueprint.post("/links")
@for_services
def click_link() -> Answer:
    wanted = read_click(request)
    return jsonify(hook().click_link(wanted.user, wanted.company)), 201


@blueprint.get("/requests/<id:request_id>")
@for_services
def show(request_id: int) -> Answer:
    return jsonify(hook().request(request_id, read_user(request)))


@blueprint.post("/requests/<id:request_id>/cancel")
@for_services
def cancel_request(request_id: int) -> Answer:
    return jsonify(hook().cancel_request(request_id, read_user(request)))


@blueprint.post("/click/<token>")
def click_by_link(token: str) -> Answer:
    read_object(request)
    return jsonify(hook().click_by_link(token, key=_idempotency_key())), 202


@blueprint.get("/status/<token>")
def status(token: str) -> Answer:
    return jsonify(hook().status(token))


@blueprint.post("/status/<token>/cancel")
def cancel(token: str) -> Answer:
    return jsonify(hook().cancel(token, read_request_id(request)))


@blueprint.post("/status/<token>/retry")
def retry(token: str) -> Answer:
    return jsonify(hook().retry(token, read_request_id(request)))


@blueprint.get("/download/<token>")
def download(token: str) -> Answer:
    return deliver(hook(), token, request)


@blueprint.get("/healthz")
def health() -> Answer:
    found = hook().health()
    answer = jsonify(found)
    if found["status"] != "ok":
        answer.status_code = 503
        answer.headers["Retry-After"] = str(RETRY_AFTER_S)
    return answer


@blueprint.get("/openapi.json")
def openapi() -> Answer:
    return Response(document(), content_type="application/json")


@functools.cache
def document() -> str:
    """The description of this API."""
    text = resources.files("samzip.web").joinpath("openapi.json").read_text(encoding="utf-8")
    return text.replace('"version": "0"', f'"version": "{__version__}"', 1)


def _idempotency_key() -> str | None:
    given = request.headers.get("Idempotency-Key")
    if given is not None and not _KEY.fullmatch(given):
        raise Problem(
            "invalid_field", "Idempotency-Key: de 1 a 255 caracteres ASCII visibles.", field="Idempotency-Key"
        )
    return given
