"""Clicks are counted for each user and company, in the database or in Redis, so that the limit holds over all workers.

`limits` has no storage in SQL; this one counts in the transaction that inserts the request, so that a click costs one
commit, and one that was refused for another reason is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flask import Flask, g
from flask_limiter import Limiter, RateLimitExceeded
from limits.errors import ConfigurationError, StorageError
from limits.storage import Storage

from samzip.database import Database
from samzip.errors import BadSetting
from samzip.requests import web_keys
from samzip.settings import Settings
from samzip.web.problems import Problem

if TYPE_CHECKING:
    from sqlalchemy import Connection

WINDOW_S = 60  # the minute of web_rate
COUNTING_S = 2  # for Redis' answer

_transaction: ContextVar[Connection | None] = ContextVar("samzip_transaction", default=None)


class DatabaseStorage(Storage):
    """Counters of fixed windows in samzip_web_key."""

    STORAGE_SCHEME = ["samzip-database"]  # noqa: RUF012 -- as the base class declares it

    def __init__(self, uri: str | None = None, wrap_exceptions: bool = False, **options: Any) -> None:
        super().__init__(uri, wrap_exceptions)
        self._database: Database = options["database"]

    @property
    def base_exceptions(self) -> type[Exception]:
        return StorageError  # the database's own errors are told as everywhere else

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        with self._write() as connection:
            now = self._database.now(connection)
            return web_keys.count(connection, now, web_keys.CLICKS, key, timedelta(seconds=expiry), amount)

    def get(self, key: str) -> int:
        with self._read() as connection:
            return web_keys.counted(connection, self._database.now(connection), web_keys.CLICKS, key)[0]

    def get_expiry(self, key: str) -> float:
        with self._read() as connection:
            now = self._database.now(connection)
            return web_keys.counted(connection, now, web_keys.CLICKS, key)[1].timestamp()

    def check(self) -> bool:
        with self._read():
            return True

    def reset(self) -> int | None:
        with self._write() as connection:
            return web_keys.forget(connection, web_keys.CLICKS)

    def clear(self, key: str) -> None:
        with self._write() as connection:
            web_keys.forget(connection, web_keys.CLICKS, key)

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        if (open_one := _transaction.get()) is not None:
            yield open_one
            return
        with self._database.write() as connection:
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        if (open_one := _transaction.get()) is not None:
            yield open_one
            return
        with self._database.read() as connection:
            yield connection


class Rates:
    """The limit of one application."""

    def __init__(self, app: Flask, settings: Settings, database: Database) -> None:
        in_database = settings.web_counters == "database"
        uri = "samzip-database://" if in_database else settings.web_counters
        options: dict[str, Any] = {"database": database} if in_database else {"wrap_exceptions": True, **_patience(uri)}
        try:
            self._limiter = Limiter(
                key_func=lambda: str(g.samzip_click),
                app=app,
                storage_uri=uri,
                storage_options=options,
                strategy="fixed-window",
                key_prefix="samzip",
            )
        except ConfigurationError as error:
            raise BadSetting(f"web_counters: {error}") from error
        self._count: Callable[[], None] = self._limiter.shared_limit(f"{settings.web_rate} per minute", "click")(_click)

    def count(self, connection: Connection, user_id: int, company_id: int) -> None:
        """One click, in the caller's transaction. Raises Problem when it is one too many."""
        g.samzip_click = f"{user_id}/{company_id}"
        token = _transaction.set(connection)
        try:
            self._count()
        except RateLimitExceeded as error:
            limit = self._limiter.current_limit
            seconds = min(max(1, limit.reset_at - int(time.time())), WINDOW_S) if limit else WINDOW_S
            detail = f"Espere {seconds} segundo{'s' if seconds > 1 else ''} antes de solicitar de nuevo."
            raise Problem("too_many_requests", detail, headers={"Retry-After": str(seconds)}) from error
        except StorageError as error:
            raise Problem("counters_unavailable") from error
        finally:
            _transaction.reset(token)


def _patience(uri: str) -> dict[str, Any]:
    """Of the client of Redis, which counts while a transaction is open. Left alone it tries again and again, and before
    its version 8 waits without end."""
    if not uri.startswith(("redis://", "rediss://")):
        return {}
    try:
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ModuleNotFoundError:
        return {}  # told by `limits`, with advice
    once = Retry(NoBackoff(), 0)
    return {"socket_connect_timeout": COUNTING_S, "socket_timeout": COUNTING_S, "retry": once}


def _click() -> None:
    """What the limiter is bound to: the counting is all that happens."""
