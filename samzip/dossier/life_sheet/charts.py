"""Charts of error against maximum permissible error, one per magnitude (ISO 10012 7.1, metrological confirmation).

Series differ by marker and dash as well as by colour and lightness: the charts work on a grey printer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi

from samzip.dossier.life_sheet.flow import LEFT, WIDTH, Flow
from samzip.dossier.life_sheet.fonts import BOLD, REGULAR
from samzip.dossier.life_sheet.glyphs import one_line
from samzip.dossier.life_sheet.pen import ACCENT, ALERT, INK, MUTED, RULE, WHITE, Colour, Pen
from samzip.dossier.life_sheet.scales import Horizontal, horizontal, labelled, vertical_range, vertical_ticks
from samzip.dossier.life_sheet.text import fit
from samzip.dossier.life_sheet.wording import number
from samzip.dossier.measurements import Point

CHART_HEIGHT = 178.0
PLOT_HEIGHT = 126.0
PLOT_LEFT = LEFT + 44
PLOT_WIDTH = WIDTH - 44 - 44
ZONE: Colour = ".93 .965 .945"
DODGE = 2.0  # points between the error bars of neighbouring series at the same nominal value


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
class Series:
    """One record's points of the magnitude."""

    label: str  # its date
    points: tuple[Point, ...]  # by nominal value, at least one


def chart(flow: Flow, title: str, unit: str, series: Sequence[Series], *, bars: bool) -> None:
    """Draw a chart, newest series first in `series`; `bars` adds the uncertainties."""
    unit = one_line(unit)
    name = fit(one_line(title) + (f" ({unit})" if unit else ""), BOLD, 8.5, WIDTH)[0]
    flow.subtitle(name, keep=CHART_HEIGHT)
    pen = flow.pen
    top = flow.y - 4
    base = top - PLOT_HEIGHT
    nominal = [point.nominal for one in series for point in one.points]
    axis = horizontal(nominal, PLOT_LEFT, PLOT_WIDTH)
    half = vertical_range([edge for one in series for point in one.points for edge in _edges(point, bars)])
    plot = _Plot(pen, axis, base, half)
    plot.background()
    ticks = labelled(axis, nominal, number, lambda text: REGULAR.width(text, 6.5))
    for x, label in ticks:
        pen.line(x, base, x, base - 3, MUTED, 0.6)
        pen.text(x, base - 10.5, (label,), size=6.5, colour=MUTED, align=0.5)
    scale = ", escala logarítmica" if axis.logarithmic else ""
    below = fit(f"Valor nominal{f' ({unit})' if unit else ''}{scale}", REGULAR, 7, PLOT_WIDTH)
    pen.text(PLOT_LEFT + PLOT_WIDTH / 2, base - 22, below, size=7, align=0.5)
    pen.turned_text(LEFT + 10, base + PLOT_HEIGHT / 2, "Error / EMP", pi / 2, size=7, colour=INK)
    middle = (len(series) - 1) / 2
    for index in reversed(range(len(series))):  # the newest is drawn last, on top
        shift = (middle - index) * DODGE if bars else 0.0
        plot.series(series[index], STYLES[index % len(STYLES)], shift, bars=bars, main=index == 0)
    _legend(pen, base - 37, series)
    flow.y -= CHART_HEIGHT


def _edges(point: Point, bars: bool) -> tuple[float, ...]:
    spread = (point.uncertainty_ratio or 0.0) if bars else 0.0
    return point.ratio - spread, point.ratio + spread


@dataclass(frozen=True, slots=True)
class _Plot:
    pen: Pen
    axis: Horizontal
    base: float
    half: float  # range of the vertical axis, in multiples of the maximum permissible error

    def height(self, ratio: float) -> float:
        clipped = min(max(ratio, -self.half), self.half)
        return self.base + PLOT_HEIGHT * (clipped + self.half) / (2 * self.half)

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

    def series(self, series: Series, style: Style, shift: float, *, bars: bool, main: bool) -> None:
        pen = self.pen
        spots = [(self.axis.place(p.nominal) + shift, self.height(p.ratio)) for p in series.points]
        if bars:
            for (x, _), point in zip(spots, series.points, strict=True):
                if point.uncertainty_ratio:
                    low, high = (self.height(edge) for edge in _edges(point, bars))
                    pen.line(x, low, x, high, style.colour, 0.6)
                    for y in (low, high):
                        pen.line(x - 1.8, y, x + 1.8, y, style.colour, 0.6)
        pen.polyline(spots, style.colour, 1.5 if main else 1.0, style.dash)
        for (x, y), point in zip(spots, series.points, strict=True):
            if abs(point.ratio) > self.half:
                self._clipped(x, point.ratio, style)
            else:
                _marker(pen, x, y, style)

    def _clipped(self, x: float, ratio: float, style: Style) -> None:
        """An arrow at the edge with the value that does not fit."""
        up = 1 if ratio > 0 else -1
        edge = self.height(ratio)
        tip = edge - up * 1.5
        self.pen.polygon([(x, tip), (x - 3.4, tip - up * 6), (x + 3.4, tip - up * 6)], ALERT, style.colour)
        label = number(float(f"{ratio:.3g}"))
        wide = REGULAR.width(label, 6)
        ends = x + 6 + wide > PLOT_LEFT + PLOT_WIDTH
        start = x - 6 - wide if ends else x + 6
        self.pen.fill(start - 1, edge - up * 5.5 - 3.5, wide + 2, 7, WHITE)
        self.pen.text(start, edge - up * 5.5 - 2, (label,), size=6, colour=ALERT)


def _marker(pen: Pen, x: float, y: float, style: Style) -> None:
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


def _legend(pen: Pen, y: float, series: Sequence[Series]) -> None:
    widths = [30 + REGULAR.width(one.label, 7) + 14 for one in series]
    x = PLOT_LEFT + (PLOT_WIDTH - sum(widths) + 14) / 2
    for index, (one, width) in enumerate(zip(series, widths, strict=True)):
        style = STYLES[index % len(STYLES)]
        pen.polyline([(x, y + 2.4), (x + 25, y + 2.4)], style.colour, 1.5 if index == 0 else 1.0, style.dash)
        _marker(pen, x + 12.5, y + 2.4, style)
        pen.text(x + 30, y, (one.label,), face=REGULAR, size=7, colour=ACCENT if index == 0 else INK)
        x += width
