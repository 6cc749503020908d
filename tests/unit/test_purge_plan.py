"""What a purge decides, from values alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from samzip.cli.purge import _show
from samzip.dossier.keys import temporary_key
from samzip.housekeeping.items import Found, Item, Limits, Options, Plan, Problem
from samzip.housekeeping.leftovers import Cache, Spool, measure_cache, spools
from samzip.housekeeping.plan import GRACE, decide, unlisted
from samzip.requests.purge import ArchiveRow, CompletedRow, Known, StuckRow
from samzip.storage import Stat

NOW = datetime(2026, 11, 24, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = "zip_requests/1/20261124_100000_parte_1_req_7.zip"
OTHER = "zip_requests/2/20261124_100000_parte_1_req_8.zip"
TOKEN = "0123456789abcdef0123456789abcdef"
HALF = temporary_key(KEY, TOKEN)
NOTHING = Known(NOW, (), (), frozenset(), frozenset(), (), 0, 0, is_blank=False)
EMPTY = Found({}, frozenset(), {}, (), Cache(Path("cache"), 0))


def stat(age: timedelta = HOUR, size: int = 100) -> Stat:
    return Stat(size, NOW - age, "etag")


def row(path: str = KEY, *, left: timedelta = HOUR, deleting: bool = False) -> ArchiveRow:
    return ArchiveRow(path, NOW - 5 * HOUR, NOW + left, deleting)


def served(path: str = KEY, *, left: timedelta = HOUR, number: int = 7) -> CompletedRow:
    return CompletedRow(number, path, NOW - 6 * HOUR, NOW + left)


def stuck(*, in_work: bool = False, is_fresh: bool = False) -> StuckRow:
    return StuckRow(3, 1, "CERTIBOY", 1, 2, "processing", NOW - 30 * HOUR, in_work, is_fresh)


DEFAULTS = Options()


def plan(known: Known = NOTHING, found: Found = EMPTY, options: Options = DEFAULTS) -> Plan:
    return decide(known, found, options, Limits(timedelta(days=7), 1000))


def files(**changes: object) -> Found:
    return replace(EMPTY, **changes)  # type: ignore[arg-type]


def kinds(made: Plan) -> list[tuple[str, str]]:
    return [(item.kind, item.what) for item in made.items]


def test_nothing_makes_an_empty_plan() -> None:
    assert plan() == Plan(NOW, (), ())
    assert not plan().acts


def test_an_archive_that_no_row_knows_is_an_orphan() -> None:
    made = plan(found=files(files={KEY: stat()}))
    assert made.items == (
        Item(
            "orphan archive",
            KEY,
            "no live row knows it",
            "delete",
            size=100,
            since=NOW - HOUR,
        ),
    )


@pytest.mark.parametrize(
    "known",
    [
        replace(NOTHING, archives=(row(),)),
        replace(NOTHING, completed=(served(),)),  # SAM's own worker makes no archive row
        replace(NOTHING, making=frozenset({KEY})),
    ],
)
def test_an_archive_that_a_row_a_live_request_or_a_living_run_knows_stays(known: Known) -> None:
    made = plan(known, files(files={KEY: stat()}))
    assert made.items == ()


@pytest.mark.parametrize(
    ("age", "goes"), [(GRACE, True), (GRACE - timedelta(seconds=1), False), (-HOUR, False), (-25 * HOUR, True)]
)
def test_what_changed_just_now_stays(age: timedelta, goes: bool) -> None:
    made = plan(found=files(files={KEY: stat(age), HALF: stat(age)}))
    assert len(made.items) == (2 if goes else 0)
    assert made.young == (0 if goes else 2)


def test_older_than_spares_orphans_and_nothing_else() -> None:
    known = replace(NOTHING, archives=(row(OTHER, left=-HOUR),))
    found = files(files={KEY: stat(), HALF: stat(), OTHER: stat()})
    made = plan(known, found, Options(older_than=2 * HOUR))
    assert kinds(made) == [("expired archive", OTHER), ("temporary file", HALF)]
    assert len(plan(known, found, Options(older_than=HOUR)).items) == 3


def test_older_than_never_shortens_the_grace() -> None:
    made = plan(found=files(files={KEY: stat(timedelta(minutes=2))}), options=Options(older_than=timedelta(minutes=1)))
    assert made.items == ()


def test_a_temporary_file_goes_unless_a_living_run_writes_it() -> None:
    found = files(files={HALF: stat()})
    assert kinds(plan(found=found)) == [("temporary file", HALF)]
    assert plan(replace(NOTHING, making=frozenset({KEY, HALF})), found).items == ()


def test_only_an_archive_that_nobody_may_download_expires() -> None:
    over = replace(NOTHING, archives=(row(left=-HOUR),), completed=(served(left=-HOUR),))
    found = files(files={KEY: stat()})
    assert plan(over, found).items == (
        Item(
            "expired archive",
            KEY,
            "its time is over",
            "delete",
            size=100,
            since=NOW - HOUR,
            requests=(7,),
        ),
    )
    shared = replace(over, completed=(*over.completed, served(number=8)))
    assert kinds(plan(shared, found)) == [("expired request", "request #7")]


def test_an_expired_archive_that_only_its_request_knows_goes_as_expired() -> None:
    known = replace(NOTHING, completed=(served(left=-HOUR),))
    assert kinds(plan(known, files(files={KEY: stat()}))) == [("expired archive", KEY)]


def test_what_a_dead_run_was_deleting_is_finished_whether_its_file_is_there_or_not() -> None:
    known = replace(NOTHING, archives=(row(deleting=True),))
    there, away = plan(known, files(files={KEY: stat()})), plan(known, files(gone=frozenset({KEY})))
    assert [(item.why, item.size) for item in there.items] == [("a dead run was deleting it", 100)]
    assert [(item.why, item.size) for item in away.items] == [("a dead run was deleting it", None)]


def test_rows_without_a_file_are_lost_only_when_it_is_certainly_gone() -> None:
    known = replace(NOTHING, archives=(row(),), completed=(served(), served(OTHER, number=8)))
    made = plan(known, files(gone=frozenset({KEY}), odd={OTHER: "sin permiso de lectura"}))
    assert [(item.kind, item.what, item.action, item.requests) for item in made.items] == [
        ("lost archive", KEY, "fail", (7,))
    ]
    assert made.problems == (Problem(OTHER, "not touched: sin permiso de lectura"),)
    assert plan(known).items == ()  # they are there, though the store did not list them


def test_an_expired_archive_behind_a_link_is_reported_and_left() -> None:
    made = plan(replace(NOTHING, archives=(row(left=-HOUR),)))
    assert made.items == ()
    assert made.problems == (Problem(KEY, "not touched: it lies behind a link"),)


@pytest.mark.parametrize("path", ["", "otros/informe.zip", "zip_requests/1/informe.zip", "/etc/passwd", KEY.upper()])
def test_a_row_with_a_name_that_samzip_does_not_make_never_leads_to_a_file(path: str) -> None:
    known = replace(NOTHING, archives=(row(path), row(OTHER)), completed=(served(path),))
    stored: Mapping[str, Stat] = {path: stat(), OTHER: stat()}
    assert unlisted(known, {OTHER: stat()}) == []
    assert kinds(plan(known, files(files=stored), Options(all_archives=True))) == [("published archive", OTHER)]
    over = replace(known, archives=(row(path, left=-HOUR),), completed=())
    assert [item.size for item in plan(over, files(files=stored)).items if item.what == path] == [None]


def test_all_archives_takes_live_ones_and_older_than_restricts_it() -> None:
    known = replace(NOTHING, archives=(row(),), completed=(served(), served(OTHER, number=8)))
    found = files(files={KEY: stat(timedelta(0)), OTHER: stat(4 * HOUR)})
    everything = plan(known, found, Options(all_archives=True))
    assert [(item.what, item.requests) for item in everything.items] == [(KEY, (7,)), (OTHER, (8,))]
    assert kinds(plan(known, found, Options(all_archives=True, older_than=5 * HOUR))) == [("published archive", KEY)]


def test_old_requests_count_those_that_expire_in_this_very_purge() -> None:
    old = replace(served(left=-HOUR), created=NOW - timedelta(days=8))
    made = plan(replace(NOTHING, completed=(old,), old_requests=2, old_runs=4), files(files={KEY: stat()}))
    assert [(item.kind, item.count) for item in made.items[1:]] == [("old request", 3), ("old run", 4)]


@pytest.mark.parametrize("how", ["fail", "retry", "delete"])
def test_stuck_requests_are_only_listed_unless_it_was_said_what_becomes_of_them(how: str) -> None:
    known = replace(NOTHING, stuck=(stuck(),))
    assert [item.action for item in plan(known).items] == ["list"]
    assert not plan(known).acts
    assert [item.action for item in plan(known, options=Options(stuck=how)).items] == [how]


def test_what_a_living_run_builds_is_not_stuck_and_what_waits_afresh_needs_no_retry() -> None:
    assert plan(replace(NOTHING, stuck=(stuck(in_work=True),)), options=Options(stuck="delete")).items == ()
    assert not plan(replace(NOTHING, stuck=(stuck(is_fresh=True),)), options=Options(stuck="retry")).acts


def test_a_spool_goes_when_its_run_is_dead() -> None:
    spool = Spool(Path("tmp/0123456789ab"), 10, NOW - HOUR)
    found = files(spools=(spool,))
    assert kinds(plan(found=found)) == [("spool", "tmp/0123456789ab")]
    assert plan(replace(NOTHING, runs=frozenset({"0123456789ab"})), found).items == ()
    assert plan(found=files(spools=(replace(spool, modified=NOW),))).items == ()


def test_the_cache_is_trimmed_only_beyond_its_limit() -> None:
    assert plan(found=files(cache=Cache(Path("c"), 1000))).items == ()
    assert [(item.kind, item.size) for item in plan(found=files(cache=Cache(Path("c"), 1024))).items] == [("cache", 24)]


def test_nobody_agrees_to_more_than_was_shown() -> None:
    shown = plan(found=files(files={KEY: stat()}))
    again = plan(found=files(files={KEY: stat(), OTHER: stat()}))
    assert kinds(again.only(shown)) == [("orphan archive", KEY)]
    assert again.only(plan()).items == ()


def test_spools_are_folders_with_a_runs_name_only(tmp_path: Path) -> None:
    folder = tmp_path / "tmp"
    assert spools(folder) == []
    (folder / "0123456789ab" / "1").mkdir(parents=True)
    (folder / "0123456789ab" / "1" / "records").write_bytes(b"x" * 30)
    (folder / "0123456789AB").mkdir()
    (folder / "photos").mkdir()
    (folder / "0123456789ac").write_text("a file")
    (folder / "0123456789ad").symlink_to(tmp_path)
    assert [(spool.path.name, spool.size) for spool in spools(folder)] == [("0123456789ab", 30)]


def test_the_cache_is_measured_as_trimming_counts_it(tmp_path: Path) -> None:
    assert measure_cache(tmp_path / "none").size == 0
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / f"{1:062x}").write_bytes(b"x" * 30)
    (tmp_path / "ab" / "README").write_bytes(b"not a sheet")
    (tmp_path / "README").write_bytes(b"not a shelf")
    (tmp_path / "cd").symlink_to(tmp_path / "ab")
    assert measure_cache(tmp_path) == Cache(tmp_path, 30)


def test_the_table_fits_80_columns_and_no_value_forges_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    long = temporary_key("zip_requests/1/20261124_100000_parte_1_req_123.zip", TOKEN)
    forged = replace(stuck(), company="Evil\n2 orphan archives -> delete\x1b[2J\u202e")
    known = replace(NOTHING, stuck=(forged,))
    _show(plan(known, files(files={KEY: stat(size=2**40 - 1), long: stat(timedelta(days=23, hours=23))})))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "1 orphan archive, 1024.0 GiB -> delete: no live row knows it"
    assert len(lines) == 8
    assert not any(line.startswith("2 orphan archives") for line in lines)
    assert "\x1b" not in "".join(lines)


def test_a_long_table_is_cut_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    many = {f"zip_requests/{number}/20261124_100000_parte_1_req_1.zip": stat() for number in range(1, 101)}
    _show(plan(found=files(files=many)))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 42
    assert lines[-1] == "  and 60 more; --json lists all"
