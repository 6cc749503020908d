"""The page that a requester sees: made here, refreshed by a little JavaScript or by itself, and never cached."""

from __future__ import annotations

import functools
import hashlib
import re
import secrets
from importlib import resources
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from samzip.web.api import hook
from samzip.web.problems import PAGE_TYPE, Problem
from samzip.web.words import page_words

blueprint = Blueprint(
    "page", __name__, static_folder="static", static_url_path="/page/static", template_folder="templates"
)

KEY_LENGTH = 255  # characters of an Idempotency-Key
STATIC_LIFE_S = 31_536_000  # a year: the address changes with the content

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


@blueprint.get("/page/<token>")
def show(token: str) -> str:
    """Where a click stands."""
    timezone = ZoneInfo(hook().settings.timezone)
    return render_template("page.html", words=page_words(hook().status(token), timezone))


@blueprint.post("/page/<token>")
def act(token: str) -> BaseResponse:
    """Its buttons: `action` is cancel or retry; `request` names one part, and without it all are meant."""
    number = _request_id(request.form.get("request"))
    match request.form.get("action"):
        case "cancel":
            hook().cancel(token, number)
        case "retry":
            hook().retry(token, number)
        case _:
            raise Problem("bad_request")
    return redirect(local("page.show", token=token), 303)


@blueprint.get("/page/click/<token>")
def button(token: str) -> str:
    """A button that asks for an archive. Its key makes one click of however many reach the server."""
    user = hook().read_click_link(token).user
    return render_template("button.html", user=user, key=secrets.token_urlsafe(16))


@blueprint.post("/page/click/<token>")
def clicked(token: str) -> BaseResponse:
    key = request.form.get("key", "")[:KEY_LENGTH]
    accepted = hook().click_by_link(token, key=key or None)
    return redirect(_path(accepted["page_url"]), 303)


@blueprint.after_app_request
def harden(response: Response) -> Response:
    """Pages, wherever they stand; the rest is the application's."""
    headers = response.headers
    if response.mimetype == PAGE_TYPE:
        headers.update(PAGE_HEADERS)
    if request.endpoint == "page.static" and response.status_code == 200:
        headers["Cache-Control"] = f"public, max-age={STATIC_LIFE_S}, immutable"
    return response


@blueprint.app_context_processor
def names() -> dict[str, Any]:
    """What the templates call."""
    return {"static": static}


def static(name: str) -> str:
    return f"{local('page.static', filename=name)}?v={_version(name)}"


def local(endpoint: str, **values: str) -> str:
    """An address of the same site. Without the host it holds behind any proxy, and the page's policy allows it."""
    return _path(hook().url(endpoint, **values))


def _request_id(text: str | None) -> int | None:
    """Raises Problem: whatever is no number must not mean all of them."""
    if text is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text):
        raise Problem("bad_request")
    return int(text)


def _path(url: str) -> str:
    return urlsplit(url).path


@functools.cache
def _version(name: str) -> str:
    content = resources.files("samzip.web").joinpath("static", name).read_bytes()
    return hashlib.sha256(content).hexdigest()[:12]
