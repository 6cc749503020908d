"""Column types that read whatever SAM's database holds and never raise for a value.

SQLite keeps Django's datetimes as naive UTC text and JSON as text; PostgreSQL has real types. Both come out as the
same Python values. One odd row must not stop a company's archive: a value that cannot be understood (a date in the
year 0, a word in a number's place) reads as Unread where the catalogue reads it, which tells of it, and as None in the
queue.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, DateTime, Dialect, Numeric, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType


@dataclass(frozen=True, slots=True)
class Unread:
    """A value that is there and could not be understood."""

    text: str


def _unread(value: Any) -> Unread | None:
    """None for what says nothing by being empty."""
    text = _as_text(value)
    return Unread(text) if text and text.strip() else None


# What datetime.fromisoformat takes beside these is a slip rather than a date: weeks, any letter before the time.
_ISO = re.compile(r"\d{4}(-?)\d\d\1\d\d(?:[T ]|$)", re.ASCII)


def _moment(text: str) -> datetime | None:
    """Of a day or a timestamp of ISO 8601, all of it: "2024-03-15 o 16" is none."""
    text = text.strip()
    try:
        return datetime.fromisoformat(text) if _ISO.match(text) else None
    except ValueError:
        return None


class _SqliteRaw(UserDefinedType[Any]):
    """Declares a column as Django does on SQLite and hands values through untouched."""

    cache_ok = True

    def __init__(self, declared: str) -> None:
        self.declared = declared

    def get_col_spec(self, **_: Any) -> str:
        return self.declared


class _Lenient(TypeDecorator[Any]):
    impl: Any = Text
    declared = "text"

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(_SqliteRaw(self.declared))
        return super().load_dialect_impl(dialect)


class UtcDateTime(_Lenient):
    """An aware datetime in UTC; refuses a naive one, whose meaning nobody knows."""

    cache_ok = True  # SQLAlchemy looks for it in each class
    impl = DateTime(timezone=True)
    declared = "datetime"

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value}")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None).isoformat(" ") if dialect.name == "sqlite" else utc

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if isinstance(value, str):
            value = _moment(value)
        if not isinstance(value, datetime):
            return None
        try:
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except OverflowError:
            return None


class Moment(UtcDateTime):
    """One of the catalogue's, which tells what it could not understand."""

    cache_ok = True  # SQLAlchemy looks for it in each class

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | Unread | None:  # type: ignore[override]
        return super().process_result_value(value, dialect) or _unread(value)


class CalendarDate(_Lenient):
    """A calendar day."""

    cache_ok = True  # SQLAlchemy looks for it in each class
    impl = Date
    declared = "date"

    def process_bind_param(self, value: date | None, dialect: Dialect) -> Any:
        return value.isoformat() if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> date | Unread | None:
        if isinstance(value, str):
            value = _moment(value) or value
        if isinstance(value, datetime):
            return value.date()
        return value if isinstance(value, date | Unread) else _unread(value)


class Amount(_Lenient):
    """A decimal number: money, months."""

    cache_ok = True  # SQLAlchemy looks for it in each class
    impl = Numeric
    declared = "decimal"

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | Unread | None:
        if value is None:
            return None
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return _unread(value)
        return number if number.is_finite() else _unread(value)


class Flag(_Lenient):
    """A boolean, kept as 0 or 1 on SQLite."""

    cache_ok = True  # SQLAlchemy looks for it in each class
    impl = Boolean
    declared = "bool"

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> Any:
        return int(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> bool:
        return bool(value)


class JsonText(_Lenient):
    """JSON as the text that it is; PostgreSQL's jsonb comes out as the same kind of text."""

    cache_ok = True  # SQLAlchemy looks for it in each class
    impl = Text
    declared = "text"

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        return json.dumps(value, ensure_ascii=False, sort_keys=True)


class Words(_Lenient):
    """Text that may hold anything, even where SQLite kept bytes or a number."""

    cache_ok = True  # SQLAlchemy looks for it in each class
    impl = Text
    declared = "text"

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return _as_text(value)


class Label(TypeDecorator[Any]):
    """Text of a limited length, read with the same patience."""

    cache_ok = True
    impl = String

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return _as_text(value)


class Size(TypeDecorator[Any]):
    """A number of bytes; None for what is none."""

    cache_ok = True
    impl = BigInteger

    def process_result_value(self, value: Any, dialect: Dialect) -> int | None:
        return value if isinstance(value, int) and value >= 0 else None


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
