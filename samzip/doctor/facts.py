"""What the probes saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """Both at the same moment."""

    host: datetime
    database: datetime
    is_own: bool  # the database has none of its own


@dataclass(frozen=True, slots=True)
class Documents:
    """SAM's folder."""

    root: str
    error: str | None
    is_empty: bool
    equipment: int  # instruments of all companies


@dataclass(frozen=True, slots=True)
class Room:
    """A file system."""

    path: str
    free: int  # bytes that this user may fill
    files: int | None  # that can still be made; None where that has no limit


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the locks."""

    path: str
    is_held: bool | None  # None: may not be known
    pid: object
    host: object
    since: object
    heartbeat: datetime | None  # of a run that has not finished
    own_host: str | None  # as leases name this host
    lease_host: str | None
    lease_expires: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The queue."""

    pending: int  # requests
    oldest: datetime | None
    heartbeat: datetime | None  # of a run that has not finished
    retrying: int  # parts whose last attempt failed
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Largest:
    """The company with the most instruments."""

    name: str
    bytes: int  # of all its documents
    is_all_missing: bool  # documents are known, and not one is there
    unread: str | None  # why one that is there cannot be read as runs read it; None: it can, or there is none


@dataclass(frozen=True, slots=True)
class Letters:
    """Addresses for letters, as Apprise understands them."""

    known: int
    unknown: tuple[tuple[str, str], ...]  # setting, scheme


@dataclass(frozen=True, slots=True)
class Extras:
    """What settings ask for."""

    missing: Mapping[str, tuple[str, ...]]  # extra that is not installed -> settings that need it
