"""Why a run ended whose database was away by then: a line in the state folder, until the next run is noted.

It is a courtesy. Without it (another host comes first, the folder is full) that run counts as one that died.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "last-words"
LIMIT = 1 << 16  # bytes that anybody reads


def leave(folder: Path, run_id: str, why: str) -> None:
    with suppress(OSError), _opened(folder, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as file:
        os.write(file, f"{run_id} {' '.join(why.split())}\n".encode(errors="replace"))


def read(folder: Path) -> Mapping[str, str]:
    """By run."""
    try:
        with _opened(folder, os.O_RDONLY) as file:
            lines = os.read(file, LIMIT).decode(errors="replace").splitlines()
    except OSError:
        return {}
    return {run_id: why for run_id, _, why in (line.partition(" ") for line in lines) if why}


def forget(folder: Path) -> None:
    with suppress(OSError):
        (folder / NAME).unlink()


@contextmanager
def _opened(folder: Path, flags: int) -> Iterator[int]:
    """Whatever lies there holds nobody up, and leads nowhere else. Raises OSError."""
    file = os.open(folder / NAME, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o640)
    try:
        yield file
    finally:
        os.close(file)
