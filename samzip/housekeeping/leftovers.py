"""What dead runs left in the state folder. Links are never followed there, save those that the folder itself is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from samzip.archive.cache import cache_bytes
from samzip.errors import StorageFailed

_RUN = re.compile(r"[0-9a-f]{12}", re.ASCII)  # a run's id names its spool


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
    """Folders below `folder` that bear a run's name; nothing else there is samzip's. Raises StorageFailed."""
    found = []
    with _storage_errors(folder):
        for entry in _entries(folder):
            if _RUN.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                modified = datetime.fromtimestamp(entry.stat(follow_symlinks=False).st_mtime, UTC)
                found.append(Spool(Path(entry.path), _size(entry.path), modified))
    return sorted(found, key=lambda spool: spool.path)


def measure_cache(folder: Path) -> Cache:
    """Raises StorageFailed."""
    with _storage_errors(folder):
        return Cache(folder, cache_bytes(folder))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _size(folder: str) -> int:
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
