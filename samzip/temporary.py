"""What runs put into the state folder's `tmp`: a folder for each run, and a note of each folder of sockets.

Whatever else lies there is somebody else's, and stays.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_RUN = re.compile(r"[0-9a-f]{12}", re.ASCII)  # a run's id names its folder
_NOTE = re.compile(r"pymp-[0-9a-f]{8}", re.ASCII)


def folders_of_runs(folder: Path) -> list[Path]:
    """Links are not followed, save that which `folder` itself may be. Raises OSError."""
    return [Path(it.path) for it in _entries(folder) if _RUN.fullmatch(it.name) and it.is_dir(follow_symlinks=False)]


def notes_of_sockets(folder: Path) -> list[Path]:
    """As above."""
    return [Path(it.path) for it in _entries(folder) if _NOTE.fullmatch(it.name) and it.is_file(follow_symlinks=False)]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda it: it.name)
    except (FileNotFoundError, NotADirectoryError):
        return []
