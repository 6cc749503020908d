"""What tells one host's state folder from another's."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from samzip.errors import StorageFailed
from samzip.settings import Settings

FILE = "host-id"  # in the state folder


def host_id(settings: Settings) -> str:
    """Names the reach of this state folder's file lock: a folder that is new has a new name."""
    path = settings.state_dir / FILE
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        return f"{socket.gethostname()}/{_known(path) or _named(path)}"
    except OSError as error:
        raise StorageFailed(f"{path}: {error.strerror}") from error


def known_host_id(settings: Settings) -> str | None:
    """The same without giving a name. None: there is none yet, or it may not be read."""
    try:
        known = _known(settings.state_dir / FILE)
    except OSError:
        return None
    return f"{socket.gethostname()}/{known}" if known else None


def _known(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""


def _named(path: Path) -> str:
    """Of several that come first at once, one gives the name."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        if not _known(path):
            new = path.with_suffix(".new")  # a name that the next one takes again, should this one die here
            new.write_text(os.urandom(8).hex(), encoding="ascii")
            new.rename(path)
        return _known(path)
    finally:
        os.close(folder)
