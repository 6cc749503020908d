"""What the web hook remembers for a while, for all of its workers: signatures, answers, counted clicks."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, bindparam, case, delete, select, tuple_, update

from samzip.database.tables import web_key
from samzip.database.upsert import insert_for, insert_in

if TYPE_CHECKING:
    from sqlalchemy.sql.dml import ReturningInsert

SIGNATURE = "signature"  # of a call, so that it is accepted once
ANSWER = "answer"  # to a call with an Idempotency-Key
CLICKS = "clicks"  # of a user for a company

SWEEP = 50  # rows over that one write removes at most


def remember(connection: Connection, now: datetime, kind: str, key: str, life: timedelta) -> bool:
    """False: it is remembered already. Others that remember the same wait until this transaction ends."""
    sweep(connection, now)
    connection.execute(delete(web_key).where(_row(kind, key), web_key.c.expires_at <= now))
    new = insert_for(connection, web_key).values(kind=kind, key=key, expires_at=now + life).on_conflict_do_nothing()
    return connection.execute(new.returning(web_key.c.key)).first() is not None


def set_value(connection: Connection, kind: str, key: str, value: str) -> None:
    connection.execute(update(web_key).where(_row(kind, key)).values(value=value))


def get_value(connection: Connection, kind: str, key: str) -> str | None:
    return connection.execute(select(web_key.c.value).where(_row(kind, key))).scalar()


def count(connection: Connection, now: datetime, kind: str, key: str, life: timedelta, amount: int = 1) -> int:
    """Adds to a counter that begins again `life` after its first use. Returns what it is now."""
    values = {"of_kind": kind, "of_key": key, "amount": amount, "now": now, "until": now + life}
    uses = int(connection.execute(_counting(connection.dialect.name), values).scalar_one())
    if uses == amount:
        sweep(connection, now)
    return uses


@cache
def _counting(dialect: str) -> ReturningInsert[Any]:
    amount, until = bindparam("amount", type_=web_key.c.uses.type), bindparam("until", type_=web_key.c.expires_at.type)
    over = web_key.c.expires_at <= bindparam("now")
    new = insert_in(dialect, web_key).values(
        kind=bindparam("of_kind"), key=bindparam("of_key"), uses=amount, expires_at=until
    )
    again = {
        "uses": case((over, amount), else_=web_key.c.uses + amount),
        "expires_at": case((over, until), else_=web_key.c.expires_at),
    }
    counted = new.on_conflict_do_update(index_elements=[web_key.c.kind, web_key.c.key], set_=again)
    return counted.returning(web_key.c.uses)


def counted(connection: Connection, now: datetime, kind: str, key: str) -> tuple[int, datetime]:
    """A counter, and when it begins again."""
    query = select(web_key.c.uses, web_key.c.expires_at).where(_row(kind, key), web_key.c.expires_at > now)
    row = connection.execute(query).first()
    return (row[0], row[1]) if row else (0, now)


def forget(connection: Connection, kind: str, key: str | None = None) -> int:
    """One key, or all of a kind."""
    which = web_key.c.kind == kind if key is None else _row(kind, key)
    return connection.execute(delete(web_key).where(which)).rowcount


def sweep(connection: Connection, now: datetime) -> None:
    """Removes some of what is over whenever something new is remembered, so that the table stays small and no write is
    slow."""
    over = (
        select(web_key.c.kind, web_key.c.key)
        .where(web_key.c.expires_at <= now)
        .limit(SWEEP)
        .with_for_update(skip_locked=True)  # PostgreSQL: whoever sweeps at the same moment takes others
    )
    connection.execute(delete(web_key).where(tuple_(web_key.c.kind, web_key.c.key).in_(over)))


def _row(kind: str, key: str) -> ColumnElement[bool]:
    return (web_key.c.kind == kind) & (web_key.c.key == key)
