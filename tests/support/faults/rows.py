"""All rows of a PostgreSQL database, taken and put back in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
_SEQUENCES = "SELECT sequencename, coalesce(last_value, 0) FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"


@dataclass(frozen=True)
class Rows:
    """In COPY's text format."""

    tables: dict[str, bytes]
    sequences: dict[str, int]  # 0: never used

    @staticmethod
    def of(url: str) -> Rows:
        with psycopg.connect(plain(url)) as connection:
            tables = {}
            for (name,) in connection.execute(_TABLES).fetchall():
                with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(name))) as copy:
                    tables[name] = b"".join(bytes(block) for block in copy)
            return Rows(tables, dict(connection.execute(_SEQUENCES).fetchall()))

    def restore(self, url: str) -> None:
        """In one transaction; waits for those that a killed client left, which the server ends by itself."""
        with psycopg.connect(plain(url)) as connection:
            cursor = connection.cursor()
            connection.execute("SET CONSTRAINTS ALL DEFERRED")
            for name in self.tables:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
            for name, block in self.tables.items():
                if block:
                    with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(name))) as copy:
                        copy.write(block)
            for name, last in self.sequences.items():
                connection.execute("SELECT setval(%s, %s, %s)", (name, max(last, 1), last > 0))


def plain(url: str) -> str:
    """As libpq reads it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
