"""The folder of the fork server's socket: in the system's temporary folder, since the path of a socket must be short.

Only a process that ends in peace removes it. So a file of the same name is there before it, which tells the next run
where to look, whatever its own temporary folder is; a lock on that file, which falls with its process, tells whether
that one lives.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from pathlib import Path

_AT_EXIT = -100  # when multiprocessing would remove its own
_notes: dict[Path, int] = {}  # of this process: one at most, with the descriptor that locks it


def prepare_sockets(notes: Path) -> None:
    """Has multiprocessing put its sockets there. `notes` is where the next run looks. Raises OSError."""
    from multiprocessing import process, util

    if _notes:
        return
    notes.mkdir(parents=True, exist_ok=True)
    note = notes / f"pymp-{secrets.token_hex(4)}"
    lock = os.open(note, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(lock, os.fsencode(tempfile.gettempdir()))
        _folder(note).mkdir(mode=0o700)
    except OSError:
        os.close(lock)
        note.unlink(missing_ok=True)
        raise
    _notes[note] = lock
    util.Finalize(None, _remove, (note,), exitpriority=_AT_EXIT)
    process.current_process()._config["tempdir"] = str(_folder(note))  # type: ignore[attr-defined]


def remove_sockets(note: Path) -> None:
    """What a dead run left, if it is dead: one with an interval lives without the queue's lock between two passes."""
    with note.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        _remove(note)


def _remove(note: Path) -> None:
    shutil.rmtree(_folder(note), ignore_errors=True)
    note.unlink(missing_ok=True)


def _folder(note: Path) -> Path:
    try:
        told = os.fsdecode(note.read_bytes())
    except FileNotFoundError:  # somebody removed the folder that it was in: the process that made it knows all the same
        told = ""
    return Path(told or tempfile.gettempdir(), note.name)
