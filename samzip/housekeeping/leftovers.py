"""What dead runs left in the state folder. Links are never followed there, save those that the folder itself is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from samzip.archive.cache import cache_bytes
from samzip.errors import StorageFailed
from samzip.temporary import folders_of_runs


@dataclass(frozen=True, slots=True)
class Spool:
    """The folder with the snapshots of one run."""

    path: Path
    size: int  # bytes
    modified: datetime


@dataclass(frozen=True, slots=True)
class Cache:
    """The life-sheet cache."""

    path: Path
    size: int  # bytes


def spools(folder: Path) -> list[Spool]:
    """Those below `folder`. Raises StorageFailed."""
    with _storage_errors(folder):
        return [
            Spool(path, _size(path), datetime.fromtimestamp(path.lstat().st_mtime, UTC))
            for path in folders_of_runs(folder)
        ]


def measure_cache(folder: Path) -> Cache:
    """Raises StorageFailed."""
    with _storage_errors(folder):
        return Cache(folder, cache_bytes(folder))


def _size(folder: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(Path(top, name).lstat().st_size for top, _, names in os.walk(folder, onerror=_raise) for name in names)


def _raise(error: OSError) -> None:
    raise error


@contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(f"{error.filename or folder}: {error.strerror or error}") from error
