"""Collapses what waits in a database, in a process of its own.

python collapse_clicks.py DATABASE_URL     prints the seconds from opening the database until that is committed
"""

from __future__ import annotations

import json
import sys
import time

from samzip.database import open_database
from samzip.requests.collapse import collapse


def main(url: str) -> None:
    wall, cpu = time.monotonic(), time.process_time()
    database = open_database(url)
    with database.write() as connection:
        collapsed = collapse(connection, database.now(connection))
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    database.close()
    print(json.dumps({"wall_s": wall, "cpu_s": cpu, "requests": collapsed.requests, "parts": collapsed.parts}))


if __name__ == "__main__":
    main(*sys.argv[1:])
