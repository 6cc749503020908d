"""How often a run writes its progress, told by the database itself."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path

TRIGGER = """
CREATE TABLE bench_progress (request INTEGER);
CREATE TRIGGER bench_progress_written
    AFTER UPDATE OF current_step, progress_percentage, equipos_procesados ON core_ziprequest
    WHEN OLD.status = 'processing' AND NEW.status = 'processing'
    BEGIN INSERT INTO bench_progress VALUES (NEW.id); END;
"""
IN_WORK = "SELECT id, (julianday(completed_at) - julianday(started_at)) * 86400 FROM core_ziprequest"


def note_progress(database: Path) -> None:
    """From here on the database notes every write of progress. A transition between states is none."""
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(TRIGGER)


def writes_per_second(database: Path) -> float:
    """The most writes for each second, begun ones included, that a request was in work."""
    with closing(sqlite3.connect(database)) as connection:
        seconds = dict(connection.execute(IN_WORK).fetchall())
        written = dict(connection.execute("SELECT request, count(*) FROM bench_progress GROUP BY request").fetchall())
    return float(max(written.get(request, 0) / math.ceil(lasted) for request, lasted in seconds.items()))
