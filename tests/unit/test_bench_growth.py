"""How `bin/bench size` words and draws what it measured."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench import __main__, size_picture, size_table, table
from tests.bench import size as names
from tests.bench.__main__ import PAGE
from tests.bench.goals import MB
from tests.bench.results import Measured
from tests.bench.size import POSTGRES, SQLITE, Growth, Measures, SizePlan
from tests.bench.size_picture import PANELS, apart, scale_to
from tests.bench.web_load import Called

SVG = "{http://www.w3.org/2000/svg}"
COMMANDS = (names.IDLE, names.IDLE_NO_INDEX, names.STATUS, names.SHOW, names.COLLAPSE, names.PLAN)
CALLS = (names.CLICK, names.PAGE_ENDED, names.PAGE_WAITING)
PLAN = SizePlan()


def _measures(step: int) -> Measures:
    """0.5 s and 60 MB without a history, and twice the time with the longest."""
    wall = 0.5 + 0.5 * step / PLAN.size.history
    measures = Measures()
    for name in COMMANDS:
        if step or name != names.SHOW:
            measures.commands[name] = [Measured(wall, 0.3, 50 * MB, 0.25), Measured(wall, 0.3, 60 * MB, 0.25)]
    for name in CALLS:
        measures.calls[name] = Called(200, 9.0, wall / 100, 0.02, 0.01)
    return measures


def _growth(*databases: str) -> Growth:
    return Growth(PLAN, {name: {step: _measures(step) for step in PLAN.steps} for name in databases})


def test_each_measurement_has_a_row_for_each_database_and_a_column_for_each_length() -> None:
    shown = size_table.render(_growth(SQLITE, POSTGRES))
    assert "| requests in the history |  | 0 | 10,000 | 100,000 | 1,000,000 |" in shown
    assert "| idle run | PostgreSQL | 0.50 s, 60 MB | 0.51 s, 60 MB | 0.55 s, 60 MB | 1.00 s, 60 MB |" in shown
    assert "| `samzip show` | SQLite | - | 0.51 s, 60 MB | " in shown
    assert "| a click: `POST /requests` | SQLite | 5 ms (20) | 5 ms (20) | 6 ms (20) | 10 ms (20) |" in shown
    assert shown.count(f"| {SQLITE} |") == shown.count(f"| {POSTGRES} |") == len(COMMANDS + CALLS)
    assert "(286 parts), and 50,000 pending requests. 1,000,000 requests of history are 180 days" in shown
    assert "other work took 0.25 cores" in shown
    assert "not measured" not in shown


def test_a_database_that_is_not_installed_is_told_and_not_drawn() -> None:
    growth = _growth(SQLITE)
    assert "No PostgreSQL is installed here" in size_table.render(growth)
    assert POSTGRES not in size_picture.draw(growth, "today")


def test_the_growth_has_its_place_in_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    shown = size_table.render(_growth(SQLITE))
    written = table.put_into(page, shown, size_table.MARKS)
    assert shown in written
    assert table.put_into(written, "x", size_table.MARKS) == table.put_into(page, "x", size_table.MARKS)


def test_what_is_written_is_the_table_in_the_page_and_the_picture_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    growth, page = _growth(SQLITE, POSTGRES), tmp_path / "page.md"
    page.write_text(f"before\n{size_table.MARKS[0]}\nold\n{size_table.MARKS[1]}\nafter\n")
    monkeypatch.setattr(__main__, "PAGE", page)
    monkeypatch.setattr(__main__, "measure_growth", lambda plan, folder, say: growth)
    monkeypatch.setattr("sys.argv", ["bench", "size", "--write"])
    __main__.main()
    written, printed = page.read_text(), capsys.readouterr().out
    assert size_table.render(growth) in written
    assert printed.strip() in written
    assert f"![{size_picture.LABEL}](growth.svg)\n\n`bin/bench size --write`, " in written
    assert "old" not in written
    assert "· " in (tmp_path / "growth.svg").read_text().splitlines()[-2]  # the day, and on what it was measured
    page.unlink()
    monkeypatch.setattr("sys.argv", ["bench", "size"])
    __main__.main()
    assert not page.exists()


@pytest.mark.parametrize("databases", [(SQLITE,), (SQLITE, POSTGRES)])
def test_every_value_of_the_curves_is_a_point_where_it_belongs(databases: tuple[str, ...]) -> None:
    drawn = ElementTree.fromstring(size_picture.draw(_growth(*databases), "a machine & a day"))  # noqa: S314 -- our own
    curves = len(databases) * (len(PANELS) + 1)  # one panel has the idle run without the index as well
    points = list(drawn.iter(f"{SVG}circle"))
    assert len(points) == curves * len(PLAN.steps)
    first = points[: len(PLAN.steps)]
    assert [point.findtext(f"{SVG}title") for point in first] == [
        f"{SQLITE}, {told}" for told in ("0: 0.50 s", "10,000: 0.51 s", "100,000: 0.55 s", "1,000,000: 1.00 s")
    ]
    across, up = ([float(point.get(name, "")) for point in first] for name in ("cx", "cy"))
    assert across == sorted(set(across))
    bottom = size_picture.HEAD + size_picture.BELOW + size_picture.CHART[1]
    assert bottom - up[-1] == pytest.approx(2 * (bottom - up[0]))  # 1.00 s is twice as high as 0.50 s
    texts = [text.text or "" for text in drawn.iter(f"{SVG}text")]
    assert {panel.title.format(pending=50_000) for panel in PANELS} <= set(texts)
    assert texts.count("1,000,000") == len(PANELS)
    assert "a machine & a day" in texts
    width, height = (float(drawn.get(name, "")) for name in ("width", "height"))
    assert all(0 < float(one.get("cx", "")) < width and 0 < float(one.get("cy", "")) < height for one in points)


@pytest.mark.parametrize("most", [0.004, 0.3, 0.7, 1.0, 2.99, 3.0, 5.54, 63, 108, 999])
def test_a_scale_is_of_few_round_numbers_and_holds_the_largest_value(most: float) -> None:
    scale = scale_to(most)
    assert scale[0] == 0
    assert scale[-2] < most <= scale[-1] * (1 + 1e-9)
    assert 4 <= len(scale) <= 9
    assert all(len(f"{value:g}") <= 5 for value in scale)


def test_values_that_are_alike_are_written_one_below_the_other() -> None:
    assert apart([50.0, 10.0, 49.0, 50.0]) == [63.0, 10.0, 49.0, 77.0]
    assert apart([]) == []
