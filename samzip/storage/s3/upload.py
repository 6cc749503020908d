"""Writes an object whose size nobody knows yet: a multipart upload, while it is being made.

An archive's writer goes back: it completes an entry's header once the entry is read, and takes a document back that
failed half-way. So what it has not settled waits here, in memory or, beyond SPOOLED bytes, in a nameless temporary
file: never more than one document. What is settled goes out in parts of PART bytes.
"""

from __future__ import annotations

import hashlib
import io
import os
import queue
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

import obstore

from samzip.threads import in_thread

if TYPE_CHECKING:
    from obstore.store import S3Store

PART = 8 << 20  # bytes; all parts but the last one are equal, as Cloudflare R2 wants it
PARTS_UNDER_WAY = 4
SPOOLED = 16 << 20  # bytes in memory
WAIT_S = 0.5  # until it is asked again whether the upload still lives
ABORT_S = 30


class Aborted(Exception):
    """Whoever wrote gave up."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was sent."""

    size: int  # bytes
    sha256: str
    etag: str  # as S3 computes it of a multipart upload: the MD5 of the parts' MD5s, and their number


class Upload(io.RawIOBase):
    """The file that is written. It is complete when its `with` block ends well; closing it before gives it up."""

    def __init__(
        self,
        bucket: S3Store,
        key: str,
        translate: Callable[[Exception], Exception],
        done: Callable[[Written], None],
    ) -> None:
        self._bucket = bucket
        self._key = key
        self._translate = translate
        self._done = done
        self._open_end = tempfile.SpooledTemporaryFile(SPOOLED)  # noqa: SIM115 -- closed with this file
        self._settled = 0  # bytes; what comes after them is in _open_end
        self._part = bytearray()
        self._parts: queue.Queue[bytes | Aborted | None] = queue.Queue(1)
        self._sha256 = hashlib.sha256()
        self._md5s: list[bytes] = []
        self._hasher = ThreadPoolExecutor(1, "hash")  # beside sending, or it would wait for that
        self._hashed: Future[None] = Future()  # of the last part
        self._hashed.set_result(None)
        self._is_over = False
        self._sending = in_thread(self._send, f"upload {key}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self.close()

    def settle(self, position: int) -> None:
        """What lies before `position` will not change any more."""
        self._open_end.seek(0)
        left = position - self._settled
        while left and (data := self._open_end.read(min(left, PART - len(self._part)))):
            self._part += data
            left -= len(data)
            if len(self._part) == PART:
                self._hand_over(bytes(self._part))
                self._part.clear()
        rest = self._open_end.read()
        self._open_end.seek(0)
        self._open_end.truncate()
        self._open_end.write(rest)
        self._settled = position

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return self._open_end.write(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET and offset < self._settled:
            raise io.UnsupportedOperation(f"byte {offset} is settled")
        return self._settled + self._open_end.seek(offset - (self._settled if whence == os.SEEK_SET else 0), whence)

    def tell(self) -> int:
        return self._settled + self._open_end.tell()

    def truncate(self, size: int | None = None) -> int:
        end = self.tell() if size is None else size
        self._open_end.truncate(end - self._settled)
        return end

    def close(self) -> None:
        if not self.closed:
            self._give_up()
            self._hasher.shutdown(wait=False)
            self._open_end.close()
        super().close()

    def _finish(self) -> None:
        self.settle(self.seek(0, os.SEEK_END))
        if self._part:
            self._hand_over(bytes(self._part))
        self._hand_over(None)
        self._is_over = True
        self._raise_if_failed(self._sending.exception())
        digest = hashlib.md5(b"".join(self._md5s), usedforsecurity=False).hexdigest()
        self._done(Written(self._settled, self._sha256.hexdigest(), f"{digest}-{len(self._md5s)}"))

    def _give_up(self) -> None:
        """obstore aborts the upload when what it reads from fails."""
        if self._is_over:
            return
        self._is_over = True
        with suppress(queue.Empty):
            self._parts.get_nowait()
        self._parts.put(Aborted())
        with suppress(Exception):  # the trouble that led here is told already
            self._sending.result(timeout=ABORT_S)

    def _hand_over(self, part: bytes | None) -> None:
        self._hashed.result()  # so that parts that wait for it are few
        if part is not None:
            self._hashed = self._hasher.submit(self._hash, part)
        while True:
            if self._sending.done():
                self._is_over = True
                self._raise_if_failed(self._sending.exception())
            with suppress(queue.Full):
                self._parts.put(part, timeout=WAIT_S)
                return

    def _raise_if_failed(self, error: BaseException | None) -> None:
        if error is not None:  # a panic of obstore's is no Exception
            told = error if isinstance(error, Exception) else RuntimeError(f"{type(error).__name__}: {error}")
            raise self._translate(told) from error

    def _send(self) -> None:
        obstore.put(
            self._bucket,
            self._key,
            self._read(),
            attributes={"Content-Type": "application/zip"},
            use_multipart=True,
            chunk_size=PART,
            max_concurrency=PARTS_UNDER_WAY,
        )

    def _read(self) -> Iterator[bytes]:
        while (part := self._parts.get()) is not None:
            if isinstance(part, Aborted):
                raise part
            yield part

    def _hash(self, part: bytes) -> None:
        self._md5s.append(hashlib.md5(part, usedforsecurity=False).digest())
        self._sha256.update(part)
