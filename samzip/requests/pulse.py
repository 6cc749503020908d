"""Whether anybody works on the queue: a dead timer is the fault that nobody sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from samzip.database.tables import run, ziprequest
from samzip.requests.states import ENDED, PENDING

PATIENCE = timedelta(minutes=10)  # without a finished run while requests wait
HEARTBEAT_LIFE = timedelta(minutes=1)  # a run at work shows that it lives every 10 seconds
STATES = ("pending", "processing", "completed", *ENDED)


@dataclass(frozen=True, slots=True)
class Pulse:
    """What tells."""

    now: datetime
    waiting: int  # pending requests
    oldest: datetime | None  # of them
    finished: datetime | None  # the last run
    heartbeat: datetime | None  # of a run that has not finished

    @property
    def is_alive(self) -> bool:
        """False when requests wait and no run has finished for PATIENCE. A long run that still shows life is no dead
        timer; where none ever finished, the oldest request's age counts."""
        if not self.waiting or (self.heartbeat and self.now - self.heartbeat <= HEARTBEAT_LIFE):
            return True
        since = self.finished or self.oldest
        return since is None or self.now - since <= PATIENCE


def pulse(connection: Connection, now: datetime) -> Pulse:
    waiting, oldest = connection.execute(
        select(func.count(), func.min(ziprequest.c.created_at, type_=ziprequest.c.created_at.type)).where(
            ziprequest.c.status.in_(PENDING)
        )
    ).one()
    finished = connection.execute(select(func.max(run.c.finished_at, type_=run.c.finished_at.type))).scalar()
    beating = select(func.max(run.c.heartbeat_at, type_=run.c.heartbeat_at.type)).where(run.c.finished_at.is_(None))
    return Pulse(now, waiting, oldest, finished, connection.execute(beating).scalar())


def by_state(connection: Connection) -> dict[str, int]:
    """Requests by state; every state is there."""
    counts = dict.fromkeys(STATES, 0)
    for status, number in connection.execute(
        select(ziprequest.c.status, func.count()).group_by(ziprequest.c.status)
    ).all():
        state = "pending" if status in PENDING else status
        counts[state] = counts.get(state, 0) + number
    return counts
