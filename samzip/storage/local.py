"""A store in a folder of this machine."""

from __future__ import annotations

import errno
import os
import stat as stat_flags
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from samzip.errors import StorageFailed, StoreAway
from samzip.storage import (
    ABSENT,
    FORBIDDEN,
    INVALID,
    NO_FILE,
    OUTSIDE,
    TEMPORARY_SUFFIX,
    TOO_LONG,
    Held,
    MissingFile,
    Stat,
)
from samzip.storage.steady import SteadyFile

_REASONS = {
    errno.ENOENT: ABSENT,
    errno.ENOTDIR: ABSENT,
    errno.EACCES: FORBIDDEN,
    errno.EPERM: FORBIDDEN,
    errno.ENAMETOOLONG: TOO_LONG,
    errno.ELOOP: "es un enlace sin fin",
    errno.EIO: "error de lectura del disco",
}
DEEPEST = 32  # folders within folders


class LocalStore:
    """A tree of files below one folder. Links are followed only as long as they stay below it."""

    def __init__(self, root: str) -> None:
        self.url = root
        self._root = Path(root)
        self._real_root = os.path.realpath(root)
        # Resolving a path costs a system call for each of its folders: each is resolved once.
        self._real_folders = {"": self._real_root}

    def stat(self, name: str) -> Stat:
        return _stat(self._regular(name))

    def stat_many(self, names: Sequence[str]) -> list[Stat | str]:
        return [self._look(name) for name in names]

    def heads(self, wanted: Iterable[tuple[str, int]], length: int) -> Iterator[bytes | Exception]:
        for name, _ in wanted:
            head: bytes | Exception
            try:
                with self.open(name) as file:
                    head = file.read(length) or b""
            except (MissingFile, OSError) as error:
                head = error
            yield head

    def expect(self, documents: Iterable[tuple[str, int, str]]) -> None:
        """The kernel reads ahead by itself."""

    def place(self, name: str) -> str:
        try:
            return os.path.normpath(self._followed(name))
        except (OSError, ValueError):
            return ""  # no file can be there

    def open(self, name: str) -> BinaryIO:
        path = self._readable(name)
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            raise MissingFile(_reason(error)) from error
        if not stat_flags.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise MissingFile(NO_FILE)
        return os.fdopen(handle, "rb", buffering=0)  # the caller brings its own large buffer

    def is_still(self, name: str, etag: str) -> bool:
        found = self._look(name)
        return isinstance(found, Stat) and found.etag == etag

    def create(self, name: str) -> BinaryIO:
        path = self._writable(name)
        self._require_top(name)
        with _storage_errors(self.url, name):
            self._make_folder(path.parent)
            return cast(BinaryIO, SteadyFile(path))

    def held(self, name: str) -> Held | None:
        """Nothing: what a disk took, only reading shows."""
        return None

    def sync(self, name: str) -> None:
        with _storage_errors(self.url, name):
            _fsync(self._writable(name), os.O_RDONLY)

    def publish(self, temporary: str, name: str) -> None:
        source, target = self._writable(temporary), self._writable(name)
        with _storage_errors(self.url, name):
            source.rename(target)
            _fsync(target.parent, os.O_RDONLY | os.O_DIRECTORY)

    def delete(self, name: str) -> bool:
        path = self._writable(name)
        with _storage_errors(self.url, name):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                self._require_top(name)
                return False
            _fsync(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            return True

    def list(self, prefix: str) -> Iterator[tuple[str, Stat]]:
        top = self._writable(prefix)
        self._require_inside(top, prefix)
        with _storage_errors(self.url, prefix):
            for folder, _, files in os.walk(top, onerror=_raise_unless_absent):
                for file in sorted(files):
                    path = Path(folder, file)
                    try:
                        found = path.lstat()
                    except FileNotFoundError:
                        continue  # gone since the folder was read
                    if stat_flags.S_ISREG(found.st_mode):
                        yield path.relative_to(self._root).as_posix(), _stat(found)

    def has_folder(self, prefix: str) -> bool:
        top = self._writable(prefix)
        self._require_inside(top, prefix)
        return top.is_dir()

    def is_empty(self, prefix: str) -> bool:
        with _storage_errors(self.url, ""), os.scandir(self._root) as entries:
            return all(entry.name == prefix for entry in entries)

    def address(self, name: str, seconds: int, disposition: str) -> str | None:
        return None

    def check_readable(self) -> None:
        with _storage_errors(self.url, ""), os.scandir(self._root) as entries:
            next(entries, None)

    def check_writable(self, prefix: str) -> None:
        # Always the same name: what a kill leaves here, the next check removes.
        probe = self._writable(f"{prefix}/write-test{TEMPORARY_SUFFIX}")
        with _storage_errors(self.url, prefix):
            self._make_folder(probe.parent)
            try:
                _write(probe, b"samzip")
            finally:
                probe.unlink(missing_ok=True)

    def _require_top(self, name: str) -> None:
        """Only `check_writable` makes the top folder: without it this is the empty mount point of a volume that is
        away, where nothing may be put, and of which nobody can say that a file is not there."""
        top, _, below = name.partition("/")
        if below and not (self._root / top).is_dir():
            raise StoreAway(
                f"{self.url}/{top} is not there: is the volume mounted? If it was deleted on purpose, make it"
            )

    def _make_folder(self, folder: Path) -> None:
        """Creates what is missing, and makes each new name last through a power cut."""
        new = []
        while not folder.exists():
            new.append(folder)
            folder = folder.parent
        for path in reversed(new):
            path.mkdir(exist_ok=True)
            _fsync(path.parent, os.O_RDONLY | os.O_DIRECTORY)

    def _look(self, name: str) -> Stat | str:
        try:
            return self.stat(name)
        except MissingFile as missing:
            return missing.reason

    def _regular(self, name: str) -> os.stat_result:
        path = self._readable(name)
        try:
            found = os.stat(path)  # noqa: PTH116 -- called for every document
        except (OSError, ValueError) as error:
            raise MissingFile(_reason(error)) from error
        if not stat_flags.S_ISREG(found.st_mode):
            raise MissingFile(NO_FILE)
        return found

    def _readable(self, name: str) -> str:
        if name.startswith(("/", "\\")) or ".." in name.split("/"):
            raise MissingFile(OUTSIDE)
        try:
            real = self._followed(name)
        except (OSError, ValueError) as error:
            raise MissingFile(_reason(error)) from error
        if not real.startswith(self._real_root + os.sep):
            raise MissingFile(OUTSIDE)
        return real

    def _followed(self, name: str) -> str:
        folder, _, file = name.rpartition("/")
        return _followed(f"{self._real_folder(folder)}/{file}")

    def _real_folder(self, folder: str) -> str:
        if folder.count("/") > DEEPEST:  # a slip or an attack, not worth remembering
            return os.path.realpath(f"{self._real_root}/{folder}")
        known = self._real_folders.get(folder)
        if known is None:
            above, _, name = folder.rpartition("/")
            known = self._real_folders[folder] = _followed(f"{self._real_folder(above)}/{name}")
        return known

    def _writable(self, name: str) -> Path:
        folder = self._root.joinpath(*name.split("/")[:-1])
        parts = name.split("/")
        if name.startswith("/") or any(part in ("", ".", "..") for part in parts):
            raise StorageFailed(f"{name!r} is no name below {self.url}")
        self._require_inside(folder, name)
        return self._root / name

    def _require_inside(self, folder: Path, name: str) -> None:
        inside = os.path.realpath(folder)
        if inside != self._real_root and not inside.startswith(self._real_root + os.sep):
            raise StorageFailed(
                f"{name!r} leads outside {self.url} through a link, and samzip follows none there: name that folder "
                f"{name.split('/')[0]} and set archive_root to the one above it, or mount it in the link's place"
            )


def _followed(path: str) -> str:
    """Where a path leads whose folder is resolved already."""
    return os.path.realpath(path) if os.path.islink(path) else path  # noqa: PTH114 -- called for every document


def _stat(found: os.stat_result) -> Stat:
    modified = datetime.fromtimestamp(found.st_mtime, UTC)
    # The moment of its last change, which nobody can set: a file that is put back has its old date again.
    return Stat(found.st_size, modified, f"{found.st_size}-{found.st_mtime_ns}-{found.st_ctime_ns}")


def _write(path: Path, data: bytes) -> None:
    """Whatever somebody else has put there: no link is followed, and no reader waited for."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    handle = os.open(path, flags, 0o666)
    try:
        os.write(handle, data)
    finally:
        os.close(handle)


def _fsync(path: Path, flags: int) -> None:
    handle = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in _REASONS:
        return _REASONS[error.errno]
    return f"no se puede leer ({error.strerror})" if isinstance(error, OSError) else INVALID


def _raise_unless_absent(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


@contextmanager
def _storage_errors(url: str, name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFailed(f"{url}/{name}: {error.strerror or error}") from error
