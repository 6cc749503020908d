"""Life sheets that were made before, found by everything that they show."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from samzip.dossier.life_sheet import TEMPLATE_VERSION, Rendered

_DIGEST = hashlib.sha256().digest_size


class LifeSheetCache:
    """A folder of rendered sheets, safe under any number of writers: a file appears whole or not at all.

    A file is the SHA-256 of its rest, the notes as one line of JSON, the PDF. The digest is there because an unsynced
    file may hold anything after a power cut. A cache that cannot be read or written costs time, never an archive.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, shown: object, make: Callable[[], Rendered]) -> Rendered:
        """The sheet for `shown`, whose repr tells everything that it depends on; made only if nobody did before."""
        path = self._path(shown)
        cached = self._load(path)
        if cached is None:
            cached = make()
            with suppress(OSError):
                self._store(path, cached)
        return cached

    def _path(self, shown: object) -> Path:
        text = repr((TEMPLATE_VERSION, shown))
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
        notes, _, pdf = raw[_DIGEST:].partition(b"\n")
        return Rendered(pdf, tuple(json.loads(notes)))

    def _store(self, path: Path, rendered: Rendered) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = json.dumps(rendered.notes).encode() + b"\n" + rendered.pdf
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
        try:
            temporary.write_bytes(hashlib.sha256(raw).digest() + raw)
            temporary.rename(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def trim_cache(folder: Path, limit: int) -> int:
    """Removes the least recently used sheets until the rest has at most `limit` bytes, and what a killed writer left.
    Returns the bytes removed. A file that another run removes meanwhile is no error."""
    found = []
    for path in folder.glob("??/*"):
        with suppress(FileNotFoundError):
            state = path.stat()
            found.append((state.st_mtime, state.st_size, path))
    found.sort()
    excess = sum(size for _, size, _ in found) - limit
    removed = 0
    for _, size, path in found:
        if removed >= excess:
            break
        path.unlink(missing_ok=True)
        removed += size
    return removed
