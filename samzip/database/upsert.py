"""INSERT that skips rows which are there already: both databases have it, SQLAlchemy keeps it in each dialect."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects.sqlite import Insert


def insert_for(connection: Connection, table: Table) -> Insert:
    """Has `on_conflict_do_nothing`. Imports the dialect in use only: the other's drivers would double the start-up."""
    dialect = import_module(f"sqlalchemy.dialects.{connection.dialect.name}")
    statement: Insert = dialect.insert(table)
    return statement
