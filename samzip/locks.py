"""One run at a time on this host."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from samzip.errors import LockBusy, StorageFailed

GLANCE_S = 0.2  # longer than `is_held` looks: a status in this moment is no run


@contextmanager
def file_lock(
    path: Path, *, wait: float, run_id: str, host: str, give_up: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Holds the kernel's lock (flock) on `path`; it falls with the process, however that ends.

    Waits `wait` seconds, 0 not at all, and no longer once `give_up` says so. Raises LockBusy naming the holder,
    StorageFailed when the folder does not take a lock: there is no softer fallback that two runs could both believe in.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path, timeout=max(wait, GLANCE_S), thread_local=False)
        lock.acquire(poll_interval=0.05, cancel_check=give_up)
    except Timeout as error:
        raise LockBusy(f"another run holds {path}{_holder(path)}") from error
    except (OSError, NotImplementedError) as error:
        raise StorageFailed(f"{path}: cannot be locked: {getattr(error, 'strerror', None) or error}") from error
    try:
        _sign(path, run_id, host)
        yield
    finally:
        lock.release()


def read_holder(path: Path) -> dict[str, object] | None:
    """What the last holder wrote, for people; nothing decides by it."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def is_held(path: Path) -> bool | None:
    """Whether some process holds the lock at this moment; None for who may not know."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _holder(path: Path) -> str:
    holder = read_holder(path)
    if holder is None:
        return ""
    return f" (process {holder.get('pid')} on {holder.get('host')} since {holder.get('started')})"


def _sign(path: Path, run_id: str, host: str) -> None:
    text = json.dumps(
        {"pid": os.getpid(), "host": host, "run": run_id, "started": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    )
    with suppress(OSError):  # the lock is held, whatever can be written on it
        path.write_text(text + "\n", encoding="utf-8")  # the same file, never replaced: the lock belongs to it
