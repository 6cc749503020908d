"""What happens in a run, as frozen values. Code publishes them; listeners in `report` word and show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class PartRef:
    """Names one part for people and machines."""

    company_id: int
    company: str
    part: int  # from 1
    parts: int
    request_id: int  # the newest request for it: it names the archive
    user: str  # who made that request


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""


@dataclass(frozen=True, slots=True)
class RunStarted(Event):
    """A run has both locks and begins."""

    run: str
    host: str
    pid: int
    jobs: int
    interval: float | None  # seconds between passes; None for a run that ends by itself


@dataclass(frozen=True, slots=True)
class OrphansRecovered(Event):
    """What dead runs left was taken back."""

    requests: int
    failed: int  # of these, out of attempts
    files: int  # temporary files removed


@dataclass(frozen=True, slots=True)
class CleaningStarted(Event):
    """Old requests are looked for."""


@dataclass(frozen=True, slots=True)
class HistoryDeleted(Event):
    """Requests older than the history are gone."""

    requests: int


@dataclass(frozen=True, slots=True)
class ArchiveExpired(Event):
    """Requests whose time to download is over."""

    path: str
    company: str
    requests: int


@dataclass(frozen=True, slots=True)
class DeletionFailed(Event):
    """A file that nobody needs any more could not be removed; the next run tries again."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class QueueEmpty(Event):
    """A pass found nothing to build."""

    iteration: int  # from 1
    waiting: int  # parts whose last attempt failed


@dataclass(frozen=True, slots=True)
class RequestsCollapsed(Event):
    """Clicks became parts to build."""

    requests: int
    parts: int  # distinct (company, part)


@dataclass(frozen=True, slots=True)
class CompanyPlanned(Event):
    """A snapshot of a company was taken and its requests fitted to it."""

    company_id: int
    company: str
    equipment: int
    parts: int
    inserted: int  # requests added because the inventory grew
    cancelled: int  # requests dropped because it shrank
    recut: int  # delivered ones that are built again, since the rest of their click is of another inventory


@dataclass(frozen=True, slots=True)
class RequestRejected(Event):
    """A request row that cannot be served; it was set to failed."""

    request_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class CompanyPreparing(Event):
    """The workbook is about to be made."""

    company_id: int
    company: str
    equipment: int
    procedures: int


@dataclass(frozen=True, slots=True)
class PartStarted(Event):
    """A part was claimed."""

    ref: PartRef
    requests: int
    equipment: int  # in this part
    company_equipment: int
    level: int  # of deflate, for content that compresses
    attempt: int


@dataclass(frozen=True, slots=True)
class PartProgressed(Event):
    """Where a build stands."""

    ref: PartRef
    done: int  # instruments finished
    total: int
    code: str  # instrument in work, or "" when the step is not about one
    percent: int  # 0 to 100
    step: str  # in the words of SAM's status page (Spanish)
    bytes_done: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class DocumentMissing(Event):
    """A document that the database points to is not in the archive."""

    ref: PartRef
    equipment: str  # code, or "" for a procedure
    document: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class DocumentNoted(Event):
    """An observation on what is in the archive."""

    ref: PartRef
    equipment: str  # code, or "" for a procedure and for the whole
    document: str  # or "" for a remark that belongs to none
    path: str
    reason: str
    is_damaged: bool  # nobody can open it


@dataclass(frozen=True, slots=True)
class LifeSheetFailed(Event):
    """A life sheet could not be drawn; the archive does without it. The fault is samzip's."""

    ref: PartRef
    equipment: str  # code
    reason: str  # type and words of the error
    traceback: str


@dataclass(frozen=True, slots=True)
class PartPublished(Event):
    """A part can be downloaded."""

    ref: PartRef
    path: str  # storage key
    size: int  # bytes
    sha256: str
    entries: int
    missing: int  # documents
    requests: int  # completed with it
    seconds: float
    expires: datetime
    reused: bool
    observations: int = 0
    damaged: int = 0  # of the observations, those on documents that nobody can open


@dataclass(frozen=True, slots=True)
class PartFailed(Event):
    """An attempt failed."""

    ref: PartRef
    reason: str
    attempt: int
    retry_at: datetime | None  # None: no attempt is left, its requests are failed


@dataclass(frozen=True, slots=True)
class PartDropped(Event):
    """Cancelled or taken over while in work; nothing was published."""

    ref: PartRef
    reason: str


@dataclass(frozen=True, slots=True)
class PartReleased(Event):
    """Back to pending without counting the attempt: its run ends early."""

    ref: PartRef


@dataclass(frozen=True, slots=True)
class PartsLeft(Event):
    """A run that was asked to end had no answer from database or bucket in time: the next run goes on from there."""

    reason: str


@dataclass(frozen=True, slots=True)
class StopRequested(Event):
    """The run ends what it can end at once."""

    signal: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run did."""

    published: int = 0  # parts built and published
    reused: int = 0  # parts served by an archive that was there
    failed: int = 0  # attempts that failed, of parts
    unremoved: int = 0  # files that nobody needs and that could not be removed
    dropped: int = 0
    missing: int = 0  # documents that are not in the archives
    observations: int = 0  # on what is in them
    damaged: int = 0  # of the observations, those on documents that nobody can open
    completed: int = 0  # requests completed
    rejected: int = 0  # requests that cannot be served
    bytes: int = 0  # of archives written
    expired: int = 0  # archives
    waiting: int = 0  # parts whose last attempt failed and that are to be tried again


@dataclass(frozen=True, slots=True)
class RunStands(Event):
    """Somebody asked how far the run is."""

    run: str
    in_work: int  # parts; a PartStands of each follows
    ready: int  # parts that are known and not begun
    counts: Counts  # up to now


@dataclass(frozen=True, slots=True)
class PartStands(Event):
    """How far a part is, for who asked."""

    ref: PartRef
    percent: int
    step: str  # as in PartProgressed; "" before the first
    bytes_done: int
    bytes_total: int
    seconds: float  # since its claim


@dataclass(frozen=True, slots=True)
class LogUnwritable(Event):
    """The log file cannot be opened; the log goes where it would go without one."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class RunFinished(Event):
    """How a run ended."""

    run: str
    outcome: str  # done, nothing, problems, waiting, interrupted, error
    counts: Counts
    seconds: float


@dataclass(frozen=True, slots=True)
class RunEnded(Event):
    """The command ends, whether or not its run could begin. The last event of a run."""

    run: str
    exit_code: int
    reason: str  # the error that ended it; "" when none did


@dataclass(frozen=True, slots=True)
class ReportSent(Event):
    """Somebody outside was told."""

    channel: str  # operators, requester, ping
    about: str


@dataclass(frozen=True, slots=True)
class ReportFailed(Event):
    """Somebody outside could not be told; the run goes on."""

    channel: str  # metrics, operators, requester, ping
    about: str
    reason: str


Listener = Callable[[Event], None]


@dataclass(slots=True)
class Publisher:
    """Hands every event to each listener, in order."""

    listeners: Sequence[Listener] = field(default_factory=tuple)

    def publish(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)
