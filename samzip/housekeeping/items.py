"""The words of a purge: what it is asked, what it found, what it would act on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from samzip.housekeeping.leftovers import Cache, Spool
from samzip.storage import Stat

# Kinds of items.
EXPIRED = "expired archive"
EXPIRED_REQUEST = "expired request"
LOST = "lost archive"
PUBLISHED = "published archive"
ORPHAN = "orphan archive"
TEMPORARY = "temporary file"
OLD_REQUESTS = "old request"
OLD_RUNS = "old run"
STUCK = "stuck request"
SPOOL = "spool"
CACHE = "cache"

LIST = "list"  # the action of what is only shown


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator asked for."""

    stuck_after: timedelta = timedelta(hours=24)
    stuck: str | None = None  # fail, retry or delete; None only lists
    older_than: timedelta = timedelta(0)  # restricts orphan archives, and what all_archives adds
    all_archives: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that decide with."""

    history: timedelta
    cache_size: int  # bytes


@dataclass(frozen=True, slots=True)
class Found:
    """What lies in the archive store and in the state folder."""

    files: Mapping[str, Stat]  # by name: only names that samzip makes, links not followed
    gone: frozenset[str]  # archives that rows name and that are certainly not there
    odd: Mapping[str, str]  # archives that rows name -> why they cannot be judged
    spools: tuple[Spool, ...]
    cache: Cache


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to act on."""

    kind: str
    what: str
    why: str
    action: str  # delete, expire, fail, retry, trim, list
    count: int = 1  # things that it stands for
    size: int | None = None  # bytes; None: there is no file
    since: datetime | None = None  # its age counts from here
    requests: tuple[int, ...] = ()  # ids of the requests that it ends or changes


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that purge does not touch, or could not."""

    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that one purge found."""

    now: datetime
    items: tuple[Item, ...]
    problems: tuple[Problem, ...]
    young: int = 0  # files that no row knows and that stay, since they changed just now

    @property
    def acts(self) -> bool:
        """Whether there is anything to do, not only to show."""
        return any(item.action != LIST for item in self.items)

    def of(self, *kinds: str) -> list[Item]:
        return [item for item in self.items if item.kind in kinds and item.action != LIST]

    def only(self, shown: Plan) -> Plan:
        """What an earlier plan showed too: nobody agreed to more."""
        agreed = {(item.kind, item.what, item.action) for item in shown.items}
        return replace(self, items=tuple(item for item in self.items if (item.kind, item.what, item.action) in agreed))
