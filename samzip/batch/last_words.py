"""How a run ended whose database was away by then: a line in the state folder, until the next run is noted.

It is a courtesy. Without it (another host comes first, the folder is full) that run counts as one that died.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from samzip.requests.runs import ENDINGS, Ending

NAME = "last-words"
LIMIT = 1 << 16  # bytes that anybody reads
LENGTH = 500  # letters of a reason
_LINE = re.compile(rf"(?P<run>[0-9a-z-]{{1,32}}) (?P<how>{'|'.join(ENDINGS)}) (?P<why>[ -~]{{1,{LENGTH}}})")


def leave(folder: Path, run_id: str, ending: Ending) -> None:
    why = "".join(letter if letter.isprintable() else " " for letter in ending.why or "")
    told = " ".join(why.split()).encode("ascii", "backslashreplace")[:LENGTH]
    with suppress(OSError), _opened(folder, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as file:
        os.write(file, f"\n{run_id} {ending.how} ".encode() + told + b"\n")  # what is there may be torn


def read(folder: Path) -> Mapping[str, Ending]:
    """By run. Every database can keep it, whatever the file holds."""
    try:
        with _opened(folder, os.O_RDONLY) as file:
            os.lseek(file, max(0, os.fstat(file).st_size - LIMIT), os.SEEK_SET)  # the newest
            lines = os.read(file, LIMIT).decode("ascii", "replace").split("\n")
    except OSError:
        return {}
    found = filter(None, map(_LINE.fullmatch, lines))
    return {line["run"]: Ending(line["how"], line["why"]) for line in found}


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
