"""What SAM's columns are read as, whatever SQLite kept in them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from sqlalchemy.dialects import sqlite

from samzip.database.types import CalendarDate, Moment, Unread

SQLITE = sqlite.dialect()
TAILS = [
    "2024-01-05/2024-02-05",
    "2024-03-15 o 16",
    "2024-01-05x",
    "2024-W05-1",
    "2024-01-05x10:00",
    "2024-01-05 mañana",
]


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-05",
        " 2024-01-05\n",
        "20240105",
        "2024-01-05 10:20:30.5",
        "2024-01-05T23:59:59-05:00",
        "2024-01-05T10:20Z",
    ],
)
def test_a_date_is_read_with_or_without_a_time(text: str) -> None:
    assert CalendarDate().process_result_value(text, SQLITE) == date(2024, 1, 5)


@pytest.mark.parametrize("text", TAILS)
def test_a_date_with_anything_else_behind_it_is_not_understood(text: str) -> None:
    assert CalendarDate().process_result_value(text, SQLITE) == Unread(text)
    assert Moment().process_result_value(text, SQLITE) == Unread(text)


def test_a_moment_without_a_zone_is_utc() -> None:
    read = Moment().process_result_value
    assert read("2024-01-05 10:20:30", SQLITE) == datetime(2024, 1, 5, 10, 20, 30, tzinfo=UTC)
    assert read("2024-01-05T10:20:30-05:00", SQLITE) == datetime(2024, 1, 5, 15, 20, 30, tzinfo=UTC)


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_an_empty_value_is_nothing_and_not_told(nothing: str | None) -> None:
    assert CalendarDate().process_result_value(nothing, SQLITE) is None
    assert Moment().process_result_value(nothing, SQLITE) is None
