from __future__ import annotations

import random
import zlib

from samzip.archive.probe import SAMPLE_SIZE, take_sample, worth_deflating

RANDOM = random.Random(5)
TEXT = b"Certificado de calibraci\xc3\xb3n, laboratorio de masa, resultado conforme.\n"


def jpeg_like(size: int) -> bytes:
    return RANDOM.randbytes(size).replace(b"\xff", b"\xff\x00")[:size]


def scan_like(size: int, pages: int) -> bytes:
    """A PDF as scanners write it: text at both ends and between the pages, JPEG data elsewhere."""
    page = b"<< /Type /Page /Parent 1 0 R /MediaBox [0 0 595 842] >>\nendobj\n" * 8
    return b"%PDF-1.4\n" + b"".join(page + jpeg_like(size // pages) for _ in range(pages)) + page * 3


def decide(content: bytes) -> bool:
    return worth_deflating(take_sample(memoryview(content)))


def test_nothing_is_not_worth_deflating() -> None:
    assert not decide(b"")


def test_text_is_worth_deflating() -> None:
    assert decide(TEXT * 10)
    assert decide(TEXT * 50_000)


def test_random_bytes_are_not_worth_deflating() -> None:
    assert not decide(RANDOM.randbytes(100))
    assert not decide(RANDOM.randbytes(1 << 20))


def test_a_scanned_document_is_stored_although_it_begins_and_ends_with_text() -> None:
    contents = [scan_like(size, pages) for size in range(150_000, 600_000, 25_000) for pages in (1, 2, 3)]
    assert [content for content in contents if decide(content)] == []
    stored = sum(map(len, contents))
    deflated = sum(len(zlib.compress(content, 6)) for content in contents)
    assert stored <= 1.01 * deflated, "storing is within 1 % of what zlib's level 6 makes of these"


def test_a_document_that_is_mostly_text_is_deflated_wherever_its_picture_is() -> None:
    for before in (0, 100_000, 500_000):
        assert decide(TEXT * (before // len(TEXT)) + jpeg_like(60_000) + TEXT * ((600_000 - before) // len(TEXT)))


def test_a_saving_of_ten_percent_is_worth_it() -> None:
    def mixed(share: float) -> bytes:
        zeros = int(400 * share)
        return b"".join(jpeg_like(400 - zeros) + bytes(zeros) for _ in range(1000))

    assert decide(mixed(0.10))


def test_a_sample_is_never_longer_than_16_kib_and_leaves_out_both_ends() -> None:
    block = memoryview(b"H" * 4096 + bytes(1 << 20) + b"T" * 4096)
    sample = take_sample(block)
    assert len(sample) == SAMPLE_SIZE
    assert sample.count(0) == SAMPLE_SIZE
    assert take_sample(block[:100]) == b"H" * 100
