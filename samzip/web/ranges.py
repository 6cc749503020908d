"""Which bytes of a file a download sends (RFC 9110, section 14)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from werkzeug.http import quote_etag

_ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII | re.IGNORECASE)


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
        start, stop = max(0, size - _offset(last)), size
    else:
        start, stop = _offset(first), min(_offset(last) + 1, size) if last else size
        if last and _offset(last) < start:
            return whole
    if start >= size:
        raise Unsatisfiable
    return Piece(start, stop, size, is_range=True)


def _offset(digits: str) -> int:
    """Of any number of digits, more than Python takes too: 19 that count lie behind the end of every file."""
    return int(digits.lstrip("0")[:19] or "0")
