"""How long a run spent at what, told from its events alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from samzip import events as e

STARTING = "starting"  # settings, database, lock
CLEANING = "cleaning"  # what dead runs left, history, expired archives
PLANNING = "planning"  # snapshots, and a look at every document
PREPARING = "preparing"  # heads of documents, names, workbook
BUILDING = "building"  # at least one part is in work
ENDING = "ending"  # locks, notes, notifications
PHASES = (STARTING, CLEANING, PLANNING, PREPARING, BUILDING, ENDING)


class Phases:
    """Every moment of a run belongs to exactly one phase, so that they add up to its length."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = self._begun = clock()
        self._phase = STARTING
        self._in_work: set[tuple[int, int]] = set()

    @property
    def total(self) -> float:
        """Seconds since the beginning."""
        return self._clock() - self._begun

    def hear(self, event: e.Event) -> Iterator[tuple[str, float]]:
        """The phase that lasted until this event, and its seconds."""
        now = self._clock()
        yield self._phase, now - self._since
        self._since = now
        self._phase = self._next(event)

    def _next(self, event: e.Event) -> str:
        match event:
            case e.PartStarted():
                self._in_work.add((event.ref.company_id, event.ref.part))
            case e.PartPublished() | e.PartFailed() | e.PartDropped() | e.PartReleased():
                self._in_work.discard((event.ref.company_id, event.ref.part))
        if self._in_work:
            return BUILDING
        match event:
            case e.RunStarted() | e.CleaningStarted() | e.QueueEmpty() | e.ArchiveExpired():
                return CLEANING
            case e.RequestsCollapsed() | e.CompanyPlanned():
                return PLANNING
            case e.CompanyPreparing():
                return PREPARING
            case e.RunFinished() | e.RunEnded():
                return ENDING
        return PLANNING if self._phase == BUILDING else self._phase
