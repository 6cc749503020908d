"""Re-read an archive as ZipWriter makes it, and say which entry is damaged if one is."""

from __future__ import annotations

import errno
import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol, cast
from zipfile import BadZipFile, ZipFile, ZipInfo

from isal import isal_zlib

from samzip.archive import zipformat
from samzip.archive.zipformat import DEFLATED, LIMIT_32, SIZES_FOLLOW, STORED, Content
from samzip.errors import DamagedArchive

BLOCK_SIZE = 1 << 20  # bytes, read or inflated at a time
INFLATE_ERROR = cast(type[Exception], isal_zlib.error)  # the stubs call this class an instance


class Digest(Protocol):
    """What hashlib makes."""

    def update(self, data: bytes | memoryview, /) -> None: ...


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What a sound archive holds."""

    entries: int
    bytes: int  # of content, after inflating


def verify_zip(source: BinaryIO, digest: Digest | None = None) -> VerifyResult:
    """Read all of a seekable archive. Every byte must belong to an entry, the directory or its end.

    Checked are each CRC and size, that the local headers agree with the directory, and that the entries lie
    end to end from the first byte to the directory, which ends with the file. `digest`, if given, is updated with
    the whole file in the same pass. Raises DamagedArchive, naming the entry, and OSError when the file cannot be read.
    """
    infos, directory = _read_directory(source)
    buffer = memoryview(bytearray(BLOCK_SIZE))
    position = 0
    source.seek(0)
    if digest is not None:
        source = cast(BinaryIO, _Digested(source, digest))
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.header_offset != position:
            raise DamagedArchive(f"{info.orig_filename}: begins at byte {info.header_offset}, not {position}")
        position += _verify_entry(source, info, buffer)
    if position != directory:
        raise DamagedArchive(f"the directory begins at byte {directory}, the entries end at {position}")
    for _ in iter(lambda: source.read(BLOCK_SIZE), b""):
        pass  # the directory, for the digest
    return VerifyResult(len(infos), sum(info.file_size for info in infos))


class _Digested:
    """Updates a digest with all that is read, which is each byte once and in order."""

    def __init__(self, source: BinaryIO, digest: Digest) -> None:
        self._source = cast(io.BufferedIOBase, source)
        self._update = digest.update

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        self._update(data)
        return data

    def readinto(self, view: memoryview) -> int:
        count = self._source.readinto(view)
        self._update(view[:count])
        return count


def _read_directory(source: BinaryIO) -> tuple[list[ZipInfo], int]:
    """The directory's entries, and the byte at which it begins."""
    try:
        with ZipFile(source) as archive:
            infos, directory = archive.infolist(), archive.start_dir
    except (BadZipFile, ValueError, struct.error, OverflowError, NotImplementedError) as error:
        raise DamagedArchive(f"its directory cannot be read: {error}") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: damaged numbers lead to before the file's start
            raise
        raise DamagedArchive("its directory cannot be read: it points outside the file") from error
    source.seek(-zipformat.END.size, os.SEEK_END)
    signature, _, _, _, count, *_, comment = zipformat.END.unpack(source.read(zipformat.END.size))
    if signature != zipformat.END_SIGNATURE or comment:
        raise DamagedArchive("it does not end where its directory does")
    if count != min(len(infos), zipformat.LIMIT_16):
        raise DamagedArchive(f"its directory has {len(infos)} entries and should have {count}")
    return infos, directory


def _verify_entry(source: BinaryIO, info: ZipInfo, buffer: memoryview) -> int:
    """Check the entry that begins here, and return its length in bytes, headers included."""
    name, content = info.orig_filename, Content(info.CRC, info.compress_size, info.file_size)
    length, zip64 = _verify_local_header(source, info, content)
    if info.compress_type not in (STORED, DEFLATED) or info.flag_bits & 1:
        raise DamagedArchive(f"{name}: is encrypted or neither stored nor deflated")
    blocks = _blocks(source, content.compressed, buffer, name)
    crc = size = 0
    try:
        for block in _inflated(blocks) if info.compress_type == DEFLATED else blocks:
            crc = isal_zlib.crc32(block, crc)
            size += len(block)
            if size > content.size:
                break
    except INFLATE_ERROR as error:
        raise DamagedArchive(f"{name}: cannot be inflated: {error}") from error
    if (crc, size) != (content.crc, content.size):
        raise DamagedArchive(f"{name}: content differs from its CRC or size")
    if info.flag_bits & SIZES_FOLLOW:
        expected = zipformat.descriptor(content, zip64=zip64)
        if source.read(len(expected)) != expected:
            raise DamagedArchive(f"{name}: data descriptor differs from the directory")
        length += len(expected)
    return length + content.compressed


def _verify_local_header(source: BinaryIO, info: ZipInfo, content: Content) -> tuple[int, bool]:
    """The header's length in bytes, and whether it has Zip64 sizes."""
    packed = source.read(zipformat.LOCAL_HEADER.size)
    if len(packed) < zipformat.LOCAL_HEADER.size or not packed.startswith(zipformat.LOCAL_SIGNATURE):
        raise DamagedArchive(f"{info.orig_filename}: has no local header where the directory says")
    (_, _, flags, method, time, date, crc, compressed, size, *lengths) = zipformat.LOCAL_HEADER.unpack(packed)
    raw_name, extra = source.read(lengths[0]), source.read(lengths[1])
    zip64 = compressed == size == LIMIT_32 and extra.startswith(struct.pack("<2H", 1, 16)) and len(extra) >= 20
    if zip64:
        size, compressed = struct.unpack_from("<2Q", extra, 4)
    year, month, day, hour, minute, second = info.date_time
    stamp = (hour << 11 | minute << 5 | second // 2, (year - 1980) << 9 | month << 5 | day)
    sizes = Content(0, 0, 0) if flags & SIZES_FOLLOW else content
    name = raw_name.decode("utf-8" if flags & zipformat.UTF8_NAME else "cp437", errors="replace")
    found = (name, flags, method, (time, date), Content(crc, compressed, size))
    if found != (info.orig_filename, info.flag_bits, info.compress_type, stamp, sizes):
        raise DamagedArchive(f"{info.orig_filename}: local header differs from the directory")
    return len(packed) + len(raw_name) + len(extra), zip64


def _blocks(source: BinaryIO, length: int, buffer: memoryview, name: str) -> Iterator[memoryview]:
    """The next `length` bytes, in views of `buffer` that hold until the next one."""
    while length:
        count = cast(io.BufferedIOBase, source).readinto(buffer[: min(length, len(buffer))])
        if not count:
            raise DamagedArchive(f"{name}: the file ends in the middle of it")
        length -= count
        yield buffer[:count]


def _inflated(blocks: Iterator[memoryview]) -> Iterator[bytes]:
    """What raw deflate blocks hold, at most BLOCK_SIZE bytes at a time. Raises INFLATE_ERROR."""
    inflater = isal_zlib.decompressobj(-15)
    for block in blocks:
        data: bytes | memoryview = block
        full = True
        while (data or full) and not inflater.eof:
            inflated = inflater.decompress(data, BLOCK_SIZE)
            yield inflated
            data, full = inflater.unconsumed_tail, len(inflated) == BLOCK_SIZE
        if inflater.eof and (data or inflater.unused_data):
            raise INFLATE_ERROR("it ends before its data do")
    if not inflater.eof:
        raise INFLATE_ERROR("its data end before it does")
