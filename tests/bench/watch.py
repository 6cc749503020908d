"""Which files are opened below a folder, told by the kernel: inotify(7), which needs neither root nor a package."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_OPEN = 0x20
IN_Q_OVERFLOW = 0x4000
IN_ISDIR = 0x40000000
EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows
BUFFER = 1 << 16  # bytes


class Overflowed(Exception):
    """The kernel dropped events: nothing can be said about what was opened."""


class Opened:
    """What was opened since the watch began."""

    def __init__(self, handle: int, folders: dict[int, Path]) -> None:
        self._handle = handle
        self._folders = folders

    def files(self) -> set[Path]:
        """Takes the events: the next call tells of what comes after this one. Raises Overflowed."""
        found = set()
        while data := _read(self._handle):
            position = 0
            while position < len(data):
                watch, mask, _, length = EVENT.unpack_from(data, position)
                position += EVENT.size
                name = os.fsdecode(data[position : position + length].rstrip(b"\0"))
                position += length
                if mask & IN_Q_OVERFLOW:
                    raise Overflowed
                if not mask & IN_ISDIR:
                    found.add(self._folders[watch] / name)
        return found


@contextmanager
def watch_opening(root: Path) -> Iterator[Opened]:
    """Sees every file below `root`, in folders that are there when it begins, whichever process opens it."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if handle < 0:
        raise OSError(ctypes.get_errno(), "inotify_init1")
    try:
        folders = {}
        for folder, _, _ in os.walk(root):
            watch = libc.inotify_add_watch(handle, os.fsencode(folder), IN_OPEN)
            if watch < 0:
                raise OSError(ctypes.get_errno(), "inotify_add_watch", folder)
            folders[watch] = Path(folder)
        yield Opened(handle, folders)
    finally:
        os.close(handle)


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, BUFFER)
    except BlockingIOError:
        return b""
