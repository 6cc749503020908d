"""What people are shown of the queue: plain values, known to whoever words them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a request is. Its number alone does not tell: a database that was put back gives numbers anew."""

    user_id: int
    company_id: int


def read_warnings(text: str | None) -> list[dict[str, str]]:
    """An archive's warnings, as its row keeps them. None that can be read: none."""
    try:
        found = json.loads(text or "[]")
    except ValueError:
        return []
    items = found if isinstance(found, list) else []
    return [item for item in items if isinstance(item, dict) and all(isinstance(it, str) for it in item.values())]


@dataclass(frozen=True, slots=True)
class QueuedCompany:
    """A company that waits."""

    company_id: int
    company: str
    requests: int  # pending clicks
    parts: int  # distinct parts among them
    oldest: datetime | None
    retrying: int  # parts whose last attempt failed
    retry_at: datetime | None  # when the first of those is tried again; None: by the next run
    last_error: str | None  # of that part


@dataclass(frozen=True, slots=True)
class PartInWork:
    """A part that a run has claimed."""

    company: str
    part: int
    parts: int
    percent: int
    step: str | None
    requests: int  # that still want it; 0 when all were cancelled
    attempt: int
    run: str | None
    done: int = 0  # instruments
    total: int = 0
    started: datetime | None = None
    ready: datetime | None = None  # when it should be


@dataclass(frozen=True, slots=True)
class RunShown:
    """A run, working or finished."""

    id: str
    host: str
    pid: int
    started: datetime | None
    heartbeat: datetime | None
    finished: datetime | None
    outcome: str | None
    counts: dict[str, int]  # by the names of events.Counts
    error: str | None = None  # what ended it early


@dataclass(frozen=True, slots=True)
class ArchiveShown:
    """A published archive."""

    path: str
    company: str
    part: int
    parts: int
    size: int  # bytes
    sha256: str
    published: datetime | None
    expires: datetime | None
    download_name: str
    warnings: list[dict[str, str]]  # what FALTANTES.txt lists: "kind", "equipment", "document", "path", "reason"
    downloads: int = 0  # begun ones, through the web hook
    downloaded: datetime | None = None  # the last of them


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that an operator asks first."""

    now: datetime
    requests: dict[str, int]  # by status; of the ended ones, those among the newest pulse.COUNTED
    queue: list[QueuedCompany]  # the oldest request first
    in_work: list[PartInWork]
    running: list[RunShown]
    finished: list[RunShown]  # the last one, and the last ones that had something to do; newest first
    archives: list[ArchiveShown]  # the newest ones first
    downloadable: int  # archives in all, of each part the newest
    bytes: int  # of those
    superseded: int = 0  # older ones of the same parts, kept until they expire
    failed: tuple[int, ...] = ()  # the newest failed requests, newest first


@dataclass(frozen=True, slots=True)
class WorkShown:
    """The part that a live request waits for."""

    attempts: int  # begun ones, the present one included
    run: str | None  # the one that builds it now
    retry_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Sharer:
    """Another request that gets the same file."""

    id: int
    user: str
    status: str


@dataclass(frozen=True, slots=True)
class AttemptShown:
    """A part in work once, for the requests that were live then."""

    number: int  # from 1; one that did not count has the number of the next
    run: str
    begun: datetime
    ended: datetime | None
    outcome: str | None  # published, failed, dropped, released, crashed; None: in work
    error: str | None


@dataclass(frozen=True, slots=True)
class Story:
    """One request from click to end."""

    now: datetime
    id: int
    status: str
    user: str
    company_id: int
    company: str
    part: int
    parts: int
    equipment: int | None  # instruments of the part
    created: datetime | None
    started: datetime | None
    completed: datetime | None  # or failed, or cancelled
    expires: datetime | None
    step: str | None
    percent: int
    estimated: datetime | None  # when it should be ready
    error: str | None
    file_path: str | None
    file_size: int | None  # bytes
    work: WorkShown | None
    archive: ArchiveShown | None
    shared_with: list[Sharer]
    attempts: list[AttemptShown] = field(default_factory=list)  # the first one first
    downloads: int = 0  # of its archive, also when that is gone
    downloaded: datetime | None = None  # the last of them


@dataclass(frozen=True, slots=True)
class Changed:
    """What `samzip cancel` or `samzip retry` left."""

    request: int
    status: str
    company: str
    part: int
    parts: int
    others: int  # further live requests of the part
    in_work: bool  # a run has claimed the part


@dataclass(frozen=True, slots=True)
class DeliveredPart:
    """A part of what somebody asked for, as it came out."""

    request_id: int
    part: int
    parts: int
    size: int  # bytes; 0 when it failed
    expires: datetime | None
    warnings: list[dict[str, str]]  # as ArchiveShown.warnings
    error: str | None  # why it failed at last; None when it can be downloaded


@dataclass(frozen=True, slots=True)
class Delivery:
    """All that one user asked for of one company, once none of it is waited for any more."""

    owner: Owner
    user: str
    email: str  # "" when SAM knows none
    company: str
    parts: tuple[DeliveredPart, ...]  # by number
