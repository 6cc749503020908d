"""samzip doctor on real databases and folders, whole and broken."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from samzip import cli
from samzip.app import ready_database
from samzip.database import tables
from samzip.doctor import probes
from samzip.doctor.examine import examine
from samzip.doctor.findings import Finding
from samzip.errors import StorageFailed
from samzip.locks import file_lock
from samzip.settings import Settings
from samzip.storage import MissingFile
from samzip.storage.local import LocalStore
from tests.support.world import World

CHECKS = {
    *("settings", "versions", "state", "archives", "database", "clock", "media", "lock", "last run", "timer"),
    *("queue", "state room", "documents", "room"),
}


def states(settings: Settings) -> dict[str, str]:
    return {finding.check: finding.state for finding in examine(settings, ready_database)}


def found(settings: Settings, check: str) -> Finding:
    return next(finding for finding in examine(settings, ready_database) if finding.check == check)


def everything(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}


def test_a_world_that_works_is_ok_and_nothing_is_left_in_it(world: World, tmp_path: Path) -> None:
    world.company(equipment=3)
    world.click()
    world.run()
    before = everything(tmp_path)
    assert states(world.settings) == dict.fromkeys(CHECKS, "ok")
    assert everything(tmp_path) == before


def test_the_largest_companys_documents_are_measured(world: World) -> None:
    world.company("Small", equipment=1)
    company = world.company("Large", equipment=5, user="LARGE", prefix="L")
    size = sum(path.stat().st_size for path in (world.media / f"documentos/{company}").rglob("*.pdf"))
    told = found(world.settings, "room").told
    assert "the documents of Large" in told
    assert f"{size} B" in told


def test_a_root_without_the_archives_that_are_known_is_a_problem(world: World, tmp_path: Path) -> None:
    world.company(equipment=3)
    world.click()
    world.run()
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "zip_requests").mkdir(parents=True)
    told = found(replace(world.settings, archive_root=str(elsewhere)), "downloads")
    assert (told.state, "of the newest 2 archives that can be downloaded, 2 not in" in told.told) == ("problem", True)
    (world.media / world.files()[0]).unlink()
    assert found(world.settings, "downloads").state == "warning"


def test_before_the_first_run_there_are_warnings_and_no_folder_is_made(world: World) -> None:
    world.company(equipment=1)
    assert states(world.settings) == dict.fromkeys(CHECKS, "ok") | {"last run": "warning", "timer": "warning"}
    assert not (world.media / "zip_requests").exists()


def test_a_dead_timer_is_a_problem_while_somebody_waits(world: World) -> None:
    world.company(equipment=1)
    world.click()
    world.run()
    world.click()
    now = datetime.now(UTC)
    with world.database.write() as connection:
        for table, column in (
            (tables.run, "started_at"),
            (tables.run, "finished_at"),
            (tables.ziprequest, "created_at"),
        ):
            connection.execute(table.update().values({column: now - timedelta(hours=3)}))
    assert found(world.settings, "timer").state == "problem"
    assert found(world.settings, "queue").state == "warning"


def test_a_lock_that_is_held_names_who_holds_it(world: World) -> None:
    with file_lock(world.settings.lock_path, wait=0, run_id="r1", host="here"):
        told = found(world.settings, "lock")
    assert told.state == "ok"
    assert f"held by process {os.getpid()} on here" in told.told


def test_a_run_that_shows_no_life_hangs(world: World) -> None:
    then = datetime.now(UTC) - timedelta(minutes=30)
    row = {"id": "r1", "host": "here", "pid": 1, "version": "0", "started_at": then, "heartbeat_at": then}
    with world.database.write() as connection:
        connection.execute(insert(tables.run).values(row))
    with file_lock(world.settings.lock_path, wait=0, run_id="r1", host="here"):
        assert found(world.settings, "lock").state == "problem"


def test_a_media_folder_that_is_gone_is_a_problem(world: World) -> None:
    world.company(equipment=1)
    shutil.rmtree(world.media)
    assert found(world.settings, "media").state == "problem"


def test_a_media_folder_that_holds_only_archives_is_suspicious(world: World) -> None:
    world.company(equipment=1)
    shutil.rmtree(world.media)
    (world.media / "zip_requests").mkdir(parents=True)
    assert found(world.settings, "media").state == "warning"
    assert found(world.settings, "documents").state == "problem"


def test_a_document_that_is_there_and_cannot_be_read_is_a_problem(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=1)

    def refuse(store: LocalStore, name: str) -> None:
        raise MissingFile("sin permiso de lectura")

    monkeypatch.setattr(LocalStore, "open", refuse)
    told = found(world.settings, "documents")
    assert (told.state, "compra.pdf: sin permiso de lectura" in told.told) == ("problem", True)


def test_a_company_without_documents_is_no_trouble(world: World) -> None:
    company = world.company(equipment=0)
    with world.database.write() as connection:
        world.equipment(connection, company, "EQ-1", archivo_compra_pdf="")
    assert found(world.settings, "documents").told == "none yet"


@pytest.mark.parametrize("step", ["create", "sync", "publish", "open", "delete"])
def test_storage_that_fails_at_one_step_is_told_and_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise StorageFailed("Input/output error")

    (tmp_path / "zip_requests").mkdir()
    monkeypatch.setattr(LocalStore, step, fail)
    assert probes.archives(LocalStore(str(tmp_path))) == ("Input/output error", False)
    left = list((tmp_path / "zip_requests").iterdir())
    assert (left == []) == (step != "delete")


def test_a_log_file_is_looked_at_and_not_made(world: World, tmp_path: Path) -> None:
    path = tmp_path / "log" / "samzip.log"
    settings = replace(world.settings, log_file=str(path))
    assert states(settings)["log file"] == "warning"
    path.parent.mkdir()
    assert states(settings)["log file"] == "ok"
    assert not path.exists()
    path.touch()
    assert states(settings)["log file"] == "ok"


def test_without_a_database_the_rest_is_still_told(tmp_path: Path, world: World) -> None:
    settings = replace(world.settings, database_url=f"sqlite:///{tmp_path}/absent.sqlite3")
    seen = states(settings)
    assert seen["database"] == "problem"
    assert {"settings", "state", "archives", "media"} <= set(seen)
    assert found(settings, "database").remedy.startswith("Run `samzip init` once")


def test_the_command_tells_lines_and_ends_with_3_for_a_problem(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=1)
    monkeypatch.setenv("SAMZIP_STATE_DIR", str(world.settings.state_dir))
    monkeypatch.setenv("SAMZIP_DATABASE_URL", world.settings.database_url)
    monkeypatch.setenv("SAMZIP_WEB_SECRET", "hide-this-secret")
    with pytest.raises(SystemExit) as stopped:
        cli.main(["doctor"])
    out = capsys.readouterr().out
    assert stopped.value.code == 0
    assert "ok       archives" in out
    assert "-> start one: " in out
    shutil.rmtree(world.media)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["doctor", "--json"])
    out = capsys.readouterr().out
    told = json.loads(out)
    assert stopped.value.code == told["exit"] == 3
    assert {"check": "media", "state": "problem"}.items() <= next(
        it for it in told["findings"] if it["check"] == "media"
    ).items()
    assert told["settings"]["web_secret"] == {"value": "(hidden)", "source": "SAMZIP_WEB_SECRET"}
    assert "hide-this-secret" not in out


def test_without_the_database_the_rest_is_looked_at_and_what_was_not_is_named(world: World) -> None:
    with file_lock(world.settings.lock_path, wait=0, run_id="r1", host="here"):
        told = {
            it.check: it for it in examine(replace(world.settings, database_url="sqlite:////no/db"), ready_database)
        }
    assert told["database"].state == "problem"
    assert "held by process" in told["lock"].told
    assert told["state room"].state == told["room"].state == "ok"
    assert CHECKS - told.keys() == set(told["not seen"].told.split(", ")) - {"downloads"}


def test_archives_that_the_database_knows_and_a_folder_that_is_gone_are_a_problem(world: World) -> None:
    world.company(equipment=1)
    world.click()
    world.run()
    shutil.rmtree(world.media / "zip_requests")
    gone = found(world.settings, "archives")
    assert (gone.state, "though the database knows archives in it" in gone.told) == ("problem", True)


def test_an_archive_root_that_is_not_there_is_a_warning(world: World, tmp_path: Path) -> None:
    away = found(replace(world.settings, archive_root=str(tmp_path / "not-mounted")), "archives")
    assert (away.state, "is that the right archive_root" in away.remedy) == ("warning", True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Apprise's services import
def test_addresses_that_apprise_does_not_understand_are_a_problem_and_no_secret_is_told(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    good = "mailtos://ana:GEHEIM@example.com"
    wrong = replace(world.settings, notify_operators=(good, "bogus://GEHEIM", "prowl://GEHEIM"), notify_requesters="")
    (found,) = [it for it in examine(wrong, ready_database) if it.check == "letters"]
    assert (found.state, found.told) == (
        "problem",
        "Apprise takes no such address: bogus:// of notify_operators, prowl:// of notify_operators",
    )
    right = replace(wrong, notify_operators=(good,), notify_requesters=good + "?to={email}")
    (found,) = [it for it in examine(right, ready_database) if it.check == "letters"]
    assert (found.state, found.told) == ("ok", "Apprise understands all that are given (2); none was tried")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("folder", "state"), [(".", "ok"), ("not-there", "warning")])
def test_the_metrics_file_must_be_replaceable(world: World, tmp_path: Path, folder: str, state: str) -> None:
    settings = replace(world.settings, metrics_file=str(tmp_path / folder / "samzip.prom"))
    assert found(settings, "metrics file").state == state
    assert [path.name for path in tmp_path.glob("*.prom*")] == []


def test_a_metrics_file_on_a_full_disk_is_told(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(_path: Path, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", write)
    told = found(replace(world.settings, metrics_file=str(tmp_path / "samzip.prom")), "metrics file")
    assert (told.state, told.told) == ("warning", f"{tmp_path}/samzip.prom cannot be replaced: No space left on device")
    assert "samzip purge --dry-run" in told.remedy


def test_a_metrics_folder_that_may_not_be_searched_is_told_and_the_rest_is_looked_at(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "samzip.prom"
    is_dir = Path.is_dir

    def forbid(self: Path) -> bool:
        if self == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return is_dir(self)

    monkeypatch.setattr(Path, "is_dir", forbid)
    told = found(replace(world.settings, metrics_file=str(path)), "metrics file")
    assert (told.state, told.told) == ("warning", f"{path} cannot be replaced: Permission denied")


def test_what_runs_write_and_somebody_else_owns_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a lock that root has made."""
    world.settings.lock_path.touch()
    theirs = {str(world.settings.lock_path)}
    if world.database.is_sqlite:
        theirs.add(str(world.database.url.database))
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, how: str(path) not in theirs and may(path, how))
    lock = found(world.settings, "state")
    assert lock.state == "problem"
    assert lock.told == f"{world.settings.lock_path} is user {os.geteuid()}'s, and this one may not write there"
    if world.database.is_sqlite:
        assert found(world.settings, "rights").told == (
            f"no run can work as this user, who has no right to write the file {world.database.url.database}"
        )


def test_settings_are_told_with_their_values_and_no_secret(world: World) -> None:
    settings = replace(
        world.settings,
        part_size=50,
        ping_url="http://x/uuid",
        sources=world.settings.sources | {"ping_url": "SAMZIP_PING_URL"},
    )
    told = found(settings, "settings").told
    assert "part_size = 50 (--part-size)" in told
    assert "ping_url = (hidden) (SAMZIP_PING_URL)" in told
    assert "uuid" not in told


def test_a_misspelt_variable_is_a_warning_that_names_the_nearest_setting(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAMZIP_PART_SISE", "50")
    monkeypatch.setenv("SAMZIP_PING_URL_FILE", "")
    told = found(world.settings, "variables")
    assert told.state == "warning"
    assert told.told == "SAMZIP_PART_SISE is no setting and does nothing, did you mean SAMZIP_PART_SIZE?"
    cli.group.main(["config", "validate"], standalone_mode=False)
    assert "Warning: SAMZIP_PART_SISE is no setting" in capsys.readouterr().err
