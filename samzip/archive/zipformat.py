"""The records of a ZIP file, as bytes. Section numbers are those of PKWARE's APPNOTE 6.3.10."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime

LIMIT_16 = 0xFFFF  # this value and above: the field says so and Zip64 has the number (4.4.1.4)
LIMIT_32 = 0xFFFFFFFF

STORED, DEFLATED = 0, 8  # 4.4.5
SIZES_FOLLOW = 1 << 3  # 4.4.4, bit 3: CRC and sizes are in a data descriptor
UTF8_NAME = 1 << 11  # 4.4.4, bit 11
VERSION, VERSION_ZIP64 = 20, 45  # 4.4.3.2
MADE_BY_UNIX = 3 << 8  # 4.4.2
REGULAR_0644 = 0o100644 << 16  # 4.4.15, as Unix tools read it

LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # 4.3.7
DESCRIPTOR, DESCRIPTOR_64 = struct.Struct("<4s3I"), struct.Struct("<4sI2Q")  # 4.3.9
CENTRAL_HEADER = struct.Struct("<4s6H3I5H2I")  # 4.3.12
END_64, LOCATOR_64 = struct.Struct("<4sQ2H2I4Q"), struct.Struct("<4sIQI")  # 4.3.14, 4.3.15
END = struct.Struct("<4s4H2IH")  # 4.3.16

LOCAL_SIGNATURE, DESCRIPTOR_SIGNATURE = b"PK\x03\x04", b"PK\x07\x08"
CENTRAL_SIGNATURE, END_SIGNATURE = b"PK\x01\x02", b"PK\x05\x06"
END_64_SIGNATURE, LOCATOR_64_SIGNATURE = b"PK\x06\x06", b"PK\x06\x07"


@dataclass(frozen=True, slots=True)
class Content:
    """What is known of an entry's content once it was read."""

    crc: int  # CRC-32
    compressed: int  # bytes
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Head:
    """What an entry's local and central header say alike, known before its content."""

    raw_name: bytes
    stamp: tuple[int, int]  # MS-DOS time and date
    flags: int
    method: int

    @classmethod
    def of(cls, name: str, modified: datetime) -> Head:
        """The head of a stored entry; the UTF-8 flag only where the name needs it (appendix D)."""
        return cls(name.encode(), dos_stamp(modified), 0 if name.isascii() else UTF8_NAME, STORED)

    def local(self, content: Content, *, zip64: bool) -> bytes:
        """The local header (4.3.7); with Zip64 both sizes are in its extra field (4.5.3)."""
        extra = struct.pack("<2H2Q", 1, 16, content.size, content.compressed) if zip64 else b""
        version = VERSION_ZIP64 if zip64 else VERSION
        sizes = (LIMIT_32, LIMIT_32) if zip64 else (content.compressed, content.size)
        fields = (version, self.flags, self.method, *self.stamp, content.crc, *sizes)
        lengths = (len(self.raw_name), len(extra))
        return LOCAL_HEADER.pack(LOCAL_SIGNATURE, *fields, *lengths) + self.raw_name + extra

    def central(self, content: Content, offset: int) -> bytes:
        """The directory's header (4.3.12); only what needs 64 bits is in its extra field, in 4.5.3's order."""
        numbers = (content.size, content.compressed, offset)
        large = [number for number in numbers if number >= LIMIT_32]
        extra = struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""
        version = VERSION_ZIP64 if large else VERSION
        size, compressed, offset = (min(number, LIMIT_32) for number in numbers)
        fields = (MADE_BY_UNIX | version, version, self.flags, self.method, *self.stamp, content.crc)
        lengths = (len(self.raw_name), len(extra), 0)  # no comment
        rest = (0, 0, REGULAR_0644, offset)  # disk 0, nothing internal
        packed = CENTRAL_HEADER.pack(CENTRAL_SIGNATURE, *fields, compressed, size, *lengths, *rest)
        return packed + self.raw_name + extra


def descriptor(content: Content, *, zip64: bool) -> bytes:
    """What follows the data of an entry whose local header has no sizes (4.3.9)."""
    layout = DESCRIPTOR_64 if zip64 else DESCRIPTOR
    return layout.pack(DESCRIPTOR_SIGNATURE, content.crc, content.compressed, content.size)


def end_records(count: int, start: int, length: int) -> bytes:
    """What follows a directory of `count` entries and `length` bytes that begins at byte `start`."""
    zip64 = b""
    if count >= LIMIT_16 or max(start, length) >= LIMIT_32:
        made_by, remaining = MADE_BY_UNIX | VERSION_ZIP64, END_64.size - 12
        fields = (remaining, made_by, VERSION_ZIP64, 0, 0, count, count, length, start)
        zip64 = END_64.pack(END_64_SIGNATURE, *fields)
        zip64 += LOCATOR_64.pack(LOCATOR_64_SIGNATURE, 0, start + length, 1)
    count, length, start = min(count, LIMIT_16), min(length, LIMIT_32), min(start, LIMIT_32)
    return zip64 + END.pack(END_SIGNATURE, 0, 0, count, count, length, start, 0)


def dos_stamp(moment: datetime) -> tuple[int, int]:
    """MS-DOS time and date (4.4.6) of a naive local moment: years 1980 to 2107, seconds by two."""
    first, last = datetime(1980, 1, 1), datetime(2107, 12, 31, 23, 59, 59)  # noqa: DTZ001 -- local by definition
    moment = min(max(moment, first), last)
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    return time, (moment.year - 1980) << 9 | moment.month << 5 | moment.day
