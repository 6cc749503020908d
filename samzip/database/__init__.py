"""The database below `requests` and `catalog`: connection, clock, column types, tables."""

from samzip.database.engine import Database, open_database

__all__ = ["Database", "open_database"]
