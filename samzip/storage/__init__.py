"""Where documents are read and archives are published: one protocol, a local folder or S3 behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from typing import BinaryIO, Protocol

from samzip.errors import BadSetting
from samzip.units import is_bucket

TEMPORARY_SUFFIX = ".samzip-part"  # of every file that is not yet published

# Why a file cannot be read, as customers read it.
ABSENT = "no existe en el almacenamiento"  # and nothing else
NO_FILE = "no es un archivo"
FORBIDDEN = "sin permiso de lectura"
TOO_LONG = "el nombre es demasiado largo"
INVALID = "el nombre no es válido"
OUTSIDE = "la ruta sale de la carpeta de documentos"


@dataclass(frozen=True, slots=True)
class Stat:
    """What tells one version of a stored file from another, without opening it."""

    size: int  # bytes
    modified: datetime  # aware, UTC
    etag: str  # changes whenever the content may have changed


@dataclass(frozen=True, slots=True)
class Held:
    """What a store proves that it holds."""

    size: int  # bytes
    sha256: str


class MissingFile(Exception):
    """A stored file cannot be read: it is absent, is a folder, lies outside the root, or is unreadable.

    The argument is the reason in Spanish, since customers read it in FALTANTES.txt.
    """

    @property
    def reason(self) -> str:
        return str(self.args[0])


class Store(Protocol):
    """A tree of files under one root. Names are relative, separated by '/'.

    A name that is absolute, holds '..' or leads outside through a link raises MissingFile on reading and
    StorageFailed on writing.
    """

    url: str

    def stat(self, name: str) -> Stat:
        """Raises MissingFile, StorageFailed."""

    def stat_many(self, names: Sequence[str]) -> list[Stat | str]:
        """Each file's, or why it is missing, in their order. Raises StorageFailed."""

    def heads(self, wanted: Iterable[tuple[str, int]], length: int) -> Iterator[bytes | Exception]:
        """The first `length` bytes of each file whose name and size are given, or MissingFile or OSError.

        Raises StorageFailed.
        """

    def expect(self, documents: Iterable[tuple[str, int, str]]) -> None:
        """Tells what will be opened, in which order: name, size and etag. Who pays for each request reads ahead."""

    def place(self, name: str) -> str:
        """Where a name leads, links followed, to be compared with other stores'. Raises nothing, whatever the name."""

    def open(self, name: str) -> BinaryIO:
        """Open for reading from the start. Raises MissingFile, StorageFailed."""

    def is_still(self, name: str, etag: str) -> bool:
        """Of a file that was opened: whether it was the version that somebody had looked at. Raises StorageFailed."""

    def create(self, name: str) -> BinaryIO:
        """A new temporary file for writing; readable again with open(). Raises StorageFailed; also when the top folder
        of its name is not there, which `check_writable` makes.

        It is complete when its `with` block ends well. If it has a method `settle`, whoever writes calls it with the
        position up to which nothing will change any more.
        """

    def held(self, name: str) -> Held | None:
        """What the store proves to hold of a file that create() of this very object made.

        None: it proves nothing, and the file is to be read again. Raises StorageFailed when it proves damage.
        """

    def sync(self, name: str) -> None:
        """Return when the bytes of a file written with create() are on the disk. Raises StorageFailed."""

    def publish(self, temporary: str, name: str) -> None:
        """Give a complete, synced temporary file its final name, atomically and durably. Raises StorageFailed."""

    def delete(self, name: str) -> bool:
        """Remove one file; False when there certainly was none. Raises StorageFailed; also when the top folder of its
        name is not there, as when a volume is away."""

    def list(self, prefix: str) -> Iterator[tuple[str, Stat]]:
        """Every regular file under the folder `prefix`, links not followed. Raises StorageFailed."""

    def has_folder(self, prefix: str) -> bool:
        """Whether there is a folder `prefix` for files; a bucket needs none. Raises StorageFailed when it leads
        elsewhere."""

    def is_empty(self, prefix: str) -> bool:
        """Whether there is nothing at all, save perhaps a folder `prefix`. Raises StorageFailed."""

    def address(self, name: str, seconds: int, disposition: str) -> str | None:
        """Where anybody may fetch a file for so many seconds, under that Content-Disposition; None: nowhere."""

    def check_readable(self) -> None:
        """Raises StorageFailed when the root is not there: a volume that is not mounted, a wrong setting."""

    def check_writable(self, prefix: str) -> None:
        """Write and remove a small file in the folder `prefix`, which is made. Raises StorageFailed with the reason."""


_patient = False


def be_patient() -> None:
    """For workers: a server that is away may be waited for, since nobody waits for a worker that is asked to end."""
    global _patient
    _patient = True


def is_patient() -> bool:
    return _patient


def open_store(url: str, is_over: Callable[[], bool] = lambda: False) -> Store:
    """The store behind a setting: a folder, or s3://bucket/prefix. Raises BadSetting.

    Once `is_over`, nothing waits any more for the answer of a bucket's server: StorageFailed is raised instead. Reading
    and writing files (open, create, stat_many, heads) do not ask it; they are the workers' part.
    """
    if is_bucket(url):
        if any(find_spec(module) is None for module in ("obstore", "boto3")):
            raise BadSetting(f"{url}: S3 needs samzip's extra (pip install 'samzip[s3]'); or give a folder")
        from samzip.storage.s3.store import S3Store

        return S3Store(url, is_over)
    from samzip.storage.local import LocalStore

    return LocalStore(url)
