"""Which requests were one click: by part, moment and number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from samzip.requests.recut import Asked, clicks

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


def groups(*requests: tuple[int, float | None]) -> list[list[int]]:
    """Numbers of requests by click; each is its part, and its seconds after noon."""
    asked = [
        Asked(number, part, None if at is None else NOON + timedelta(seconds=at), "pending")
        for number, (part, at) in enumerate(requests, 1)
    ]
    return [[request.id for request in click] for click in clicks(asked)]


def at_once(*parts: int) -> list[list[int]]:
    """Of requests that samzip inserted at one moment."""
    return groups(*((part, 0) for part in parts))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([1, 2, 3, 1, 2, 3], [[1, 2, 3], [4, 5, 6]]),
        ([1, 2, 3, 1, 2], [[1, 2, 3], [4, 5]]),
        ([1, 2, 1, 2, 3], [[1, 2, 5], [3, 4]]),
        ([1, 1, 2, 2], [[1, 3], [2, 4]]),
        ([1, 1, 1], [[1], [2], [3]]),
        ([2, 1, 3], [[1, 2, 3]]),
        ([1, 3], [[1, 2]]),  # somebody deleted the one between
        ([], []),
    ],
)
def test_the_order_tells_what_one_moment_does_not(parts: list[int], expected: list[list[int]]) -> None:
    assert at_once(*parts) == expected


def test_each_of_two_clicks_has_the_part_that_it_gained_later() -> None:
    assert groups((1, 0), (2, 0), (1, 1), (2, 1), (3, 0), (3, 1)) == [[1, 2, 5], [3, 4, 6]]


def test_a_part_that_is_asked_for_alone_later_is_a_click_of_its_own() -> None:
    assert groups((1, 0), (2, 0), (3, 5)) == [[1, 2], [3]]


def test_an_application_inserts_row_after_row() -> None:
    assert groups((1, 0), (2, 0.01), (3, 0.9), (1, 1), (2, 1.4), (3, 1.41)) == [[1, 2, 3], [4, 5, 6]]


def test_what_such_a_click_gained_joins_it_by_its_last_moment() -> None:
    assert groups((1, 0), (2, 0.01), (1, 60), (2, 60.01), (3, 0.01)) == [[1, 2, 5], [3, 4]]


def test_moments_that_cannot_be_read_are_one() -> None:
    assert groups((1, None), (2, None), (1, 0), (2, 0)) == [[1, 2], [3, 4]]
    assert groups(*((part, None) for part in (1, 2, 1, 2, 3))) == [[1, 2], [3, 4, 5]]


def test_a_request_that_was_cancelled_makes_room_for_another() -> None:
    statuses = ["pending", "pending", "cancelled", "cancelled", "pending", "pending"]
    asked = [
        Asked(number, part, NOON, status)
        for number, part, status in zip(range(6), [1, 2, 3, 4, 3, 4], statuses, strict=True)
    ]
    assert [[request.id for request in click] for click in clicks(asked)] == [[0, 1, 2, 3, 4, 5]]


@pytest.mark.parametrize("step", [0.0, 1.0, 5.0])
@pytest.mark.parametrize("parts", [1, 2])
def test_many_requests_of_one_user(step: float, parts: int) -> None:
    """To look at each other click for each of them took hours."""
    found = groups(*((number % parts + 1, step * (number // parts)) for number in range(60_000)))
    assert len(found) == 60_000 // parts
