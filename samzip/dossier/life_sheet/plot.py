"""The plot of a chart: its zone, its grid and its series.

Series differ by marker and dash as well as by colour and lightness: the charts work on a grey printer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samzip.dossier.life_sheet.flow import LEFT, WIDTH
from samzip.dossier.life_sheet.fonts import BOLD
from samzip.dossier.life_sheet.pen import ALERT, MUTED, RULE, WHITE, Colour, Pen
from samzip.dossier.life_sheet.scales import Horizontal, vertical_ticks
from samzip.dossier.life_sheet.wording import number
from samzip.dossier.measurements import Point

PLOT_HEIGHT = 126.0
PLOT_LEFT = LEFT + 44
PLOT_WIDTH = WIDTH - 44 - 44
ZONE: Colour = ".93 .965 .945"
FAR = 20.0  # ranges of the axis: a line to a point beyond leaves the plot in much the same direction


@dataclass(frozen=True, slots=True)
class Style:
    colour: Colour
    dash: str  # PDF dash array
    marker: str  # disc, square, triangle, diamond, cross
    filled: bool


STYLES = (  # newest first: the strongest line is the current state of the instrument
    Style(".07 .25 .47", "", "disc", True),
    Style(".80 .36 .0", "5 2.5", "square", True),
    Style(".0 .52 .42", "1.2 2", "triangle", True),
    Style(".52 .32 .58", "7 2 1.2 2", "diamond", False),
    Style(".45 .45 .45", "2.5 2.5", "cross", False),
)


@dataclass(frozen=True, slots=True)
class Plot:
    pen: Pen
    axis: Horizontal
    base: float
    half: float  # range of the vertical axis, in multiples of the maximum permissible error

    def height(self, ratio: float) -> float:
        near = min(max(ratio, -FAR * self.half), FAR * self.half)
        return self.base + PLOT_HEIGHT * (near + self.half) / (2 * self.half)

    def background(self) -> None:
        """The zone within the limits, the grid, the limits and their names."""
        pen, right = self.pen, PLOT_LEFT + PLOT_WIDTH
        pen.fill(PLOT_LEFT, self.height(-1), PLOT_WIDTH, self.height(1) - self.height(-1), ZONE)
        for ratio in vertical_ticks(self.half):
            y = self.height(ratio)
            pen.line(PLOT_LEFT, y, right, y, MUTED if ratio == 0 else RULE, 0.6 if ratio == 0 else 0.35)
            pen.text(PLOT_LEFT - 5, y - 2.2, (number(ratio),), size=6.5, colour=MUTED, align=1)
        for ratio, name in ((1, "+1 EMP"), (-1, "−1 EMP")):
            y = self.height(ratio)
            pen.line(PLOT_LEFT, y, right, y, ALERT, 1)
            pen.text(right + 5, y - 2.4, (name,), face=BOLD, size=6.5, colour=ALERT)
        pen.frame(PLOT_LEFT, self.base, PLOT_WIDTH, PLOT_HEIGHT, RULE)

    def lines(self, points: Sequence[Point], places: Sequence[float], style: Style, width: float, bars: bool) -> None:
        """From point to point, and the uncertainties as bars; what is beyond the axis is cut off."""
        pen = self.pen
        pen.clip(PLOT_LEFT, self.base, PLOT_WIDTH, PLOT_HEIGHT)
        for x, point in zip(places, points, strict=True):
            if bars and point.uncertainty_ratio:
                low, high = map(
                    self.height, (point.ratio - point.uncertainty_ratio, point.ratio + point.uncertainty_ratio)
                )
                pen.line(x, low, x, high, style.colour, 0.6)
                for y in (low, high):
                    pen.line(x - 1.8, y, x + 1.8, y, style.colour, 0.6)
        spots = [(x, self.height(point.ratio)) for x, point in zip(places, points, strict=True)]
        pen.polyline(spots, style.colour, width, style.dash)
        pen.unclip()

    def markers(self, points: Sequence[Point], places: Sequence[float], style: Style) -> None:
        """The points; at the edge an arrow for each that is beyond."""
        for x, point in zip(places, points, strict=True):
            if abs(point.ratio) <= self.half:
                marker(self.pen, x, self.height(point.ratio), style)
                continue
            up = 1 if point.ratio > 0 else -1
            tip = self.height(up * self.half) - up * 1.5
            arrow = [(x, tip), (x - 2.6, tip - up * 5.5), (x + 2.6, tip - up * 5.5)]
            self.pen.polygon(arrow, style.colour if style.filled else WHITE, ALERT)


def marker(pen: Pen, x: float, y: float, style: Style) -> None:
    fill, edge = (style.colour if style.filled else WHITE), style.colour
    if style.marker == "disc":
        pen.disc(x, y, 2.3, fill, edge)
    elif style.marker == "square":
        pen.polygon([(x - 2, y - 2), (x + 2, y - 2), (x + 2, y + 2), (x - 2, y + 2)], fill, edge)
    elif style.marker == "triangle":
        pen.polygon([(x - 2.6, y - 2), (x + 2.6, y - 2), (x, y + 2.8)], fill, edge)
    elif style.marker == "diamond":
        pen.polygon([(x, y - 2.9), (x + 2.6, y), (x, y + 2.9), (x - 2.6, y)], fill, edge)
    else:
        pen.line(x - 2.2, y - 2.2, x + 2.2, y + 2.2, edge, 1.1)
        pen.line(x - 2.2, y + 2.2, x + 2.2, y - 2.2, edge, 1.1)
