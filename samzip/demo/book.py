"""What the sample consists of before anything is written: rows, and documents still to be drawn."""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Literal

from samzip.demo.people import Row

Form = Literal["pdf", "jpeg", "docx", "xlsx", "csv", "txt"]


@dataclass(frozen=True, slots=True)
class Paper:
    """A document of text. `rows` of two cells are a label and its value; longer ones are lines of a table."""

    title: str
    issuer: str
    rows: tuple[tuple[str, ...], ...]
    form: Form = "pdf"
    pages: int = 1


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture of an instrument with its code on a label."""

    drawing: str  # one of pictures.DRAWINGS
    code: str
    turned: bool = False  # stored on its side, upright only by its EXIF orientation


@dataclass(frozen=True, slots=True)
class Logo:
    """A company's logo."""

    text: str
    tint: tuple[int, int, int]  # RGB


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the media folder."""

    path: str  # relative to the media root, separated by "/"
    day: date  # of the record it belongs to: the file's modification date
    content: Paper | Photo | Logo


@dataclass(slots=True)
class Book:
    """The sample. Every row has an `id` that counts from 1 within its table, and refers to others by theirs:
    the database gives the real ones."""

    rows: dict[str, list[Row]] = field(default_factory=dict)  # table -> rows, referenced tables first
    documents: list[Document] = field(default_factory=list)

    def add(self, table: str, row: Row) -> int:
        """Returns the row's id within the sample."""
        rows = self.rows.setdefault(table, [])
        rows.append({"id": len(rows) + 1, **row})
        return len(rows)

    def file(self, path: str, day: date, content: Paper | Photo | Logo) -> str:
        """Plans a document and returns its path, to be put into a row."""
        self.documents.append(Document(path, day, content))
        return path


def months_later(day: date, months: int) -> date:
    """The same day of another month, or that month's last day; `months` may be negative."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def morning(day: date, hour: int = 15) -> datetime:
    """A moment in office hours of a Colombian day: 15 h UTC is 10 h in Bogotá."""
    return datetime.combine(day, time(hour, 12), UTC)


def spanish_day(day: date) -> str:
    """As Colombian forms write it: 05/03/2026."""
    return f"{day:%d/%m/%Y}"


def number(value: float, decimals: int) -> str:
    """With a decimal comma, and never a negative zero."""
    text = f"{value:.{decimals}f}".replace(".", ",")
    return text.lstrip("-") if not text.strip("-0,") else text
