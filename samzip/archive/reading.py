"""Reading documents, so that what is wrong with one of them is never taken for trouble with the archive."""

from __future__ import annotations

from dataclasses import replace
from io import RawIOBase
from typing import BinaryIO, cast

from samzip.dossier.contents import Document
from samzip.storage import MissingFile


class ReadFailed(Exception):
    """A document stopped being readable half-way; the archive goes on without it."""


class Reading:
    """Tells a source's read errors from the archive's write errors."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = cast(RawIOBase, source)

    def readinto(self, buffer: memoryview) -> int | None:
        try:
            return self._source.readinto(buffer)
        except OSError as error:
            raise ReadFailed(error.strerror or str(error)) from error


def unreadable(document: Document, error: Exception) -> Document:
    """A document that was there and could not be read."""
    return replace(document, entry=None, missing=unreadable_because(error))


def unreadable_because(error: Exception) -> str:
    return error.reason if isinstance(error, MissingFile) else f"no se puede leer ({error.args[-1]})"
