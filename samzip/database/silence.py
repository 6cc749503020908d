"""A server that takes calls and never answers: a host that froze, a disk that hangs. Its kernel still acknowledges what
is sent, so that no timeout of TCP ends the wait, and the server's own timeouts stand still with it."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

from psycopg import Connection, OperationalError
from psycopg.abc import PQGen
from sqlalchemy import Engine, event

GRACE_S = 1.0  # beyond the server's own timeout, whose answer says more
FRESH_S = 1.0  # after a silence, nobody tries to connect


def end_silence(engine: Engine, seconds: float) -> None:
    """Every answer of the server is waited for that long; then the connection is closed and the wait is an
    OperationalError. Whether a commit was done is not known then."""
    last_silence = float("-inf")  # monotonic

    class Impatient(Connection[Any]):
        """Looks at the clock whenever psycopg wakes up, ten times a second."""

        def wait(self, gen: PQGen[Any], *arguments: Any, **options: Any) -> Any:
            return super().wait(self._bounded(gen, time.monotonic() + seconds + GRACE_S), *arguments, **options)

        def _bounded(self, gen: PQGen[Any], until: float) -> Generator[Any, Any, Any]:
            nonlocal last_silence
            try:
                state = next(gen)
                while time.monotonic() < until:
                    state = gen.send((yield state))
            except StopIteration as ended:
                return ended.value
            last_silence = time.monotonic()
            self.pgconn.finish()
            raise OperationalError(f"the server has not answered for {seconds + GRACE_S:g} s")

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, arguments: Any, options: Any) -> Impatient:
        # Whoever met the silence has waited long enough, and so have those who wait for a connection.
        if time.monotonic() < last_silence + FRESH_S:
            raise OperationalError("the server was silent a moment ago")
        return Impatient.connect(*arguments, **options)
