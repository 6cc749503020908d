"""Pictures of the page for the documents: python -m tests.support.screenshots FOLDER"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser

from tests.support import page as states
from tests.support.site import serve
from tests.support.world import make_world

COLOURS = 96  # enough for type on plain ground, in a third of the bytes
WIDE: dict[str, Any] = {"viewport": {"width": 880, "height": 640}}
PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 640}, "is_mobile": True}

# In this order: each begins where the one before has left the company, and the last loses a document.
PICTURES = {
    "light": (states.working, WIDE),
    "phone": (states.working, PHONE),
    "failed": (states.failed, WIDE),
    "expired": (states.expired, WIDE),
    "dark": (states.ready, {**WIDE, "color_scheme": "dark"}),
}


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="samzip-pictures-") as place:
        world = make_world(Path(place), part_size="35")
        world.company(equipment=83)
        with serve(world) as site, states.chromium() as browser:
            for name, (state, look) in PICTURES.items():
                path = folder / f"{name}.png"
                take(browser, state(site), look, path)
                print(f"{path}: {path.stat().st_size} bytes")
        world.database.close()


def take(browser: Browser, url: str, look: dict[str, Any], path: Path) -> None:
    context = browser.new_context(locale="es-CO", **look)
    page = context.new_page()
    page.goto(url)
    shot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    shot.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    context.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
