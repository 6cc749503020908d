"""Where a self-test does its work: folders and a beginning of names in a bucket, all of which go when it ends."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from samzip.dossier.keys import FOLDER
from samzip.errors import BadSetting, BucketFailed, StorageFailed
from samzip.storage import Store, open_store
from samzip.units import is_bucket

PREFIX = "samzip-selftest-"  # of the folders, and in a bucket
LOCK = "selftest.lock"  # in each folder
BUCKET = "bucket"  # a note in the state folder: where its archives are
YOUNG_S = 60  # a folder that was made since may not be locked yet
LATE_S = 0.5  # what a killed run had asked of a bucket may be done after its death


@contextmanager
def new_root(archive_root: str, state: Path) -> Iterator[str]:
    """For archives: a new folder below `archive_root`, or a beginning of names there. `state` is the test's own folder.
    Raises StorageFailed, BadSetting."""
    if not is_bucket(archive_root):
        with new_folder(Path(archive_root)) as folder:
            yield str(folder)
        return
    url = f"{archive_root.rstrip('/')}/{state.name}"
    store = open_store(url)
    any(store.list(FOLDER))  # where nothing can be read, nothing is made
    try:
        (state / BUCKET).write_text(url, "utf-8")
    except OSError as error:
        raise StorageFailed(f"{error.filename}: {error.strerror}") from error
    store.check_writable(FOLDER)
    yield url


@contextmanager
def new_folder(parent: Path) -> Iterator[Path]:
    """A new folder below `parent`, which is made if need be. Both go again, the parents only if they were made here."""
    made: list[Path] = []
    folder = lock = None
    try:
        try:
            missing = [path for path in (parent, *parent.parents) if not path.exists()]
            for path in reversed(missing):
                path.mkdir()
                made.append(path)
            _remove_dead(parent)
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
            lock = _locked(folder)
        except OSError as error:
            raise StorageFailed(f"{error.filename or parent}: {error.strerror or error}") from error
        yield folder
    finally:
        if lock is not None:
            os.close(lock)
        if folder is not None:
            _clear(folder)
        for path in reversed(made):
            with suppress(OSError):  # somebody else has begun to use it
                path.rmdir()


def _remove_dead(parent: Path) -> None:
    """Folders of tests that were killed: nobody holds their lock any more."""
    are_away = False  # buckets: a server may take a minute to say so
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError, StorageFailed, BadSetting):  # another test removes it, or it is another user's
            if folder.is_symlink() or not folder.is_dir() or time.time() - folder.stat().st_mtime < YOUNG_S:
                continue
            if are_away and (folder / BUCKET).exists():
                continue
            lock = _locked(folder)
            if lock is not None:
                os.close(lock)
                try:
                    _clear(folder)
                except BucketFailed:
                    are_away = True


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock until it is closed, also by death. None: another one has it, or the
    file system takes none."""
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock


def _clear(folder: Path) -> None:
    """A folder, and before it what its test has in a bucket: where that does not go, the note of it stays for the next
    test. Raises StorageFailed, BadSetting."""
    note = folder / BUCKET
    url = note.read_text("utf-8", "replace") if note.exists() else ""
    if url.rpartition("/")[2] == folder.name:  # nobody's but a test's
        try:
            _empty(open_store(url))
        except StorageFailed as error:
            raise type(error)(
                f"{error}. What is left in {url} goes with a later test, once it can be removed"
            ) from error
    _remove(folder)


def _empty(store: Store) -> None:
    for _ in range(2):
        for name, _found in store.list(FOLDER):
            store.delete(name)
        time.sleep(LATE_S)


def _remove(folder: Path) -> None:
    """Only the leader of a killed run was waited for; its workers may write until the kernel has ended them."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    raise StorageFailed(f"{folder} cannot be removed; delete it by hand")
