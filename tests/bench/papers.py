"""What the documents of the measured company hold: scans, manuals, photos and texts, the same in every run.

Drawing a page takes a tenth of a second, so documents share a pool of pages. No two files are alike, since each names
itself, and no ZIP writer looks further back than 32 KiB. That pages are as hard to deflate as real scans is measured
with every table, not assumed.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from random import Random

from PIL import Image, ImageDraw, ImageFilter, ImageFont

PAGE = (595, 842)  # A4, points
PAGES_DRAWN = 4  # by each scanner
PHOTOS_DRAWN = 8
PHOTO_SIZE = (1280, 960)  # pixels
LETTERS = "aaabcdeeeeilmnnooprrsstu"


@dataclass(frozen=True, slots=True)
class Scanner:
    """How an office scans: it decides how large a page becomes and how little deflating saves of it."""

    dpi: int
    mode: str  # L: grey, RGB: colour
    blur: float  # of the sensor's noise, pixels
    noise: float  # share
    quality: int  # of JPEG


SCANNERS = (
    Scanner(150, "L", 0.7, 0.04, 75),
    Scanner(120, "L", 0.0, 0.10, 60),
    Scanner(120, "RGB", 0.5, 0.14, 60),
    Scanner(155, "L", 0.0, 0.04, 60),
    Scanner(143, "RGB", 0.5, 0.031, 75),
    Scanner(155, "RGB", 0.7, 0.072, 51),
)
THUMBNAILS = tuple(Scanner(12, one.mode, one.blur, one.noise, one.quality) for one in SCANNERS)


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A picture as it lies in a file."""

    data: bytes
    width: int  # pixels
    height: int
    mode: str


def scan(rng: Random, title: str, *, small: bool) -> bytes:
    """A PDF of one to three scanned pages: 150 to 600 KB. `small`: a few KB."""
    pages = rng.choices((1, 2, 3), (91, 7, 2))[0]
    return _pdf(rng, title, 1 if small else pages, small=small)


def manual(rng: Random, title: str, *, small: bool) -> bytes:
    """A PDF of 7 to 13 scanned pages: 1 to 3 MB."""
    return _pdf(rng, title, 2 if small else rng.randrange(7, 14), small=small)


def text(rng: Random, title: str, *, small: bool) -> bytes:
    """A table of readings as CSV, 6 to 45 KB: what deflating is good for."""
    lines = [f"{title};lectura;patrón;error;temperatura;humedad"]
    for number in range(rng.randrange(20, 40) if small else rng.randrange(150, 1000)):
        nominal = number % 20 * 10
        error = rng.gauss(0, 0.05)
        lines.append(
            f"{number + 1};{nominal + error:.4f};{nominal:.4f};{error:.4f};"
            f"{rng.uniform(19, 21):.1f};{rng.uniform(45, 55):.1f}"
        )
    return "\r\n".join(lines).encode()


def photo(rng: Random, title: str, *, small: bool) -> bytes:
    """A JPEG of a telephone's camera, about 150 KB, with the title as its comment."""
    data = _photo(rng.randrange(PHOTOS_DRAWN), small).data
    comment = title.encode()
    return data[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + data[2:]


def logo() -> bytes:
    """A PNG."""
    picture = Image.new("RGBA", (640, 200), (255, 255, 255, 0))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((20, 20, 180, 180), outline=(32, 84, 140, 255), width=24)
    draw.text((220, 100), "MEDIDAS", font=ImageFont.load_default(90), fill=(32, 84, 140, 255), anchor="lm")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _pdf(rng: Random, title: str, pages: int, *, small: bool) -> bytes:
    scanner = rng.randrange(len(SCANNERS))  # one document, one scanner
    first = rng.randrange(PAGES_DRAWN)
    return assemble(title, [_page(scanner, (first + page) % PAGES_DRAWN, small) for page in range(pages)])


@cache
def _page(scanner: int, number: int, small: bool) -> Jpeg:
    rng = Random(f"page {scanner} {number}")
    made_by = (THUMBNAILS if small else SCANNERS)[scanner]
    dpi = made_by.dpi
    height = round(11.69 * dpi)
    size = round(8.27 * dpi), height
    page = Image.new("L", size, rng.randrange(238, 250))
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(max(1.0, dpi / 7))
    y = 0.8 * dpi
    while y < height - dpi:
        words = ("".join(rng.choices(LETTERS, k=rng.randrange(2, 10))) for _ in range(rng.randrange(4, 13)))
        draw.text((0.7 * dpi, y), " ".join(words), font=font, fill=50)
        y += rng.choice((0.23, 0.23, 0.23, 0.4)) * dpi
    page = page.rotate(rng.uniform(-0.4, 0.4), Image.Resampling.BILINEAR, fillcolor=230)
    return _jpeg(Image.blend(page, _noise(rng, size, made_by.blur), made_by.noise).convert(made_by.mode), made_by)


@cache
def _photo(number: int, small: bool) -> Jpeg:
    rng = Random(f"photo {number}")
    width, height = size = PHOTO_SIZE
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for _ in range(12):
        x, y, side = rng.randrange(width), rng.randrange(height), rng.randrange(60, 400)
        tint = tuple(rng.randrange(256) for _ in range(3))
        draw.rounded_rectangle((x, y, x + side, y + side // 2), 12, fill=tint, outline=(20, 20, 20))
    picture = Image.blend(picture, _noise(rng, size, 0.8).convert("RGB"), 0.14)
    if small:
        picture = picture.resize((160, 120))
    return _jpeg(picture, Scanner(0, "RGB", 0, 0, 80))


def _noise(rng: Random, size: tuple[int, int], blur: float) -> Image.Image:
    return Image.frombytes("L", size, rng.randbytes(size[0] * size[1])).filter(ImageFilter.GaussianBlur(blur))


def _jpeg(picture: Image.Image, made_by: Scanner) -> Jpeg:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=made_by.quality)
    return Jpeg(out.getvalue(), picture.width, picture.height, picture.mode)


def assemble(title: str, pages: list[Jpeg]) -> bytes:
    """The smallest PDF that shows a picture on each page (ISO 32000-1)."""
    kids = " ".join(f"{4 + 3 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        f"<< /Title ({title}) >>".encode("cp1252"),
    ]
    for number, page in enumerate(pages):
        own = 4 + 3 * number
        space = "DeviceGray" if page.mode == "L" else "DeviceRGB"
        place = f"q {PAGE[0]} 0 0 {PAGE[1]} 0 0 cm /Im Do Q".encode()
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {PAGE[0]} {PAGE[1]}] /Contents {own + 1} 0 R "
            f"/Resources << /XObject << /Im {own + 2} 0 R >> >> >>".encode(),
            b"<< /Length %d >>\nstream\n%b\nendstream" % (len(place), place),
            f"<< /Type /XObject /Subtype /Image /Width {page.width} /Height {page.height} /ColorSpace /{space} "
            f"/BitsPerComponent 8 /Filter /DCTDecode /Length {len(page.data)} >>\nstream\n".encode()
            + page.data
            + b"\nendstream",
        ]
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 3 0 R >>\n" % (len(objects) + 1)
    out += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(out)
