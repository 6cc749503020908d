"""Two faces of Bitstream Vera: their widths, their PDF strings, and their embedding.

ReportLab would subset and deflate both faces again for every document, which costs more than drawing it.
Here the characters of a face are laid out once and for all in two tables of 256 codes: the first holds
what Spanish records need, the second the rest, and each is cut, deflated and kept for the process.
Every document embeds the first table of the faces that it uses, and the second only if it needs it.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import reportlab
from reportlab.pdfbase import pdfdoc, pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont, makeToUnicodeCMap

BASE_FONT = "SamzipVera"  # registered so that a canvas starts with it, and not with an unembedded Helvetica
NOTDEF = "\N{WHITE SQUARE}"  # drawn with the face's own box for absent glyphs, extracted as this character
BOX = "\\000"  # how it stands in a page's operators, where nothing else does
_FOLDER = Path(reportlab.__file__).parent / "fonts"
_COMMON = (
    "ÁÉÍÓÚÜÑáéíóúüñ¿¡°º\N{FEMININE ORDINAL INDICATOR}µ±²³¹·×÷Ω∆≤≥≠≈√∞π∑%‰€–—−“”‘’«»…•"
    "§©®™½¼¾ÀÈÌÒÙÂÊÎÔÛÃÕÇÄËÏÖàèìòùâêîôûãõçäëïöß"
)
Font = tuple[str, int]  # (resource name of the face, table)


class Face:
    """A face with fixed codes. Sizes are in points, widths in points at size 1."""

    def __init__(self, tag: str, file: str) -> None:
        self.tag = tag
        # The stubs leave the parser's methods untyped, hence Any here and for the document below.
        parsed: Any = TTFont(BASE_FONT + tag, str(_FOLDER / file)).face
        self.parsed = parsed
        glyphs = parsed.charToGlyph
        usable = {chr(code) for code in glyphs if 32 <= code < 0xFFFF and code not in (0x7F, 0xA0, 0xAD)}
        first = [c for c in map(chr, range(32, 127)) if c in usable]
        first += [c for c in dict.fromkeys(_COMMON) if c in usable]
        rest = sorted(usable - set(first))
        # Code 0 is the absent glyph; ASCII keeps its codes so that a PDF's strings can be read.
        self.tables: tuple[list[int], ...] = (
            [ord(NOTDEF)] + [32] * 31 + [ord(c) for c in first],
            [ord(NOTDEF)] + [32] * 31 + [32] + [ord(c) for c in rest],
        )
        self.repertoire = frozenset(usable | {NOTDEF})
        self.widths: dict[str, float] = {c: parsed.getCharWidth(ord(c)) / 1000 for c in usable}
        self.widths[NOTDEF] = parsed.defaultWidth / 1000
        self._codes = [_literals(table) for table in self.tables]
        self._rare = re.compile("([" + re.escape("".join(rest)) + "]+)")

    def width(self, text: str, size: float) -> float:
        """Width in points of a clean text (see glyphs.clean)."""
        return sum(map(self.widths.__getitem__, text)) * size

    def show(self, text: str, size: float, used: set[Font]) -> str:
        """PDF operators that select the font and show the text at the current point; notes the fonts in `used`."""
        operators = []
        for index, run in enumerate(self._rare.split(text)):
            if run:
                table = index % 2  # split() alternates between what did not match and what did
                used.add((self.tag, table))
                operators.append(f"/{self.tag}{table} {size:g} Tf ({run.translate(self._codes[table])}) Tj")
        return " ".join(operators)


def _literals(table: list[int]) -> dict[int, str]:
    """What stands in a PDF literal string for the characters that cannot stand for themselves."""
    codes = {
        code: f"\\{index:03o}" for index, code in enumerate(table) if index > 32 and (code > 126 or chr(code) in "()\\")
    }
    codes[ord(NOTDEF)] = BOX
    return codes


REGULAR = Face("R", "Vera.ttf")
BOLD = Face("B", "VeraBd.ttf")
_FACES = {face.tag: face for face in (REGULAR, BOLD)}
pdfmetrics.registerFont(TTFont(BASE_FONT, str(_FOLDER / "Vera.ttf")))


@cache
def _program(font: Font) -> tuple[bytes, int, bytes, str, str]:
    """Deflated subset, its plain length, deflated ToUnicode map, PostScript name, PDF array of widths in 1/1000 em."""
    face, table = _FACES[font[0]].parsed, _FACES[font[0]].tables[font[1]]
    plain = face.makeSubset(table)
    name = f"SAMZ{'AB'[font[1]]}{font[0]}+" + face.name.decode("ascii")
    to_unicode = makeToUnicodeCMap(name, table).encode("ascii")
    widths = "[" + " ".join(f"{face.getCharWidth(code):g}" for code in table) + "]"
    return zlib.compress(plain, 9), len(plain), zlib.compress(to_unicode, 9), name, widths


def embed(document: Any, used: Iterable[Font]) -> None:
    """Add the fonts, under the names that Face.show wrote, to the resources of every page."""
    fonts = document.idToObject["BasicFonts"].dict
    for font in sorted(used):
        face = _FACES[font[0]].parsed
        subset, plain_length, to_unicode, name, widths = _program(font)
        descriptor = pdfdoc.PDFDictionary(
            {
                "Type": "/FontDescriptor",
                "FontName": "/" + name,
                "Flags": 4,  # symbolic: the codes are the subset's own
                "FontBBox": pdfdoc.PDFArray(face.bbox),
                "ItalicAngle": 0,
                "Ascent": face.ascent,
                "Descent": face.descent,
                "CapHeight": face.capHeight,
                "StemV": face.stemV,
                "FontFile2": document.Reference(_deflated(subset, Length1=plain_length)),
            }
        )
        resource = pdfdoc.PDFDictionary(
            {
                "Type": "/Font",
                "Subtype": "/TrueType",
                "BaseFont": "/" + name,
                "FirstChar": 0,
                "LastChar": len(_FACES[font[0]].tables[font[1]]) - 1,
                "Widths": widths,
                "ToUnicode": document.Reference(_deflated(to_unicode)),
                "FontDescriptor": document.Reference(descriptor),
            }
        )
        fonts[f"{font[0]}{font[1]}"] = document.Reference(resource)


def _deflated(content: bytes, **entries: int) -> pdfdoc.PDFStream:
    return pdfdoc.PDFStream(pdfdoc.PDFDictionary({"Filter": "/FlateDecode", **entries}), content)
