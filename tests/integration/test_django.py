"""docs/adopting.md, word for word, in a real Django project beside real runs."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.engine import make_url

from samzip.database import tables
from samzip.events import PartPublished
from tests.support.site import PATIENCE_S, ROOT, environment, serve
from tests.support.web import BEARER, Web
from tests.support.world import World

pytest.importorskip("django", reason="Django is not installed")

PROJECT = ROOT / "tests" / "support" / "django_sam"
RECIPE = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass
class Answer:
    """What SAM answered, redirects followed."""

    status: int
    url: str
    content: bytes

    @property
    def json(self) -> dict[str, Any]:
        value = json.loads(self.content)
        assert isinstance(value, dict)
        return value


@dataclass
class Sam:
    """The Django project, and one browser of one user."""

    address: str
    user: str = "CERTIBOY"

    def __post_init__(self) -> None:
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, path: str, data: bytes | None = None, **headers: str) -> Answer:
        call = urllib.request.Request(self.address + path, data, {"X-Test-User": self.user, **headers})  # noqa: S310
        try:
            with self.browser.open(call, timeout=PATIENCE_S) as answer:
                return Answer(answer.status, answer.url, answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.url, error.read())

    def post(self, path: str) -> Answer:
        return self.get(path, b"")


@contextmanager
def sam(world: World, folder: Path, samzip_url: str = "") -> Iterator[Sam]:
    """Gunicorn with SAM, and the recipes as its modules."""
    recipes = dict(RECIPE.findall((ROOT / "docs" / "adopting.md").read_text(encoding="utf-8")))
    assert sorted(recipes) == ["wsgi.py", "zip_hook.py", "zip_model.py"]
    code = folder / "recipes"
    code.mkdir()
    for name, text in recipes.items():
        (code / name).write_text(text, encoding="utf-8")
    variables = environment(world)
    variables["PYTHONPATH"] = f"{code}:{PROJECT}:{ROOT}"
    variables["SAM_DATABASE"] = json.dumps(django_database(world))
    variables["SAM_MEDIA_ROOT"] = str(world.media)
    if samzip_url:
        variables["SAMZIP_URL"] = samzip_url
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--threads", "4", "wsgi:application"],
        env=variables,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Sam(listening(process))
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def listening(process: subprocess.Popen[str]) -> str:
    told = ""
    assert process.stderr is not None
    for line in process.stderr:
        told += line
        if found := re.search(r"Listening at: (\S+)", line):
            return found[1]
    raise AssertionError(told)


def django_database(world: World) -> dict[str, Any]:
    url = make_url(world.settings.database_url)
    if url.get_backend_name() == "sqlite":
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": url.database}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.database,
        "USER": url.username,
        "PASSWORD": url.password or "",
        "HOST": url.query.get("host") or url.host,
        "PORT": str(url.port or ""),
    }


def test_sams_own_model_inserts_and_its_status_view_follows(world: World, tmp_path: Path) -> None:
    world.company(equipment=3)
    world.company("Laboratorio Andino", equipment=1, user="ANDINO", prefix="LA")
    with sam(world, tmp_path) as project:
        clicks = [project.post("/solicitar") for _ in range(3)]
        assert [click.status for click in clicks] == [200] * 3
        assert clicks[0].json["status"] == "pending"
        shown = re.sub(r".*(/estado/\d+)$", r"\1", clicks[0].url)
        download = shown.replace("estado", "parte")
        assert project.get(download).status == 404

        world.run()
        assert len(world.seen(PartPublished)) == 2  # the table knows parts of 2, SAM of 35: samzip's plan holds
        done = project.get(shown).json
        assert (done["status"], done["progress_percentage"]) == ("completed", 100)
        assert done["current_step"] == "ZIP completado y listo para descarga"
        assert [project.get(re.sub(r".*(/estado/\d+)$", r"\1", click.url)).json["status"] for click in clicks] == [
            "completed"
        ] * 3
        archive = zipfile.ZipFile(io.BytesIO(project.get(download).content))
        assert archive.testzip() is None
        assert any(name.endswith("LEEME.txt") for name in archive.namelist())

        other = Sam(project.address, "ANDINO")
        assert [other.get(path).status for path in (shown, download)] == [404, 404]
        stranger = Sam(project.address, "NOBODY")
        assert "/login" in stranger.post("/solicitar").url
        assert project.get("/solicitar").status == 405

        number = int(shown.rpartition("/")[2])
        world.set_request(number, expires_at=world.requests()[0].created_at)
        assert project.get(download).status == 404


def test_the_view_that_calls_the_hook_leads_to_the_page(world: World, tmp_path: Path) -> None:
    world.company(equipment=3)
    with serve(world, web_rate="1") as hook, sam(world, tmp_path, hook.address) as project:
        page = project.post("/descargar")
        assert (page.status, page.url.startswith(f"{hook.address}/page/")) == (200, True)
        assert "Su solicitud está en la cola" in page.content.decode()
        world.run()
        with urllib.request.urlopen(page.url, timeout=PATIENCE_S) as answer:  # noqa: S310
            assert answer.read().decode().count(">Descargar<") == 2

        told = project.post("/descargar").content.decode()
        assert re.fullmatch(r"Espere \d+ segundos? antes de solicitar de nuevo\.", told)
        assert len(world.requests()) == 2
        with world.database.write() as connection:
            connection.execute(update(tables.customuser).values(rol_usuario="TECNICO"))
        refused = project.post("/descargar").content.decode()
        assert refused == "Este usuario no puede descargar los documentos de esa empresa."


def test_a_hook_that_is_not_there_is_told_to_the_user(quick: Web, tmp_path: Path) -> None:
    with sam(quick.world, tmp_path) as project:
        told = project.post("/descargar").content.decode()
    assert told == "No se pudo solicitar la descarga. Intente de nuevo en un momento."
    assert quick.world.requests() == []


def test_the_hook_works_below_a_prefix_in_sams_own_process(quick: Web, tmp_path: Path) -> None:
    with sam(quick.world, tmp_path) as project:
        body = json.dumps({"user": "CERTIBOY"}).encode()
        accepted = project.get("/zip/requests", body, **BEARER, **{"Content-Type": "application/json"}).json
        assert accepted["page_url"].startswith(f"{project.address}/zip/page/")
        path = accepted["page_url"].removeprefix(project.address)
        (style,) = re.findall(r'href="(/zip/page/static/page\.css[^"]*)"', project.get(path).content.decode())
        assert project.get(style).status == 200
        quick.world.run()
        links = re.findall(rf'href="{project.address}(/zip/download/[^"]+)"', project.get(path).content.decode())
        assert len(links) == 3
        assert zipfile.ZipFile(io.BytesIO(project.get(links[0]).content)).testzip() is None
