"""Pictures of instruments, drawn rather than photographed, and companies' logos.

Only ASCII goes into a picture: Pillow's own typeface has little more.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from functools import cache
from random import Random

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from samzip.demo.book import Logo, Photo

SIZE = (640, 480)  # pixels of a photo
SMALL = (96, 72)
LOGO_SIZE = (900, 220)
ORIENTATION = 0x0112  # EXIF tag
TURN_CLOCKWISE = 6  # its value for "turn me 90 degrees clockwise to see me upright"

STEEL, DARK, GLASS, INK = "#b9c0c7", "#2f353b", "#c9d6b8", "#20261c"


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _balance(draw: ImageDraw.ImageDraw) -> None:
    draw.polygon([(150, 330), (490, 330), (530, 410), (110, 410)], fill="#e9ebee", outline="#8d949b")
    draw.rectangle((190, 90, 450, 330), fill="#dfe9f0", outline="#7f8a94", width=4)
    draw.line((320, 92, 320, 328), fill="#aebac4", width=3)
    draw.ellipse((250, 285, 390, 315), fill=STEEL, outline="#6d747b", width=3)
    draw.rectangle((305, 240, 335, 290), fill="#c9a24a", outline="#8a6a22", width=2)
    _screen(draw, (235, 345, 405, 390), "100.0002 g", 26)


def _screen(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], text: str, size: int) -> None:
    draw.rounded_rectangle(box, 6, fill=GLASS, outline="#59604f", width=3)
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    draw.text(middle, text, font=_font(size), fill=INK, anchor="mm")


def _meter(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((190, 90, 450, 400), 26, fill="#f2f3f4", outline="#8b9299", width=4)
    _screen(draw, (220, 125, 420, 205), "23.4 °C", 44)
    _screen(draw, (220, 220, 420, 290), "48.7 %", 40)
    for x in (240, 300, 360):
        draw.rounded_rectangle((x, 325, x + 42, 360), 8, fill="#3c6e9f")
    draw.line((320, 90, 320, 62, 560, 62, 560, 330), fill=DARK, width=7, joint="curve")
    draw.rounded_rectangle((551, 320, 569, 420), 8, fill=STEEL, outline="#6d747b", width=2)


def _caliper(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((60, 200, 600, 240), fill=STEEL, outline="#737a81", width=3)
    for tick in range(52):
        x = 150 + tick * 8
        draw.line((x, 240, x, 228 if tick % 5 else 218), fill=DARK, width=2)
    draw.polygon([(60, 200), (120, 200), (120, 380), (100, 380)], fill=STEEL, outline="#737a81")
    draw.polygon([(190, 200), (250, 200), (210, 380), (190, 380)], fill="#a9b1b8", outline="#737a81")
    draw.polygon([(100, 200), (120, 200), (120, 130)], fill=STEEL, outline="#737a81")
    draw.polygon([(190, 200), (210, 200), (190, 130)], fill="#a9b1b8", outline="#737a81")
    draw.rounded_rectangle((190, 170, 390, 270), 12, fill=DARK)
    _screen(draw, (215, 188, 365, 250), "25.01", 42)
    draw.line((600, 220, 625, 220), fill="#737a81", width=6)


def _micrometer(draw: ImageDraw.ImageDraw) -> None:
    draw.arc((70, 130, 330, 390), 90, 280, fill="#4a525a", width=34)
    draw.rectangle((180, 130, 240, 164), fill="#4a525a")
    draw.rectangle((120, 356, 205, 390), fill="#4a525a")
    draw.rectangle((205, 135, 330, 160), fill=STEEL, outline="#737a81", width=2)
    draw.rectangle((330, 115, 430, 180), fill="#d5dade", outline="#737a81", width=3)
    draw.rectangle((430, 100, 560, 195), fill=STEEL, outline="#737a81", width=3)
    for y in range(106, 195, 8):
        draw.line((430, y, 448, y), fill=DARK, width=2)
    draw.rectangle((560, 128, 605, 167), fill="#8f979e", outline="#737a81", width=2)
    _screen(draw, (330, 230, 520, 300), "5.101 mm", 36)


def _dial(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle((295, 370, 345, 440), fill="#b08d3f", outline="#7b6126", width=3)
    draw.ellipse((165, 60, 475, 370), fill="#33393f")
    draw.ellipse((185, 80, 455, 350), fill="#fbfbf8", outline="#858c93", width=4)
    for step in range(51):
        angle = math.radians(135 + step * 270 / 50)
        inner = 102 if step % 5 == 0 else 112
        ends = [(320 + r * math.cos(angle), 215 + r * math.sin(angle)) for r in (inner, 122)]
        draw.line(ends, fill=INK, width=4 if step % 5 == 0 else 2)
        if step % 10 == 0:
            at = (320 + 82 * math.cos(angle), 215 + 82 * math.sin(angle))
            draw.text(at, str(step // 5), font=_font(22), fill=INK, anchor="mm")
    tip = math.radians(135 + 31 * 270 / 50)
    draw.line(
        (320 - 28 * math.cos(tip), 215 - 28 * math.sin(tip), 320 + 105 * math.cos(tip), 215 + 105 * math.sin(tip)),
        fill="#b3261e",
        width=6,
    )
    draw.ellipse((308, 203, 332, 227), fill=DARK)


def _multimeter(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((200, 45, 440, 430), 30, fill="#f0b51c", outline="#9c7410", width=5)
    draw.rounded_rectangle((222, 65, 418, 410), 20, fill="#33383d")
    _screen(draw, (240, 85, 400, 160), "9.998 V", 38)
    draw.ellipse((265, 195, 375, 305), fill="#4c535a", outline="#14171a", width=4)
    draw.line((320, 250, 352, 212), fill="#f4f4f4", width=8)
    for x, colour in ((255, "#c0392b"), (320, "#15181b"), (385, "#c0392b")):
        draw.ellipse((x - 19, 340, x + 19, 378), fill=colour, outline="#d8dbde", width=4)
    draw.line((320, 360, 320, 455, 560, 455, 560, 200), fill="#15181b", width=8, joint="curve")
    draw.line((255, 360, 255, 462, 90, 462, 90, 200), fill="#c0392b", width=8, joint="curve")


def _pipette(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((296, 20, 344, 60), 8, fill="#3f6fb0")
    draw.rectangle((312, 60, 328, 85), fill=STEEL)
    draw.rounded_rectangle((270, 85, 370, 265), 28, fill="#eef0f3", outline="#8b9299", width=4)
    draw.rounded_rectangle((225, 100, 280, 125), 10, fill="#eef0f3", outline="#8b9299", width=3)
    _screen(draw, (290, 130, 350, 230), "1000", 24)
    draw.polygon([(295, 265), (345, 265), (332, 370), (308, 370)], fill="#d5d9de", outline="#8b9299")
    draw.polygon([(306, 370), (334, 370), (323, 465), (317, 465)], fill="#bcd6ec", outline="#7d9cb8")


def _stopwatch(draw: ImageDraw.ImageDraw) -> None:
    draw.arc((270, 15, 370, 115), 150, 390, fill="#d4a017", width=9)
    for box in ((300, 62, 340, 100), (185, 105, 225, 145), (415, 105, 455, 145)):
        draw.rounded_rectangle(box, 8, fill="#8f979e")
    draw.rounded_rectangle((180, 95, 460, 410), 110, fill="#23282d", outline="#0f1214", width=5)
    _screen(draw, (220, 190, 420, 290), "0:59.98", 48)
    draw.text((320, 335), "START   STOP", font=_font(22), fill="#e5c24a", anchor="mm")


def _weights(draw: ImageDraw.ImageDraw) -> None:
    draw.polygon([(80, 300), (560, 300), (600, 420), (40, 420)], fill="#7a4a24", outline="#4f2f15")
    for x, size in ((110, 46), (200, 62), (310, 80), (430, 100)):
        top = 330 - int(size * 1.7)
        draw.rounded_rectangle((x, top, x + size, 345), 8, fill="#d7dbdf", outline="#6d747b", width=3)
        draw.rectangle((x + size * 0.36, top - 12, x + size * 0.64, top), fill="#aeb5bb")
        draw.rounded_rectangle(
            (x + size * 0.2, top - 40, x + size * 0.8, top - 10), 10, fill="#d7dbdf", outline="#6d747b", width=3
        )
    for x, text in ((133, "10"), (231, "50"), (350, "100"), (480, "200 g")):
        draw.text((x, 300), text, font=_font(22), fill=DARK, anchor="mm")


def _oven(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((140, 40, 500, 430), 14, fill="#c6ccd2", outline="#6d747b", width=5)
    draw.rectangle((165, 130, 475, 405), fill="#aab2b9", outline="#6d747b", width=4)
    draw.rectangle((210, 170, 430, 365), fill="#39424a", outline="#5d666e", width=5)
    for y in (215, 265, 315):
        draw.line((215, y, 425, y), fill="#87919a", width=3)
    draw.rounded_rectangle((445, 225, 463, 315), 6, fill=DARK)
    _screen(draw, (230, 60, 410, 112), "105.0 °C", 32)


def _wrench(draw: ImageDraw.ImageDraw) -> None:
    draw.rounded_rectangle((40, 225, 260, 265), 16, fill="#8e2b24", outline="#571712", width=3)
    draw.rectangle((260, 232, 500, 258), fill=STEEL, outline="#737a81", width=3)
    for x in range(270, 360, 8):
        draw.line((x, 232, x, 246 if x % 16 else 252), fill=DARK, width=2)
    draw.ellipse((480, 195, 580, 295), fill="#a9b1b8", outline="#5e666d", width=5)
    draw.rectangle((510, 225, 550, 265), fill="#6c747b", outline="#3a4046", width=4)
    _screen(draw, (290, 300, 450, 360), "120 N.m", 34)


DRAWINGS: dict[str, Callable[[ImageDraw.ImageDraw], None]] = {
    "balance": _balance,
    "caliper": _caliper,
    "dial": _dial,
    "meter": _meter,
    "micrometer": _micrometer,
    "multimeter": _multimeter,
    "oven": _oven,
    "pipette": _pipette,
    "stopwatch": _stopwatch,
    "weights": _weights,
    "wrench": _wrench,
}


@cache
def _scene(drawing: str) -> Image.Image:
    """The instrument on a bench under a lamp, without its label."""
    light = Image.radial_gradient("L").resize((SIZE[0] * 2, SIZE[1] * 2)).crop((320, 160, 960, 640))
    wall = Image.composite(Image.new("RGB", SIZE, "#8e9aa3"), Image.new("RGB", SIZE, "#f1eee6"), light)
    shape = Image.new("L", SIZE)
    picture = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    DRAWINGS[drawing](ImageDraw.Draw(picture))
    shape = picture.getchannel("A").filter(ImageFilter.GaussianBlur(12)).point(lambda value: value * 0.55)
    shadow = Image.new("L", SIZE)
    shadow.paste(shape, (14, 18))
    wall.paste("#3a3f44", (0, 0), shadow)
    soft = picture.filter(ImageFilter.SMOOTH)
    wall.paste(soft, (0, 0), soft)
    grain = Image.frombytes("L", SIZE, Random(drawing).randbytes(SIZE[0] * SIZE[1]))  # noqa: S311 -- film grain
    return Image.blend(wall, grain.convert("RGB"), 0.035)


def photo(content: Photo, *, small: bool) -> bytes:
    """A JPEG."""
    image = _scene(content.drawing).copy()
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((448, 414, 628, 468), 6, fill="#ffffff", outline="#30557c", width=3)
    draw.text((538, 441), content.code, font=_font(34), fill="#17324d", anchor="mm")
    if small:
        image = image.resize(SMALL)
    exif = Image.Exif()
    if content.turned:
        image = image.transpose(Image.Transpose.ROTATE_90)
        exif[ORIENTATION] = TURN_CLOCKWISE
    out = io.BytesIO()
    image.save(out, "JPEG", quality=82, exif=exif)
    return out.getvalue()


def logo(content: Logo, *, small: bool) -> bytes:
    """A wide PNG with a transparent background."""
    width, height = LOGO_SIZE
    image = Image.new("RGBA", (width * 2, height * 2), (255, 255, 255, 0))
    draw = ImageDraw.Draw(image)
    pale = tuple((part + 255 * 2) // 3 for part in content.tint)
    draw.arc((30, 30, 410, 410), 120, 420, fill=(*content.tint, 255), width=34)
    draw.arc((100, 100, 340, 340), 120, 330, fill=(*pale, 255), width=26)
    tip = (220 + 150 * math.cos(math.radians(330)), 220 + 150 * math.sin(math.radians(330)))
    draw.line((220, 220, *tip), fill=(*content.tint, 255), width=18)
    draw.ellipse((192, 192, 248, 248), fill=(*content.tint, 255))
    draw.text((490, 185), content.text, font=_font(210), fill=(*content.tint, 255), anchor="lm")
    draw.line((494, 318, 1700, 318), fill=(*pale, 255), width=6)
    draw.text((494, 372), "METROLOGIA Y CALIDAD", font=_font(66), fill=(90, 98, 106, 255), anchor="lm")
    image = image.resize((width // 5, height // 5) if small else LOGO_SIZE, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
