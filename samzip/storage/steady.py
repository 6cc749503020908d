"""A file that the disk takes while it is written, so that the fsync at its end finds little left to do."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from io import BufferedRandom, FileIO
from pathlib import Path

STEP = 16 << 20  # bytes that are worth waking the disk for
_sync = getattr(os, "fdatasync", os.fsync)  # macOS has the slower one only


class SteadyFile(BufferedRandom):
    """A new file, for writing and reading; replaces one that is there. Its maker may still fsync it: nothing here says
    that all of it is safe.

    The system tells of a failed write only once, so that it is kept and raised (OSError) by what comes next, another
    `settle` or `close`.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(FileIO(path, "w+"))
        self._syncer: ThreadPoolExecutor | None = None
        self._syncing: Future[None] | None = None
        self._begun = 0  # bytes of which the disk was told

    def settle(self, position: int) -> None:
        """Nothing before `position` (bytes) will change: lets the disk begin. Raises OSError of an earlier call."""
        if self._syncing is not None and self._syncing.done():
            self._syncing.result()
            self._syncing = None
        if self._syncing is None and position - self._begun >= STEP:
            self.flush()
            self._syncer = self._syncer or ThreadPoolExecutor(1, thread_name_prefix="disk")
            self._syncing = self._syncer.submit(_sync, self.fileno())
            self._begun = position

    def close(self) -> None:
        syncing, self._syncing = self._syncing, None
        try:
            if self._syncer is not None:
                self._syncer.shutdown()
            if syncing is not None:
                syncing.result()
        finally:
            super().close()
