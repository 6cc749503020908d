"""Life sheets that were made before, found by everything that they show."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from samzip.archive.version import CODE
from samzip.dossier.life_sheet import Rendered

_SHELF = re.compile(r"[0-9a-f]{2}")
_SHEET = re.compile(r"[0-9a-f]{62}")
_DIGEST = hashlib.sha256().digest_size


class LifeSheetCache:
    """A folder of rendered sheets, safe under any number of writers: a file appears whole or not at all.

    A file is the SHA-256 of its rest, the notes in one line of JSON, the PDF. The digest is there because an unsynced
    file may hold anything after a power cut. A cache that cannot be read or written costs time, never an archive.
    """

    def __init__(self, folder: Path, scratch: Path) -> None:
        """`scratch` is of this run, on the same disk: what a killed writer leaves there goes with the run's rest."""
        self.folder = folder
        self.scratch = scratch

    def get(self, shown: object, make: Callable[[], Rendered]) -> Rendered:
        """The sheet for `shown`, whose repr tells everything that it depends on; made only if nobody did before."""
        path = self._path(shown)
        cached = self._load(path)
        if cached is None:
            cached = make()
            if cached.is_lasting:
                with suppress(OSError):
                    self._store(path, cached)
        return cached

    def _path(self, shown: object) -> Path:
        text = repr((CODE, shown))
        name = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / name[:2] / name[2:]

    def _load(self, path: Path) -> Rendered | None:
        try:
            raw = path.read_bytes()
            os.utime(path)  # its age tells trimming what is no longer used
        except OSError:
            return None
        if hashlib.sha256(raw[_DIGEST:]).digest() != raw[:_DIGEST]:
            return None
        told, _, pdf = raw[_DIGEST:].partition(b"\n")
        notes, photo_problem = json.loads(told)
        return Rendered(pdf, tuple(notes), photo_problem)

    def _store(self, path: Path, rendered: Rendered) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = json.dumps([rendered.notes, rendered.photo_problem]).encode() + b"\n" + rendered.pdf
        temporary = self.scratch / f"sheet-{secrets.token_hex(8)}"
        try:
            temporary.write_bytes(hashlib.sha256(raw).digest() + raw)
            temporary.rename(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def trim_cache(folder: Path, limit: int) -> int:
    """Removes the least recently used sheets until the rest has at most `limit` bytes.

    Returns the bytes removed. Touches only files that the cache itself makes and follows no link; a file that another
    run removes meanwhile is no error.
    """
    found = sorted(_cached_files(folder))
    excess = sum(size for _, size, _ in found) - limit
    removed = 0
    for _, size, path in found:
        if removed >= excess:
            break
        Path(path).unlink(missing_ok=True)
        removed += size
    return removed


def cache_bytes(folder: Path) -> int:
    """Size of the files that `trim_cache` would count."""
    return sum(size for _, size, _ in _cached_files(folder))


def _cached_files(folder: Path) -> Iterator[tuple[float, int, str]]:
    """When it was last used (POSIX seconds), bytes and path of each file."""
    for shelf in _entries(folder):
        if _SHELF.fullmatch(shelf.name) and shelf.is_dir(follow_symlinks=False):
            for entry in _entries(Path(shelf.path)):
                with suppress(FileNotFoundError):
                    if _SHEET.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                        state = entry.stat(follow_symlinks=False)
                        yield state.st_mtime, state.st_size, entry.path


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
