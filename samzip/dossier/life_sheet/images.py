"""Photos and logos of any kind, made small and safe for a PDF.

A JPEG that is small, upright and grey or RGB is embedded as it is, after a full decoding proved it sound.
Everything else is decoded (JPEGs at a fraction of their size, in draft mode), turned upright, put on white,
reduced and encoded anew.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import cast

from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TILELENGTH, TILEWIDTH, TiffImageFile
from reportlab.pdfbase import pdfdoc

from samzip.dossier.filetypes import HEAD_BYTES, real_extension
from samzip.dossier.life_sheet.model import DAMAGED, NOT_DRAWN, TOO_LARGE, Unreadable

MAX_PIXELS = 100_000_000  # of a source; a decompression bomb or a poster, neither is a photo of an instrument
MAX_DECODED = 58_000_000  # bytes that it may take until it is small, the file's included: a worker has 60 without
_DECODED = {"1": 2, "L": 1, "P": 10, "PA": 10, "LA": 8, "RGBA": 8, "I;16": 11, "I;16B": 11, "I": 12, "F": 12}  # a pixel
_OF_FORMAT = {"WEBP": 16, "JPEG2000": 20, "AVIF": 10, "TIFF": 8}  # whose decoders keep more than one copy
LYING = (5, 6, 7, 8)  # Exif's orientations of which width and height change places
ROOM = 1.5  # a picture that exceeds its box no further is not reduced, which costs more than decoding it
PLAIN_JPEG_LIMIT = 150_000  # bytes of a JPEG that is embedded as it is
JPEG_QUALITY = 82
DRAWN = frozenset({"jpg", "png", "gif", "tif", "bmp", "webp"})  # what Pillow reads everywhere, as filetypes names it
UNKNOWN = frozenset({"txt", "bin"})  # content that filetypes does not know
OTHERS = (b"%!PS", b"\xc5\xd0\xd3\xc6", b"\0\0\1\0", b"icns", b"\xd7\xcd\xc6\x9a", b"8BPS", b"DDS ", b"qoif")
# Those are sound pictures that filetypes does not know: EPS, icons, a metafile, Photoshop's, two of games.
# Nothing else is opened: Pillow would have Ghostscript run what somebody uploaded, and knows formats within formats.
COMMON = ("JPEG", "PNG", "GIF", "BMP", "PPM")
RARE = ("TIFF", "WEBP", "JPEG2000", "AVIF")  # their modules are imported when one comes


@dataclass(frozen=True, slots=True)
class Picture:
    """An image ready for a PDF; sizes in pixels."""

    width: int
    height: int
    grey: bool
    data: bytes
    filter: str  # DCTDecode or FlateDecode

    def embed(self, document: pdfdoc.PDFDocument, name: str) -> None:
        """Add the image to the document under a name that Canvas.doForm understands."""
        entries = {
            "Type": "/XObject",
            "Subtype": "/Image",
            "Width": self.width,
            "Height": self.height,
            "ColorSpace": "/DeviceGray" if self.grey else "/DeviceRGB",
            "BitsPerComponent": 8,
            "Filter": "/" + self.filter,
        }
        document.addForm(name, pdfdoc.PDFStream(pdfdoc.PDFDictionary(entries), self.data))

    def within(self, width: float, height: float, largest: float = 1.0) -> tuple[float, float]:
        """Size in points that fills a box of points, never larger than `largest` points per pixel."""
        scale = min(width / self.width, height / self.height, largest)
        return self.width * scale, self.height * scale


def load(data: bytes, width: int, height: int, *, lossless: bool = False) -> Picture | Unreadable:
    """Read an image file for a box of so many pixels; larger ones are reduced, smaller ones are left alone.

    `lossless` suits drawings and logos. Never raises for what the bytes hold.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata, bombs: our own limit decides
            return _load(data, width, height, lossless)
    except Image.DecompressionBombError:
        return Unreadable(TOO_LARGE)
    except MemoryError:
        return Unreadable(TOO_LARGE)
    except UnidentifiedImageError:
        # A telephone's HEIC, an SVG or a PDF is sound: whoever opens the document sees it.
        is_sound = data.startswith(OTHERS) or real_extension("", data[:HEAD_BYTES]) not in DRAWN | UNKNOWN
        return Unreadable(NOT_DRAWN if is_sound else DAMAGED)
    except (OSError, ValueError, TypeError, SyntaxError, LookupError, ArithmeticError, EOFError, AttributeError,
            struct.error, zlib.error, RuntimeError, AssertionError):  # fmt: skip
        # Pillow's decoders let through whatever a damaged file makes them stumble over.
        return Unreadable(DAMAGED)


def _load(data: bytes, width: int, height: int, lossless: bool) -> Picture | Unreadable:
    with _open(data) as image:
        is_jpeg = isinstance(image, JpegImageFile)  # telephones put several into one, which has another format's name
        if image.width * image.height > MAX_PIXELS or len(data) + _decoded(image, data) > MAX_DECODED:
            return Unreadable(TOO_LARGE)
        orientation = image.getexif().get(0x0112, 1)  # for a PNG's all of it may be decoded
        upright = orientation in (1, None)
        if not upright and not is_jpeg and len(data) + 2 * _decoded(image, data) > MAX_DECODED:
            return Unreadable(TOO_LARGE)
        fits = image.width <= width * ROOM and image.height <= height * ROOM
        if is_jpeg and upright and fits and image.mode in ("L", "RGB") and len(data) <= PLAIN_JPEG_LIMIT:
            size, grey = image.size, image.mode == "L"
            image.draft(image.mode, (size[0] // 4, size[1] // 4))  # reads every bit, transforms few
            image.load()
            return Picture(*size, grey, data, "DCTDecode")
        if is_jpeg:
            # The size that it will have, not its box: Pillow decodes no smaller than what it is asked for on each side.
            box = (height, width) if orientation in LYING else (width, height)
            wanted = _within(image, *box)
            image.draft("RGB" if image.mode != "L" else "L", wanted)
        image.load()
        turned = image if upright else ImageOps.exif_transpose(image)
        return _encode(_flat(_reduced(turned, width, height)), lossless and not is_jpeg)


def _open(data: bytes) -> Image.Image:
    """Raises UnidentifiedImageError."""
    try:
        return Image.open(io.BytesIO(data), formats=COMMON)
    except UnidentifiedImageError:
        Image.init()
        return Image.open(io.BytesIO(data), formats=[name for name in RARE if name in Image.OPEN])


def _decoded(image: Image.Image, data: bytes) -> int:
    """Bytes, as Pillow keeps it and copies it to reduce it. JPEGs are decoded small, but of one that comes in
    several scans all coefficients are kept, two bytes each."""
    pixels = image.width * image.height
    if isinstance(image, JpegImageFile):
        if not (image.info.get("progressive") or _has_scans(data, image.layers)):
            return 0
        sampled: list[tuple[int, int]] = [(across, down) for _, across, down, _ in image.layer]
        of_block = max(across for across, _ in sampled) * max(down for _, down in sampled)
        return 2 * pixels * sum(across * down for across, down in sampled) // of_block
    if isinstance(image, TiffImageFile):  # it is read by tiles, of which one may be larger than all of it
        pixels = max(pixels, image.tag_v2.get(TILEWIDTH, 0) * image.tag_v2.get(TILELENGTH, 0))
    return pixels * max(_OF_FORMAT.get(image.format or "", 0), _DECODED.get(image.mode, 4))


def _has_scans(data: bytes, components: int) -> bool:
    """Whether the first scan of a JPEG holds fewer than all components (ITU-T T.81, B.2.3)."""
    at = 2
    while 0 <= (at := data.find(b"\xff", at)) <= len(data) - 5:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if marker == 0xFF:  # fills up
            at += 1
            continue
        if marker == 0xDA:
            return data[at + 4] < components
        at += 2 + length
    return False  # there is none: it is damaged


def _reduced(image: Image.Image, width: int, height: int) -> Image.Image:
    size = _within(image, width, height)
    if image.width <= size[0] * ROOM and image.height <= size[1] * ROOM:
        return image
    if image.mode in ("P", "PA", "1"):  # indices cannot be averaged
        image = image.convert("RGBA" if image.mode != "1" else "L")
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def _within(image: Image.Image, width: int, height: int) -> tuple[int, int]:
    """Its size when it is reduced to a box."""
    scale = min(width / image.width, height / image.height, 1)
    return max(round(image.width * scale), 1), max(round(image.height * scale), 1)


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit and float greys scaled down: convert() alone would clip them to white."""
    grey = image.convert("F")
    _, brightest = cast("tuple[float, float]", grey.getextrema())  # mode F has a single band
    white = 255.0 if brightest <= 255 and not image.mode.startswith("I;16") else max(brightest, 65535.0)
    return grey.point(lambda value: value * (255 / white) + 0).convert("L")


def _flat(image: Image.Image) -> Image.Image:
    """Grey or RGB, with what was transparent on white."""
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        coloured = image.convert("RGBA")
        paper = Image.new("RGB", coloured.size, "white")
        paper.paste(coloured, mask=coloured.getchannel("A"))
        return paper
    return image.convert("L" if image.mode == "1" else "RGB")


def _encode(image: Image.Image, lossless: bool) -> Picture:
    grey = image.mode == "L"
    if lossless:
        return Picture(*image.size, grey, zlib.compress(image.tobytes(), 6), "FlateDecode")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=JPEG_QUALITY)
    return Picture(*image.size, grey, out.getvalue(), "DCTDecode")
