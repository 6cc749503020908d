"""bin/bench, with companies so small that nothing can be said of speed: every goal is measured all the same."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pypdf
import pytest

from samzip.archive.probe import take_sample, worth_deflating
from tests.bench import machine, papers, picture, probe, progress, table
from tests.bench.__main__ import PAGE
from tests.bench.company import USER, make_company
from tests.bench.goals import goals, judge
from tests.bench.scenarios import Bench, Plan, Report
from tests.bench.stage import BenchFailed, Stage, environment, measure, samzip
from tests.bench.watch import watch_opening

TINY = Plan(instruments=2, many=3, most=6, companies=3, clicks=30, repeats=1, growth_repeats=1)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    said: list[str] = []
    return Bench(TINY, tmp_path_factory.mktemp("bench"), said.append).measure_all()


def test_every_goal_is_measured_and_has_its_row(report: Report) -> None:
    judged = judge(report)
    rows = table.goals(judged).splitlines()[2:]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [one.what for one in goals(TINY, report)]
    assert [one.goal.what for one in judged if not one.values] == []


def test_all_tables_fit_their_place_in_the_page(report: Report) -> None:
    tables = table.render(report, judge(report))
    page = table.put_into(PAGE.read_text(encoding="utf-8"), tables)
    assert tables in page
    assert table.put_into(page, "again") == table.put_into(PAGE.read_text(encoding="utf-8"), "again")


def test_the_picture_is_an_svg_with_a_bar_for_every_goal(report: Report) -> None:
    judged = judge(report)
    drawn = ElementTree.fromstring(picture.draw(report, judged, "a machine & a day"))  # noqa: S314 -- our own
    texts = [text.text or "" for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert [one.goal.what.replace("`", "") for one in judged if one.goal.what.replace("`", "") not in texts] == []
    assert "a machine & a day" in texts


def test_what_was_archived_is_told(report: Report) -> None:
    assert report.documents == 2 * 19 + 6
    assert set(report.sizes) >= {"documents", "zipfile", "zipfile-3"}
    assert f"2 instruments, 44 documents ({report.bytes / table.MIB:.1f} MiB)" in table.data(report)


def test_the_company_is_the_same_every_time(tmp_path: Path) -> None:
    first = make_company(tmp_path / "a", 2, small=True)
    second = make_company(tmp_path / "b", 2, small=True)
    assert [path.read_bytes() for path in first.documents] == [path.read_bytes() for path in second.documents]
    assert len({path.read_bytes() for path in first.documents}) == len(first.documents)


def test_a_run_that_lost_a_document_is_not_measured(tmp_path: Path) -> None:
    company = make_company(tmp_path / "company", 1, small=True)
    company.documents[0].unlink()
    stage = Stage(company.sample, tmp_path / "stage")
    stage.click()
    with pytest.raises(BenchFailed, match="ended with 3"):
        stage.measure_run()


def test_scans_are_as_hard_to_deflate_as_real_ones() -> None:
    rng = Random(1)
    for number in range(24):
        scan = papers.scan(rng, f"scan {number}", small=False)
        assert 150_000 <= len(scan) <= 600_000
        assert 0.007 <= 1 - len(zlib.compress(scan, 6)) / len(scan) <= 0.04


def test_a_manual_is_a_pdf_of_many_pages() -> None:
    manual = papers.manual(Random(1), "Manual", small=False)
    assert 1_000_000 <= len(manual) <= 3_000_000
    read = pypdf.PdfReader(io.BytesIO(manual), strict=True)
    assert len(read.pages) >= 7
    assert read.pages[6].images[0].image.width > 900


def test_the_watch_tells_which_files_another_process_opened(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    opened, looked_at = inner / "ópened", tmp_path / "looked at"
    opened.write_text("x")
    looked_at.write_text("x")
    with watch_opening(tmp_path) as watched:
        script = "import pathlib, sys; pathlib.Path(sys.argv[1]).read_bytes(); pathlib.Path(sys.argv[2]).stat()"
        subprocess.run([sys.executable, "-c", script, str(opened), str(looked_at)], check=True)
        assert watched.files() == {opened}
        assert watched.files() == set()


def test_progress_is_counted_while_a_request_is_in_work(tmp_path: Path) -> None:
    database = make_company(tmp_path / "company", 1, small=True).sample.database
    samzip(environment(database.parent, tmp_path), "request", "--user", USER)
    progress.note_progress(database)
    changes = (
        "status = 'processing', progress_percentage = 0, started_at = '2026-06-01 12:00:00'",
        "progress_percentage = 20",
        "file_size = 1",
        "current_step = 'Procesando equipo'",
        "status = 'completed', progress_percentage = 100, completed_at = '2026-06-01 12:00:03.2'",
    )
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for change in changes:
            connection.execute(f"UPDATE core_ziprequest SET {change}")
    assert progress.writes_per_second(database) == 2 / 4


def test_a_command_that_fails_is_told_with_its_words(tmp_path: Path) -> None:
    with pytest.raises(BenchFailed, match=r"ended with 4: no luck"):
        measure(["sh", "-c", "echo no luck >&2; exit 4"], {"SAMZIP_STATE_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"})


def test_nobodys_own_settings_change_what_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SAMZIP_JOBS", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.setenv(name, "1")
    assert not {"SAMZIP_JOBS", "DATABASE_URL", "PYTHONDONTWRITEBYTECODE"} & set(environment(tmp_path, tmp_path))


def test_the_machine_is_told(tmp_path: Path) -> None:
    told = machine.describe(tmp_path)
    assert "cores" in told
    assert " on " in told


def test_what_deflating_more_would_cost_is_told_for_each_line_that_the_probe_could_draw(tmp_path: Path) -> None:
    shown = probe.measure(make_company(tmp_path / "company", 2), probe.LINES, repeats=1).splitlines()[2:]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in shown]
    assert rows[0][0] == "3.0% of 8 pieces of 2,048 bytes (as it is)"
    missed, deflated = ([int(row[column].split()[0].rstrip("%")) for row in rows] for column in (1, 2))
    assert missed[-1] == 0 < missed[0]
    assert deflated == sorted(deflated)


def test_the_probe_that_is_measured_is_the_one_that_archives_are_made_with() -> None:
    data = Random(1).randbytes(400_000) + b" " * 20_000
    for block in (data, data[:9000], bytes(50_000)):
        assert probe.AS_IT_IS.takes(block) == worth_deflating(take_sample(memoryview(block)))
