"""A streaming ZIP writer: each entry is read once, and is checked, hashed and written on the way.

Equal input gives equal bytes, whatever the clock says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import BinaryIO, Literal, Protocol, Self, cast

from isal import isal_zlib

from samzip.archive.probe import take_sample, worth_deflating
from samzip.archive.zipformat import (
    DEFLATED,
    LIMIT_16,
    LIMIT_32,
    SIZES_FOLLOW,
    STORED,
    Content,
    Head,
    descriptor,
    end_records,
)
from samzip.errors import StorageFailed

DEFLATE_LEVEL = 2  # igzip's own scale, 0 to 3; 3 takes three times as long
BLOCK_SIZE = 1 << 20  # bytes read at a time; an entry that is smaller is written with its header complete
ZIP64_MARGIN = 64 << 20  # bytes that a source may grow, or deflating may add, without Zip64 reserved


class Readable(Protocol):
    """All that is asked of a source; every binary file has it, though typing.BinaryIO does not say so."""

    def readinto(self, buffer: memoryview, /) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive, as it was written."""

    name: str
    size: int  # bytes
    compressed_size: int  # bytes
    crc: int  # CRC-32
    offset: int  # bytes from the archive's start to its local header
    method: Literal["stored", "deflated"]
    sha256: str  # hexadecimal, of the content


class ZipWriter:
    """Writes entries one after the other to `out`, an empty buffered binary file that stays the caller's.

    With a seekable `out`, headers are completed in place once an entry's CRC is known; otherwise an entry of
    BLOCK_SIZE bytes or more is followed by a data descriptor. As a context manager it writes the directory
    only when the block ended well.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._seekable = out.seekable()
        self._position = 0  # bytes written
        self._settle: Callable[[int], None] | None = getattr(out, "settle", None)  # as storage.Store.create has it
        self._names: set[str] = set()
        self._directory = bytearray()
        self._broken = self._closed = False
        self._block = memoryview(bytearray(BLOCK_SIZE))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def add_bytes(self, name: str, data: bytes, modified: datetime, *, compress: bool | None = None) -> Entry:
        """Add what is in memory. `compress` None: a probe decides; True: unless deflating makes it larger.

        `modified` is naive local time (clamped to 1980-2107, even seconds). Raises ValueError for a name that
        is empty, absolute, taken or over 65,535 bytes, and OSError from `out`.
        """
        view = memoryview(data)
        deflate = worth_deflating(take_sample(view)) if compress is None else compress
        return self._add_whole(name, self._head(name, modified), view, deflate)

    def add_stream(
        self,
        name: str,
        source: BinaryIO | Readable,
        modified: datetime,
        *,
        size_hint: int,
        progress: Callable[[int], None] | None = None,
        compress: bool | None = None,
    ) -> Entry:
        """Add everything that `source` holds from here on; `progress` is told the bytes of each block read.

        `compress` None: a probe of the first block decides. The size may turn out to differ from `size_hint`
        (bytes), which only tells whether to reserve Zip64 sizes. Raises as add_bytes does, OSError from `source`,
        and StorageFailed when a source grows past 4 GiB unforeseen. After a failure a seekable archive is as it
        was before, and takes other entries.
        """
        head = self._head(name, modified)
        block = self._read_block(source, progress)
        deflate = worth_deflating(take_sample(block)) if compress is None else compress
        if len(block) < BLOCK_SIZE:
            return self._add_whole(name, head, block, deflate)
        flags = head.flags if self._seekable else head.flags | SIZES_FOLLOW
        head = replace(head, flags=flags, method=DEFLATED if deflate else STORED)
        deflater = isal_zlib.compressobj(DEFLATE_LEVEL, isal_zlib.DEFLATED, -15) if deflate else None
        zip64 = size_hint >= LIMIT_32 - ZIP64_MARGIN
        sha256 = hashlib.sha256()
        crc = size = 0
        with self._undone_on_error() as offset:
            self._write(head.local(Content(0, 0, 0), zip64=zip64))
            start = self._position
            while block:
                sha256.update(block)
                crc = isal_zlib.crc32(block, crc)
                size += len(block)
                self._write(deflater.compress(block) if deflater else block)
                if not zip64 and max(size, self._position - start) >= LIMIT_32:
                    raise StorageFailed(f"{name} grew past 4 GiB while it was read; it had {size_hint} bytes")
                block = self._read_block(source, progress)
            if deflater:
                self._write(deflater.flush())
            content = Content(crc, self._position - start, size)
            self._complete(head, content, offset, zip64=zip64)
        return self._record(name, head, content, offset, sha256.hexdigest())

    def close(self) -> None:
        """Write the central directory and flush `out`, which stays open. Raises OSError, ValueError."""
        if self._closed:
            return
        self._check_usable()
        with self._undone_on_error() as start:
            self._write(self._directory)
            self._write(end_records(len(self._names), start, len(self._directory)))
            self._out.flush()
        self._closed = True

    def _head(self, name: str, modified: datetime) -> Head:
        self._check_usable()
        if name in self._names:
            raise ValueError(f"two entries have one name: {name!r}")
        head = Head.of(name, modified)
        if not name or name.startswith("/") or len(head.raw_name) > LIMIT_16:
            raise ValueError(f"an entry's name is relative and has 1 to 65,535 bytes: {name[:200]!r}")
        return head

    def _read_block(self, source: BinaryIO | Readable, progress: Callable[[int], None] | None) -> memoryview:
        """The next BLOCK_SIZE bytes of `source`, fewer only at its end; good until the next call."""
        block, filled = self._block, 0
        while filled < BLOCK_SIZE and (count := cast(Readable, source).readinto(block[filled:])):
            filled += count
        if progress and filled:
            progress(filled)
        return block[:filled]

    def _add_whole(self, name: str, head: Head, data: memoryview, deflate: bool) -> Entry:
        """Add an entry whose content is at hand: its header is complete from the start."""
        payload: bytes | memoryview = data
        if deflate and len(deflated := isal_zlib.compress(data, DEFLATE_LEVEL, -15)) < len(data):
            payload, head = deflated, replace(head, method=DEFLATED)
        content = Content(isal_zlib.crc32(data), len(payload), len(data))
        with self._undone_on_error() as offset:
            self._write(head.local(content, zip64=len(data) >= LIMIT_32))
            self._write(payload)
        return self._record(name, head, content, offset, hashlib.sha256(data).hexdigest())

    def _complete(self, head: Head, content: Content, offset: int, *, zip64: bool) -> None:
        """Tell the CRC and the sizes of a streamed entry: in its header, or after it."""
        if self._seekable:
            self._out.seek(offset)
            self._out.write(head.local(content, zip64=zip64))
            self._out.seek(self._position)
        else:
            self._write(descriptor(content, zip64=zip64))

    def _record(self, name: str, head: Head, content: Content, offset: int, sha256: str) -> Entry:
        self._names.add(name)
        self._directory += head.central(content, offset)
        method: Literal["stored", "deflated"] = "deflated" if head.method == DEFLATED else "stored"
        return Entry(name, content.size, content.compressed, content.crc, offset, method, sha256)

    def _write(self, data: bytes | bytearray | memoryview) -> None:
        self._out.write(data)
        self._position += len(data)

    @contextmanager
    def _undone_on_error(self) -> Iterator[int]:
        """Give the offset at which an entry starts; if it fails half-way, take back what was written."""
        offset = self._position
        try:
            yield offset
        except BaseException:
            self._broken = True  # and stays so if the following fails
            if self._seekable:
                self._out.seek(offset)
                self._out.truncate()
                self._position = offset
                self._broken = False
            raise
        if self._settle:
            self._settle(self._position)

    def _check_usable(self) -> None:
        if self._closed:
            raise ValueError("the archive is closed")
        if self._broken:
            raise ValueError("the archive holds half an entry that failed and cannot be taken back")
