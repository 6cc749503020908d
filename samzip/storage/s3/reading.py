"""Reads what lies in a bucket, ahead of who asks for it: the latency of a request is paid once, not for each document.

Everything is read in pieces of at most PIECE bytes, each a request of its own that is retried by itself. A window of
pieces is under way, in the order in which they will be wanted; its limits are what keeps memory flat.
"""

from __future__ import annotations

import errno
import io
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import obstore

from samzip.storage import Stat
from samzip.storage.s3.client import start

if TYPE_CHECKING:
    from obstore import Bytes, ObjectMeta
    from obstore.store import S3Store

PIECE = 4 << 20  # bytes
REQUESTS = 32  # pieces under way
WINDOW = 32 << 20  # bytes under way


class Changed(OSError):
    """An object is not the one that was looked at."""

    def __init__(self) -> None:
        super().__init__(errno.ESTALE, "cambió mientras se leía")


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of an object."""

    key: str
    begin: int
    end: int
    etag: str | None  # None: all of an object, whatever its version; "": a range of whatever version

    async def fetch(self, bucket: S3Store) -> tuple[Bytes, Stat]:
        """Its bytes, and what the object is. Raises obstore's errors, and OSError when the object changed."""
        options: Any = None
        if self.etag is not None:
            options = {"range": (self.begin, self.end)}
            if self.etag:
                options["if_match"] = f'"{self.etag}"'
        try:
            result = await obstore.get_async(bucket, self.key, options=options)
        except obstore.exceptions.PreconditionError as error:
            raise Changed from error
        if self.etag is None and result.meta["size"] > 2 * PIECE:
            raise Changed  # it was small a moment ago, and nobody reckons with so much memory
        found = stat_of(result.meta)
        if self.etag and found.etag != self.etag:  # not every store heeds If-Match
            raise Changed
        return await result.bytes_async(), found


def stat_of(meta: ObjectMeta) -> Stat:
    """The same whether it was listed, looked at or read: those differ in quotes and in fractions of a second."""
    modified = meta["last_modified"].replace(microsecond=0)
    etag = (meta["e_tag"] or f"{meta['size']}-{int(modified.timestamp())}").strip('"')
    return Stat(meta["size"], modified, etag)


def pieces(key: str, size: int, etag: str, first: int = 0) -> Iterator[Piece]:
    """An object's, from the one with the number `first`."""
    if size <= PIECE:
        yield Piece(key, 0, size, None)
        return
    for begin in range(first * PIECE, size, PIECE):
        yield Piece(key, begin, min(begin + PIECE, size), etag)


class Window:
    """Pieces under way."""

    def __init__(self, bucket: S3Store, wanted: Iterable[Piece]) -> None:
        self._bucket = bucket
        self._wanted = iter(wanted)
        self._next = next(self._wanted, None)
        self._begun: deque[tuple[Piece, Future[tuple[Bytes, Stat]]]] = deque()
        self._bytes = 0

    def take(self, key: str, begin: int) -> Future[tuple[Bytes, Stat]] | None:
        """The piece that begins there; those before it are given up. None: it is not in the window."""
        self._fill()
        if not any((piece.key, piece.begin) == (key, begin) for piece, _ in self._begun):
            return None
        while True:
            piece, future = self._begun.popleft()
            self._bytes -= piece.end - piece.begin
            if (piece.key, piece.begin) == (key, begin):
                self._fill()
                return future
            future.cancel()

    def close(self) -> None:
        self._next = None
        while self._begun:
            self._begun.popleft()[1].cancel()

    def _fill(self) -> None:
        while (piece := self._next) and len(self._begun) < REQUESTS and (not self._begun or self._bytes < WINDOW):
            self._begun.append((piece, start(piece.fetch(self._bucket))))
            self._bytes += piece.end - piece.begin
            self._next = next(self._wanted, None)


class ObjectFile(io.RawIOBase):
    """An object that is open for reading. A read gives all that was asked for, unless the object ends."""

    def __init__(
        self,
        bucket: S3Store,
        key: str,
        size: int,
        etag: str,
        translate: Callable[[Exception], Exception],
        window: Window | None = None,
    ) -> None:
        """`translate` makes the store's errors of obstore's; `window` is one that reads other objects as well."""
        self._bucket = bucket
        self._key = key
        self._size = size
        self._etag = etag
        self.whole: Stat | None = None  # what it is, once all of it is the piece at hand
        self._translate = translate
        self._shared = window
        self._window = window or Window(bucket, pieces(key, size, etag))
        self._position = 0
        self._begin = -1  # of the piece at hand
        self._piece = memoryview(b"")

    def load(self) -> memoryview:
        """The piece at the position. Raises the store's errors."""
        begin = self._position // PIECE * PIECE if self._size > PIECE else 0
        if begin != self._begin:
            future = self._window.take(self._key, begin)
            if future is None:  # somebody sought: read on from there
                self._drop()
                self._window = Window(self._bucket, pieces(self._key, self._size, self._etag, begin // PIECE))
                future = self._window.take(self._key, begin)
            if future is None:
                raise Changed
            try:
                data, found = future.result()
            except Exception as error:
                raise self._translate(error) from error
            if self._size <= PIECE:
                self.whole, self._size = found, len(data)  # it may have changed since it was looked at
            self._begin, self._piece = begin, memoryview(data)
        return self._piece

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view, filled = memoryview(buffer).cast("B"), 0
        while filled < len(view) and self._position < self._size:
            piece = self.load()
            part = piece[self._position - self._begin :][: len(view) - filled]
            if not part:
                break
            view[filled : filled + len(part)] = part
            filled += len(part)
            self._position += len(part)
        return filled

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start_of = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}
        position = start_of[whence] + offset
        if position < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._position = position
        return position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        self._drop()
        self._piece = memoryview(b"")
        super().close()

    def _drop(self) -> None:
        if self._window is not self._shared:
            self._window.close()
