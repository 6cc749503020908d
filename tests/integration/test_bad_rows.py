"""Rows that nobody should have written: samzip serves the others, says why, and touches nothing that is not its own."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, update

import samzip.app
from samzip.archive.part import PartJob
from samzip.archive.spool import Spool
from samzip.batch import building, in_work, telling
from samzip.batch.company import CompanyPass, open_company
from samzip.batch.context import Context
from samzip.batch.in_work import InWork
from samzip.cli import main
from samzip.database import tables
from samzip.errors import StorageFailed, Unexpected
from samzip.requests import work
from samzip.requests.insert import pending_row
from samzip.requests.states import LIVE
from tests.support.world import InlineExecutor, World

NAMED = "zip_requests/1/20200101_000000_parte_1_req_1.zip"  # a name that samzip gives to archives
YESTERDAY = datetime.now(UTC) - timedelta(days=1)
on_one_database = pytest.mark.parametrize("world", ["sqlite"], indirect=True)  # what it tells of files is all the same

# Each is what one request row has instead of the usual; SQL literals.
ODD_EVERYWHERE = [
    "parte_numero = 0",
    "parte_numero = -5",
    "parte_numero = 2147483647",
    "total_partes = 0",
    "total_partes = -3",
    "total_partes = 2147483647",
    "status = ''",
    "status = 'en espera'",
    "status = {escape} || '[31mx'",
    "created_at = '0001-01-01 00:00:00'",
    "created_at = '9999-12-31 23:59:59'",
    "created_at = '9999-12-31 23:59:59', status = 'processing', started_at = '0001-01-01 00:00:00'",
    "total_equipos = NULL, rango_equipos_inicio = NULL, rango_equipos_fin = NULL, equipos_procesados = -1",
    "progress_percentage = -2147483648, position_in_queue = -1, estimated_completion = '9999-12-31 23:59:59'",
    "status = 'processing', current_step = {newline} || '[EXITOSO] ZIP completado', started_at = NULL",
    "status = 'completed', completed_at = NULL, expires_at = NULL, file_path = NULL, file_size = NULL",
    "status = 'completed', completed_at = '0001-01-01 00:00:00', expires_at = NULL, file_size = -4",
    "status = 'completed', completed_at = '9999-12-31 23:59:59', expires_at = NULL, file_path = ''",
    "status = 'completed', expires_at = '9999-12-31 23:59:59', file_path = 'zip_requests/1'",
    "status = 'failed', completed_at = NULL, error_message = NULL",
    "status = 'failed', completed_at = '9999-12-31 23:59:59', error_message = {escape} || '[2J' || {newline} || 'x'",
    "status = 'cancelled', completed_at = '0001-01-01 00:00:00', expires_at = '0001-01-01 00:00:00'",
    "status = 'expired', file_path = '../../x', completed_at = NULL",
]
ODD_IN_SQLITE = [  # which keeps any value in any column
    "parte_numero = 1.5",
    "parte_numero = 'dos'",
    "parte_numero = 4611686018427387904",
    "total_partes = 'x'",
    "created_at = 'mañana'",
    "created_at = 17",
    "created_at = x'00ff'",
    "status = x'70ff'",
    "status = 'completed', file_path = x'ff00', expires_at = '2000-01-01'",
    "status = 'completed', expires_at = 'nunca', file_size = 'grande'",
    "user_id = 'abc'",
]
ODD_IN_POSTGRES = [  # whose calendar is wider than Python's
    "created_at = 'infinity'",
    "created_at = '-infinity'",
    "created_at = '4000-01-01 BC'",
    "created_at = '99999-01-01'",
    "status = 'completed', expires_at = 'infinity', completed_at = '-infinity'",
    "status = 'completed', expires_at = NULL, completed_at = 'infinity'",
]


@dataclass
class Command:
    """How a command ended."""

    code: int
    text: str  # stdout and stderr


Operator = Callable[..., Command]


@pytest.fixture
def operator(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Operator:
    """Types commands; parts are built in place."""
    monkeypatch.setattr(samzip.app, "_executor", lambda settings, run_id, stop: InlineExecutor())
    monkeypatch.setenv("SAMZIP_STATE_DIR", str(world.settings.state_dir))
    monkeypatch.setenv("SAMZIP_DATABASE_URL", world.settings.database_url)
    monkeypatch.setenv("SAMZIP_PART_SIZE", str(world.settings.part_size))

    def command(*arguments: str) -> Command:
        code: Any = 0
        try:
            main(list(arguments))
        except SystemExit as end:
            code = end.code or 0
        said = capsys.readouterr()
        return Command(int(code), said.out + said.err)

    return command


def rough(world: World, statement: str) -> None:
    """Does what foreign keys or types would not let a careful writer do."""
    if not world.database.is_sqlite:
        with world.database.write() as connection:
            connection.exec_driver_sql(statement)
        return
    raw = sqlite3.connect(str(world.database.url.database))
    raw.execute(statement)
    raw.commit()
    raw.close()


def odd_request(world: World, company_id: int, change: str) -> int:
    """A pending row for part 1 of 2, then changed."""
    with world.database.write() as connection:
        row = pending_row(
            user_id=1,
            company_id=company_id,
            part=1,
            parts=2,
            first=1,
            last=2,
            now=world.database.now(connection),
            position=1,
        )
        number: int = connection.execute(
            insert(tables.ziprequest).values(row).returning(tables.ziprequest.c.id)
        ).scalar_one()
    function = "char" if world.database.is_sqlite else "chr"
    change = change.format(escape=f"{function}(27)", newline=f"{function}(10)")
    rough(world, f"UPDATE core_ziprequest SET {change} WHERE id = {number}")
    return number


def everything(*folders: Path) -> dict[str, bytes | str]:
    """Files with their content and links with their target."""
    return {
        str(path): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def request_row(world: World, number: int) -> Any:
    return next(row for row in world.requests() if row.id == number)


def served_request(world: World, path: str | None, **values: Any) -> None:
    """Request 1 as a worker left it whose archive lies at `path`; its time is over."""
    row = {"status": "completed", "file_path": path, "completed_at": YESTERDAY, "expires_at": YESTERDAY} | values
    world.set_request(1, **row)


def test_no_row_however_odd_stops_a_command_or_its_neighbours(world: World, operator: Operator) -> None:
    company = world.company(equipment=3)
    good = world.click().request_ids
    odd = ODD_EVERYWHERE + (ODD_IN_SQLITE if world.database.is_sqlite else ODD_IN_POSTGRES)
    numbers = {change: odd_request(world, company, change) for change in odd}
    shown = {change: [("show", str(number))] for change, number in numbers.items()}
    shown |= {f"{change} as JSON": [("show", str(number), "--json")] for change, number in numbers.items()}
    before = everything(world.media / "documentos")
    rounds: dict[str, list[tuple[str, ...]]] = {
        "before": [("run", "--dry-run"), ("status",), ("status", "--json"), ("purge", "--dry-run")],
        **shown,
        "run": [("run",), ("status",), ("purge", "--yes", "--stuck", "retry"), ("run",), ("purge", "--yes")],
        "after": [("status",), ("status", "--json")],
        "changed": [(verb, str(number)) for verb in ("retry", "cancel") for number in numbers.values()],
        "last": [("run",)],
    }

    for name, commands in rounds.items():
        for arguments in commands:
            done = operator(*arguments)
            assert done.code in (0, 2, 3), f"{name}: samzip {' '.join(arguments)}: {done.text}"
            assert "Traceback" not in done.text
            assert "\x1b" not in done.text, f"{name}: an escape sequence reaches the terminal"
            assert "\n[EXITOSO] ZIP completado\n" not in done.text, "a row forged a line of the log"
    assert {request_row(world, number).status for number in good} == {"completed"}
    assert everything(world.media / "documentos") == before


LATE = ["parte_numero = 0", "parte_numero = -5", "parte_numero = 2147483647", "total_partes = 0", "total_partes = 1"]
LATE_IN_SQLITE = ["parte_numero = 1.5", "parte_numero = 'dos'", "total_partes = 1.5", "total_partes = 'x'"]


@pytest.mark.parametrize("change", LATE + LATE_IN_SQLITE)
def test_an_odd_row_that_comes_after_the_run_has_looked_costs_nobody_anything(
    world: World, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    if not world.database.is_sqlite and change in LATE_IN_SQLITE:
        pytest.skip("PostgreSQL refuses it")
    company = world.company(equipment=3)
    good = world.click().request_ids
    came: list[int] = []

    def late(context: Context, company_id: int) -> CompanyPass | None:
        if not came:
            came.append(odd_request(world, company, change))
            with world.database.write() as connection:  # a part more, whose work is made at that moment
                for number in (4, 5):
                    world.equipment(connection, company, f"EQ-00{number}")
        return open_company(context, company_id)

    monkeypatch.setattr(building, "open_company", late)
    world.run()
    world.run()
    assert {request_row(world, number).status for number in good} == {"completed"}
    assert request_row(world, came[0]).status in ("completed", "failed", "cancelled")
    assert world.rows(tables.work) == []


def test_odd_rows_that_come_while_their_part_waits_for_its_turn_cost_no_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = world.company(equipment=3)
    good = world.click().request_ids
    odd = ODD_EVERYWHERE + (ODD_IN_SQLITE if world.database.is_sqlite else ODD_IN_POSTGRES)
    came: dict[str, int] = {}
    claim = in_work.claim

    def late(context: Context, opened: CompanyPass, part: int) -> InWork | None:
        if not came:
            came.update({change: odd_request(world, company, change) for change in odd})
        return claim(context, opened, part)

    monkeypatch.setattr(in_work, "claim", late)
    assert world.run().counts.failed == 0
    assert {row.outcome for row in world.rows(tables.attempt)} == {"published"}
    assert {request_row(world, number).status for number in good} == {"completed"}
    bare = request_row(world, next(number for change, number in came.items() if "total_equipos = NULL" in change))
    assert (bare.status, bare.total_partes, bare.total_equipos, bare.equipos_procesados) == ("completed", 2, 2, 2)
    assert (bare.rango_equipos_inicio, bare.rango_equipos_fin) == (1, 2)


def test_a_row_that_claims_to_be_in_work_without_any_number_is_served_with_its_part(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = world.company(equipment=3)
    world.click()
    came: list[int] = []
    finish = work.finish

    def late(connection: Connection, *arguments: Any, **named: Any) -> int:
        if not came:
            now = datetime.now(UTC)
            row = pending_row(user_id=1, company_id=company, part=1, parts=2, first=1, last=2, now=now, position=1)
            row |= {"status": "processing", "total_equipos": None}
            inserted = insert(tables.ziprequest).values(row).returning(tables.ziprequest.c.id)
            came.append(connection.execute(inserted).scalar_one())
        return finish(connection, *arguments, **named)

    monkeypatch.setattr(work, "finish", late)
    assert world.run().counts.failed == 0
    assert request_row(world, came[0]).status == "completed"


@pytest.mark.parametrize("total", ["1", "0.5", "1.5"])
def test_a_row_of_an_inventory_that_has_grown_stops_nobody_though_its_user_is_gone_or_its_total_is_no_number(
    world: World, total: str
) -> None:
    if not world.database.is_sqlite:
        if "." in total:
            pytest.skip("PostgreSQL refuses it")
        rough(world, "ALTER TABLE core_ziprequest DROP CONSTRAINT core_ziprequest_user_id_fkey")
    company = world.company(equipment=3)
    world.company("Otra Ltda", equipment=1, user="otra")
    odd = odd_request(world, company, f"total_partes = {total}, user_id = {77 if total == '1' else 1}")
    (good,) = world.click("otra").request_ids
    world.run()
    assert request_row(world, good).status == "completed"
    assert request_row(world, odd).status == "completed"
    assert world.rows(tables.work) == []


FORESEEN_BY_NOBODY: dict[str, tuple[Any, str, Callable[..., int]]] = {  # step: where it is done, and for whom
    "read its records": (building, "open_company", lambda _context, company_id: company_id),
    "begin a part": (CompanyPass, "part_job", lambda company, *_: company.records.company.id),
    "note an archive": (work, "finish", lambda _connection, _now, held, *_: held.company_id),
}


@pytest.mark.parametrize("step", FORESEEN_BY_NOBODY)
def test_what_nobody_foresaw_of_a_company_costs_it_an_attempt_and_stops_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    odd = world.company(equipment=3)
    world.company("Otra Ltda", equipment=1, user="otra")
    asked = world.click().request_ids
    (good,) = world.click("otra").request_ids
    place, name, whose = FORESEEN_BY_NOBODY[step]
    undisturbed = getattr(place, name)

    def stumble(*arguments: Any) -> Any:
        if whose(*arguments) == odd:
            raise ValueError("así es la fila")
        return undisturbed(*arguments)

    monkeypatch.setattr(place, name, stumble)
    assert world.run().outcome == "problems"
    assert request_row(world, good).status == "completed"
    for _ in range(world.settings.max_attempts):
        world.later(minutes=20)
        world.run()
    for number in asked:
        row = request_row(world, number)
        assert (row.status, row.error_message) == ("failed", "error inesperado en el servidor")
        assert world.rows(tables.attempt)[0].error == "error inesperado: ValueError: así es la fila"
    assert world.rows(tables.work) == []
    assert world.files() == [request_row(world, good).file_path]


def test_what_nobody_foresaw_of_one_part_costs_no_other_one_anything(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=3)
    (one, two) = world.click().request_ids
    undisturbed = CompanyPass.reusable

    def stumble(company: CompanyPass, part: int) -> Any:
        if part == 1 and any(row.token for row in world.rows(tables.work)):  # claimed, no more planned
            raise ValueError("así es la fila")
        return undisturbed(company, part)

    monkeypatch.setattr(CompanyPass, "reusable", stumble)
    finished = world.run()
    assert (finished.outcome, finished.counts.failed) == ("problems", 1)
    assert request_row(world, two).status == "completed"
    (left,) = world.rows(tables.work)
    assert (left.part, left.token, left.attempts) == (1, None, 1)
    assert left.last_error == "error inesperado: ValueError: así es la fila"
    assert request_row(world, one).status == "pending"


def test_what_goes_wrong_after_an_archive_was_noted_does_not_take_it_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=1)
    (number,) = world.click().request_ids

    def stumble(*_arguments: Any, **_named: Any) -> Any:
        raise ValueError("nadie lo oye")

    monkeypatch.setattr(telling, "of_archive", stumble)
    with pytest.raises(ValueError, match="nadie lo oye"):
        world.run()
    row = request_row(world, number)
    assert row.status == "completed"
    assert world.files() == [row.file_path]


def test_what_goes_wrong_after_an_archive_was_given_again_charges_no_other_part(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=5)
    world.click()
    world.run()
    again = world.click().request_ids

    def stumble(*_arguments: Any, **_named: Any) -> Any:
        raise ValueError("nadie lo oye")

    with monkeypatch.context() as patched:
        patched.setattr(telling, "of_archive", stumble)
        with pytest.raises(ValueError, match="nadie lo oye"):
            world.run()
    assert sorted(request_row(world, number).status for number in again) == ["completed", "pending", "pending"]
    assert {(row.attempts, row.token) for row in world.rows(tables.work)} == {(0, None)}
    assert world.run().counts.reused == 2


def test_an_error_that_ends_the_run_costs_the_parts_in_work_no_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=3)
    world.click()
    world.executor.holds = lambda job: isinstance(job, PartJob)  # both parts stay in work

    def stumble(*_arguments: Any) -> Any:
        raise ValueError("nadie lo oye")

    monkeypatch.setattr(building.in_work, "write_progress", stumble)  # of the progress that is written each second
    monkeypatch.setattr(building, "WRITE_EVERY_S", 0)
    world.settings = replace(world.settings, jobs=2)
    with pytest.raises(ValueError, match="nadie lo oye"):
        world.run()
    assert {(row.attempts, row.token) for row in world.rows(tables.work)} == {(0, None)}
    assert {row.status for row in world.requests()} == {"pending"}


@pytest.mark.parametrize("warnings", ["no json", '[{"kind": "missing", "equipment": ["x"], "path": 1}]'])
def test_an_archive_whose_warnings_cannot_be_read_is_shown_and_not_given_again(
    world: World, operator: Operator, warnings: str
) -> None:
    world.company(equipment=1)
    world.click()
    operator("run")
    rough(world, f"UPDATE samzip_archive SET warnings = '{warnings}'")
    assert operator("status").code == 0
    assert operator("show", "1").code == 0
    (again,) = world.click().request_ids
    assert operator("run").code == 0
    assert request_row(world, again).file_path != request_row(world, 1).file_path


def test_a_company_whose_parts_cannot_even_fail_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    company = world.company(equipment=1)
    world.click()

    def stumble(*_arguments: Any, **_named: Any) -> Any:
        raise ValueError("así es la fila")

    monkeypatch.setattr(work, "claim", stumble)
    with pytest.raises(Unexpected, match=f"company {company}: unexpected: ValueError: así es la fila"):
        world.run()
    assert {row.status for row in world.requests()} == {"pending"}


@pytest.mark.parametrize("when", ["it is opened", "a part is claimed", "its survey ends"])
def test_a_company_whose_parts_cannot_even_fail_is_left_aside_until_the_others_are_served(
    world: World, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    odd, good = world.company(equipment=3), world.company("Buena", equipment=3, user="BUENA", prefix="B")
    world.click()
    world.click("BUENA")

    def stumbles(function: Any) -> Any:
        def stumble(*arguments: Any, **named: Any) -> Any:
            if odd in (*arguments, named.get("company_id"), *(getattr(it, "company_id", 0) for it in arguments)):
                raise ValueError("así es la fila")
            return function(*arguments, **named)

        return stumble

    monkeypatch.setattr(work, "claim", stumbles(work.claim))
    if when == "it is opened":
        monkeypatch.setattr(building, "open_company", stumbles(building.open_company))
    if when == "its survey ends":
        end = CompanyPass.end_survey

        def end_survey(self: CompanyPass, survey: Any) -> None:
            if self.records.company.id == odd:
                raise ValueError("así es la fila")
            end(self, survey)

        monkeypatch.setattr(CompanyPass, "end_survey", end_survey)
    with pytest.raises(Unexpected, match=f"company {odd}: unexpected: ValueError: así es la fila"):
        world.run()
    found = {(row.empresa_id, row.status) for row in world.requests()}
    assert found == {(odd, "pending"), (good, "completed")}


def test_a_company_whose_rows_find_no_room_spends_no_attempt_and_stops_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, good = world.company(equipment=3), world.company("Buena", equipment=1, user="BUENA", prefix="B")
    world.click()
    world.click("BUENA")
    write = Spool._write

    def full(self: Spool, name: str, what: object) -> None:
        write(self, name, what)
        if self.folder.name.startswith(f"{large}-") and name == "equipment-2":
            raise StorageFailed(f"{self.folder}: No space left on device")

    monkeypatch.setattr(Spool, "_write", full)
    with pytest.raises(StorageFailed, match="No space left"):
        world.run()
    found = {(row.empresa_id, row.status) for row in world.requests()}
    assert found == {(large, "pending"), (good, "completed")}
    assert {row.attempts for row in world.rows(tables.work)} == {0}
    assert list(world.settings.temporary_dir.glob("*/*")) == []


def test_storage_that_fails_as_a_part_is_given_to_a_worker_costs_it_no_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=3)
    world.click()
    submit = InlineExecutor.submit

    def refuse(self: InlineExecutor, function: Any, job: Any, key: str) -> Any:
        if isinstance(job, PartJob):
            raise StorageFailed("no hay más archivos abiertos")
        return submit(self, function, job, key)

    monkeypatch.setattr(InlineExecutor, "submit", refuse)
    with pytest.raises(StorageFailed, match="no hay más archivos"):
        world.run()
    assert {(row.attempts, row.token) for row in world.rows(tables.work)} == {(0, None)}
    assert {row.status for row in world.requests()} == {"pending"}


@pytest.mark.parametrize("part", ["0", "-1", "-2147483648", "1.5", "'dos'"])
def test_an_impossible_part_number_fails_with_the_reason(world: World, part: str) -> None:
    if not world.database.is_sqlite and not part.lstrip("-").isdigit():
        pytest.skip("PostgreSQL refuses it")
    number = odd_request(world, world.company(equipment=3), f"parte_numero = {part}")
    finished = world.run()
    row = request_row(world, number)
    assert (row.status, row.error_message) == ("failed", "número de parte imposible")
    assert row.completed_at is not None
    assert finished.counts.rejected == 1
    assert world.rows(tables.work) == []


@pytest.mark.parametrize("part", [3, 2147483647])
def test_a_part_beyond_the_last_is_cancelled_with_the_reason(world: World, part: int) -> None:
    number = odd_request(world, world.company(equipment=3), f"parte_numero = {part}")
    world.run()
    row = request_row(world, number)
    assert (row.status, row.error_message) == ("cancelled", "el inventario cambió: ahora son 2 partes")
    assert world.rows(tables.work) == []


@pytest.mark.parametrize("total", [0, -7, 2147483647])
def test_an_impossible_total_is_corrected_and_the_part_is_served(world: World, total: int) -> None:
    number = odd_request(world, world.company(equipment=3), f"total_partes = {total}")
    world.run()
    row = request_row(world, number)
    assert (row.status, row.total_partes, row.total_equipos) == ("completed", 2, 2)
    assert len(world.requests()) == 1  # no further parts are asked for in the name of a number that means nothing


@pytest.mark.parametrize("status", ["", "en espera", "PENDING", "pending "])
def test_an_unknown_status_is_left_alone_and_shown(world: World, operator: Operator, status: str) -> None:
    number = odd_request(world, world.company(equipment=3), f"status = '{status}'")
    assert operator("run").code == 0
    assert request_row(world, number).status == status
    assert operator("cancel", str(number)).code == 2
    assert "samzip does not know this status" in operator("retry", str(number)).text


def test_a_company_that_vanished_since_the_click_fails_its_requests_with_the_reason(
    world: World, operator: Operator
) -> None:
    other = world.company("Otra Ltda", equipment=1)
    world.company("Ida Ltda", equipment=1, user="ida")
    kept, lost = world.click().request_ids[0], world.click("ida").request_ids[0]
    if not world.database.is_sqlite:
        rough(world, "ALTER TABLE core_ziprequest DROP CONSTRAINT core_ziprequest_empresa_id_fkey")
    rough(world, f"UPDATE core_ziprequest SET empresa_id = 99 WHERE id = {lost}")
    assert operator("run").code == 3
    row = request_row(world, lost)
    assert (row.status, row.error_message) == ("failed", "la empresa ya no existe")
    assert request_row(world, kept).status == "completed"
    assert "(empresa eliminada)" in operator("show", str(lost)).text
    assert other


def test_a_company_that_is_deleted_while_its_part_waits_for_the_next_attempt_leaves_no_work(world: World) -> None:
    company = world.company(equipment=1)
    world.click()

    def fail(job: Any) -> None:
        raise ValueError("así falló")

    world.executor.before = fail
    world.run()
    assert len(world.rows(tables.work)) == 1
    with world.database.write() as connection:
        connection.execute(update(tables.empresa).where(tables.empresa.c.id == company).values(is_deleted=True))
    world.run()
    assert request_row(world, 1).error_message == "la empresa fue eliminada"
    assert world.rows(tables.work) == []


@pytest.mark.parametrize("when", ["before the run", "while its part is built"])
def test_a_company_that_is_deleted_ends_its_requests_with_a_reason_or_an_archive(world: World, when: str) -> None:
    company = world.company(equipment=3)
    world.click()

    def remove(_job: Any = None) -> None:
        with world.database.write() as connection:
            connection.execute(update(tables.empresa).where(tables.empresa.c.id == company).values(is_deleted=True))

    if when == "before the run":
        remove()
    else:
        world.executor.before = remove
    world.run()
    for row in world.requests():
        assert row.status == "completed" or (row.status, row.error_message) == ("failed", "la empresa fue eliminada")
    assert world.rows(tables.work) == []


@pytest.mark.parametrize("when", ["before the run", "while its part is built"])
def test_a_user_who_was_deleted_has_no_notification_but_the_archive_is_there(
    world: World, operator: Operator, when: str
) -> None:
    world.company(equipment=1)
    number = world.click().request_ids[0]
    if not world.database.is_sqlite:
        rough(world, "ALTER TABLE core_ziprequest DROP CONSTRAINT core_ziprequest_user_id_fkey")

    def remove(_job: Any = None) -> None:
        rough(world, "DELETE FROM core_customuser")

    if when == "before the run":
        remove()
    else:
        world.executor.before = remove
    world.run()
    assert request_row(world, number).status == "completed"
    assert world.rows(tables.notificacionzip) == []
    assert "(usuario eliminado)" in operator("show", str(number)).text
    assert operator("status").code == 0


@pytest.mark.parametrize(
    ("status", "becomes"),
    [
        ("pending", "completed"),
        ("queued", "completed"),
        ("processing", "completed"),
        ("completed", "completed"),
        ("failed", "failed"),
        ("expired", "expired"),
        ("cancelled", "cancelled"),
    ],
)
def test_a_request_with_nulls_wherever_the_schema_allows_them_is_served_or_left_alone(
    world: World, operator: Operator, status: str, becomes: str
) -> None:
    number = odd_request(world, world.company(equipment=3), f"status = '{status}'")
    nulls = {column.name: None for column in tables.ziprequest.c if column.nullable}
    world.set_request(number, **nulls)
    for arguments in [("status",), ("show", str(number)), ("purge", "--dry-run"), ("run",), ("status", "--json")]:
        done = operator(*arguments)
        assert done.code == 0, f"{arguments}: {done.text}"
    assert request_row(world, number).status == becomes
    assert request_row(world, number).total_equipos == (2 if status in LIVE else None)


def test_records_with_nulls_wherever_the_schema_allows_them_are_delivered(world: World, operator: Operator) -> None:
    world.company(equipment=1)
    records = [
        table
        for table in tables.sam.sorted_tables
        if table not in (tables.empresa, tables.customuser, tables.ziprequest, tables.notificacionzip)
    ]
    with world.database.write() as connection:
        for table in records:
            needed = [column for column in table.c if not column.nullable and not column.primary_key]
            row = {column.name: 1 if column.foreign_keys else "x" for column in needed}
            connection.execute(insert(table).values(row))
    world.click()
    assert operator("run").code == 0
    assert {row.status for row in world.requests()} == {"completed"}


@on_one_database
@pytest.mark.parametrize(
    "path",
    [
        "../../victim.zip",
        "zip_requests/../../victim.zip",
        "zip_requests/1/../../../victim.zip",
        "{outside}/victim.zip",
        "documentos/1/EQ-001/compra.pdf",
        "zip_requests/1",
        "zip_requests/1/20200101_000000_parte_1_req_1.zip/",
        "zip_requests/1/notas.txt",
        "zip_requests/1/20200101_000000_parte_1_req_1.zip\n",
        "zip_requests/1/20200101_000000_parte_1_req_1.zip.samzip-part",
        "zip_requests/01/20200101_000000_parte_1_req_1.zip",
        ".",
    ],
)
def test_a_path_that_samzip_never_gave_expires_and_its_file_stays(
    world: World, operator: Operator, tmp_path: Path, path: str
) -> None:
    world.company(equipment=1)
    world.click()
    outside = tmp_path / "outside"
    outside.mkdir()
    for victim in (outside / "victim.zip", tmp_path / "victim.zip", world.settings.state_dir / "victim.zip"):
        victim.write_bytes(b"precious")
    folder = world.media / "zip_requests/1"
    folder.mkdir(parents=True)
    for name in ("notas.txt", "20200101_000000_parte_1_req_1.zip.samzip-part"):
        (folder / name).write_bytes(b"precious")
    places = (outside, world.media)
    before = everything(*places)
    served_request(world, path.format(outside=outside))
    assert operator("run").code == 0
    assert request_row(world, 1).status == "expired"
    assert operator("show", "1").code == 0
    assert operator("purge", "--yes", "--all-archives").code == 0
    assert everything(*places) == before
    assert (tmp_path / "victim.zip").read_bytes() == (world.settings.state_dir / "victim.zip").read_bytes()


@on_one_database
def test_an_archives_name_that_is_a_link_loses_the_link_and_not_what_it_leads_to(
    world: World, operator: Operator, tmp_path: Path
) -> None:
    world.company(equipment=1)
    world.click()
    victim = tmp_path / "victim.zip"
    victim.write_bytes(b"precious")
    link = world.media / NAMED
    link.parent.mkdir(parents=True)
    link.symlink_to(victim)
    served_request(world, NAMED)
    assert operator("run").code in (0, 3)
    assert operator("purge", "--yes", "--all-archives").code in (0, 3)
    assert request_row(world, 1).status == "expired"
    assert victim.read_bytes() == b"precious"


@on_one_database
def test_an_archives_folder_that_is_a_link_is_not_entered(world: World, operator: Operator, tmp_path: Path) -> None:
    world.company(equipment=1)
    world.click()
    outside = tmp_path / "outside"
    outside.mkdir()
    victim = outside / Path(NAMED).name
    victim.write_bytes(b"precious")
    (world.media / "zip_requests").mkdir()
    (world.media / "zip_requests/1").symlink_to(outside)
    served_request(world, NAMED)
    done = operator("run")
    assert done.code == 3
    assert "leads outside" in done.text
    assert request_row(world, 1).status == "expired"
    assert operator("purge", "--yes", "--all-archives").code in (0, 3)
    assert victim.read_bytes() == b"precious"


@on_one_database
def test_an_archives_name_that_is_a_folder_is_said_and_the_folder_stays(world: World, operator: Operator) -> None:
    world.company(equipment=1)
    world.click()
    content = world.media / NAMED / "precious.txt"
    content.parent.mkdir(parents=True)
    content.write_bytes(b"precious")
    served_request(world, NAMED)
    later = world.click().request_ids[0]
    done = operator("run")
    assert done.code == 3
    assert NAMED in done.text
    assert request_row(world, 1).status == "expired"
    assert request_row(world, later).status == "completed"
    assert operator("purge", "--yes", "--all-archives").code in (0, 3)
    assert content.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"expires_at": datetime(1, 1, 1, tzinfo=UTC)}, "expired"),
        ({"expires_at": datetime(9999, 12, 31, tzinfo=UTC)}, "completed"),
        ({"expires_at": None, "completed_at": datetime(1, 1, 1, tzinfo=UTC)}, "expired"),
        ({"expires_at": None, "completed_at": datetime(9999, 12, 31, tzinfo=UTC)}, "completed"),
        ({"expires_at": None, "completed_at": None}, "completed"),  # counted from its click
    ],
)
def test_dates_at_the_ends_of_the_calendar_mean_what_they_say(
    world: World, operator: Operator, change: dict[str, Any], status: str
) -> None:
    world.company(equipment=1)
    world.click()
    served_request(world, NAMED, **change)
    (world.media / NAMED).parent.mkdir(parents=True)
    (world.media / NAMED).write_bytes(b"PK")
    aged = (YESTERDAY.timestamp(),) * 2
    os.utime(world.media / NAMED, aged)
    for arguments in (("run",), ("show", "1"), ("status",)):
        assert operator(*arguments).code == 0, arguments
    assert request_row(world, 1).status == status
    assert (world.media / NAMED).exists() == (status == "completed")
    assert operator("purge", "--yes").code == 0
    assert (world.media / NAMED).exists() == (status == "completed")


def test_a_click_from_the_far_future_is_served_and_its_archive_lives_as_long_as_any(world: World) -> None:
    number = odd_request(world, world.company(equipment=3), "created_at = '9999-12-31 23:59:59'")
    world.run()
    row = request_row(world, number)
    assert row.status == "completed"
    assert row.expires_at - row.completed_at == timedelta(hours=6)


@on_one_database
def test_instruments_with_nothing_but_what_the_schema_demands_are_delivered(world: World, operator: Operator) -> None:
    company = world.company(equipment=0)
    with world.database.write() as connection:
        for code in ("", "   ", "../../x", "A" * 300, "\x01\x02", "con"):
            connection.execute(
                insert(tables.equipo).values(codigo_interno=code, nombre="", empresa_id=company, estado=None)
            )
        connection.execute(
            insert(tables.procedimiento).values(codigo="", nombre="", documento_pdf="../../x", empresa_id=company)
        )
    world.click()
    assert operator("run").code == 3  # the procedure's document lies outside
    assert {row.status for row in world.requests()} == {"completed"}


@on_one_database
def test_documents_at_strange_paths_are_listed_as_missing_and_never_read(
    world: World, operator: Operator, tmp_path: Path
) -> None:
    company = world.company(equipment=1)
    secret = tmp_path / "secret.pdf"
    secret.write_bytes(b"%PDF-1.4 secret")
    (world.media / "link.pdf").symlink_to(secret)
    (world.media / "pipe.pdf").unlink(missing_ok=True)
    os.mkfifo(world.media / "pipe.pdf")
    paths = ["link.pdf", "pipe.pdf", str(secret), "../secret.pdf", "documentos", "x" * 5000, "a\x01b.pdf", "//"]
    with world.database.write() as connection:
        connection.execute(delete(tables.equipo))
        for number, path in enumerate(paths):
            connection.execute(
                insert(tables.equipo).values(
                    codigo_interno=f"EQ-{number}", nombre="x", empresa_id=company, archivo_compra_pdf=path
                )
            )
    world.click()
    assert operator("run").code == 3
    assert {row.status for row in world.requests()} == {"completed"}
    for archive in world.files():
        assert b"%PDF-1.4 secret" not in (world.media / archive).read_bytes()
    lacking = [archive.warnings.count('"missing"') for archive in world.rows(tables.archive)]
    assert sum(lacking) == len(paths)
