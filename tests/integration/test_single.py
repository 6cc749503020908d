"""One request shown, cancelled and retried, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Connection, text, update

from samzip import cli
from samzip.archive.part import PartJob
from samzip.batch.run import Mode
from samzip.database import tables
from samzip.errors import SamzipError, StorageFailed, UsageProblem
from samzip.events import PartDropped
from samzip.report.story import story_lines
from samzip.requests import runs, single, wording, work
from samzip.requests.collapse import collapse
from samzip.requests.shown import Changed, Sharer, Story
from tests.support.world import World, make_world

REQUEST = tables.ziprequest.c
ERROR = "disco lleno"

on_sqlite = pytest.mark.parametrize("world", ["sqlite"], indirect=True)  # what no server could make different


def samzip(world: World, *args: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    where = ["--state-dir", str(world.settings.state_dir), "--database-url", world.settings.database_url]
    with pytest.raises(SystemExit) as stopped:
        cli.main([*args, *where])
    printed = capsys.readouterr()
    code = stopped.value.code
    return (code if isinstance(code, int) else 0), printed.out, printed.err


def story(world: World, request_id: int) -> Story:
    with world.database.read() as connection:
        return single.story(connection, world.database.now(connection), request_id)


def cancel(world: World, request_id: int) -> Changed:
    with world.database.write() as connection:
        return single.cancel(connection, world.database.now(connection), request_id)


def retry(world: World, request_id: int) -> Changed:
    with world.database.write() as connection:
        return single.retry(connection, world.database.now(connection), request_id)


def queue(world: World) -> None:
    with world.database.write() as connection:
        collapse(connection, world.database.now(connection))


def claim(world: World) -> work.Claim:
    return world.claim(world.requests()[0].empresa_id, part=1)


def fail_every_attempt(world: World) -> None:
    def refuse(_: Any) -> None:
        raise StorageFailed(ERROR)

    world.executor.before = refuse


def during_the_build(world: World, act: Callable[[], object]) -> None:
    """Once, when the first part is about to be built."""
    left = [act]

    def before(job: Any) -> None:
        if left and isinstance(job, PartJob):
            left.pop()()

    world.executor.before = before


def status(world: World, request_id: int) -> str:
    return str(next(row.status for row in world.requests() if row.id == request_id))


@pytest.fixture
def one(world: World) -> int:
    """The only request of a company with one part."""
    world.company(equipment=2)
    return world.click().request_ids[0]


def test_a_fresh_click_is_told_with_who_when_and_what(world: World, one: int) -> None:
    told = story(world, one)
    assert (told.status, told.user, told.company, told.part, told.parts) == (
        "pending",
        "CERTIBOY",
        "CERTIBOY S.A.S.",
        1,
        1,
    )
    assert told.equipment == 2
    assert isinstance(told.created, datetime)
    assert (told.work, told.archive, told.file_path) == (None, None, None)


def test_clicks_for_the_same_part_are_told_of_each_other(world: World, one: int) -> None:
    other = world.click().request_ids[0]
    assert story(world, one).shared_with == [Sharer(other, "CERTIBOY", "pending")]


def test_requests_for_other_parts_and_companies_are_not_shared(world: World) -> None:
    world.company(equipment=3)
    world.company("Andino", equipment=1, user="andino", prefix="LAB")
    first, second = world.click().request_ids
    world.click("andino")
    assert story(world, first).shared_with == story(world, second).shared_with == []


def test_a_failed_attempt_is_told_with_its_error_and_the_next_one(world: World, one: int) -> None:
    fail_every_attempt(world)
    world.run()
    told = story(world, one)
    assert told.status == "pending"
    assert told.work
    assert (told.work.attempts, told.work.last_error, told.work.run) == (1, ERROR, None)
    assert told.work.retry_at
    assert told.work.retry_at - told.now > timedelta(seconds=50)


def test_a_completed_request_is_told_with_its_archive_and_what_that_lacks(world: World, one: int) -> None:
    world.click()
    for document in world.media.rglob("compra.pdf"):
        document.unlink()
        break
    world.run()
    told = story(world, one)
    assert told.status == "completed"
    assert told.work is None
    assert told.archive
    assert told.file_path == told.archive.path
    assert len(told.archive.sha256) == 64
    assert told.archive.size == told.file_size
    assert [sharer.status for sharer in told.shared_with] == ["completed"]
    assert len(told.archive.warnings) == 1
    assert told.archive.warnings[0]["path"].endswith("compra.pdf")


def test_an_expired_request_is_told_though_its_archive_is_gone(world: World, one: int) -> None:
    world.run()
    world.later(hours=7)
    world.run()
    told = story(world, one)
    assert (told.status, told.archive) == ("expired", None)
    assert told.file_path


def outcomes(world: World, request_id: int) -> list[tuple[int, str | None, str | None]]:
    return [(it.number, it.outcome, it.error) for it in story(world, request_id).attempts]


def test_every_attempt_is_told_with_its_error_after_the_part_was_published(world: World, one: int) -> None:
    fail_every_attempt(world)
    world.run()
    other = world.click().request_ids[0]
    world.later(minutes=2)
    during_the_build(world, lambda: (_ for _ in ()).throw(StorageFailed("otra vez")))
    world.run()
    world.later(minutes=6)
    world.executor.before = lambda _: None
    run = world.run()
    assert outcomes(world, one) == [(1, "failed", ERROR), (2, "failed", "otra vez"), (3, "published", None)]
    assert outcomes(world, other) == [(2, "failed", "otra vez"), (3, "published", None)]
    told = story(world, one)
    assert told.attempts[-1].run == run.run
    assert told.attempts[-1].ended == told.completed
    late = world.click().request_ids[0]
    assert outcomes(world, late) == []
    world.run()
    assert outcomes(world, late) == [(1, "published", None)]
    assert len(outcomes(world, one)) == 3, "what came later is no part of its story"


def test_an_attempt_whose_run_died_is_told_by_the_next(world: World, one: int) -> None:
    queue(world)
    claim(world)
    assert outcomes(world, one) == [(1, None, None)]
    world.run()
    assert outcomes(world, one) == [(1, "crashed", None), (2, "published", None)]


@on_sqlite
def test_attempts_that_did_not_count_are_told_as_well(world: World, one: int) -> None:
    queue(world)
    held = claim(world)
    with world.database.write() as connection:
        work.release(connection, world.database.now(connection), held)
    assert outcomes(world, one) == [(1, "released", None)]
    during_the_build(world, lambda: cancel(world, one))
    world.run()
    assert outcomes(world, one) == [(1, "released", None), (1, "dropped", None)]


def test_downloads_are_told_when_the_archive_is_gone_and_all_of_it_goes_with_the_history(
    world: World, one: int
) -> None:
    world.run()
    path = str(story(world, one).file_path)
    with world.database.write() as connection:
        now = world.database.now(connection)
        runs.count_download(connection, now, path)
        runs.count_download(connection, now, path)
    assert story(world, one).downloads == 2
    world.later(hours=7)
    world.run()
    told = story(world, one)
    assert (told.status, told.archive, told.downloads, told.downloaded) == ("expired", None, 2, now)
    world.later(days=8)
    world.run()
    assert world.rows(tables.attempt) == []
    assert world.requests() == []


def test_an_unknown_request_is_a_usage_problem(world: World) -> None:
    with pytest.raises(UsageProblem, match="there is no request #7"):
        story(world, 7)
    with pytest.raises(UsageProblem, match="there is no request #7"):
        cancel(world, 7)
    with pytest.raises(UsageProblem, match="there is no request #7"):
        retry(world, 7)


@pytest.mark.parametrize("before", ["pending", "queued", "processing"])
def test_a_live_request_can_be_cancelled(world: World, one: int, before: str) -> None:
    world.set_request(one, status=before, current_step="Procesando equipo 1/2: EQ-001")
    done = cancel(world, one)
    (row,) = world.requests()
    assert (done.status, done.others, done.in_work) == ("cancelled", 0, False)
    assert (row.status, row.error_message, row.current_step) == ("cancelled", "cancelada por el operador", None)
    assert row.completed_at >= row.created_at


def test_cancelling_the_last_request_of_a_waiting_part_removes_its_work(world: World, one: int) -> None:
    other = world.click().request_ids[0]
    queue(world)
    assert cancel(world, one).others == 1
    assert len(world.rows(tables.work)) == 1
    assert cancel(world, other).others == 0
    assert world.rows(tables.work) == []


def test_cancelling_leaves_the_work_of_other_parts_and_companies(world: World) -> None:
    world.company(equipment=3)
    world.company("Andino", equipment=1, user="andino", prefix="LAB")
    first, _ = world.click().request_ids
    world.click("andino")
    queue(world)
    cancel(world, first)
    left = {(row.company_id, row.part) for row in world.rows(tables.work)}
    assert left == {(row.empresa_id, row.parte_numero) for row in world.requests() if row.id != first}


def test_cancelling_a_part_in_work_leaves_it_to_its_run(world: World, one: int) -> None:
    queue(world)
    held = claim(world)
    assert cancel(world, one).in_work
    assert len(world.rows(tables.work)) == 1
    with world.database.write() as connection:
        assert not work.is_wanted(connection, held)


def test_a_request_cancelled_while_its_part_is_built_publishes_nothing(world: World, one: int) -> None:
    during_the_build(world, lambda: cancel(world, one))
    world.run(Mode(once=True))
    assert status(world, one) == "cancelled"
    assert len(world.seen(PartDropped)) == 1
    assert world.files() == []
    assert world.rows(tables.work) == []
    assert world.rows(tables.archive) == []


def test_cancelling_one_of_two_leaves_the_other_its_archive(world: World, one: int) -> None:
    other = world.click().request_ids[0]
    during_the_build(world, lambda: cancel(world, one))
    world.run(Mode(once=True))
    assert (status(world, one), status(world, other)) == ("cancelled", "completed")
    assert len(world.files()) == 1


def test_an_ended_request_is_not_cancelled_and_told_as_it_is(world: World, one: int) -> None:
    for before in ("completed", "failed", "expired", "cancelled", "raro"):
        world.set_request(one, status=before)
        as_it_was = world.requests()
        with pytest.raises(UsageProblem, match=f"request #{one} is {before} and cannot be cancelled"):
            cancel(world, one)
        assert world.requests() == as_it_was


@pytest.mark.parametrize("before", ["failed", "expired", "cancelled"])
def test_an_ended_request_is_pending_again_without_a_trace_of_its_first_life(
    world: World, one: int, before: str
) -> None:
    (fresh,) = world.requests()
    world.run()
    world.set_request(one, status=before, error_message="x", current_step="y")
    assert retry(world, one).status == "pending"
    assert world.requests() == [fresh]


def test_a_request_that_has_not_ended_is_not_retried(world: World, one: int) -> None:
    for before in ("pending", "queued", "processing", "completed", "raro"):
        world.set_request(one, status=before)
        as_it_was = world.requests()
        with pytest.raises(UsageProblem, match=f"request #{one} is {before} and cannot be retried: ."):
            retry(world, one)
        assert world.requests() == as_it_was


def test_a_failed_request_is_built_by_the_next_run_after_a_retry(world: World, one: int) -> None:
    fail_every_attempt(world)
    for _ in range(3):
        world.run()
        world.later(minutes=20)
    assert status(world, one) == "failed"
    world.executor.before = lambda _: None
    retry(world, one)
    world.run()
    assert status(world, one) == "completed"


def test_an_expired_request_gets_a_new_archive_after_a_retry(world: World, one: int) -> None:
    world.run()
    first = story(world, one).file_path
    world.later(hours=7)
    world.run()
    assert world.files() == []
    retry(world, one)
    world.run()
    told = story(world, one)
    assert told.status == "completed"
    assert told.file_path != first
    assert world.files() == [told.file_path]


def test_a_retry_gives_a_part_that_waits_after_failures_its_attempts_back_at_once(world: World, one: int) -> None:
    other = world.click().request_ids[0]
    fail_every_attempt(world)
    world.run()
    cancel(world, one)
    assert retry(world, one).others == 1
    (row,) = world.rows(tables.work)
    assert (row.not_before, row.attempts, row.last_error) == (None, 0, ERROR)
    world.executor.before = lambda _: None
    world.run()
    assert status(world, one) == status(world, other) == "completed"


def test_a_retry_ends_the_wait_for_the_next_attempt(world: World, one: int) -> None:
    fail_every_attempt(world)
    world.run()
    assert world.run().counts.waiting == 1
    retry(world, one)
    (row,) = world.rows(tables.work)
    assert (row.not_before, row.attempts) == (None, 0)
    assert world.run().counts.failed == 1
    retry(world, one)
    with pytest.raises(UsageProblem):  # there is no wait any more that could end
        retry(world, one)


def test_a_retry_does_not_disturb_a_run_that_builds_the_part(world: World, one: int) -> None:
    other = world.click().request_ids[0]
    cancel(world, one)
    queue(world)
    held = claim(world)
    assert retry(world, one).in_work
    (row,) = world.rows(tables.work)
    assert (row.token, row.attempts) == (held.token, 1)
    assert (status(world, one), status(world, other)) == ("pending", "processing")


def test_a_request_retried_while_its_part_is_built_gets_the_same_archive(world: World, one: int) -> None:
    other = world.click().request_ids[0]
    cancel(world, one)
    during_the_build(world, lambda: retry(world, one))
    world.run()
    assert status(world, one) == status(world, other) == "completed"
    assert len(world.files()) == 1


@pytest.mark.parametrize(("act", "ended"), [(cancel, "completed"), (retry, "pending")])
def test_a_status_that_changed_meanwhile_decides_and_not_the_one_that_was_read(
    world: World, one: int, act: Callable[[World, int], Changed], ended: str
) -> None:
    world.set_request(one, status="pending" if act is cancel else "failed")
    assert story(world, one).status != ended
    world.set_request(one, status=ended)
    with pytest.raises(UsageProblem):
        act(world, one)
    assert status(world, one) == ended


def finish(world: World, held: work.Claim, connection: Connection) -> int:
    now = world.database.now(connection)
    published = work.Published(
        "zip_requests/1/20261124_150000_parte_1_req_1.zip", 1, 9, "ab", "cd", "ef", "x.zip", "[]"
    )
    notice = wording.ready("CERTIBOY S.A.S.", 1, 1, hours=6, missing=0, observations=0)
    return work.finish(connection, now, held, published, now + timedelta(hours=6), notice)


def meanwhile(act: Callable[[], object]) -> Future[object]:
    """Begins `act` in a thread, which has to wait for the transaction that is open here."""
    done: Future[object] = Future()

    def work_on() -> None:
        try:
            done.set_result(act())
        except SamzipError as error:
            done.set_exception(error)

    Thread(target=work_on, daemon=True).start()
    with pytest.raises(TimeoutError):
        done.result(timeout=0.3)
    return done


def test_a_cancellation_that_meets_a_completion_comes_too_late(world: World, one: int) -> None:
    queue(world)
    held = claim(world)
    with world.database.write() as connection:
        assert finish(world, held, connection) == 1
        late = meanwhile(lambda: cancel(world, one))
    with pytest.raises(UsageProblem, match="is completed"):
        late.result(timeout=20)
    assert status(world, one) == "completed"


def test_a_completion_that_meets_a_cancellation_publishes_nothing(world: World, one: int) -> None:
    queue(world)
    held = claim(world)

    def complete() -> int:
        with world.database.write() as connection:
            return finish(world, held, connection)

    with world.database.write() as connection:
        single.cancel(connection, world.database.now(connection), one)
        late = meanwhile(complete)
    assert late.result(timeout=20) == 0
    assert status(world, one) == "cancelled"
    assert world.rows(tables.archive) == []
    assert world.rows(tables.notificacionzip) == []


def test_the_commands_tell_what_they_did(world: World, one: int, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = samzip(world, "show", str(one), capsys=capsys)
    assert (code, err) == (0, "")
    assert f"Request #{one}: pending" in out
    code, out, err = samzip(world, "cancel", str(one), capsys=capsys)
    assert (code, err) == (0, "")
    assert out.startswith(f"Cancelled: request #{one}, CERTIBOY S.A.S., part 1 of 1;")
    code, out, err = samzip(world, "retry", str(one), capsys=capsys)
    assert (code, err) == (0, "")
    assert out.endswith("Next: samzip run\n")
    assert status(world, one) == "pending"


@on_sqlite
def test_the_commands_print_one_json_object(world: World, one: int, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = samzip(world, "show", str(one), "--json", capsys=capsys)
    told = json.loads(out)
    assert (told["id"], told["status"], told["archive"]) == (one, "pending", None)
    assert datetime.fromisoformat(told["created"]).utcoffset() == timedelta(0)
    _, out, _ = samzip(world, "cancel", str(one), "--json", capsys=capsys)
    assert json.loads(out)["status"] == "cancelled"
    _, out, _ = samzip(world, "retry", str(one), "--json", capsys=capsys)
    assert json.loads(out)["request"] == one


@on_sqlite
@pytest.mark.parametrize("command", ["show", "cancel", "retry"])
def test_an_unknown_request_exits_2(world: World, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = samzip(world, command, "7", capsys=capsys)
    assert (code, out) == (2, "")
    assert err == "samzip: there is no request #7; samzip status shows what was asked for\nNothing was changed.\n"
    code, out, err = samzip(world, command, "7", "--json", capsys=capsys)
    assert (code, out) == (2, "")
    assert json.loads(err)["message"].startswith("there is no request #7")


@on_sqlite
@pytest.mark.parametrize("value", ["0", "x", str(2**63)])
def test_what_is_no_id_exits_2(world: World, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = samzip(world, "show", value, capsys=capsys)
    assert code == 2
    assert "Invalid value for 'ID'" in err


def test_a_request_of_a_company_that_is_gone_is_still_told(world: World, one: int) -> None:
    with world.database.write() as connection:
        connection.execute(update(tables.empresa).values(is_deleted=True))
    world.run()
    told = story(world, one)
    assert (told.status, told.error) == ("failed", "la empresa fue eliminada")


@pytest.mark.parametrize("odd", ["garbage", "0000-00-00", 5])
def test_a_request_of_which_no_moment_can_be_read_is_told(tmp_path: Path, odd: object) -> None:
    world = make_world(tmp_path)
    world.company(equipment=1)
    (one,) = world.click().request_ids
    world.run()
    _set(world, one, status="cancelled", created_at=odd, started_at=None, completed_at=None)
    assert [line for line in story_lines(story(world, one), UTC) if "attempt 1 by run" in line]


@pytest.mark.parametrize("odd", ["abc", -5, 1.5])
def test_a_size_that_is_none_is_not_told(tmp_path: Path, odd: object) -> None:
    world = make_world(tmp_path)
    world.company(equipment=1)
    (one,) = world.click().request_ids
    _set(world, one, status="completed", file_path="zip_requests/one.zip", file_size=odd)
    assert [line.strip() for line in story_lines(story(world, one), UTC) if "Archive:" in line] == [
        "Archive: zip_requests/one.zip, not known any more"
    ]


def _set(world: World, request_id: int, **values: object) -> None:
    """As somebody may on SQLite, whatever the columns are for."""
    given = ", ".join(f"{name} = :{name}" for name in values)
    with world.database.write() as connection:
        connection.execute(text(f"UPDATE core_ziprequest SET {given} WHERE id = {request_id}"), values)
