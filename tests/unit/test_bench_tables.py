"""How bin/bench judges and words what it measured."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.bench import results as names
from tests.bench import steps, table, web_table
from tests.bench.__main__ import PAGE
from tests.bench.goals import MB, Goal, Judged, judge
from tests.bench.hotspots import count
from tests.bench.results import Measured, Results, mean
from tests.bench.scenarios import Plan, Report
from tests.bench.web import SQLITE, WebPlan, WebReport
from tests.bench.web_calls import code_of, most_at_once
from tests.bench.web_load import Called, Downloaded

AT_MOST: Goal[Results] = Goal("time", 2.0, "{:.2f} s", lambda got: [])


def test_a_goal_is_judged_by_its_median() -> None:
    assert Judged(AT_MOST, (9.0, 2.0, 1.0)).met is True
    assert Judged(AT_MOST, (9.0, 2.1, 1.0)).met is False


def test_a_goal_that_was_not_measured_is_neither_met_nor_missed() -> None:
    judged = Judged(AT_MOST, ())
    assert (judged.met, judged.median, judged.share) == (None, None, None)


def test_a_gain_is_to_be_at_least_its_limit() -> None:
    faster = replace(AT_MOST, limit=1.8, at_least=True)
    assert Judged(faster, (1.9,)).met is True
    assert Judged(faster, (0.9,)).met is False
    assert Judged(faster, (0.9,)).share == pytest.approx(2)


def test_where_nothing_is_allowed_one_is_too_much() -> None:
    none = replace(AT_MOST, limit=0)
    assert (Judged(none, (0.0,)).met, Judged(none, (0.0,)).share) == (True, 0)
    assert (Judged(none, (1.0,)).met, Judged(none, (1.0,)).share) == (False, float("inf"))


def test_ratios_are_of_one_repetition_each() -> None:
    got = Results()
    got.runs["a"] = [Measured(4.0, 1.0, 1), Measured(9.0, 1.0, 1)]
    got.runs["b"] = [Measured(2.0, 1.0, 1), Measured(3.0, 1.0, 1)]
    assert got.ratios("a", "b") == [2.0, 3.0]
    assert got.ratios("a", "unknown") == []


def test_growth_compares_what_one_instrument_costs() -> None:
    report = Report(Plan(many=10, most=100))
    report.results.runs[names.MANY] = [Measured(2.0, 3.0, 100)]
    report.results.runs[names.MOST] = [Measured(10.0, 60.0, 100)]
    found = {one.goal.what: one.values for one in judge(report)}
    assert found["time an instrument, 100 against 10"] == (0.5,)
    assert found["CPU an instrument, 100 against 10"] == (2.0,)


def test_growth_that_was_left_out_is_told_as_not_measured() -> None:
    rows = table.goals(judge(Report(Plan(most=None))))
    assert rows.count("not measured") == len(rows.splitlines()) - 2


def test_memory_is_flat_when_the_largest_is_near_the_smallest() -> None:
    report = Report(Plan())
    for name, peak in ((names.COLD, 100), (names.MANY, 105), (names.MOST, 120)):
        report.results.runs[name] = [Measured(1.0, 1.0, peak)]
    found = {one.goal.what: one.values for one in judge(report)}
    assert found["the same: the largest of the three over the smallest"] == (1.2,)


def test_a_mean_keeps_the_largest_peak() -> None:
    assert mean([Measured(1.0, 2.0, 30, 0.5), Measured(3.0, 4.0, 20, 1.5)]) == Measured(2.0, 3.0, 30, 1.0)


def test_a_spread_names_its_unit_once() -> None:
    assert table.spread([3.0, 1.0, 2.0], "{:.1f} s") == "2.0 s (1.0 - 3.0)"
    assert table.spread([1.01, 1.02], "{:.1f} s") == "1.0 s"
    assert table.spread([], "{:.1f} s") == "-"


def test_tables_replace_what_lay_between_the_marks_and_nothing_else() -> None:
    page = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    assert table.put_into(page, "new") == f"before\n{table.BEGIN}\n\nnew\n\n{table.END}\nafter\n"
    with pytest.raises(ValueError, match="no place"):
        table.put_into("a page without marks", "new")


def test_a_profile_counts_ours_with_what_they_call_and_all_by_themselves() -> None:
    stacks = [
        "process 7:\"python -c import x; main(['a;b'])\";run (samzip/batch/run.py:5);sleep (time.py:1) 3",
        'process 8:"python";run (samzip/batch/run.py:5) 2',
        'process 8:"python" 4',
    ]
    within, itself = count(stacks)
    assert within == {"run (samzip/batch/run.py:5)": 5}
    assert itself == {"sleep (time.py:1)": 3, "run (samzip/batch/run.py:5)": 2}


def test_what_the_web_hook_did_is_judged_and_fits_its_place_in_the_page() -> None:
    report = WebReport(WebPlan(repeats=1), run_lasted=[True], fsyncs=[800.0])
    fast, slow = Called(1000, 310.0, 0.01, 0.049, 0.004), Called(1000, 320.0, 0.01, 0.051, 0.003)
    report.clicks[SQLITE], report.statuses[SQLITE] = [fast], [slow]
    report.downloads[SQLITE] = [Downloaded(200, 90 * MB, 60 * MB, 70 * MB, 77 * MB, 80 * MB, slow)]
    judged = web_table.judge(report)
    assert [one.met for one in judged] == [True, True, False, True, True]
    shown = web_table.render(report, judged)
    assert "| at least 300 | 310 | met |" in shown
    assert "| `GET /status/TOKEN`, SQLite | 320 | 10.0 | 51.0 | 3.00 |" in shown
    assert "| SQLite | 200 | 90 | 60 | 70 | 77 | 51 |" in shown
    assert "No PostgreSQL is installed here" in shown
    page = PAGE.read_text(encoding="utf-8")
    written = table.put_into(page, shown, web_table.MARKS)
    assert shown in written
    assert table.put_into(written, "x", web_table.MARKS) == table.put_into(page, "x", web_table.MARKS)
    assert web_table.MARKS[0] not in table.put_into(page, "x").partition(table.BEGIN)[2].partition(table.END)[0]


def test_downloads_that_were_under_way_at_one_time_are_counted() -> None:
    assert most_at_once([(0.0, 2.0), (1.0, 3.0), (2.0, 4.0), (2.5, 2.6)]) == 3
    assert most_at_once([]) == 0


def test_an_answer_that_broke_off_is_told_from_a_whole_one() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    assert [code_of(head + body) for body in (b"12345", b"1234")] == ["200", "broken"]
    assert code_of(b"") == "broken"


def test_folders_of_libraries_are_left_out_of_a_profile() -> None:
    _, itself = count(["resize (/opt/venv/lib/python3.11/site-packages/PIL/Image.py:3) 1"])
    assert itself == {"resize (PIL/Image.py:3)": 1}


def test_steps_end_with_their_first_event_or_their_last() -> None:
    def at(seconds: float, event: str, step: str = "") -> dict[str, str]:
        return {"timestamp": f"2026-11-28T15:13:{seconds:06.3f}Z", "event": event, "step": step}

    told = [
        at(1, "run.started"),
        at(2, "company.planned"),
        at(3, "company.preparing"),
        at(5, "part.started"),
        at(5.5, "part.started"),
        at(6, "part.progressed", "Procesando equipo 1/2: EQ-1"),
        at(7, "part.progressed", steps.VERIFYING),
        at(8, "part.published"),
        at(9, "part.progressed", steps.VERIFYING),
        at(9.5, "part.published"),
    ]
    began = datetime(2026, 11, 28, 15, 13, tzinfo=UTC).timestamp()
    found = steps.durations(told, began, began + 10)
    assert found == pytest.approx([1, 1, 1, 2, 4, 0.5, 0.5])
    shown = steps.show([found, found, found]).splitlines()
    assert shown[0] == "  1.00 s  Python, imports, settings, lock, database"
    assert shown[-1] == " 10.00 s  all of it"


def test_a_quick_run_judges_nothing() -> None:
    shown = table.goals([Judged(AT_MOST, (9.0,)), Judged(AT_MOST, (1.0,))])
    assert [word for word in ("missed", "met |") if word not in shown] == []
    unjudged = table.without_verdicts(shown)
    assert "missed" not in unjudged
    assert "met" not in unjudged
    assert unjudged.count("9.00 s") == 1
