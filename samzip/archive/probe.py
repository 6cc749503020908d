"""Decide from a small sample whether deflating an entry is worth the time."""

from __future__ import annotations

from isal import isal_zlib

PIECES = 8
PIECE_SIZE = 2048  # bytes
SAMPLE_SIZE = PIECES * PIECE_SIZE  # bytes; deflating it takes some 25 microseconds
WORTHWHILE_SAVING = 0.03  # of the sample; below it, storing is the better bargain


def take_sample(block: memoryview) -> bytes:
    """At most SAMPLE_SIZE bytes that stand for a whole block: the middles of PIECES equal stretches.

    The head alone misleads: a scanned PDF begins and ends with text and is JPEG data in between. The
    middles leave both ends out and weigh everything else by its share.
    """
    if len(block) <= SAMPLE_SIZE:
        return bytes(block)
    middles = (len(block) * (2 * piece + 1) // (2 * PIECES) for piece in range(PIECES))
    return b"".join(block[middle - PIECE_SIZE // 2 : middle + PIECE_SIZE // 2] for middle in middles)


def worth_deflating(sample: bytes) -> bool:
    """Whether deflating `sample` (take_sample makes one) saves more than 3 % of it."""
    return len(isal_zlib.compress(sample, 1, -15)) < len(sample) * (1 - WORTHWHILE_SAVING)
