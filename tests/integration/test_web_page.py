"""The page in Debian's Chromium, against a real server: what a person sees and does."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import delete

from samzip.database import tables
from samzip.events import PartPublished
from tests.support import page as states
from tests.support.page import CHROMIUM, chromium
from tests.support.site import PATIENCE_S, Site, serve
from tests.support.world import make_world

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")

COMPANY = "Laboratorio de Metrología y Ensayos «Ñandú» " + "sinespacios" * 8
PHONE = {"width": 320, "height": 640}
PATIENCE_MS = PATIENCE_S * 1000
expect.set_options(timeout=PATIENCE_MS)

FAST_TIMERS = """
window.delays = [];
const later = window.setTimeout;
window.setTimeout = (task, ms, ...more) => { window.delays.push(ms); return later(task, Math.min(ms, 30), ...more); };
AbortSignal.timeout = undefined; // a slow machine is no lost connection
window.asked = 0;
const ask = window.fetch;
window.fetch = (...what) => { window.asked += 1; return ask(...what); };
"""
NOTE_TEXTS = """button => {
  window.texts = [];
  new MutationObserver(() => window.texts.push(button.textContent)).observe(button, { childList: true });
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    world = make_world(tmp_path_factory.mktemp("page"))
    world.company(COMPANY, equipment=5)
    with serve(world) as site:
        yield site
    world.database.close()


@pytest.fixture
def site(shared_site: Site) -> Iterator[Site]:
    """The same server for all; its requests go with the test."""
    shared_site.world.events.clear()
    yield shared_site
    with shared_site.world.database.write() as connection:
        for table in (tables.work, tables.notificacionzip, tables.ziprequest):
            connection.execute(delete(table))


@pytest.fixture
def context(browser: Browser, site: Site) -> Iterator[BrowserContext]:
    """A browser of its own, in which nothing may go wrong unnoticed and nothing is loaded from elsewhere."""
    opened = browser.new_context(locale="es-CO")
    opened.set_default_timeout(PATIENCE_MS)
    trouble: list[str] = []
    opened.on("weberror", lambda error: trouble.append(str(error.error)))
    opened.on("console", lambda told: trouble.append(told.text) if told.type in ("error", "warning") else None)
    opened.on("request", lambda sent: None if sent.url.startswith(site.address) else trouble.append(sent.url))
    yield opened
    opened.close()
    answered = "Failed to load resource: "  # an address that answers with an error, which is what its test wants
    assert [told for told in trouble if not told.startswith(answered)] == []


def open_page(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(url)
    return page


def part(page: Page, number: int) -> Any:
    return page.locator(".part").nth(number - 1)


def archives(site: Site) -> list[Any]:
    """What the requests were given, in the order of the parts."""
    rows = {row.path: row for row in site.world.rows(tables.archive)}
    return [rows[request.file_path] for request in site.world.requests()]


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    """Playwright's own wait evaluates in the page, whose policy forbids that."""
    for _ in range(PATIENCE_S * 50):
        if holds():
            return
        page.wait_for_timeout(20)
    raise AssertionError


def assert_whole(path: Path, sha256: str) -> None:
    assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    if shutil.which("unzip"):
        tested = subprocess.run(["unzip", "-t", str(path)], capture_output=True, text=True, check=False)
        assert tested.returncode == 0, tested.stdout


def test_three_fast_clicks_are_one_request_and_one_build(site: Site, context: BrowserContext) -> None:
    page = open_page(context, site.button())
    held: list[Route] = []
    page.route("**/page/click/*", lambda route: held.append(route))
    button = page.get_by_role("button")
    expect(button).to_have_text("Descargar ZIP")
    button.click(click_count=3)
    expect(button).to_have_text("Solicitando…")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_be_focused()
    wait_until(page, lambda: bool(held))
    assert len(held) == 1
    held[0].continue_()
    expect(page.get_by_role("heading", level=1)).to_have_text("Su solicitud está en la cola")
    assert [row.parte_numero for row in site.world.requests()] == [1, 2, 3]
    site.world.run()
    assert len(site.world.seen(PartPublished)) == 3


def test_the_button_works_from_the_keyboard(site: Site, context: BrowserContext) -> None:
    page = open_page(context, site.button())
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Su solicitud está en la cola")
    expect(part(page, 1)).to_contain_text("Es la siguiente.")
    expect(part(page, 3)).to_contain_text("Lugar 3 en la cola.")


def test_progress_moves_without_reload_until_the_files_are_there(
    site: Site, context: BrowserContext, tmp_path: Path
) -> None:
    page = open_page(context, states.working(site))
    page.evaluate("window.isTheSamePage = true")
    bar = part(page, 2).get_by_role("progressbar", name="Parte 2 de 3")
    expect(bar).to_have_js_property("value", 50)
    expect(part(page, 2)).to_contain_text("Procesando equipo 1/2: EQ-003")
    expect(part(page, 2)).to_contain_text(re.compile(r"Estará lista en (unos )?\d\smin\."))  # less on a slow machine
    expect(page.get_by_role("status").first).to_contain_text("1 de 3 partes está lista.")
    cancel = page.get_by_text("Cancelar la solicitud")
    cancel.click()

    running = site.world.requests()[1]
    site.world.set_request(running.id, progress_percentage=80, current_step="Comprimiendo la parte")
    expect(bar).to_have_js_property("value", 80)
    expect(part(page, 2)).to_contain_text("Comprimiendo la parte")
    expect(page).to_have_title("60 % · Estamos preparando su descarga · SAM Metrología")
    expect(cancel).to_be_focused()
    expect(page.get_by_role("button", name="Sí, cancelar")).to_be_visible()

    site.world.run()
    expect(page.get_by_role("heading", level=1)).to_have_text("Su descarga está lista")
    expect(page.get_by_role("status").first).to_have_text("Las 3 partes están listas.")
    assert page.evaluate("window.isTheSamePage") is True

    row = archives(site)[1]
    with page.expect_download() as started:
        page.get_by_role("link", name="Descargar Parte 2 de 3").click()
    assert started.value.suggested_filename == row.download_name
    started.value.save_as(tmp_path / "part.zip")
    assert_whole(tmp_path / "part.zip", row.sha256)


def test_one_click_downloads_all_parts(site: Site, context: BrowserContext, tmp_path: Path) -> None:
    page = open_page(context, states.ready(site))
    landed: list[Any] = []
    page.on("download", lambda download: landed.append(download))
    button = page.locator("[data-all]")
    expect(button).to_have_text("Descargar todas")
    button.evaluate(NOTE_TEXTS)
    button.click()
    wait_until(page, lambda: len(page.evaluate("window.texts")) >= 2)
    assert page.evaluate("window.texts") == ["Descargando…", "Descargar todas"]
    sums = {row.download_name: row.sha256 for row in archives(site)}
    wait_until(page, lambda: len(landed) >= 3)
    assert len(landed) == 3
    for number, download in enumerate(landed):
        download.save_as(tmp_path / f"{number}.zip")
        assert_whole(tmp_path / f"{number}.zip", sums[download.suggested_filename])


def test_an_archive_that_went_before_all_are_downloaded_is_told_at_once(site: Site, context: BrowserContext) -> None:
    page = open_page(context, states.ready(site))
    first, second, _ = (row.id for row in site.world.requests())
    site.world.set_request(second, status="expired")
    page.locator("[data-all]").click()
    expect(page.locator("#notice")).to_have_text("No todo se pudo descargar: vea abajo el estado de cada parte.")
    expect(part(page, 2)).to_contain_text("Venció")
    expect(page.get_by_role("heading", level=1)).to_have_text("Una parte de su descarga venció")

    site.world.set_request(first, status="expired")
    page.get_by_role("link", name="Descargar Parte 1 de 3").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Archivo vencido")


def test_what_is_missing_is_told_in_plain_words(site: Site, context: BrowserContext) -> None:
    page = open_page(context, states.ready(site))
    warning = part(page, 1).locator(".warning")
    told = re.compile(r"Faltan? \d documentos?: FALTANTES\.txt, dentro del ZIP, dice por qué\.")
    expect(warning.locator("> p")).to_have_text(told)
    warning.get_by_text("Ver la lista").click()
    expect(warning.locator("dt").first).to_have_text("Equipo EQ-001")
    expect(warning.locator("dd").first).to_contain_text("no existe en el almacenamiento")


def without_refresh(route: Route) -> None:
    if route.request.method != "GET":
        route.continue_()
        return
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace("http-equiv", "data-was"))


def test_everything_but_the_comfort_works_without_javascript(site: Site, browser: Browser, tmp_path: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = open_page(context, site.button())
    page.get_by_role("button", name="Descargar ZIP").dblclick()
    expect(page.get_by_role("heading", level=1)).to_have_text("Su solicitud está en la cola")
    assert len(site.world.requests()) == 3
    assert page.locator("noscript meta[http-equiv=refresh]").get_attribute("content") == "10"
    site.world.run()
    page.reload()
    expect(page.locator("[data-all]")).to_be_hidden()
    with page.expect_download() as started:
        page.get_by_role("link", name="Descargar Parte 1 de 3").click()
    started.value.save_as(tmp_path / "part.zip")
    assert_whole(tmp_path / "part.zip", archives(site)[0].sha256)

    last = site.world.requests()[2].id
    site.world.set_request(last, status="failed", error_message="disco lleno", file_path=None)
    page.reload()
    part(page, 3).get_by_role("button", name="Generar de nuevo").click()
    expect(part(page, 3)).to_contain_text("En la cola")
    page.route("**/page/*", without_refresh)  # it would close the question on a slow machine
    page.reload()
    page.get_by_text("Cancelar la solicitud").click()
    page.get_by_role("button", name="Sí, cancelar").click()
    expect(part(page, 3)).to_contain_text("Cancelada")
    assert [row.status for row in site.world.requests()] == ["completed", "completed", "cancelled"]
    context.close()


def test_an_archive_that_went_since_the_page_was_made_is_told_by_a_page(site: Site, context: BrowserContext) -> None:
    page = open_page(context, states.ready(site))
    link = page.get_by_role("link", name="Descargar Parte 2 de 3")
    site.world.set_request(site.world.requests()[1].id, status="expired")
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Archivo vencido")
    expect(page.get_by_role("main")).to_contain_text("Solicite el ZIP de nuevo en SAM.")
    page.go_back()
    expect(part(page, 2)).to_contain_text("Venció")


def test_a_failed_part_tells_why_and_is_asked_for_again(site: Site, context: BrowserContext) -> None:
    page = open_page(context, states.failed(site))
    expect(part(page, 2)).to_contain_text("Motivo: No hay espacio en el almacenamiento de archivos.")
    part(page, 2).get_by_role("button", name="Generar de nuevo").click()
    expect(part(page, 2)).to_contain_text("En la cola")
    expect(page.get_by_role("heading", level=1)).to_be_focused()  # the button is gone: one is not left nowhere
    assert [row.status for row in site.world.requests()] == ["completed", "pending", "completed"]


def test_what_expired_is_asked_for_again_by_one_button(site: Site, context: BrowserContext) -> None:
    page = open_page(context, states.expired(site))
    expect(part(page, 1)).to_contain_text("Se podía descargar hasta")
    page.get_by_role("button", name="Solicitar todo de nuevo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Su solicitud está en la cola")
    assert {row.status for row in site.world.requests()} == {"pending"}


def test_cancelling_ends_the_page(site: Site, context: BrowserContext) -> None:
    page = open_page(context, states.waiting(site))
    page.get_by_text("Cancelar la solicitud").click()
    page.get_by_role("button", name="Sí, cancelar").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Solicitud cancelada")
    assert {row.status for row in site.world.requests()} == {"cancelled"}
    assert page.locator("main").get_attribute("data-poll") is None


def test_a_refused_action_is_told_and_the_page_stays(site: Site, context: BrowserContext) -> None:
    page = open_page(context, states.failed(site))
    site.world.set_request(site.world.requests()[1].id, status="processing")  # the page does not know yet
    part(page, 2).get_by_role("button", name="Generar de nuevo").click()
    expect(page.locator("#notice")).to_have_text("No hay ninguna parte que se pueda generar de nuevo.")


def test_a_lost_connection_is_told_calmly_and_passes(site: Site, context: BrowserContext) -> None:
    context.add_init_script(FAST_TIMERS)
    page = open_page(context, states.working(site))
    page.route("**/page/*", lambda route: route.abort())
    notice = page.locator("#notice")
    expect(notice).to_contain_text("Sin conexión por ahora.")
    wait_until(page, lambda: len([ms for ms in page.evaluate("window.delays") if 60_000 <= ms <= 72_000]) >= 2)
    expect(part(page, 2)).to_contain_text("Procesando equipo")
    page.unroute("**/page/*")
    expect(notice).to_be_hidden()


def test_a_server_in_trouble_is_waited_for(site: Site, context: BrowserContext) -> None:
    context.add_init_script(FAST_TIMERS)
    page = open_page(context, states.working(site))
    problem = "<main><h1>Servicio no disponible</h1></main>"
    page.route("**/page/*", lambda route: route.fulfill(status=503, body=problem, content_type="text/html"))
    expect(page.locator("#notice")).to_contain_text("Sin conexión por ahora.")
    expect(page.get_by_role("heading", level=1)).to_have_text("Estamos preparando su descarga")


def test_looks_become_rare_while_nothing_changes(site: Site, context: BrowserContext) -> None:
    context.add_init_script(FAST_TIMERS)
    page = open_page(context, states.waiting(site))
    wait_until(page, lambda: len(page.evaluate("window.delays")) > 8)
    delays = page.evaluate("window.delays")
    assert 5_000 <= delays[0] <= 6_000
    assert all(15_000 <= delay <= 18_000 for delay in delays[6:])


def test_a_hidden_tab_asks_nothing_until_it_is_seen_again(site: Site, context: BrowserContext) -> None:
    context.add_init_script(FAST_TIMERS)
    page = open_page(context, states.waiting(site))
    hide = """hidden => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event("visibilitychange"));
      return window.asked;
    }"""
    asked = page.evaluate(hide, True)
    page.wait_for_timeout(300)  # ten times as long as the longest wait here
    assert page.evaluate("window.asked") == asked
    page.evaluate(hide, False)
    wait_until(page, lambda: page.evaluate("window.asked") > asked)


@pytest.mark.parametrize("name", states.STATES)
def test_every_state_is_accessible_and_fits_a_phone(site: Site, context: BrowserContext, name: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    page = open_page(context, states.STATES[name](site))
    for details in page.locator("details").all():
        details.evaluate("node => { node.open = true }")
    colours = {"runOnly": ["color-contrast"]}  # all that the dark changes
    for scheme, options in (("light", None), ("dark", colours)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = axe.Axe().run(page, options=options)
        assert found.violations_count == 0, found.generate_report()
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.locator("html").get_attribute("lang") == "es"
