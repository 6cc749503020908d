"""What a run is given that may be killed at any step which leaves a trace, and a clock that stands still.

A kill ends a run as SIGKILL does: from that moment it writes nothing, neither to the database nor to a store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from samzip.database import Database
from tests.support.world import InlineExecutor, ShiftedDatabase


class Killed(BaseException):
    """Ends a run as SIGKILL does."""


class Fuse:
    """Burns down by one at each step of a run that leaves a trace."""

    def __init__(self, steps: int | None) -> None:
        self.steps = steps

    @property
    def is_blown(self) -> bool:
        return self.steps is not None and self.steps < 0

    def step(self) -> None:
        if self.steps is not None:
            self.steps -= not self.is_blown
            if self.is_blown:
                raise Killed


class StillDatabase(ShiftedDatabase):
    """Its clock moves when a rule says so and never by itself: a sequence goes the same way on a slow machine."""

    __slots__ = ()
    began = datetime.now(UTC)

    def now(self, connection: Connection) -> datetime:
        return StillDatabase.began + ShiftedDatabase.shift


class FragileDatabase(StillDatabase):
    """As a run sees it that may be killed."""

    __slots__ = ("fuse",)
    fuse: Fuse

    def __init__(self, whole: Database, fuse: Fuse) -> None:
        super().__init__(whole.engine, whole.url)
        object.__setattr__(self, "fuse", fuse)

    @contextmanager
    def write(self, **how: Any) -> Iterator[Connection]:
        with super().write(**how) as connection:
            yield connection
            self.fuse.step()
        self.fuse.step()


class FragileStore:
    """As a run sees it that may be killed."""

    def __init__(self, whole: Any, fuse: Fuse) -> None:
        self._whole, self._fuse = whole, fuse

    def publish(self, temporary: str, name: str) -> None:
        self._fuse.step()
        self._whole.publish(temporary, name)
        self._fuse.step()

    def delete(self, name: str) -> bool:
        self._fuse.step()
        deleted: bool = self._whole.delete(name)
        self._fuse.step()
        return deleted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole, name)


class FragileExecutor(InlineExecutor):
    """A job is begun, tells of itself and ends: the leader may be killed at each of these."""

    def __init__(self, fuse: Fuse, before: Callable[[Any], None]) -> None:
        super().__init__()
        self.fuse, self.before = fuse, before

    def submit(self, function: Callable[..., Any], job: Any, key: str) -> Any:
        def fragile(job: Any, report: Callable[[Any], None]) -> Any:
            def tell(progress: Any) -> None:
                self.fuse.step()
                report(progress)

            return function(job, tell)

        return super().submit(fragile, job, key)
