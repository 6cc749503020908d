"""Whether anybody works on the queue: a dead timer is the fault that nobody sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from samzip.database.tables import run, work, ziprequest
from samzip.requests.line import ITS_PART, WAITS_SINCE
from samzip.requests.states import ENDED, LIVE, PENDING

PATIENCE = timedelta(minutes=10)  # without a finished run while requests wait
HEARTBEAT_LIFE = timedelta(minutes=1)  # a run at work shows that it lives every 10 seconds
COUNTED = 10_000  # of the newest requests, those that have ended
STATES = ("pending", "processing", "completed", *ENDED)


@dataclass(frozen=True, slots=True)
class Pulse:
    """What tells."""

    now: datetime
    waiting: int  # requests that nobody works on: pending ones, and those that a dead run left in work
    oldest: datetime | None  # since when the first of them waits: its click, or the last time it was put in line anew
    finished: datetime | None  # the last run
    heartbeat: datetime | None  # of a run that has not finished

    @property
    def is_alive(self) -> bool:
        """False when requests wait and no run has finished for PATIENCE. A long run that still shows life is no dead
        timer; where none ever finished, the oldest request's age counts."""
        if not self.waiting or _lives(self.now, self.heartbeat):
            return True
        since = self.finished or self.oldest
        return since is None or self.now - since <= PATIENCE


def pulse(connection: Connection, now: datetime) -> Pulse:
    ended, beat = run.c.finished_at, run.c.heartbeat_at
    soon = now + HEARTBEAT_LIFE  # what lies further ahead was noted when the clock was wrong
    finished = connection.execute(select(func.max(ended, type_=ended.type)).where(ended <= soon)).scalar()
    beating = select(func.max(beat, type_=beat.type)).where(ended.is_(None), beat <= soon)
    heartbeat = connection.execute(beating).scalar()
    waiting, oldest = connection.execute(
        select(func.count(), func.min(WAITS_SINCE, type_=ziprequest.c.created_at.type))
        .outerjoin_from(ziprequest, work, ITS_PART)
        .where(ziprequest.c.status.in_(PENDING if _lives(now, heartbeat) else LIVE))
    ).one()
    return Pulse(now, waiting, oldest, finished, heartbeat)


def _lives(now: datetime, heartbeat: datetime | None) -> bool:
    return heartbeat is not None and now - heartbeat <= HEARTBEAT_LIFE


def by_state(connection: Connection) -> dict[str, int]:
    """Requests by state, as `by_status` counts them; every state is there."""
    counts = dict.fromkeys(STATES, 0)
    for status, number in by_status(connection).items():
        state = "pending" if status in PENDING else status
        counts[state] = counts.get(state, 0) + number
    return counts


def by_status(connection: Connection) -> dict[str, int]:
    """All live requests, and those of the newest COUNTED that have ended: nobody counts a long history for that."""
    request = ziprequest.alias("newest")
    newest = select(request.c.status).order_by(request.c.id.desc()).limit(COUNTED).subquery()
    ended = select(newest.c.status, func.count()).where(newest.c.status.not_in(LIVE)).group_by(newest.c.status)
    live = select(ziprequest.c.status, func.count()).where(ziprequest.c.status.in_(LIVE)).group_by(ziprequest.c.status)
    return {row[0]: row[1] for row in connection.execute(live.union_all(ended))}
