"""Pages that look scanned: paper, a stamp, a signature, a little skew, and the grain that makes scans incompressible.

Drawing one takes milliseconds, so documents share a pool of them.
"""

from __future__ import annotations

import io
import math
from functools import cache
from random import Random

from PIL import Image, ImageDraw, ImageFont

POOL = 36  # different pages
WIDTH, HEIGHT = 612, 792  # pixels, one per point of a Letter page
SMALL = (51, 66)


def _hand(rng: Random, x: float, y: float, length: int) -> list[tuple[float, float]]:
    """The line of a hurried signature."""
    points = []
    for step in range(length):
        x += rng.uniform(2, 6)
        points.append((x, y + rng.uniform(-12, 12) * math.cos(step / 3)))
    return points


def _draw(rng: Random) -> Image.Image:
    page = Image.new("L", (WIDTH, HEIGHT), rng.randrange(240, 252))
    draw = ImageDraw.Draw(page)
    draw.rectangle((54, 48, 558, 96), outline=120, width=2)
    draw.rectangle((54, 700, 558, 750), outline=140, width=1)
    for y in range(128, 640, 20):
        draw.line((54, y, 558, y), fill=222, width=1)
    draw.line(_hand(rng, rng.uniform(80, 120), 672, 34), fill=70, width=2, joint="curve")
    draw.line((72, 690, 250, 690), fill=110, width=1)
    stamp = Image.new("L", (150, 150), 0)
    ring = ImageDraw.Draw(stamp)
    ring.ellipse((4, 4, 146, 146), outline=150, width=4)
    ring.ellipse((22, 22, 128, 128), outline=130, width=2)
    word = rng.choice(("REVISADO", "APROBADO", "RECIBIDO"))
    ring.text((75, 75), word, font=ImageFont.load_default(19), fill=160, anchor="mm")
    stamp = stamp.rotate(rng.uniform(-25, 25), Image.Resampling.BILINEAR)
    page.paste(60, (rng.randrange(340, 400), rng.randrange(560, 590)), stamp)
    page = page.rotate(rng.uniform(-0.35, 0.35), Image.Resampling.BILINEAR, fillcolor=225)
    grain = Image.frombytes("L", (WIDTH, HEIGHT), rng.randbytes(WIDTH * HEIGHT))
    return Image.blend(page, grain, rng.uniform(0.05, 0.1))


def scan(number: int, *, small: bool) -> tuple[bytes, int, int]:
    """A grey JPEG, its width and its height in pixels; any number will do."""
    return _scan(number % POOL, small)


@cache
def _scan(number: int, small: bool) -> tuple[bytes, int, int]:
    rng = Random(f"scan {number}")  # noqa: S311 -- grain of paper
    page = _draw(rng)
    if small:
        page = page.resize(SMALL)
    out = io.BytesIO()
    page.save(out, "JPEG", quality=rng.randrange(34, 56))
    return out.getvalue(), page.width, page.height
