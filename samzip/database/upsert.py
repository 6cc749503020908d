"""INSERT that skips rows which are there already: both databases have it, SQLAlchemy keeps it in each dialect."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects.sqlite import Insert


def insert_for(connection: Connection, table: Table) -> Insert:
    """Has `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return insert_in(connection.dialect.name, table)


def insert_in(dialect: str, table: Table) -> Insert:
    """The same by the dialect's name. Imports the one in use only: the other's drivers would double the start-up."""
    statement: Insert = import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
    return statement
