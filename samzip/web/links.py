"""Signed links: whoever holds one may do what it is for, with exactly the requests that it names, until it expires.

A link is no secret kept anywhere: the signature makes it, and the database tells at each use whether the request, its
user and its archive still allow it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from samzip.requests.shown import Owner
from samzip.web.problems import Problem

STATUS = "status"  # follow, cancel and retry requests
DOWNLOAD = "download"  # one request's archive
CLICK = "click"  # ask for one company's archive in the name of one user

LENGTH = 8000  # characters; nothing that was signed here is longer


@dataclass(frozen=True, slots=True)
class StatusLink:
    """What may be followed."""

    requests: tuple[int, ...]
    owner: Owner
    is_click: bool  # all that one click asked for, and no piece of it


@dataclass(frozen=True, slots=True)
class DownloadLink:
    """Whose archive may be downloaded."""

    request: int
    owner: Owner


@dataclass(frozen=True, slots=True)
class ClickLink:
    """Who may click, and for which company; None is the user's own."""

    user: str
    company_id: int | None


class Links:
    """Makes and reads them. The first secret signs, all of them verify, so that a secret can be replaced."""

    def __init__(self, secrets: Sequence[str]) -> None:
        oldest_first = list(reversed(secrets))
        self._signers = {
            purpose: URLSafeSerializer(
                oldest_first,
                salt=f"samzip.{purpose}",
                signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
            )
            for purpose in (STATUS, DOWNLOAD, CLICK)
        }

    def status(self, request_ids: Sequence[int], owner: Owner, expires: datetime, *, is_click: bool = True) -> str:
        content = [int(is_click), owner.user_id, owner.company_id, *pack(request_ids)]
        return self._sign(STATUS, content, expires)

    def download(self, request_id: int, owner: Owner, expires: datetime) -> str:
        return self._sign(DOWNLOAD, [request_id, owner.user_id, owner.company_id], expires)

    def click(self, user: str, company_id: int | None, expires: datetime) -> str:
        return self._sign(CLICK, [user, company_id], expires)

    def read_status(self, token: str, now: datetime) -> StatusLink:
        """Raises Problem, as the others do."""
        is_click, user_id, company_id, *packed = self._read(STATUS, token, now)
        return StatusLink(unpack(packed), Owner(user_id, company_id), bool(is_click))

    def read_download(self, token: str, now: datetime) -> DownloadLink:
        request_id, user_id, company_id = self._read(DOWNLOAD, token, now)
        return DownloadLink(request_id, Owner(user_id, company_id))

    def read_click(self, token: str, now: datetime) -> ClickLink:
        return ClickLink(*self._read(CLICK, token, now))

    def _sign(self, purpose: str, content: list[Any], expires: datetime) -> str:
        signed = self._signers[purpose].dumps([int(expires.timestamp()), *content])
        return signed if isinstance(signed, str) else signed.decode("ascii")

    def _read(self, purpose: str, token: str, now: datetime) -> list[Any]:
        if len(token) > LENGTH:
            raise Problem("unknown_link")
        content: list[Any]
        try:
            if not _is_as_made(token):
                raise Problem("unknown_link")
            expires, *content = self._signers[purpose].loads(token)
        except (BadData, UnicodeError) as error:
            raise Problem("unknown_link") from error
        if now >= datetime.fromtimestamp(expires, UTC):
            raise Problem("link_expired")
        return content


def _is_as_made(token: str) -> bool:
    """Base64 has several spellings of the same bytes, and its readers pass over what is none: one is ours. Raises
    BadData."""
    return all(base64_encode(base64_decode(piece)).decode("ascii") == piece for piece in token.split("."))


def pack(numbers: Sequence[int]) -> list[int]:
    """First and length of each row of consecutive numbers: the requests of one click are mostly one such row, and a
    link must fit into an address."""
    packed: list[int] = []
    for number in sorted(set(numbers)):
        if packed and number == packed[-2] + packed[-1]:
            packed[-1] += 1
        else:
            packed += [number, 1]
    return packed


def unpack(packed: Sequence[int]) -> tuple[int, ...]:
    pairs = zip(packed[::2], packed[1::2], strict=True)
    return tuple(number for first, length in pairs for number in range(first, first + length))
