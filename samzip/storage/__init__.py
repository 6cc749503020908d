"""Where documents are read and archives are published: one protocol, a local folder or S3 behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from samzip.errors import BadSetting

TEMPORARY_SUFFIX = ".samzip-part"  # of every file that is not yet published


@dataclass(frozen=True, slots=True)
class Stat:
    """What tells one version of a stored file from another, without opening it."""

    size: int  # bytes
    modified: datetime  # aware, UTC
    etag: str  # changes whenever the content may have changed


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

    def open(self, name: str) -> BinaryIO:
        """Open for reading from the start. Raises MissingFile, StorageFailed."""

    def create(self, name: str) -> BinaryIO:
        """A new temporary file for writing; readable again with open(). Raises StorageFailed."""

    def sync(self, name: str) -> None:
        """Return when the bytes of a file written with create() are on the disk. Raises StorageFailed."""

    def publish(self, temporary: str, name: str) -> None:
        """Give a complete, synced temporary file its final name, atomically and durably. Raises StorageFailed."""

    def delete(self, name: str) -> bool:
        """Remove one file; False when there was none. Raises StorageFailed."""

    def list(self, prefix: str) -> Iterator[tuple[str, Stat]]:
        """Every regular file under the folder `prefix`, links not followed. Raises StorageFailed."""

    def check_readable(self) -> None:
        """Raises StorageFailed when the root is not there: a volume that is not mounted, a wrong setting."""

    def check_writable(self, prefix: str) -> None:
        """Write and remove a small file under `prefix`. Raises StorageFailed with the reason."""


def open_store(url: str) -> Store:
    """The store behind a setting: a folder, or s3://bucket/prefix."""
    if url.startswith("s3://"):
        raise BadSetting(f"{url}: S3 needs a samzip that was installed with its s3 extra; give a folder")
    from samzip.storage.local import LocalStore

    return LocalStore(url)
