"""What the threads of a worker write: on SQLite, those who wait at the same time share a transaction.

SQLite has one writer at a time, each commit waits for the disk, and whoever finds another at work tries again after
ever longer pauses. So the first thread writes for all that came meanwhile, and one wait for the disk is enough for all
of them. Nobody is answered before that: a power cut takes back nothing that was answered. PostgreSQL does it itself.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from samzip.database import Database
from samzip.errors import SamzipError
from samzip.web.problems import Problem

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Job:
    """What one thread wants written, and what came of it."""

    work: Callable[[Connection, datetime], Any]
    context: Context = field(default_factory=copy_context)  # of its call, whichever thread does it
    value: Any = None
    error: Exception | None = None
    done: bool = False

    def do_alone(self, connection: Connection, now: datetime) -> None:
        """A refusal ends the transaction, in which nobody else has written."""
        self.error = None
        self.value = self.context.run(self.work, connection, now)

    def do(self, connection: Connection, now: datetime) -> None:
        """A refusal is this job's own: the others' writes stay."""
        self.error = None
        try:
            with connection.begin_nested():
                self.value = self.context.run(self.work, connection, now)
        except (Problem, SamzipError) as refusal:
            self.error = refusal


class Writes:
    """The one way to write for calls of the hook."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.begin_anew()

    def begin_anew(self) -> None:
        """In a forked process, which has none of the threads that its parent's locks wait for."""
        self._waiting: deque[_Job] = deque()
        self._turn = threading.Lock()

    def do(self, work: Callable[[Connection, datetime], T]) -> T:
        """Calls `work` with a transaction and its time, and returns its value once that is committed. `work` may be
        called again when it was rolled back, and must not write in other ways.

        Raises what `work` raises, after which nothing of it is written; DatabaseUnreachable.
        """
        if not self._database.is_sqlite:
            with self._database.write() as connection:
                return work(connection, self._database.now(connection))
        job = _Job(work)
        self._waiting.append(job)
        with self._turn:
            if not job.done:
                self._write(self._take)
        if job.error:
            raise job.error
        value: T = job.value
        return value

    def _take(self) -> list[_Job]:
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def _write(self, take: Callable[[], list[_Job]]) -> None:
        """Jobs are taken when the transaction has begun: who came while it waited comes along, or fails with it."""
        jobs: list[_Job] = []
        try:
            with self._database.write() as connection:
                jobs = take()
                now = self._database.now(connection)
                for job in jobs:
                    (job.do if len(jobs) > 1 else job.do_alone)(connection, now)
        except SamzipError as error:
            _fail(jobs or take(), error)
        except Exception as error:  # noqa: BLE001 -- told to the one whose job it is
            if len(jobs) < 2:
                _fail(jobs or take(), error)
                return
            for job in jobs:  # nobody fails by another's error
                self._write(lambda job=job: [job])  # type: ignore[misc]
        else:
            for job in jobs:
                job.done = True


def _fail(jobs: list[_Job], error: Exception) -> None:
    for job in jobs:
        job.error, job.done = error, True
