"""A log file that others may move away: logrotate needs neither copytruncate nor a signal."""

from __future__ import annotations

import io
import os
from contextlib import suppress
from pathlib import Path

MODE = 0o640  # names of companies and codes are nobody else's


class WatchedFile(io.TextIOBase):
    """Appends whole lines; a file that was moved or removed meanwhile is made anew, as `WatchedFileHandler` does it.

    While that is not possible, lines go to where the file went. Raises OSError when it cannot be opened at first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = self._open()

    def write(self, text: str) -> int:
        self._follow()
        left = text.encode("utf-8", "backslashreplace")
        while left:
            left = left[os.write(self._handle, left) :]
        return len(text)

    def close(self) -> None:
        if not self.closed:
            os.close(self._handle)
        super().close()

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)

    def _follow(self) -> None:
        mine = os.fstat(self._handle)
        with suppress(OSError):
            try:
                found = self._path.stat()
            except FileNotFoundError:
                pass
            else:
                if os.path.samestat(found, mine):
                    return
            new = self._open()
            os.close(self._handle)
            self._handle = new
