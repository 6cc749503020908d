"""Clicks of one user for one company: each gets a whole inventory, and takes nothing from another."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from samzip.archive.part import PartJob
from samzip.database import tables
from samzip.errors import StorageFailed
from samzip.events import CompanyPlanned, RequestRejected
from samzip.requests import reconcile, single
from samzip.requests.expire import expire
from samzip.requests.insert import pending_row
from tests.integration.test_one_inventory import (
    NEW_FIRST,
    NEW_LAST,
    add,
    fail_part,
    inventory,
    packed,
    received,
    remove,
    run_until,
    while_it_is_read,
)
from tests.support.world import World


def ask_for(world: World, part: int, parts: int) -> int:
    """One part alone, as SAM's own application may."""
    with world.database.write() as connection:
        row = pending_row(
            user_id=1,
            company_id=1,
            part=part,
            parts=parts,
            first=1,
            last=2,
            now=world.database.now(connection),
            position=1,
        )
        new = connection.execute(tables.ziprequest.insert().values(row).returning(tables.ziprequest.c.id))
        return int(new.scalar_one())


def fail_all(world: World, times: int) -> None:
    def before(job: Any) -> None:
        if isinstance(job, PartJob):
            raise StorageFailed("así falló")

    world.executor.before = before
    for _ in range(times):
        world.run()
        world.later(minutes=20)
    world.executor.before = lambda job: None


def retry(world: World, ids: Sequence[int]) -> None:
    with world.database.write() as connection:
        for number in ids:
            single.retry(connection, world.database.now(connection), number)


def cancel(world: World, ids: Sequence[int]) -> None:
    with world.database.write() as connection:
        for number in ids:
            single.cancel(connection, world.database.now(connection), number)


def status(world: World, ids: Sequence[int]) -> set[str]:
    return {row.status for row in world.requests() if row.id in ids}


def of_click(world: World, ids: Sequence[int]) -> list[int]:
    """With the parts that it gained: they were asked for when it was."""
    (made,) = {row.created_at for row in world.requests() if row.id in ids}
    return [row.id for row in world.requests() if row.created_at == made]


@pytest.mark.parametrize(("part", "parts"), [(3, 5), (5, 5), (3, 3), (1, 3)])
def test_what_was_delivered_stays_when_a_part_is_asked_for_alone(world: World, part: int, parts: int) -> None:
    world.company(equipment=4)
    click = world.click().request_ids
    world.run()
    had = received(world, click)
    add(world, *(f"EQ-000{letter}" for letter in "abcdef"))
    world.later(seconds=10)
    alone = ask_for(world, part, parts)
    world.run()
    assert received(world, click) == had
    assert status(world, [alone]) == {"completed"}
    assert len(world.requests()) == 3  # a part alone gains none


def test_what_was_delivered_stays_when_a_part_alone_cannot_be_built(world: World) -> None:
    world.company(equipment=4)
    click = world.click().request_ids
    world.run()
    add(world, NEW_FIRST)
    world.later(seconds=10)
    alone = ask_for(world, 3, 3)
    fail_all(world, 3)
    assert (status(world, click), status(world, [alone])) == ({"completed"}, {"failed"})


def test_an_older_click_that_is_retried_is_whole_and_a_newer_one_stays(world: World) -> None:
    world.company(equipment=4)
    old = world.click().request_ids
    fail_all(world, 3)
    new = world.click().request_ids
    world.run()
    had = received(world, new)
    add(world, "EQ-900")
    retry(world, old)
    fail_part(world, 3)
    add(world, NEW_FIRST)
    world.run()
    assert received(world, of_click(world, old)) == inventory(world)
    assert received(world, new) == had


@pytest.mark.parametrize("how", ["failed", "SIGTERM"])
def test_each_of_two_clicks_gets_the_part_that_the_inventory_gained(world: World, how: str) -> None:
    world.company(equipment=4)
    clicks = [world.click().request_ids, world.click().request_ids]
    add(world, "EQ-900")
    if how == "failed":
        fail_part(world, 3)
    else:
        run_until(world, 2)
    add(world, NEW_FIRST)
    world.run()
    for click in clicks:
        assert received(world, of_click(world, click)) == inventory(world)
    assert len(world.requests()) == 6


def test_a_second_click_that_is_cancelled_takes_nothing_from_the_first(world: World) -> None:
    world.company(equipment=4)
    first = world.click().request_ids
    add(world, "EQ-900")
    second = world.click().request_ids

    def before(job: Any) -> None:
        if isinstance(job, PartJob):
            world.executor.before = lambda job: None
            cancel(world, second[1:])  # the first part is in work

    world.executor.before = before
    world.run()
    assert received(world, of_click(world, first)) == inventory(world)


def test_a_late_click_does_not_stand_for_what_an_earlier_one_gains(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=2)
    early = world.click().request_ids
    add(world, NEW_LAST)
    late: list[int] = []

    def act() -> None:
        late.extend(world.click().request_ids)
        add(world, NEW_FIRST)

    while_it_is_read(monkeypatch, act)
    world.run()
    assert received(world, of_click(world, late)) == inventory(world)
    assert {*received(world, of_click(world, early))} >= {"EQ-001", "EQ-002", NEW_LAST}


def test_a_part_that_came_and_went_and_came_is_asked_for_again(world: World) -> None:
    world.company(equipment=6)
    click = world.click().request_ids
    remove(world, "EQ-005", "EQ-006")
    fail_part(world, 2)
    assert status(world, click[2:]) == {"cancelled"}
    add(world, "EQ-005", "EQ-006")
    world.run()
    assert received(world, of_click(world, click)) == inventory(world)


def test_a_part_that_came_again_belongs_to_its_click(world: World) -> None:
    world.company(equipment=6)
    click = world.click().request_ids
    remove(world, "EQ-005", "EQ-006")
    fail_part(world, 2)
    add(world, "EQ-005", "EQ-006")
    fail_part(world, 3)
    add(world, NEW_FIRST)
    world.run()
    assert received(world, of_click(world, click)) == inventory(world)


def test_parts_that_came_again_do_not_stand_for_those_that_come_next(world: World) -> None:
    lost = ("EQ-005", "EQ-006", "EQ-007", "EQ-008")
    world.company(equipment=8)
    click = world.click().request_ids
    remove(world, *lost)
    fail_part(world, 2)
    add(world, *lost)
    fail_part(world, 4)
    add(world, NEW_LAST)
    world.run()
    assert received(world, of_click(world, click)) == inventory(world)


def test_an_application_that_inserts_slowly_makes_one_click(world: World) -> None:
    world.company(equipment=100)
    with world.database.write() as connection:
        now = world.database.now(connection)
        for part in range(1, 51):
            made = now + timedelta(seconds=1.5 * part)
            row = pending_row(user_id=1, company_id=1, part=part, parts=50, first=1, last=2, now=made, position=part)
            connection.execute(tables.ziprequest.insert().values(row))
    world.later(minutes=2)
    fail_part(world, 50)
    add(world, NEW_FIRST)
    world.run()
    assert received(world, [row.id for row in world.requests()]) == inventory(world)


def test_a_click_whose_moment_cannot_be_read_is_one_inventory_too(world: World) -> None:
    world.company(equipment=6)
    world.click()
    unreadable = "'ayer'" if world.database.is_sqlite else "'-infinity'"
    with world.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE {tables.ziprequest.name} SET created_at = {unreadable}")
    fail_part(world, 2)
    add(world, NEW_FIRST)
    world.run()
    assert received(world, [row.id for row in world.requests()]) == inventory(world)
    add(world, "EQ-900", "EQ-901")
    retry_all = [row.id for row in world.requests()]
    with world.database.write() as connection:
        connection.execute(update(tables.ziprequest).values(status="pending", expires_at=None, file_path=None))
    fail_part(world, 5)
    add(world, "EQ-0000")
    world.run()
    assert len(world.requests()) > len(retry_all)
    assert received(world, [row.id for row in world.requests()]) == inventory(world)


def test_a_part_that_was_gained_before_a_retry_is_not_gained_again(world: World) -> None:
    world.company(equipment=4)
    click = world.click().request_ids

    def before(job: Any) -> None:
        if isinstance(job, PartJob) and job.part == 2:
            raise StorageFailed("así falló")

    world.executor.before = before
    for _ in range(2):
        world.run()
        world.later(minutes=20)
    world.run()
    world.executor.before = lambda job: None
    assert status(world, click[1:]) == {"failed"}
    add(world, "EQ-900")
    retry(world, click[1:])
    world.run()
    assert len(world.requests()) == 3
    assert received(world, of_click(world, click)) == inventory(world)


def test_a_part_that_another_worker_made_is_built_again_with_the_rest(world: World) -> None:
    """SAM's own: on the day of the change there is no row of its archive."""
    world.company(equipment=6)
    click = world.click().request_ids
    run_until(world, 1)
    with world.database.write() as connection:
        connection.execute(tables.archive.delete())
        connection.execute(tables.attempt.delete())
    theirs = world.files()
    add(world, NEW_FIRST)
    world.run()
    assert received(world, of_click(world, click)) == inventory(world)
    assert len(theirs) == 1
    assert not set(theirs) & set(world.files())


def test_one_without_a_usable_name_is_built_again_and_nothing_else_is_touched(world: World) -> None:
    world.company(equipment=6)
    click = world.click().request_ids
    run_until(world, 1)
    world.put("documentos/x.pdf", b"x")
    with world.database.write() as connection:
        connection.execute(tables.archive.delete())
        done = tables.ziprequest.c.status == "completed"
        connection.execute(update(tables.ziprequest).where(done).values(file_path="documentos/x.pdf"))
    add(world, NEW_FIRST)
    world.run()
    assert received(world, of_click(world, click)) == inventory(world)
    assert (world.media / "documentos" / "x.pdf").read_bytes() == b"x"


def test_an_archive_without_an_end_is_built_again_with_the_rest(world: World) -> None:
    world.company(equipment=6)
    click = world.click().request_ids
    fail_part(world, 2)
    with world.database.write() as connection:
        done = tables.ziprequest.c.status == "completed"
        connection.execute(update(tables.ziprequest).where(done).values(expires_at=None))
    add(world, NEW_FIRST)
    world.run()
    assert received(world, of_click(world, click)) == inventory(world)


def test_a_code_that_moves_no_instrument_to_another_part_builds_nothing_again(world: World) -> None:
    world.company(equipment=6)
    world.click()
    fail_part(world, 2)
    with world.database.write() as connection:
        first = tables.equipo.c.codigo_interno == "EQ-001"
        connection.execute(update(tables.equipo).where(first).values(codigo_interno="EQ-0025"))
    world.run()
    assert [event.recut for event in world.seen(CompanyPlanned)] == [0, 0]


def test_a_company_without_instruments_is_told(world: World) -> None:
    world.company(equipment=1)
    (number,) = world.click().request_ids
    remove(world, "EQ-001")
    finished = world.run()
    assert (finished.outcome, finished.counts.rejected) == ("problems", 1)
    assert world.seen(RequestRejected) == [RequestRejected(number, "la empresa no tiene equipos")]


def test_a_cancel_while_a_company_is_opened_waits_and_holds_up_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the work row and then the request, as everybody does; the other way round the two waited in a circle."""
    company = world.company(equipment=3)
    with world.database.write() as connection:
        world.user(connection, "luz", company)
    world.company("OTRA", equipment=1, user="otro")
    world.click()
    fail_part(world, 2)
    add(world, NEW_FIRST)
    hers = world.click("luz").request_ids
    world.click("otro")
    locked, said = threading.Event(), []
    refresh, lock_part = reconcile._refresh, single._lock_part

    def cancel_hers() -> None:
        with world.database.write() as connection:
            said.append(single.cancel(connection, world.database.now(connection), hers[0]).status)

    canceller = threading.Thread(target=cancel_hers)

    def lock_and_tell(connection: Any, number: int) -> None:
        lock_part(connection, number)
        locked.set()

    def meanwhile(*arguments: Any) -> None:
        refresh(*arguments)
        if not canceller.ident:
            canceller.start()
            locked.wait(0.5)

    monkeypatch.setattr(single, "_lock_part", lock_and_tell)
    monkeypatch.setattr(reconcile, "_refresh", meanwhile)
    assert world.run().outcome == "done"
    canceller.join()
    assert said == ["cancelled"]
    assert status(world, hers[:1]) == {"cancelled"}
    assert {row.status for row in world.requests() if row.id not in hers} == {"completed"}


def test_what_others_were_given_is_packed_as_it_was(world: World) -> None:
    """Two users, one of them asks for a part alone."""
    company = world.company(equipment=4)
    with world.database.write() as connection:
        world.user(connection, "luz", company)
    hers = world.click("luz").request_ids
    world.run()
    had = [packed(world, row.file_path) for row in world.requests() if row.id in hers]
    add(world, NEW_FIRST)
    world.later(seconds=10)
    ask_for(world, 3, 3)
    world.run()
    assert [packed(world, row.file_path) for row in world.requests() if row.id in hers] == had


@pytest.mark.parametrize("again", [1, 2], ids=["one part again", "both parts again"])
def test_what_moves_out_of_a_part_that_a_user_still_has_is_in_another(world: World, again: int) -> None:
    """The other two, which came hours before, have expired, and are asked for once more."""
    world.company(equipment=6)
    click = world.click().request_ids
    fail_part(world, 3)
    world.later(hours=4)
    world.run()
    world.later(hours=3)
    world.run()
    assert [row.status for row in world.requests()] == ["expired", "expired", "completed"]
    add(world, NEW_FIRST)
    retry(world, click[:again])
    world.run()
    served = [row.id for row in world.requests() if row.status == "completed"]
    assert received(world, served)[-3:] == ["EQ-004", "EQ-005", "EQ-006"]


@pytest.mark.parametrize("rest", ["failed", "pending"])
def test_what_the_first_delivery_did_not_have_comes_though_that_has_expired(world: World, rest: str) -> None:
    world.company(equipment=6)
    click = world.click().request_ids
    run_until(world, 1)
    had = received(world, click[:1])
    if rest == "failed":
        fail_all(world, 3)
    world.later(hours=7)
    with world.database.write() as connection:
        expire(connection, world.database.now(connection), world.settings.ttl)
    assert [row.status for row in world.requests()] == ["expired", rest, rest]
    add(world, NEW_FIRST)
    if rest == "failed":
        retry(world, click[1:])
    world.run()
    served = [row.id for row in world.requests() if row.status == "completed"]
    assert {*had, *received(world, served)} == {*inventory(world)} - {NEW_FIRST}
