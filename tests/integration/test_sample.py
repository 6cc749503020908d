"""The same job on a copy of a database that SAM itself made. Skipped where that sample is absent, as for users."""

from __future__ import annotations

import os
import shutil
import sqlite3
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from samzip.database import tables
from samzip.database.setup import initialise
from tests.support.world import ShiftedDatabase, World, make_world

SAMPLE = Path(os.environ.get("SAM_SAMPLE", Path(__file__).parents[3] / "shared" / "sam" / "sample"))

TREE = SAMPLE.parent / "output" / "tree_part2.txt"  # the entries of SAM's own archive of such a company, some of them

pytestmark = pytest.mark.skipif(not (SAMPLE / "sam.sqlite3").exists(), reason="SAM's sample is not on this machine")


def schema(path: Path) -> set[tuple[str, str | None]]:
    connection = sqlite3.connect(path)
    try:
        return set(connection.execute("SELECT name, sql FROM sqlite_master WHERE tbl_name NOT LIKE 'samzip%'"))
    finally:
        connection.close()


@pytest.fixture
def sam(tmp_path: Path) -> Iterator[World]:
    copy = tmp_path / "sam"
    shutil.copytree(SAMPLE, copy)
    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    url = f"sqlite:///{copy / 'sam.sqlite3'}"
    initialise(url)
    made = make_world(tmp_path, url, media_root=str(copy / "media"), part_size="35", history="3650d")
    # The sample is of one day: its pending rows are always of an hour ago for this test.
    ShiftedDatabase.shift = timedelta(0)
    yield replace(made)
    made.database.close()


def test_adopting_leaves_sams_tables_as_they_were(tmp_path: Path) -> None:
    copy = tmp_path / "sam.sqlite3"
    shutil.copyfile(SAMPLE / "sam.sqlite3", copy)
    before = schema(copy)
    done = initialise(f"sqlite:///{copy}")
    assert done.adopted
    assert schema(copy) == before
    assert set(done.created) == {*tables.own.tables, "samzip_version"}
    assert initialise(f"sqlite:///{copy}").created == ()


def test_its_queue_becomes_three_archives_and_all_who_wait_are_served(sam: World) -> None:
    finished = sam.run()

    assert finished.counts.published == 3
    assert finished.counts.missing == 0
    rows = {row.id: row for row in sam.requests()}
    assert {number: row.status for number, row in rows.items()} == {
        1: "expired",
        2: "completed",  # it was stuck in processing for two days
        3: "failed",
        **dict.fromkeys(range(4, 11), "completed"),
    }
    assert len({rows[number].file_path for number in (2, 4, 6, 8)}) == 1
    assert len({rows[number].file_path for number in (5, 7, 9)}) == 1
    stray = "zip_requests/1/20251027_090000_parte_2_req_999.zip"
    assert stray in sam.files()
    assert "zip_requests/1/20251028_101500_parte_1_req_1.zip" not in sam.files()
    assert len(sam.files()) == 4


def test_an_insert_as_sam_makes_it_still_works(sam: World) -> None:
    connection = sqlite3.connect(str(sam.database.url.database))
    connection.execute(
        "INSERT INTO core_ziprequest (status, position_in_queue, parte_numero, created_at, empresa_id, user_id,"
        " equipos_procesados, progress_percentage, total_partes)"
        " VALUES ('pending', 1, 1, '2026-11-24 20:09:35.5', 2, 2, 0, 0, 1)"
    )
    connection.commit()
    connection.close()
    sam.run()
    assert sam.requests()[-1].status == "completed"


@pytest.mark.skipif(not TREE.exists(), reason="the tree of SAM's archive is not on this machine")
def test_everything_that_sam_delivers_is_there_under_its_name(sam: World) -> None:
    """Two differences are meant: the top folder ends in no dot, for Windows, and documents of maintenance keep the
    names of their files, in a folder for each kind."""
    sam.run()
    (path,) = (row.file_path for row in sam.requests() if row.id == 9)
    with zipfile.ZipFile(sam.media / path) as archive:
        names = archive.namelist()
    ours = {name.partition("/")[2] for name in names}
    theirs = [line.partition("/")[2] for line in TREE.read_text(encoding="utf-8").splitlines()]
    maintenance = [name for name in theirs if "/Mantenimientos/" in name]
    assert set(theirs) - set(maintenance) <= ours
    delivered = Counter(name.split("/")[1] for name in ours if "/Mantenimientos/Documentos_" in name)
    assert Counter(name.split("/")[1] for name in maintenance) <= delivered
    instruments = {name.split("/")[1] for name in theirs if name.startswith("Equipos/")}  # the list has some of them
    like_theirs = {name for name in ours if not name.startswith("Equipos/") or name.split("/")[1] in instruments}
    print("", *(f"- {name}" for name in sorted(set(theirs) - ours)), sep="\n")
    print(*(f"+ {name}" for name in sorted(like_theirs - set(theirs))), sep="\n")
    assert {name.partition("/")[0] for name in names} == {"CERTIBOY S.A.S"}
