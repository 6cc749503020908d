"""Which service calls: tokens, and signatures that name method, path and body."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import pytest

from samzip.web.callers import Call, Caller, identify, sign
from samzip.web.problems import Problem

TOKENS = ("the-first-token-here", "the-second-token-here")
NOW = 1_795_600_000
BODY = b'{"user": "CERTIBOY"}'
PLAIN = Call("POST", "/requests", BODY, None, None, None)


def bearer(value: str | None) -> Call:
    return replace(PLAIN, authorization=value)


def signed(token: str = TOKENS[0], at: int = NOW) -> Call:
    return replace(PLAIN, timestamp=str(at), signature=sign(token, at, "POST", "/requests", BODY))


def refused(call: Call, now: float = NOW, tokens: tuple[str, ...] = TOKENS) -> str:
    with pytest.raises(Problem) as problem:
        identify(call, tokens, now)
    assert problem.value.status == 401
    assert problem.value.headers["WWW-Authenticate"].startswith("Bearer")
    return problem.value.code


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_every_token_lets_in(token: str, scheme: str) -> None:
    assert identify(bearer(f"{scheme} {token}"), TOKENS, NOW).signature is None


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        TOKENS[0],
        f"Basic {TOKENS[0]}",
        f"Bearer {TOKENS[0]}x",
        f"Bearer {TOKENS[0][:-1]}",
        f"Bearer {' '.join(TOKENS)}",
        "Bearer ñ\xff",
    ],
)
def test_anything_else_is_refused(value: str | None) -> None:
    assert refused(bearer(value)) == "unauthenticated"


def test_nobody_is_let_in_where_there_are_no_tokens() -> None:
    assert refused(bearer("Bearer "), tokens=()) == "unauthenticated"
    assert refused(signed(), tokens=()) == "unauthenticated"


def test_services_are_told_apart_without_showing_their_tokens() -> None:
    first, second = (identify(bearer(f"Bearer {token}"), TOKENS, NOW) for token in TOKENS)
    assert first.name != second.name
    assert identify(signed(), TOKENS, NOW).name == first.name
    assert not any(token in repr((first, second)) for token in TOKENS)


def test_a_signature_is_what_the_documentation_says() -> None:
    content = b"1795600000\nPOST\n/requests\n" + BODY
    expected = hmac.new(TOKENS[0].encode(), content, hashlib.sha256).hexdigest()
    assert sign(TOKENS[0], NOW, "POST", "/requests", BODY) == f"v1={expected}"


@pytest.mark.parametrize("token", TOKENS)
def test_a_signature_lets_in_and_is_told_so_that_it_can_be_remembered(token: str) -> None:
    call = signed(token)
    assert identify(call, TOKENS, NOW) == Caller(identify(call, TOKENS, NOW).name, (call.signature or "")[3:])


@pytest.mark.parametrize(
    "change",
    [
        {"method": "GET"},
        {"path": "/links"},
        {"path": "/requests?user=x"},
        {"body": BODY + b" "},
        {"body": b""},
        {"timestamp": str(NOW + 1)},
        {"timestamp": None},
        {"timestamp": "x"},
        {"timestamp": f" {NOW}"},
        {"timestamp": "٣"},
        {"timestamp": "9" * 30},
        {"signature": ""},
        {"signature": "v1="},
        {"signature": "v1=" + "0" * 64},
        {"signature": "v2=" + "0" * 64},
        {"signature": "ñ"},
    ],
)
def test_a_signature_of_anything_else_is_refused(change: dict[str, object]) -> None:
    assert refused(replace(signed(), **change)) == "unauthenticated"  # type: ignore[arg-type]


def test_a_wrong_signature_is_not_mended_by_a_right_token() -> None:
    call = replace(signed(), signature="v1=" + "0" * 64, authorization=f"Bearer {TOKENS[0]}")
    assert refused(call) == "unauthenticated"


@pytest.mark.parametrize("off", [-300, 0, 300])
def test_five_minutes_either_way_are_allowed(off: int) -> None:
    assert identify(signed(at=NOW + off), TOKENS, NOW).signature


@pytest.mark.parametrize("off", [-301, 301, -(10**8)])
def test_more_is_stale(off: int) -> None:
    assert refused(signed(at=NOW + off)) == "stale_signature"
