"""Which bytes of a file a download sends (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from werkzeug.http import quote_etag, unquote_etag

_ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes from `start` up to, but not including, `stop`."""

    start: int
    stop: int
    size: int  # of the whole file
    is_range: bool  # whether a range was asked for and is what is sent

    @property
    def length(self) -> int:
        return self.stop - self.start

    @property
    def content_range(self) -> str:
        return f"bytes {self.start}-{self.stop - 1}/{self.size}"


class Unsatisfiable(Exception):
    """The range lies behind the end of the file."""


def choose(wanted: str | None, if_range: str | None, etag: str, size: int) -> Piece:
    """`wanted` and `if_range` as sent. Raises Unsatisfiable.

    The whole file for a range that cannot be understood, for several ranges (a server may), and for one of a file that
    has changed since: If-Range holds the ETag of the bytes that the client has, or a date, which is never good enough.
    """
    whole = Piece(0, size, size, is_range=False)
    match = _ONE_RANGE.fullmatch(wanted or "")
    if match is None or (if_range is not None and if_range.strip() != quote_etag(etag)):
        return whole
    first, last = match.groups()
    if not first and not last:
        return whole
    if not first:  # the last so many bytes
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return whole
    if start >= size:
        raise Unsatisfiable
    return Piece(start, stop, size, is_range=True)


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has the file already."""
    if if_none_match is None:
        return False
    given = [unquote_etag(one.strip())[0] for one in if_none_match.split(",")]
    return if_none_match.strip() == "*" or etag in given
