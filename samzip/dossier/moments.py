"""Moments in the customers' time: all that people read is local, all that is stored is UTC."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo


def aware(moment: datetime) -> datetime:
    """A naive moment is UTC, as SAM stores it."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def in_zone(moment: datetime, zone: tzinfo) -> datetime:
    """The moment in local time; one at an end of Python's calendar stays where it is."""
    known = aware(moment)
    try:
        return known.astimezone(zone)
    except OverflowError:  # year 1 or 9999
        return known
