"""What a click gets is one inventory, whenever it changes: every instrument in exactly one of its parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import delete, select, update

from samzip.archive.part import PartJob
from samzip.batch.context import Stop
from samzip.batch.run import Mode
from samzip.catalog import read
from samzip.database import tables
from samzip.errors import StorageFailed
from samzip.events import CompanyPlanned
from samzip.housekeeping.verify import DAMAGED, Verifier
from samzip.requests.insert import insert_requests
from samzip.requests.recut import OTHER_CUT
from tests.support.world import World

NEW_FIRST, NEW_LAST = "EQ-000", "EQ-999"


def add(world: World, *codes: str) -> None:
    with world.database.write() as connection:
        for code in codes:
            world.equipment(connection, 1, code)


def remove(world: World, *codes: str) -> None:
    with world.database.write() as connection:
        connection.execute(delete(tables.equipo).where(tables.equipo.c.codigo_interno.in_(codes)))


def inventory(world: World) -> list[str]:
    with world.database.read() as connection:
        return sorted(connection.execute(select(tables.equipo.c.codigo_interno)).scalars())


def packed(world: World, path: str) -> list[str]:
    """Codes of the instruments in an archive."""
    with ZipFile(world.media / path) as archive:
        return sorted(set(re.findall(r"/Equipos/([^/]+)/Hoja_de_vida\.pdf", "\n".join(archive.namelist()))))


def received(world: World, ids: Sequence[int]) -> list[str]:
    """Codes in all archives of these requests, each of which was served; those that were cancelled have none."""
    rows = [row for row in world.requests() if row.id in ids and row.status != "cancelled"]
    assert [row.status for row in rows] == ["completed"] * len(rows)
    return sorted(code for row in rows for code in packed(world, row.file_path))


def run_until(world: World, part: int, act: Callable[[], object] = lambda: None) -> None:
    """A run that is asked to end when this part is about to be built, which it finishes all the same."""
    stop = Stop()

    def before(job: Any) -> None:
        if isinstance(job, PartJob) and job.part == part:
            stop.signal = "SIGTERM"
            act()

    world.executor.before = before
    world.run(stop=stop)
    world.executor.before = lambda job: None


def fail_part(world: World, part: int) -> None:
    def before(job: Any) -> None:
        if isinstance(job, PartJob) and job.part == part:
            raise StorageFailed("así falló")

    world.executor.before = before
    world.run()
    world.executor.before = lambda job: None
    world.later(minutes=2)


@pytest.fixture
def click(world: World) -> tuple[int, ...]:
    """A click for a company of five instruments, which are three parts."""
    world.company(equipment=5)
    return world.click().request_ids


CHANGES: dict[str, Callable[[World], None]] = {
    "one more in front": lambda world: add(world, NEW_FIRST),
    "one more at the end": lambda world: add(world, NEW_LAST),
    "two more": lambda world: add(world, NEW_FIRST, NEW_LAST),
    "the first is gone": lambda world: remove(world, "EQ-001"),
    "one in the middle is gone": lambda world: remove(world, "EQ-003"),
    "nearly all are gone": lambda world: remove(world, "EQ-001", "EQ-002", "EQ-004"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("part", [1, 3])
def test_a_change_after_a_part_failed_is_in_all_of_them(
    world: World, click: tuple[int, ...], change: Callable[[World], None], part: int
) -> None:
    fail_part(world, part)
    assert sorted(row.status for row in world.requests()) == ["completed", "completed", "pending"]
    change(world)
    world.run()
    everything = [row.id for row in world.requests()]  # and what the inventory gained
    assert received(world, everything) == inventory(world)
    archives = {row.path: row for row in world.rows(tables.archive)}
    served = [archives[row.file_path] for row in world.requests() if row.status == "completed"]
    assert {(archive.parts, archive.cut) for archive in served} == {(len(served), served[0].cut)}
    assert {row.total_partes for row in world.requests() if row.status == "completed"} == {len(served)}


def test_a_part_that_is_to_be_built_again_is_told(world: World, click: tuple[int, ...]) -> None:
    fail_part(world, 2)
    add(world, NEW_FIRST)
    seen: list[Any] = []
    world.executor.before = lambda job: seen.append(world.requests())
    world.run()
    assert [planned.recut for planned in world.seen(CompanyPlanned)] == [0, 2]
    row = seen[0][0]
    assert (row.status, row.error_message, row.file_path, row.completed_at) == ("pending", OTHER_CUT, None, None)
    assert [notice.zip_request_id for notice in world.rows(tables.notificacionzip)].count(1) == 2  # it is ready again


def test_a_run_that_was_asked_to_end_between_two_parts(world: World, click: tuple[int, ...]) -> None:
    run_until(world, 2)
    assert any(row.status == "completed" for row in world.requests())
    assert any(row.status == "pending" for row in world.requests())
    remove(world, "EQ-001")
    world.run()
    assert received(world, click) == inventory(world)


def test_a_damaged_part_is_built_again_with_its_neighbours_if_the_inventory_changed(
    world: World, click: tuple[int, ...]
) -> None:
    world.run()
    add(world, NEW_FIRST)
    file = world.media / world.requests()[1].file_path
    file.write_bytes(file.read_bytes()[:-30])
    verifier = Verifier(world.settings, world.database, world.archives, world.host)
    damaged = [verdict for verdict in verifier.verify(verifier.find(None)) if verdict.state == DAMAGED]
    assert len(list(verifier.repair(damaged, wait=0))) == 1
    world.run()
    assert received(world, click) == inventory(world)


def test_another_size_of_parts_is_another_cut(world: World, click: tuple[int, ...]) -> None:
    fail_part(world, 2)
    smaller = replace(world, settings=replace(world.settings, part_size=3))
    smaller.run()
    assert received(world, click) == inventory(world)
    assert world.requests()[2].error_message == "el inventario cambió: ahora son 2 partes"


def test_a_size_that_changes_no_part_builds_nothing_again(world: World) -> None:
    world.company(equipment=2)
    world.click()
    world.run()
    before = world.requests()[0].file_path
    world.click()
    finished = replace(world, settings=replace(world.settings, part_size=3)).run()
    assert finished.counts.reused == 1
    assert {row.file_path for row in world.requests()} == {before}


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_who_clicks_while_the_company_is_built_gets_what_was_there_when_it_clicked(
    world: World, click: tuple[int, ...], moment: int
) -> None:
    later: list[int] = []

    def act(job: Any) -> None:
        if isinstance(job, PartJob) and job.part == moment and not later:
            add(world, NEW_FIRST)
            later.extend(world.click().request_ids)

    before = inventory(world)
    world.executor.before = act
    world.run()
    assert received(world, click) == before
    assert received(world, later) == inventory(world) != before


def test_who_clicks_while_the_same_is_built_gets_the_same_files(world: World, click: tuple[int, ...]) -> None:
    later: list[int] = []
    world.executor.before = lambda job: later.extend(world.click().request_ids) if not later else None
    finished = world.run()
    assert (finished.counts.published, finished.counts.reused) == (3, 3)
    rows = {row.id: row.file_path for row in world.requests()}
    assert [rows[number] for number in click] == [rows[number] for number in later]


def test_a_change_that_moves_no_instrument_builds_nothing_again(world: World, click: tuple[int, ...]) -> None:
    fail_part(world, 2)
    before = {row.id: row.file_path for row in world.requests() if row.status == "completed"}
    with world.database.write() as connection:
        connection.execute(update(tables.equipo).values(nombre="Balanza"))
    world.run()
    after = {row.id: row.file_path for row in world.requests() if row.id in before}
    assert after == before
    assert received(world, click) == inventory(world)


def test_the_whole_of_an_earlier_click_stays_as_it_is(world: World, click: tuple[int, ...]) -> None:
    world.run()
    before, paths = inventory(world), [row.file_path for row in world.requests()]
    remove(world, "EQ-002", "EQ-003")
    later = world.click().request_ids
    world.run()
    assert [row.file_path for row in world.requests()][:3] == paths
    assert received(world, click) == before
    assert received(world, later) == inventory(world)


def test_a_part_of_an_older_inventory_that_the_new_one_does_not_have_is_cancelled(
    world: World, click: tuple[int, ...]
) -> None:
    fail_part(world, 1)
    remove(world, "EQ-003", "EQ-004", "EQ-005")
    world.run()
    first, *others = world.requests()
    assert packed(world, first.file_path) == inventory(world)
    assert {(row.status, row.file_path) for row in others} == {("cancelled", None)}
    assert {row.error_message for row in others} == {"el inventario cambió: ahora es 1 parte"}


def test_what_others_got_of_an_older_inventory_is_theirs(world: World) -> None:
    company = world.company(equipment=3)
    with world.database.write() as connection:
        world.user(connection, "luz", company)
    whole = world.click("luz").request_ids
    world.run()
    before = inventory(world)
    halves = world.click().request_ids
    add(world, NEW_FIRST)
    fail_part(world, 1)
    add(world, NEW_LAST)
    world.run()
    assert received(world, whole) == before
    everything = [row.id for row in world.requests() if row.id >= halves[0]]
    assert received(world, everything) == inventory(world)


def test_what_expired_is_not_built_again_for_its_neighbours(world: World, click: tuple[int, ...]) -> None:
    fail_part(world, 1)
    add(world, NEW_FIRST)
    world.later(hours=7)
    world.run()
    assert [row.status for row in world.requests()] == ["completed", "expired", "expired"]


def while_it_is_read(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Once, between the reading of the inventory and the fitting of the requests."""
    left, whole = [act], read.read_equipment

    def read_equipment(*arguments: Any) -> Any:
        yield from whole(*arguments)
        if left:
            left.pop()()

    monkeypatch.setattr("samzip.batch.company.read_equipment", read_equipment)


@pytest.mark.parametrize("gone", [(), ("EQ-001",)], ids=["one more", "an exchange"])
def test_a_change_and_a_click_while_the_inventory_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch, gone: tuple[str, ...]
) -> None:
    """After an exchange there are as many as before: nothing but its moment tells that the snapshot is too old for the
    click."""
    world.company(equipment=2)
    first = world.click().request_ids
    later: list[int] = []

    def act() -> None:
        remove(world, *gone)
        add(world, NEW_LAST)
        later.extend(world.click().request_ids)

    while_it_is_read(monkeypatch, act)
    world.run()
    assert received(world, first) == ["EQ-001", "EQ-002"]
    assert received(world, later) == inventory(world)
    assert len(later) == (1 if gone else 2)


def test_the_first_instrument_of_a_company_and_a_click_while_the_inventory_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=1)
    world.click()
    remove(world, "EQ-001")
    later: list[int] = []

    def act() -> None:
        add(world, NEW_LAST)
        later.extend(world.click().request_ids)

    while_it_is_read(monkeypatch, act)
    world.run()
    assert world.requests()[0].error_message == "la empresa no tiene equipos"
    assert received(world, later) == [NEW_LAST]


def test_who_clicked_late_waits_for_the_next_run_where_there_is_one_pass(world: World, click: tuple[int, ...]) -> None:
    later: list[int] = []
    world.executor.before = lambda job: later.extend(world.click().request_ids) if not later else None
    world.run(Mode(once=True))
    assert {row.status for row in world.requests() if row.id in later} == {"pending"}
    assert len(world.rows(tables.work)) == 3
    world.run(Mode(once=True))
    assert received(world, later) == inventory(world)


def test_a_part_that_only_late_clicks_want_costs_them_no_attempt(world: World, click: tuple[int, ...]) -> None:
    """Whoever it was claimed for has cancelled it."""
    later: list[int] = []

    def act(job: Any) -> None:
        if isinstance(job, PartJob) and not later:
            later.extend(world.click().request_ids)
            with world.database.write() as connection:
                mine = tables.ziprequest.c.id.in_(click) & (tables.ziprequest.c.status == "pending")
                connection.execute(update(tables.ziprequest).where(mine).values(status="cancelled"))

    world.executor.before = act
    world.run(Mode(once=True))
    assert [(row.attempts, row.token) for row in world.rows(tables.work)] == [(0, None)] * 3
    world.run()
    assert received(world, later) == inventory(world)


def opened(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object] = lambda: None) -> Stop:
    """What ends a run that opens its company again and again; `act` comes before the first time."""
    stop, times, whole = Stop(), iter(range(1000)), read.read_records

    def read_records(*arguments: Any) -> Any:
        number = next(times)
        if number == 0:
            act()
        if number == 5:
            stop.signal = "SIGTERM"
        return whole(*arguments)

    monkeypatch.setattr("samzip.batch.company.read_records", read_records)
    return stop


@pytest.mark.parametrize("moment", ["before its company is opened", "before its turn"])
def test_a_part_that_somebody_else_takes_does_not_keep_a_run_busy(
    world: World, click: tuple[int, ...], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """SAM's old worker beside samzip: the next run takes back what it leaves."""

    def take() -> None:
        world.set_request(2, status="processing")

    if moment == "before its turn":
        stop = opened(monkeypatch)
        world.executor.before = lambda job: take() if isinstance(job, PartJob) and job.part == 1 else None
    else:
        stop = opened(monkeypatch, take)
    world.run(stop=stop)
    assert not stop
    assert [row.status for row in world.requests()] == ["completed", "processing", "completed"]
    world.executor.before = lambda job: None
    world.run()
    assert received(world, click) == inventory(world)


def test_many_clicks_of_one_part_are_more_than_one_statement_takes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("samzip.requests.line.GROUP", 7)
    world.company(equipment=3)
    with world.database.write() as connection:
        now = world.database.now(connection)
        for _ in range(20):
            insert_requests(connection, now, user="CERTIBOY", company_id=None, part_size=2)
    finished = world.run()
    assert (finished.counts.published, finished.counts.completed) == (2, 40)
    assert {notice.zip_request_id for notice in world.rows(tables.notificacionzip)} == set(range(1, 41))


def test_an_archive_that_an_older_samzip_made_is_of_no_known_cut(world: World, click: tuple[int, ...]) -> None:
    fail_part(world, 2)
    with world.database.write() as connection:
        connection.execute(update(tables.archive).values(cut=""))
    world.run()
    assert received(world, click) == inventory(world)
    assert all(row.cut for row in world.rows(tables.archive))


def test_a_company_that_is_deleted_while_it_is_opened_is_told_as_that(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=1)
    world.click()
    monkeypatch.setattr("samzip.batch.company.read_records", lambda connection, company_id: None)
    world.run()
    (row,) = world.requests()
    assert (row.status, row.error_message) == ("failed", "la empresa fue eliminada")
