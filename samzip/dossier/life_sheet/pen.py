"""PDF drawing operators, written as text: a page is a list of them.

A canvas's own methods track a graphics state per call, which costs more than the drawing; here every
operation states its colour and font. Coordinates and sizes are points, the origin is the lower left corner.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, sin

from samzip.dossier.life_sheet.fonts import REGULAR, Face, Font

Colour = str  # three components 0 to 1, as the operators rg and RG take them

INK: Colour = ".13 .16 .2"
MUTED: Colour = ".39 .44 .5"
ACCENT: Colour = ".1 .22 .37"
RULE: Colour = ".8 .83 .87"
HAIRLINE: Colour = ".88 .9 .93"
TINT: Colour = ".925 .94 .96"
ZEBRA: Colour = ".972 .978 .986"
ALERT: Colour = ".66 .13 .13"
WHITE: Colour = "1 1 1"

_ROUND = 0.5523  # of the radius: Bézier handle of a quarter circle


class Pen:
    """Draws onto the list `out`; `fonts` collects what has to be embedded."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.fonts: set[Font] = set()

    def text(
        self,
        x: float,
        y: float,
        lines: Sequence[str],
        *,
        face: Face = REGULAR,
        size: float = 8,
        colour: Colour = INK,
        leading: float = 0,
        align: float = 0,
    ) -> None:
        """Lines of clean text downwards from the baseline y; align 0 starts, 0.5 centres, 1 ends them at x."""
        if align:
            for index, line in enumerate(lines):
                start = x - align * face.width(line, size)
                self.text(start, y - index * leading, (line,), face=face, size=size, colour=colour)
            return
        shown = " T* ".join([face.show(line, size, self.fonts) for line in lines])
        self.out.append(f"BT {colour} rg {leading:g} TL {x:.2f} {y:.2f} Td {shown} ET")

    def turned_text(
        self, x: float, y: float, line: str, angle: float, *, face: Face = REGULAR, size: float, colour: Colour
    ) -> None:
        """One line centred on x, y (on its baseline) and turned by `angle` radians."""
        c, s, half = cos(angle), sin(angle), face.width(line, size) / 2
        shown = face.show(line, size, self.fonts)
        self.out.append(
            f"BT {colour} rg {c:.4f} {s:.4f} {-s:.4f} {c:.4f} {x - half * c:.2f} {y - half * s:.2f} Tm {shown} ET"
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: Colour = RULE, width: float = 0.5) -> None:
        self.out.append(f"{colour} RG {width:g} w {x1:.2f} {y1:.2f} m {x2:.2f} {y2:.2f} l S")

    def fill(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        self.out.append(f"{colour} rg {x:.2f} {y:.2f} {width:.2f} {height:.2f} re f")

    def clip(self, x: float, y: float, width: float, height: float) -> None:
        """Until `unclip`, nothing is drawn outside of the rectangle."""
        self.out.append(f"q {x:.2f} {y:.2f} {width:.2f} {height:.2f} re W n")

    def unclip(self) -> None:
        self.out.append("Q")

    def frame(self, x: float, y: float, width: float, height: float, colour: Colour = RULE) -> None:
        self.out.append(f"{colour} RG .5 w {x:.2f} {y:.2f} {width:.2f} {height:.2f} re S")

    def pill(self, x: float, y: float, width: float, height: float, fill: Colour, edge: Colour) -> None:
        """A rectangle with round ends."""
        r = height / 2
        k = r * (1 - _ROUND)
        left, right, top = x + r, x + width - r, y + height
        self.out.append(
            f"{fill} rg {edge} RG .6 w {left:.2f} {y:.2f} m {right:.2f} {y:.2f} l "
            f"{x + width - k:.2f} {y:.2f} {x + width:.2f} {y + k:.2f} {x + width:.2f} {y + r:.2f} c "
            f"{x + width:.2f} {top - k:.2f} {x + width - k:.2f} {top:.2f} {right:.2f} {top:.2f} c "
            f"{left:.2f} {top:.2f} l {x + k:.2f} {top:.2f} {x:.2f} {top - k:.2f} {x:.2f} {y + r:.2f} c "
            f"{x:.2f} {y + k:.2f} {x + k:.2f} {y:.2f} {left:.2f} {y:.2f} c b"
        )

    def polyline(self, points: Sequence[tuple[float, float]], colour: Colour, width: float, dash: str = "") -> None:
        """Straight segments; `dash` is a PDF dash array such as "4 2", empty for a solid line."""
        path = " l ".join([f"{x:.2f} {y:.2f}" + (" m" if not i else "") for i, (x, y) in enumerate(points)])
        path = path.replace(" m l ", " m ", 1)
        self.out.append(f"{colour} RG {width:g} w [{dash}] 0 d 1 j {path} {'l ' if len(points) > 1 else ''}S [] 0 d")

    def polygon(self, points: Sequence[tuple[float, float]], fill: Colour, edge: Colour, width: float = 0.8) -> None:
        start, *others = points
        path = " ".join([f"{x:.2f} {y:.2f} l" for x, y in others])
        self.out.append(f"{fill} rg {edge} RG {width:g} w {start[0]:.2f} {start[1]:.2f} m {path} b")

    def disc(self, x: float, y: float, radius: float, fill: Colour, edge: Colour) -> None:
        r, k = radius, radius * _ROUND
        self.out.append(
            f"{fill} rg {edge} RG .8 w {x + r:.2f} {y:.2f} m "
            f"{x + r:.2f} {y + k:.2f} {x + k:.2f} {y + r:.2f} {x:.2f} {y + r:.2f} c "
            f"{x - k:.2f} {y + r:.2f} {x - r:.2f} {y + k:.2f} {x - r:.2f} {y:.2f} c "
            f"{x - r:.2f} {y - k:.2f} {x - k:.2f} {y - r:.2f} {x:.2f} {y - r:.2f} c "
            f"{x + k:.2f} {y - r:.2f} {x + r:.2f} {y - k:.2f} {x + r:.2f} {y:.2f} c b"
        )
