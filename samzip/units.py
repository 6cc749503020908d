"""Durations, sizes and buckets as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

LONGEST = timedelta(days=36525)  # so long ago the calendar has days
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)([smhd]))")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", re.ASCII)  # any store's, AWS' own old names included


def parse_duration(text: str) -> timedelta:
    """ "6h", "90m", "1d12h", or a plain number of seconds. Raises ValueError."""
    cleaned = text.strip().lower().replace(" ", "")
    if re.fullmatch(r"\d+(\.\d+)?", cleaned):
        cleaned += "s"
    if not cleaned or _DURATION.sub("", cleaned):
        raise ValueError(f"{text!r} is not a duration")
    seconds = sum(float(n) * _SECONDS[unit] for n, unit in _DURATION.findall(cleaned))
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"{text!r} is more than a hundred years")
    return timedelta(seconds=seconds)


def parse_size(text: str) -> int:
    """ "1 GiB", "500M", "4096": bytes, by powers of 1024. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size")
    return int(float(match[1]) * _BYTES[match[2].upper()])


def is_bucket(root: str) -> bool:
    """Whether a root is a bucket's and no folder."""
    return root.startswith("s3://")


def parse_bucket(root: str) -> tuple[str, str]:
    """Bucket, and prefix without slashes around it, of s3://bucket/prefix. Raises ValueError."""
    bucket, _, prefix = root.removeprefix("s3://").rstrip("/").partition("/")
    steps = prefix.split("/") if prefix else []
    if not is_bucket(root) or not _BUCKET.fullmatch(bucket):
        raise ValueError(f"{root!r} names no bucket")
    if any(step in ("", ".", "..") or not step.isprintable() for step in steps):
        raise ValueError(f"{root!r} has a prefix that is no path")
    return bucket, prefix


def count(number: int, noun: str) -> str:
    """ "1 part", "2 parts"."""
    return f"{number} {noun if number == 1 else noun + 's'}"


def show_duration(value: timedelta) -> str:
    """The two largest units: "5h 12m", "3d 4h", "42s"."""
    seconds = max(0, int(value.total_seconds()))
    parts = [
        f"{amount}{unit}"
        for amount, unit in (
            (seconds // 86400, "d"),
            (seconds % 86400 // 3600, "h"),
            (seconds % 3600 // 60, "m"),
            (seconds % 60, "s"),
        )
        if amount
    ]
    return " ".join(parts[:2]) or "0s"


def show_size(size: int) -> str:
    """ "14.5 MiB": three figures and a unit."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def customer_size(size: int) -> str:
    """As browsers and file managers of this region write it: 12,4 MB, by powers of 1000."""
    amount, units = float(size), ["GB", "MB", "kB", "bytes"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop()
    text = f"{amount:.0f}" if units[-1] == "bytes" or amount >= 100 else f"{amount:.1f}".replace(".", ",")
    return f"{text}\N{NO-BREAK SPACE}{units[-1]}"
