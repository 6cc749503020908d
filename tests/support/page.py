"""The page in Debian's Chromium, and requests in any state for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests.support.site import Site

CHROMIUM = shutil.which("chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-background-networking"]


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


# -- states: each brings a company's requests where a test or a picture wants them


def waiting(site: Site) -> str:
    return site.click().page_url


def working(site: Site) -> str:
    """One part is ready, one is in work, the others wait."""
    click = site.click()
    site.world.run()
    now = datetime.now(UTC)
    unmade: dict[str, Any] = {"file_path": None, "file_size": None, "completed_at": None, "expires_at": None}
    rows = {row.id: row for row in site.world.requests()}
    total = rows[click.ids[1]].total_equipos
    done = max(1, total * 2 // 5)
    step = f"Procesando equipo {done}/{total}: EQ-{rows[click.ids[1]].rango_equipos_inicio + done - 1:03}"
    for number in click.ids[1:]:
        site.world.set_request(number, status="pending", progress_percentage=0, current_step=None, **unmade)
    progress = {"progress_percentage": 100 * done // total, "equipos_procesados": done, "current_step": step}
    estimated = now + timedelta(minutes=2, seconds=20)
    site.world.set_request(click.ids[1], status="processing", estimated_completion=estimated, **progress)
    return click.page_url


def ready(site: Site) -> str:
    """All are; the first lacks a document."""
    gone = next(iter(sorted(site.world.media.glob("documentos/*/*/compra.pdf"))), None)
    if gone:
        gone.unlink()
    click = site.click()
    site.world.run()
    return click.page_url


def failed(site: Site) -> str:
    """One part is ready, another failed."""
    click = site.click()
    site.world.run()
    error = "No hay espacio en el almacenamiento de archivos"
    over = {"completed_at": datetime.now(UTC), "file_path": None, "expires_at": None}
    site.world.set_request(click.ids[1], status="failed", error_message=error, **over)
    return click.page_url


def expired(site: Site) -> str:
    click = site.click()
    site.world.run()
    for number in click.ids:
        over = datetime.now(UTC) - timedelta(minutes=20)
        site.world.set_request(number, status="expired", expires_at=over, file_path=None)
    return click.page_url


def cancelled(site: Site) -> str:
    click = site.click()
    for number in click.ids:
        site.world.set_request(number, status="cancelled", error_message="cancelada por quien la solicitó")
    return click.page_url


def asking(site: Site) -> str:
    return site.button()


STATES: dict[str, Callable[[Site], str]] = {
    "button": asking,
    "waiting": waiting,
    "working": working,
    "ready": ready,
    "failed": failed,
    "expired": expired,
    "cancelled": cancelled,
}
