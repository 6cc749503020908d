"""How well it was chosen what to deflate, against what deflate 6 would have given each document."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from tests.bench.company import Company

LEVEL = 6
WORTHWHILE = 0.03  # of a document; above it, it is to be deflated


@dataclass(frozen=True, slots=True)
class Deflating:
    """All of one company's scans, and what deflating saves of them."""

    least_saved: float  # share of the scan that deflates worst
    most_saved: float
    saved: float  # of all scans together
    stored: float  # bytes of the scans in our archives over those that deflate 6 gives
    worthwhile: int  # documents of any kind of which deflate 6 saves more than WORTHWHILE
    missed: int  # of those, stored


def check_choices(company: Company, archives: list[Path]) -> Deflating:
    """`archives` hold every document of the company, whatever they call it: it is known by CRC and size."""
    kept = {}
    for archive in archives:
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                kept[entry.CRC, entry.file_size] = entry
    scans = set(company.scans)
    saved = []
    original = deflated = ours = worthwhile = missed = 0
    for path in company.documents:
        data = path.read_bytes()
        small = min(len(data), len(deflate(data)))
        entry = kept[zlib.crc32(data), len(data)]
        share = 1 - small / len(data)
        if share > WORTHWHILE:
            worthwhile += 1
            missed += entry.compress_type == zipfile.ZIP_STORED
        if path in scans:
            saved.append(share)
            original += len(data)
            deflated += small
            ours += entry.compress_size
    return Deflating(min(saved), max(saved), 1 - deflated / original, ours / deflated, worthwhile, missed)


def deflate(data: bytes) -> bytes:
    deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -15)
    return deflater.compress(data) + deflater.flush()
