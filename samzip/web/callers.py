"""Which service calls: a bearer token, or a signature made with one.

    Authorization: Bearer TOKEN
    X-Samzip-Timestamp: seconds since 1970, X-Samzip-Signature: v1=HEX

The signature is HMAC-SHA256, keyed with the token, of timestamp, method, path below the hook's address with its query,
and body, joined by line feeds. The token itself never travels then.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from samzip.web.problems import Problem

WINDOW = timedelta(minutes=5)  # between a signature's timestamp and now, either way
TIMESTAMP_HEADER = "X-Samzip-Timestamp"
SIGNATURE_HEADER = "X-Samzip-Signature"

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="samzip"'}


@dataclass(frozen=True, slots=True)
class Call:
    """What of a call is signed, and its credentials as they came."""

    method: str
    path: str  # below the hook's own address, with its query: "/requests", wherever the hook is mounted
    body: bytes
    authorization: str | None
    timestamp: str | None
    signature: str | None


@dataclass(frozen=True, slots=True)
class Caller:
    """A service that proved itself."""

    name: str  # a digest of its token: tells services apart and no secret
    signature: str | None  # that must not be accepted again


def sign(token: str, timestamp: int, method: str, path: str, body: bytes) -> str:
    """The value of X-Samzip-Signature."""
    return f"v1={_digest(token, str(timestamp), method, path, body)}"


def identify(call: Call, tokens: Sequence[str], now: float) -> Caller:
    """`now` in seconds since 1970. Raises Problem. Takes as long for a wrong token as for a right one."""
    if call.signature is not None:
        return _by_signature(call, tokens, now)
    scheme, _, given = (call.authorization or "").partition(" ")
    found = [token for token in tokens if hmac.compare_digest(_plain_digest(token), _plain_digest(given.strip()))]
    if scheme.lower() != "bearer" or not found:
        raise Problem("unauthenticated", headers=_CHALLENGE)
    return Caller(_name(found[0]), None)


def _by_signature(call: Call, tokens: Sequence[str], now: float) -> Caller:
    stamp, given = call.timestamp or "", call.signature or ""
    if not re.fullmatch(r"\d{1,12}", stamp, re.ASCII) or not re.fullmatch(r"v1=[0-9a-f]{64}", given, re.ASCII):
        raise Problem("unauthenticated", headers=_CHALLENGE)
    made = [(token, f"v1={_digest(token, stamp, call.method, call.path, call.body)}") for token in tokens]
    found = [token for token, expected in made if hmac.compare_digest(expected, given)]
    if not found:
        raise Problem("unauthenticated", headers=_CHALLENGE)
    if abs(now - int(stamp)) > WINDOW.total_seconds():
        raise Problem("stale_signature", headers=_CHALLENGE)
    return Caller(_name(found[0]), given.removeprefix("v1="))


def _digest(token: str, timestamp: str, method: str, path: str, body: bytes) -> str:
    signed = "\n".join((timestamp, method, path, "")).encode() + body
    return hmac.new(token.encode(), signed, hashlib.sha256).hexdigest()


def _plain_digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _name(token: str) -> str:
    return hashlib.sha256(b"samzip caller\n" + token.encode()).hexdigest()[:16]
