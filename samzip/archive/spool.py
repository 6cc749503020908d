"""A company's snapshot on disk, one file for each part: memory stays flat however large the inventory is.

Written and read within one run, by processes of one version; never kept.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from samzip.catalog.model import CompanyRecords, Equipment
from samzip.dossier.contents import Document, Source
from samzip.dossier.parts import Cut
from samzip.errors import StorageFailed
from samzip.storage import Stat

OwnerSurvey = list[tuple[Source, Stat | str]]  # how each document of one owner looks, or why it is missing


class Spool:
    """The folder that holds one company's snapshot of one pass. Every method raises StorageFailed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write_snapshot(self, records: CompanyRecords, batches: Iterable[list[Equipment]]) -> Cut:
        """One batch is one part."""
        with self.errors():
            self.folder.mkdir(parents=True, exist_ok=True)
        self._write("records", records)
        codes: list[tuple[int, str]] = []
        digest = hashlib.sha256()
        parts = 0
        for parts, batch in enumerate(batches, 1):
            self._write(f"equipment-{parts}", batch)
            codes += [(item.id, item.code) for item in batch]
            digest.update(repr(sorted(item.id for item in batch)).encode())
        self._write("codes", codes)
        return Cut(len(codes), parts, digest.hexdigest())

    def records(self) -> CompanyRecords:
        return cast(CompanyRecords, self._read("records"))

    def codes(self) -> list[tuple[int, str]]:
        """Id and code of every instrument, in the order of the parts."""
        return cast(list[tuple[int, str]], self._read("codes"))

    def equipment(self, part: int) -> list[Equipment]:
        return cast(list[Equipment], self._read(f"equipment-{part}"))

    def write_survey(self, part: int, folders: list[str], survey: list[OwnerSurvey]) -> None:
        self._write(f"survey-{part}", (folders, survey))

    def survey(self, part: int) -> tuple[list[str], list[OwnerSurvey]]:
        """Each instrument's folder in the archive, and the sources of each, the company's own last."""
        return cast(tuple[list[str], list[OwnerSurvey]], self._read(f"survey-{part}"))

    def write_documents(self, part: int, folders: list[str], documents: list[list[Document]]) -> None:
        self._write(f"documents-{part}", (folders, documents))

    def documents(self, part: int) -> tuple[list[str], list[list[Document]]]:
        """Each instrument's folder in the archive, and the documents of each, the company's own last."""
        return cast(tuple[list[str], list[list[Document]]], self._read(f"documents-{part}"))

    def write_missing(self, missing: list[tuple[int, Document]]) -> None:
        self._write("missing", missing)

    def missing(self) -> list[tuple[int, Document]]:
        """What all parts are known to lack, with the part of each."""
        return cast(list[tuple[int, Document]], self._read("missing"))

    @property
    def workbook(self) -> Path:
        return self.folder / "workbook.xlsx"

    def open_workbook(self) -> BinaryIO:
        with self.errors():
            return self.workbook.open("rb", buffering=0)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turns the system's errors into StorageFailed."""
        try:
            yield
        except OSError as error:
            raise StorageFailed(f"{error.filename or self.folder}: {error.strerror or error}") from error

    def _write(self, name: str, value: object) -> None:
        with self.errors(), (self.folder / name).open("wb") as file:
            pickle.dump(value, file, pickle.HIGHEST_PROTOCOL)

    def _read(self, name: str) -> object:
        with self.errors(), (self.folder / name).open("rb") as file:
            return pickle.load(file)  # noqa: S301 -- this very run wrote it into its private folder
