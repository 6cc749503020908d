"""What callers send, checked before anything else sees it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from flask import Request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from samzip.web.problems import Problem

NAME_LENGTH = 150  # characters of a username in SAM
BIGGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Click:
    """Who asks, and for which company; None is the user's own."""

    user: str
    company: int | None


def receive(request: Request) -> None:
    """Reads the body, which is kept. Raises Problem for one that breaks off or is framed wrongly, whatever the server
    makes of that; RequestEntityTooLarge."""
    try:
        received = len(request.get_data(cache=True))
        # what comes in chunks is cut at the limit without a word: only one byte more tells that it was longer
        is_cut = (
            request.content_length is None
            and received == request.max_content_length
            and request.environ["wsgi.input"].read(1) != b""
        )
    except HTTPException:
        raise
    except Exception as error:  # each server has its own
        raise Problem("bad_request") from error
    if received < (request.content_length or 0):
        raise Problem("bad_request")
    if is_cut:
        raise RequestEntityTooLarge


def read_click(request: Request) -> Click:
    """Raises Problem."""
    body = read_object(request)
    if body is None:
        raise Problem("bad_json")
    _only(body, "user", "company")
    return Click(check_user(body.get("user")), check_id(body.get("company"), "company"))


def read_request_id(request: Request) -> int | None:
    """Of the one part that is meant; None: all of them. Raises Problem."""
    body = read_object(request)
    if body is None:
        return None
    _only(body, "request")
    return check_id(body.get("request"), "request")


def read_user(request: Request) -> str | None:
    """The user whom a service asks for. Raises Problem."""
    given = request.args.getlist("user")
    if len(given) > 1:
        raise _invalid("user", "se indicó más de una vez")
    return check_user(given[0]) if given else None


def read_object(request: Request) -> dict[str, Any] | None:
    """The body; None when there is none. Raises Problem."""
    raw = request.get_data()
    if not raw:
        return None
    if request.mimetype != "application/json":
        raise Problem("not_json")
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Problem("bad_json") from error
    if not isinstance(value, dict):
        raise Problem("bad_json")
    return value


def check_user(value: object) -> str:
    """A username as it may stand in SAM's database."""
    if not isinstance(value, str):
        raise _invalid("user", "se espera un texto")
    if not 1 <= len(value) <= NAME_LENGTH or not value.isprintable():
        raise _invalid("user", f"se esperan de 1 a {NAME_LENGTH} caracteres imprimibles")
    return value


def check_id(value: object, field: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= BIGGEST_ID:
        raise _invalid(field, "se espera un número entero positivo")
    return value


def _only(body: dict[str, Any], *known: str) -> None:
    for name in body:
        if name not in known:
            raise _invalid(name if name.isprintable() else "?", "este dato no se conoce")


def _invalid(field: str, why: str) -> Problem:
    return Problem("invalid_field", f"{field[:50]}: {why}.", field=field[:50])


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers differ in which of two they take: what another one checked may not be what stands here."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise Problem("bad_json", "Un nombre viene dos veces en el cuerpo de la solicitud.")
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
