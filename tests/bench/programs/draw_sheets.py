"""Draws the life sheet of every instrument, in a process of its own.

    python draw_sheets.py DATABASE MEDIA     prints the CPU seconds of all of them, and how many there are

Reading rows and pictures does not count; the first sheet, which loads the fonts, does.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from samzip.catalog.read import read_equipment, read_records
from samzip.database import open_database
from samzip.dossier import plan
from samzip.dossier.life_sheet import DocumentLine, LifeSheet, render

COMPANY = 1


def sheets(database_path: str, media: Path) -> list[LifeSheet]:
    database = open_database(f"sqlite:///{database_path}")
    with database.read() as connection:
        records = read_records(connection, COMPANY)
        batches = list(read_equipment(connection, COMPANY, 35))
    database.close()
    if records is None or records.company.logo is None:
        sys.exit("the company is not there")
    logo = (media / records.company.logo).read_bytes()
    return [
        LifeSheet(
            records.company,
            item,
            tuple(DocumentLine(one.title, f"{one.folder}/{one.stem}.pdf") for one in plan.equipment_sources(item, "")),
            logo=logo,
            photo=(media / item.photo).read_bytes() if item.photo else None,
        )
        for batch in batches
        for item in batch
    ]


def main(database_path: str, media: str) -> None:
    drawn = sheets(database_path, Path(media))
    before = time.process_time()
    for sheet in drawn:
        render(sheet)
    print(json.dumps({"cpu_s": time.process_time() - before, "sheets": len(drawn)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
