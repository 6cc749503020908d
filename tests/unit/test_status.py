"""What an operator reads in `samzip status`, on screens of different width."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from samzip.report.status import Lock, status_lines
from samzip.report.story import cancelled_lines, retried_lines, story_lines
from samzip.requests.shown import (
    ArchiveShown,
    AttemptShown,
    Changed,
    Overview,
    PartInWork,
    QueuedCompany,
    RunShown,
    Sharer,
    Story,
    WorkShown,
)

BOGOTA = ZoneInfo("America/Bogota")
NOW = datetime(2026, 11, 24, 20, 0, 0, tzinfo=UTC)  # 15:00 in Bogotá
HOLDER = {"pid": 12, "host": "here/5a", "run": "r1", "started": "2026-11-24T19:58:00Z"}
HELD = Lock("/var/lib/samzip/samzip.lock", held=True, holder=HOLDER)
FREE = replace(HELD, held=False)
EMPTY = Overview(NOW, {}, [], [], [], [], [], 0, 0)
WORKING = RunShown("r1", "here/5a", 12, NOW - timedelta(minutes=2), NOW - timedelta(seconds=4), None, None, {})
PART = PartInWork("CERTIBOY S.A.S.", 1, 2, 42, "Procesando equipo 12/35: EQ-012", 3, 1, "r1")
QUEUED = QueuedCompany(1, "CERTIBOY S.A.S.", 6, 2, NOW - timedelta(minutes=3, seconds=5), 0, None, None)
ARCHIVE = ArchiveShown(
    path="zip_requests/1/20261124_145800_parte_1_req_5.zip",
    company="CERTIBOY S.A.S.",
    part=1,
    parts=2,
    size=24_204_376,
    sha256="ab" * 32,
    published=NOW - timedelta(minutes=2),
    expires=NOW + timedelta(hours=5, minutes=58),
    download_name="SAM_Equipos_CERTIBOY_S.A.S_P1de2_EQ001-035_20261124_1458.zip",
    warnings=[],
)
STORY = Story(
    now=NOW,
    id=47,
    status="pending",
    user="CERTIBOY",
    company_id=1,
    company="CERTIBOY S.A.S.",
    part=1,
    parts=2,
    equipment=35,
    created=NOW - timedelta(minutes=5),
    started=None,
    completed=None,
    expires=None,
    step=None,
    percent=0,
    estimated=None,
    error=None,
    file_path=None,
    file_size=None,
    work=None,
    archive=None,
    shared_with=[],
)


def missing(number: int) -> dict[str, str]:
    return {
        "kind": "missing",
        "equipment": f"EQ-{number:03}",
        "document": "Manual",
        "path": f"m{number}.pdf",
        "reason": "no existe",
    }


def text(view: Overview, lock: Lock = FREE, *, limit: int = 5, width: int | None = None) -> str:
    return "\n".join(status_lines(view, lock, BOGOTA, limit=limit, width=width))


def told(story: Story) -> str:
    return "\n".join(story_lines(story, BOGOTA))


def test_an_empty_database_is_told_in_one_friendly_line() -> None:
    assert status_lines(EMPTY, FREE, BOGOTA, limit=5) == [
        "Nothing yet. `samzip request` asks for an archive, `samzip run` builds it."
    ]


def test_an_idle_day_reads_top_to_bottom() -> None:
    counts = {"published": 2, "bytes": 47_980_230, "completed": 6, "failed": 0}
    done = RunShown(
        "r0", "here", 9, NOW - timedelta(minutes=2, seconds=3), None, NOW - timedelta(minutes=2), "done", counts
    )
    yesterday = replace(
        done, id="r9", started=NOW - timedelta(days=1), finished=NOW - timedelta(days=1), outcome="nothing", counts={}
    )
    view = replace(EMPTY, requests={"expired": 2, "completed": 6}, finished=[done, yesterday], archives=[ARCHIVE])
    view = replace(view, downloadable=1, bytes=ARCHIVE.size)
    assert text(view).splitlines() == [
        "2026-11-24 15:00:00 America/Bogota",
        "",
        "Queue: empty",
        "Running: nothing",
        "Requests: 6 completed, 2 expired",
        "",
        "Archives: 1 to download (23.1 MiB)",
        "  SAM_Equipos_CERTIBOY_S.A.S_P1de2_EQ001-035_20261124_1458.zip",
        "    CERTIBOY S.A.S. 1/2, 23.1 MiB, published 14:58:00, 5h 58m left",
        "    zip_requests/1/20261124_145800_parte_1_req_5.zip",
        "",
        "Last runs:",
        "  14:57:57      3s  here  run r0  done: 2 parts published (45.8 MiB), 6 requests completed",
        "  2026-11-23 15:00:00      0s  here  run r9  nothing to do",
    ]


def test_the_queue_tells_how_much_waits_and_for_how_long() -> None:
    shown = text(replace(EMPTY, requests={"pending": 6}, queue=[QUEUED]))
    assert "Queue: 6 requests for 2 parts\n  CERTIBOY S.A.S.: 6 requests for 2 parts, the oldest 3m 5s ago\n" in shown


def test_a_failed_part_tells_when_it_is_tried_again_and_why_it_failed() -> None:
    waits = replace(QUEUED, retrying=1, retry_at=NOW + timedelta(minutes=4), last_error="disco lleno")
    shown = text(replace(EMPTY, requests={"pending": 6}, queue=[waits]))
    assert "    1 part to be tried again, from 15:04:00 on (in 4m). Last error: disco lleno\n" in shown


@pytest.mark.parametrize("due", [None, NOW - timedelta(minutes=1)])
def test_a_failed_part_that_is_due_is_tried_by_the_next_run(due: datetime | None) -> None:
    waits = replace(QUEUED, retrying=2, retry_at=due, last_error=None)
    shown = text(replace(EMPTY, requests={"pending": 6}, queue=[waits]))
    assert "    2 parts to be tried again, by the next run\n" in shown


def test_a_long_queue_is_cut_and_says_so() -> None:
    shown = text(replace(EMPTY, requests={"pending": 42}, queue=[QUEUED] * 7), limit=5)
    assert shown.count("CERTIBOY") == 5
    assert "Queue: 42 requests for 14 parts" in shown
    assert "and 2 more companies" in shown


def test_a_run_in_progress_shows_its_holder_and_the_progress_of_each_part() -> None:
    retried = replace(PART, part=2, percent=7, step=None, attempt=2)
    shown = text(replace(EMPTY, requests={"processing": 6}, running=[WORKING], in_work=[PART, retried]), HELD)
    assert "Running: r1 on here, process 12, since 14:58:00 (2m)" in shown
    assert "  last heartbeat 4s ago, holds the lock of this host" in shown
    assert "   42%  CERTIBOY S.A.S. 1/2: Procesando equipo 12/35: EQ-012" in shown
    assert "    7%  CERTIBOY S.A.S. 2/2: begun (attempt 2)" in shown


def test_a_part_that_nobody_wants_any_more_says_so() -> None:
    view = replace(EMPTY, requests={"cancelled": 1}, running=[WORKING], in_work=[replace(PART, requests=0)])
    assert "CERTIBOY S.A.S. 1/2: cancelled, about to be dropped" in text(view, HELD)


def test_a_run_of_this_host_without_the_lock_is_called_dead() -> None:
    shown = text(replace(EMPTY, running=[WORKING], in_work=[PART]), FREE)
    assert "dead: nobody holds the lock of this host, and the next run takes its parts back" in shown


def test_a_run_whose_lock_another_one_holds_is_called_dead() -> None:
    shown = text(
        replace(EMPTY, running=[WORKING]), replace(HELD, holder=HOLDER | {"pid": 13, "run": "r2", "started": "now"})
    )
    assert "dead: another run holds the lock of this host" in shown
    assert "Running: process 13 holds the lock of this host since an unknown time" in shown


@pytest.mark.parametrize(
    ("host", "lock"), [("there/5a", FREE), ("here/6b", HELD), ("here/5a", replace(FREE, holder=None))]
)
def test_of_a_run_on_another_host_this_hosts_lock_tells_nothing(host: str, lock: Lock) -> None:
    shown = text(replace(EMPTY, running=[replace(WORKING, host=host)]), lock)
    assert "last heartbeat 4s ago, on another host" in shown
    assert "dead" not in shown


def test_a_lock_without_a_run_in_the_database_is_shown() -> None:
    assert "Running: process 12 holds the lock of this host since 14:58:00" in text(EMPTY, HELD)


def test_parts_of_a_run_that_is_gone_are_shown_as_left() -> None:
    shown = text(replace(EMPTY, requests={"processing": 1}, in_work=[PART]))
    assert "Left by a run that is gone; the next run takes these parts back:\n   42%  CERTIBOY" in shown


def test_requests_are_counted_in_the_order_of_their_life_and_unknown_statuses_last() -> None:
    shown = text(replace(EMPTY, requests={"odd": 1, "expired": 2, "failed": 3, "pending": 4}))
    assert "Requests: 4 pending, 3 failed, 2 expired, 1 odd" in shown


def test_an_archive_names_the_first_of_what_it_lacks_and_counts_the_rest() -> None:
    lacking = replace(ARCHIVE, warnings=[missing(number) for number in range(1, 6)])
    lines = text(replace(EMPTY, archives=[lacking], downloadable=1)).splitlines()
    start = lines.index("    5 documents missing, 0 observations (FALTANTES.txt tells more):")
    assert lines[start + 1 : start + 5] == [
        "      EQ-001 Manual: no existe",
        "      EQ-002 Manual: no existe",
        "      EQ-003 Manual: no existe",
        "      and 2 more",
    ]


def test_a_remark_that_belongs_to_no_document_is_shown_alone() -> None:
    remark = {"equipment": "", "document": "", "path": "", "reason": "el libro es demasiado grande"}
    shown = text(replace(EMPTY, archives=[replace(ARCHIVE, warnings=[remark])]))
    assert "      el libro es demasiado grande" in shown.splitlines()


def test_more_archives_than_shown_are_counted() -> None:
    shown = text(replace(EMPTY, archives=[ARCHIVE], downloadable=12, bytes=2**30))
    assert "Archives: 12 to download (1.0 GiB), the newest 1 of them" in shown


def test_an_archive_without_a_download_name_is_named_by_its_path() -> None:
    shown = text(replace(EMPTY, archives=[replace(ARCHIVE, download_name="")]))
    assert shown.count(ARCHIVE.path) == 2


def test_every_count_of_a_run_that_is_not_zero_is_shown() -> None:
    done = ("published", "reused", "failed", "missing", "observations", "dropped", "rejected", "completed", "expired")
    names = (*done, "unremoved")
    counts = {name: number for number, name in enumerate(names, 11)}
    run = RunShown("r", "here", 1, NOW, NOW, NOW, "problems", counts)
    last = text(replace(EMPTY, finished=[run])).splitlines()[-1]
    assert "done, with problems: 11 parts published, 12 reused, 13 attempts failed, 14 documents missing" in last
    assert "15 observations, 16 dropped, 17 requests rejected, 20 files not removed, 18 requests completed" in last
    assert "19 archives expired" in last
    run = replace(run, counts=dict.fromkeys(names, 1) | {"bytes": 2048})
    last = text(replace(EMPTY, finished=[run])).splitlines()[-1]
    assert (
        "1 part published (2.0 KiB), 1 reused, 1 attempt failed, 1 document missing, 1 observation, 1 dropped" in last
    )


@pytest.mark.parametrize("width", [80, 120])
def test_lines_fit_the_screen(width: int) -> None:
    words = "no hay espacio en el disco de los archivos publicados " * 6
    view = replace(
        EMPTY,
        requests=dict.fromkeys(
            ("pending", "queued", "processing", "completed", "failed", "cancelled", "expired"), 10**6
        ),
        queue=[replace(QUEUED, company="Instrumentos y Servicios " * 6, retrying=1, last_error=words)],
        running=[WORKING],
        in_work=[replace(PART, step=words)],
        archives=[replace(ARCHIVE, warnings=[missing(1) | {"reason": words}])],
        finished=[RunShown("r", "here", 1, NOW, NOW, NOW, "problems", dict.fromkeys(("published", "missing"), 10**9))],
    )
    lines = status_lines(view, HELD, BOGOTA, limit=5, width=width)
    assert max(map(len, lines)) <= width
    assert " ".join(words.split()) in " ".join(" ".join(lines).split()), "nothing may be cut off"


def test_a_path_longer_than_the_screen_stays_whole() -> None:
    lines = status_lines(replace(EMPTY, archives=[ARCHIVE]), FREE, BOGOTA, limit=5, width=40)
    assert ARCHIVE.path in [line.strip() for line in lines]


@pytest.mark.parametrize("width", [None, 80])
def test_no_value_can_forge_a_line_or_steer_the_terminal(width: int | None) -> None:
    evil = "X\nRunning: nothing\r\x1b[31m\u202e\x85\u2028"
    view = replace(
        EMPTY,
        requests={evil: 1},
        queue=[replace(QUEUED, company=evil, retrying=1, last_error=evil)],
        running=[replace(WORKING, host=evil, id=evil)],
        in_work=[replace(PART, company=evil, step=evil, run=evil)],
        archives=[replace(ARCHIVE, company=evil, download_name=evil, warnings=[missing(1) | {"reason": evil}])],
        finished=[RunShown("r", evil, 1, NOW, NOW, NOW, evil, {})],
    )
    lock = replace(HELD, holder=HOLDER | {"pid": evil, "run": evil + "2", "started": evil})
    lines = status_lines(view, lock, BOGOTA, limit=5, width=width)
    assert all(line.isprintable() for line in lines)
    assert "Running: nothing" not in lines


def test_a_story_is_told_in_order_with_every_attempt_and_its_error() -> None:
    def minutes(ago: float) -> datetime:
        return NOW - timedelta(minutes=ago)

    story = replace(
        STORY,
        status="expired",
        completed=minutes(20),
        expires=minutes(1),
        file_path=ARCHIVE.path,
        attempts=[
            AttemptShown(1, "r1", minutes(40), minutes(39), "failed", "disco lleno"),
            AttemptShown(2, "r2", minutes(30), minutes(29), "crashed", None),
            AttemptShown(3, "r3", minutes(21), minutes(20), "published", None),
        ],
        downloads=2,
        downloaded=minutes(10),
    )
    lines = told(story).splitlines()
    start = lines.index("  What happened:")
    assert lines[start + 1 : start + 7] == [
        "    14:20:00  attempt 1 by run r1, 1m: failed: disco lleno",
        "    14:30:00  attempt 2 by run r2, 1m: its run died",
        "    14:39:00  attempt 3 by run r3, 1m: published",
        "    14:40:00  completed",
        "    14:50:00  downloaded 2 times, this was the last",
        "    14:59:00  expired",
    ]
    assert "an unknown time  expired" in told(replace(story, expires=NOW + timedelta(hours=1)))


def test_an_attempt_in_work_has_no_end() -> None:
    story = replace(STORY, status="processing", attempts=[AttemptShown(1, "r1", NOW, None, None, None)])
    assert "    15:00:00  attempt 1 by run r1: in work" in told(story)


def test_a_request_that_waits_for_the_next_run() -> None:
    assert told(STORY).splitlines() == [
        "Request #47: pending",
        "  Asked for by CERTIBOY, 14:55:00 (5m ago)",
        "  Company: CERTIBOY S.A.S. (id 1), part 1 of 2, 35 instruments",
        "  Waits for the next run",
    ]


def test_a_request_whose_part_failed_tells_the_attempts_and_the_error_once() -> None:
    work = WorkShown(2, None, NOW + timedelta(minutes=5), "disco lleno")
    shown = told(replace(STORY, error="disco lleno", work=work))
    assert "  Part: 2 attempts begun, to be built from 15:05:00 on (in 5m)" in shown
    assert shown.count("disco lleno") == 1


def test_a_request_in_work_tells_its_step_and_when_it_should_be_ready() -> None:
    story = replace(
        STORY,
        status="processing",
        started=NOW - timedelta(seconds=10),
        percent=42,
        step="Procesando equipo 12/35: EQ-012",
        estimated=NOW + timedelta(seconds=14),
        work=WorkShown(1, "r1", None, None),
        shared_with=[Sharer(45, "CERTIBOY", "processing"), Sharer(46, "sam", "pending")],
    )
    shown = told(story)
    assert "  Begun: 14:59:50 (10s ago)" in shown
    assert "  Progress: 42%, Procesando equipo 12/35: EQ-012, ready about 15:00:14" in shown
    assert "  Part: attempt 1, in work by run r1" in shown
    assert "  Shares its part with: #45 of CERTIBOY (processing), #46 of sam (pending)" in shown


def test_a_completed_request_tells_everything_about_its_archive() -> None:
    archive = replace(ARCHIVE, warnings=[missing(number) for number in range(1, 6)])
    story = replace(
        STORY,
        status="completed",
        completed=NOW - timedelta(minutes=2),
        expires=archive.expires,
        file_path=archive.path,
        file_size=archive.size,
        archive=archive,
    )
    shown = told(story)
    for fact in (
        "14:58:00  completed",
        f"Archive: {archive.path}",
        "23.1 MiB, published 14:58:00, 5h 58m left",
        f"downloaded as {archive.download_name}",
        f"SHA-256 {archive.sha256}",
        "this request's right to it ends 20:58:00",
        "EQ-005 Manual: no existe",
    ):
        assert fact in shown
    assert "ended 14:00:00" in told(replace(story, expires=NOW - timedelta(hours=1)))


def test_an_expired_request_whose_archive_is_gone_keeps_its_name() -> None:
    story = replace(STORY, status="expired", completed=NOW, file_path=ARCHIVE.path, file_size=2048)
    assert f"Archive: {ARCHIVE.path} (2.0 KiB), not known any more" in told(story)


def test_a_failed_request_tells_its_message() -> None:
    shown = told(replace(STORY, status="failed", completed=NOW, error="disco lleno\nde veras"))
    assert "  What happened:\n    15:00:00  failed" in shown
    assert "  Message: disco lleno\\nde veras" in shown


def test_a_cancellation_tells_what_becomes_of_the_part() -> None:
    done = Changed(47, "cancelled", "CERTIBOY S.A.S.", 1, 2, others=0, in_work=False)
    head = "Cancelled: request #47, CERTIBOY S.A.S., part 1 of 2; "
    assert cancelled_lines(done) == [head + "nobody else wants the part, and it is not built."]
    assert cancelled_lines(replace(done, in_work=True)) == [
        head + "nobody else wants the part, and the run that builds it drops it."
    ]
    assert cancelled_lines(replace(done, others=2)) == [head + "the part is still wanted by 2 other requests."]


def test_a_retry_tells_what_comes_next() -> None:
    done = Changed(47, "pending", "CERTIBOY S.A.S.", 1, 2, others=1, in_work=True)
    assert retried_lines(done) == [
        "Pending again: request #47, CERTIBOY S.A.S., part 1 of 2.",
        "A run is building this part for others; the request gets its turn after that.",
        "Next: samzip run",
    ]
