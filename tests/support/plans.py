"""What the database would do for each statement that passes, by its own EXPLAIN: whether it reads a whole history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import event

from samzip.database import Database
from samzip.requests.states import ENDED

HISTORY = ("core_ziprequest", "core_notificacionzip")  # tables that grow with every click
WALKS = ("stays", "newest")  # read in the order of numbers, and a LIMIT ends that


@dataclass
class Plans:
    """Of every statement since the watch began."""

    statements: int = 0
    scans: dict[str, str] = field(default_factory=dict)  # statement -> the step that reads a history

    def note(self, statement: str, scans: Iterator[str]) -> None:
        self.statements += 1
        for scan in scans:
            self.scans[statement] = scan


@contextmanager
def watch_plans(database: Database) -> Iterator[Plans]:
    """Every statement is explained just before it is executed, with its own values."""
    plans = Plans()

    def explain(_connection: Any, cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        if statement.split(None, 1)[0] not in ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH"):
            return
        with_values = values[0] if isinstance(values, list) else values  # the first of many
        asking = cursor.connection.cursor()
        if database.is_sqlite:
            rows = asking.execute(f"EXPLAIN QUERY PLAN {statement}", with_values).fetchall()
            ended = sum(value in ENDED for value in with_values) > statement.startswith("UPDATE")  # which sets one
            plans.note(statement, _sqlite_scans([row[3] for row in rows], ended=ended))
            return
        # A table of a test is small enough to be read whole: what is asked is whether it would have to be.
        asking.execute("SET LOCAL enable_seqscan = off")
        asking.execute(f"EXPLAIN (FORMAT JSON) {statement}", with_values)
        (told,) = asking.fetchone()
        asking.execute("SET LOCAL enable_seqscan = on")
        tree = json.loads(told) if isinstance(told, str) else told
        plans.note(statement, _postgres_scans(tree[0]["Plan"], limited=False))

    event.listen(database.engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(database.engine, "before_cursor_execute", explain)


def _sqlite_scans(steps: list[str], *, ended: bool) -> Iterator[str]:
    """SCAN reads all of a table or of an index, SEARCH a part of it: sqlite.org/eqp.html. To find all that ended by
    their status is to read the history too."""
    for step in steps:
        word, table = step.split()[:2]
        if table in HISTORY and (word == "SCAN" or (ended and "(status=?)" in step)):
            yield step


def _postgres_scans(node: dict[str, Any], *, limited: bool) -> Iterator[str]:
    """Nodes that read a history without a condition on an index, but walks below a LIMIT."""
    limited = limited or node["Node Type"] == "Limit"
    if node.get("Relation Name") in HISTORY and node["Node Type"] != "ModifyTable":
        condition = f"{node.get('Index Cond', '')}{node.get('Recheck Cond', '')}"
        by_index = condition and not ("expired" in condition and "empresa_id" not in condition)
        ends = "Filter" not in node or node["Alias"] in WALKS
        walks = limited and ends and node["Node Type"].startswith("Index")
        if not (by_index or walks):
            yield f"{node['Node Type']} on {node['Alias']}"
    for below in node.get("Plans", ()):
        yield from _postgres_scans(below, limited=limited)
