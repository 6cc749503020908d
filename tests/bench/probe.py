"""What it would cost to deflate more of the documents, by where the probe draws the line. Started by `bin/bench probe`.

All in one process, without a disk: what a sample saves, what deflating whole documents takes, and inflating them again
when the archive is verified.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from isal import isal_zlib

from samzip.archive.probe import PIECE_SIZE, PIECES, WORTHWHILE_SAVING
from samzip.archive.zipwriter import BLOCK_SIZE, DEFLATE_LEVEL
from tests.bench import deflating
from tests.bench.company import Company, make_company
from tests.bench.table import table

T = TypeVar("T")

REPEATS = 5


@dataclass(frozen=True, slots=True)
class Line:
    """A sample of so many pieces of so many bytes; what saves more than `saving` of it is deflated."""

    pieces: int
    size: int
    saving: float

    def __str__(self) -> str:
        return f"{self.saving:.1%} of {self.pieces} pieces of {self.size:,} bytes"

    def takes(self, data: bytes) -> bool:
        sample = self._of(data)
        return len(isal_zlib.compress(sample, 1, -15)) < len(sample) * (1 - self.saving)

    def _of(self, data: bytes) -> bytes:
        block = memoryview(data)[:BLOCK_SIZE]
        if len(block) <= self.pieces * self.size:
            return bytes(block)
        middles = (len(block) * (2 * piece + 1) // (2 * self.pieces) for piece in range(self.pieces))
        return b"".join(block[middle - self.size // 2 : middle + self.size // 2] for middle in middles)


AS_IT_IS = Line(PIECES, PIECE_SIZE, WORTHWHILE_SAVING)
LINES = (AS_IT_IS, Line(32, 1024, 0.018), Line(64, 256, 0.014), Line(64, 1024, 0.014))


def measure(company: Company, lines: Sequence[Line], repeats: int) -> str:
    """A Markdown table with a row for each line."""
    documents = [path.read_bytes() for path in company.documents]
    best = [min(len(data), len(deflating.deflate(data))) for data in documents]
    worthwhile = {
        number for number, data in enumerate(documents) if 1 - best[number] / len(data) > deflating.WORTHWHILE
    }
    scans = [number for number, path in enumerate(company.documents) if path in set(company.scans)]
    total = sum(map(len, documents))
    rows = []
    for line in lines:
        probing, told = _timed(line.takes, documents, repeats)
        taken = [number for number, takes in enumerate(told) if takes]
        chosen = [documents[number] for number in taken]
        deflate, packed = _timed(lambda data: isal_zlib.compress(data, DEFLATE_LEVEL, -15), chosen, repeats)
        inflate, _ = _timed(lambda data: isal_zlib.decompress(data, -15), packed, repeats)
        sizes = dict(zip(taken, map(len, packed), strict=True))
        kept = sum(min(sizes.get(number, len(documents[number])), len(documents[number])) for number in scans)
        rows.append(
            (
                f"{line}{' (as it is)' if line == AS_IT_IS else ''}",
                f"{len(worthwhile.difference(taken)):,} of {len(worthwhile):,}",
                f"{sum(map(len, chosen)) / total:.0%}",
                f"{kept / sum(best[number] for number in scans):.3f}",
                *(f"{seconds:.2f}" for seconds in (probing, deflate, inflate, probing + deflate + inflate)),
            )
        )
    head = (
        "deflated is what saves more than",
        f"stored though deflate {deflating.LEVEL} saves more than {deflating.WORTHWHILE:.0%}",
        "bytes deflated",
        f"scans against deflate {deflating.LEVEL}",
        "probing, CPU s",
        "deflating",
        "inflating, to verify",
        "together",
    )
    return table(head, rows)


def _timed(work: Callable[[bytes], T], each: Sequence[bytes], repeats: int) -> tuple[float, list[T]]:
    """Median of the CPU seconds that it takes for all of them, and what it returned."""
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        result = [work(data) for data in each]
        seconds.append(time.process_time() - began)
    return statistics.median(seconds), result


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench probe", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tiny company, once: whether it works")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="samzip-bench-probe-") as folder:
        company = make_company(Path(folder) / "company", 2 if quick else 69)
        print(f"{len(company.documents):,} documents, {company.bytes / 2**20:.0f} MiB.\n")
        print(measure(company, LINES, 1 if quick else REPEATS))


if __name__ == "__main__":
    main()
