"""What the world outside is told of a run, through real servers; and that all of it agrees with the exit code."""

from __future__ import annotations

import errno
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from samzip import cli
from samzip.app import run_context
from samzip.batch.run import Mode, run
from samzip.database import tables
from samzip.errors import DatabaseUnreachable, LockBusy, StorageFailed
from samzip.events import RunEnded, RunFinished
from samzip.locks import file_lock
from samzip.report.metrics import read
from tests.support.listening import MailServer, WebServer, mail_server, web_server
from tests.support.web import Web
from tests.support.world import World, make_world

# Of some of the hundred services that apprise imports.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    """A world on its default database, where the database is not what is looked at."""
    made = make_world(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def web_watch() -> Iterator[WebServer]:
    with web_server() as server:
        yield server


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@contextmanager
def told(world: World, log: io.StringIO, **settings: Any) -> Iterator[Any]:
    """The context of a run of this world whose settings tell others."""
    changed = replace(world.settings, log_format="json", **settings)
    with run_context(changed, progress=False, stream=log) as context:
        yield replace(context, make_executor=lambda: world.executor)


def run_told(world: World, exit_code: int = 0, log: io.StringIO | None = None, **settings: Any) -> RunFinished:
    with told(world, log or io.StringIO(), **settings) as context:
        finished = run(context, Mode())
        context.publish(RunEnded(context.run_id, exit_code, ""))
    return finished


def logged(log: io.StringIO, event: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == event]


def test_metrics_of_a_run_are_what_it_did_and_go_on_with_the_next(world: World, tmp_path: Path) -> None:
    world.company(equipment=3)
    world.click()
    path = tmp_path / "samzip.prom"
    first = run_told(world, metrics_file=str(path))
    values = read(path)
    assert values["samzip_parts_total"] == {"built": 2, "reused": 0, "failed": 0}
    assert values["samzip_written_bytes_total"][""] == first.counts.bytes > 0
    assert values["samzip_requests"]["completed"] == 2
    assert values["samzip_database_up"][""] == 1
    assert values["samzip_oldest_pending_timestamp_seconds"] == {}
    world.click()
    run_told(world, metrics_file=str(path))
    values = read(path)
    assert values["samzip_parts_total"] == {"built": 2, "reused": 2, "failed": 0}
    assert values["samzip_written_bytes_total"][""] == first.counts.bytes
    assert values["samzip_runs_total"] == {"0": 2}
    assert path.stat().st_mode & 0o777 == 0o644
    assert [it.name for it in tmp_path.iterdir() if it.name.startswith("samzip.prom")] == ["samzip.prom"]


def test_the_oldest_pending_request_is_told_by_its_time(here: World, tmp_path: Path) -> None:
    here.company(equipment=1)
    (request_id,) = here.click().request_ids
    here.executor.before = lambda job: (_ for _ in ()).throw(StorageFailed("no space"))
    path = tmp_path / "samzip.prom"
    run_told(here, exit_code=3, metrics_file=str(path))
    values = read(path)
    created = next(row for row in here.requests() if row.id == request_id).created_at
    assert values["samzip_oldest_pending_timestamp_seconds"][""] == pytest.approx(created.timestamp())
    assert values["samzip_parts_total"]["failed"] == 1
    assert values["samzip_last_run_exit_code"][""] == 3
    assert values["samzip_last_success_timestamp_seconds"] == {}


def test_metrics_that_cannot_be_written_are_told_once_and_harm_no_run(here: World, tmp_path: Path) -> None:
    here.company(equipment=1)
    here.click()
    log = io.StringIO()
    assert run_told(here, log=log, metrics_file=str(tmp_path / "absent/samzip.prom")).outcome == "done"
    (failed,) = logged(log, "report.failed")
    assert failed["channel"] == "metrics"
    assert "No such file" in failed["reason"]


def test_a_watch_hears_of_start_and_success(here: World, web_watch: WebServer) -> None:
    here.company(equipment=1)
    here.click()
    run_told(here, ping_url=f"{web_watch.url}/ping/uuid")
    assert web_watch.paths == ["/ping/uuid/start", "/ping/uuid"]
    assert "[EXITOSO] ZIP completado" in web_watch.calls[1][1]


def test_a_watch_hears_of_a_failure_with_the_last_lines(here: World, web_watch: WebServer) -> None:
    here.company(equipment=1)
    here.click()
    here.media.rename(here.media.with_name("away"))
    with pytest.raises(StorageFailed), told(here, io.StringIO(), ping_url=web_watch.url) as context:
        run(context, Mode())
    assert web_watch.paths == ["/start", "/fail"]
    text = web_watch.calls[1][1]
    assert "[DUPLICADOS]" in text
    assert "[FIN] Código de salida 12" in text
    assert str(here.media) in text


def test_a_ping_that_is_refused_is_sent_once_more_and_the_secret_stays_out_of_the_log(
    here: World, web_watch: WebServer
) -> None:
    log = io.StringIO()
    web_watch.answers = [200, 503, 503]
    assert run_told(here, log=log, ping_url=f"{web_watch.url}/very-secret").outcome == "nothing"
    assert web_watch.paths == ["/very-secret/start", "/very-secret", "/very-secret"]
    (failed,) = logged(log, "report.failed")
    assert failed["reason"] == "the server answers 503 Service Unavailable"
    assert "very-secret" not in log.getvalue()


def test_a_watch_that_is_down_harms_no_run(here: World) -> None:
    log = io.StringIO()
    assert run_told(here, log=log, ping_url="http://127.0.0.1:1").outcome == "nothing"
    assert {line["reason"] for line in logged(log, "report.failed")} == {"[Errno 111] Connection refused"}


def test_operators_get_one_letter_for_the_parts_that_failed_for_good(here: World, web_watch: WebServer) -> None:
    here.company(equipment=3)
    here.click()
    here.executor.before = lambda job: (_ for _ in ()).throw(StorageFailed("disco lleno"))
    address = web_watch.url.replace("http", "json")
    once = replace(here.settings, max_attempts=1)
    run_told(replace(here, settings=once), exit_code=3, notify_operators=(address,))
    ((_, body),) = web_watch.calls
    letter = json.loads(body)
    assert "2 partes fallaron sin más intentos" in letter["title"]
    assert letter["message"].count("disco lleno") == 2


def test_operators_are_not_written_of_the_same_error_every_minute(here: World, web_watch: WebServer) -> None:
    here.company(equipment=1)
    here.click()
    address = web_watch.url.replace("http", "json")
    away = here.media.with_name("away")
    for _ in range(2):
        here.media.rename(away)
        with pytest.raises(StorageFailed), told(here, io.StringIO(), notify_operators=(address,)) as context:
            run(context, Mode())
        away.rename(here.media)
    assert len(web_watch.calls) == 1
    assert "código 12" in json.loads(web_watch.calls[0][1])["title"]
    run_told(here, notify_operators=(address,))  # well again: the next error is news
    here.click()
    here.media.rename(away)
    with pytest.raises(StorageFailed), told(here, io.StringIO(), notify_operators=(address,)) as context:
        run(context, Mode())
    assert len(web_watch.calls) == 2


def test_who_asked_gets_one_mail_in_spanish_when_all_of_it_is_there(world: World, mail: MailServer) -> None:
    company = world.company(equipment=3)
    with world.database.write() as connection:
        world.user(connection, "LUIS", company, email="luis@example.com")
        world.user(connection, "NADIE", company, email="")
    for user in ("CERTIBOY", "CERTIBOY", "LUIS", "NADIE"):
        world.click(user)
    (world.media / f"documentos/{company}/EQ-003/compra.pdf").unlink()
    template = f"mailto://{mail.address}/?from=sam@example.com&to={{email}}"
    run_told(world, exit_code=3, notify_requesters=template)
    assert sorted(recipients for recipients, _ in mail.letters) == [["ana@example.com"], ["luis@example.com"]]
    letter = mail.letters[0][1]
    part = letter.get_body(("plain", "html"))
    assert part is not None
    text = part.get_content()
    assert letter["subject"] == "El ZIP de CERTIBOY S.A.S. está listo"
    assert "Parte 1 de 2" in text
    assert "disponible hasta el" in text
    assert "EQ-003" in text
    assert "Descárguelo en SAM" in text


def test_a_letter_waits_until_nothing_is_waited_for(world: World, web_watch: WebServer) -> None:
    world.company(equipment=3)
    world.click()

    def fail_the_second(job: Any) -> None:
        if getattr(job, "part", 1) == 2:
            raise StorageFailed("disco lleno")

    world.executor.before = fail_the_second
    template = web_watch.url.replace("http", "json") + "/{email}"
    run_told(world, exit_code=3, notify_requesters=template)
    assert web_watch.calls == []
    world.executor.before = lambda job: None
    with world.database.write() as connection:
        connection.execute(update(tables.work).values(not_before=None))
    run_told(world, notify_requesters=template)
    ((path, body),) = web_watch.calls
    assert path == "/ana@example.com"
    assert "Parte 1 de 2" in json.loads(body)["message"]
    assert "Parte 2 de 2" in json.loads(body)["message"]


def test_a_list_of_addresses_in_sams_field_gets_no_letter(here: World, web_watch: WebServer) -> None:
    company = here.company(equipment=1, user=None)
    with here.database.write() as connection:
        here.user(connection, "EVA", company, email="eva@example.com,someone@example.org")
    here.click("EVA")
    run_told(here, notify_requesters=web_watch.url.replace("http", "json") + "/{email}")
    assert web_watch.calls == []


@pytest.mark.parametrize("column", ["parte_numero", "total_partes"])
def test_an_old_row_that_nobody_could_ask_for_keeps_no_letter(here: World, web_watch: WebServer, column: str) -> None:
    here.company(equipment=1)
    (old,) = here.click().request_ids
    here.run()
    with here.database.write() as connection:
        connection.execute(text(f"UPDATE core_ziprequest SET {column} = 'x' WHERE id = {old}"))
    here.click()
    run_told(here, notify_requesters=web_watch.url.replace("http", "json") + "/{email}")
    assert [path for path, _ in web_watch.calls] == ["/ana@example.com"]


def test_a_letter_that_nobody_takes_harms_no_run_and_its_password_stays_out_of_the_log(here: World) -> None:
    here.company(equipment=1)
    here.click()
    log = io.StringIO()
    template = "mailto://sam:pass-word@127.0.0.1:1/?from=sam@example.com&to={email}"
    assert run_told(here, log=log, notify_requesters=template).outcome == "done"
    (failed,) = logged(log, "report.failed")
    assert (failed["channel"], failed["about"]) == ("requester", "CERTIBOY")
    assert "pass-word" not in log.getvalue()


def test_the_links_in_a_letter_are_those_of_the_web_hook(web: Web, world: World, web_watch: WebServer) -> None:
    from samzip.cli.run import _links

    world.click()
    template = web_watch.url.replace("http", "json") + "/{email}"
    settings = replace(world.settings, web_url="https://sam.example.com/zip", notify_requesters=template)
    settings = replace(settings, web_secret=web.app.extensions["samzip"].settings.web_secret)
    with run_context(settings, progress=False, stream=io.StringIO(), link=_links(settings)) as context:
        run(replace(context, make_executor=lambda: world.executor), Mode())
    letter = json.loads(web_watch.calls[0][1])["message"]
    links = [line for line in letter.splitlines() if line.startswith("https://")]
    assert len(links) == 3
    for link in links:
        answer = web.client.get(link.removeprefix("https://sam.example.com/zip"))
        assert (answer.status_code, answer.mimetype) == (200, "application/zip")
        answer.close()


# -- the command: what is told agrees with its exit code


def command(state: Path, *arguments: str, **environ: str) -> int:
    variables = {f"SAMZIP_{name.upper()}": value for name, value in environ.items()} | {"SAMZIP_STATE_DIR": str(state)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as stopped:
            cli.main(list(arguments))
    return stopped.value.code if isinstance(stopped.value.code, int) else 0


@pytest.mark.usefixtures("capsys")
def test_a_whole_run_of_the_command_agrees_with_its_exit_code(
    here: World, tmp_path: Path, web_watch: WebServer
) -> None:
    world, path = here, tmp_path / "samzip.prom"
    company = world.company(equipment=1)
    world.click()
    (world.media / f"documentos/{company}/EQ-001/compra.pdf").unlink()
    settings = {"metrics_file": str(path), "ping_url": web_watch.url}
    assert command(world.settings.state_dir, "run", "--log-level", "error", **settings) == 3
    values = read(path)
    assert values["samzip_last_run_exit_code"][""] == 3
    assert values["samzip_missing_documents_total"][""] == 1
    assert values["samzip_last_success_timestamp_seconds"] == {}
    assert web_watch.paths == ["/start", "/fail"]
    assert command(world.settings.state_dir, "run", "--log-level", "error", **settings) == 0
    values = read(path)
    assert values["samzip_runs_total"] == {"0": 1, "3": 1}
    assert values["samzip_last_success_timestamp_seconds"][""] > 0
    assert web_watch.paths[2:] == ["/start", ""] or web_watch.paths[2:] == ["/start", "/"]


@pytest.mark.usefixtures("capsys")
def test_a_run_that_cannot_begin_for_want_of_a_database_is_told(tmp_path: Path, web_watch: WebServer) -> None:
    path = tmp_path / "samzip.prom"
    settings = {
        "metrics_file": str(path),
        "ping_url": f"{web_watch.url}/p",
        "notify_operators": web_watch.url.replace("http", "json") + "/operators",
    }
    assert command(tmp_path / "state", "run", **settings) == DatabaseUnreachable.exit_code
    values = read(path)
    assert values["samzip_last_run_exit_code"][""] == 10
    assert values["samzip_database_up"][""] == 0
    assert values["samzip_requests"] == {}
    assert sorted(web_watch.paths) == ["/operators", "/p/fail"]


@pytest.mark.usefixtures("capsys")
def test_a_run_that_found_the_lock_busy_says_nothing(here: World, tmp_path: Path, web_watch: WebServer) -> None:
    path = tmp_path / "samzip.prom"
    path.write_text("# what the run that works will write\n")
    settings = here.settings
    with file_lock(settings.lock_path, wait=0, run_id="r", host="h"):
        code = command(settings.state_dir, "run", metrics_file=str(path), ping_url=web_watch.url)
    assert code == LockBusy.exit_code
    assert path.read_text() == "# what the run that works will write\n"
    assert web_watch.calls == []


class Full(io.StringIO):
    """What is printed to a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_output_that_nobody_takes_is_the_runs_end_in_the_metrics_too(here: World, tmp_path: Path) -> None:
    path = tmp_path / "samzip.prom"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", Full())
        code = command(here.settings.state_dir, "run", "--json", metrics_file=str(path))
    assert code == 12
    assert read(path)["samzip_last_run_exit_code"][""] == 12
