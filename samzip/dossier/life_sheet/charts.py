"""Charts of error against maximum permissible error, one per magnitude (ISO 10012 7.1, metrological confirmation)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import pi

from samzip.dossier.life_sheet.flow import LEFT, SUBTITLE_HEIGHT, WIDTH, Flow
from samzip.dossier.life_sheet.fonts import BOLD, REGULAR
from samzip.dossier.life_sheet.glyphs import one_line
from samzip.dossier.life_sheet.pen import ACCENT, INK, MUTED, Pen
from samzip.dossier.life_sheet.plot import PLOT_HEIGHT, PLOT_LEFT, PLOT_WIDTH, STYLES, Plot, marker
from samzip.dossier.life_sheet.scales import horizontal, labelled, vertical_range
from samzip.dossier.life_sheet.text import fit, wrap
from samzip.dossier.life_sheet.wording import number
from samzip.dossier.measurements import Point

AXIS_HEIGHT = 37.0  # from the plot to the legend's first line
LEGEND_LEADING = 11.0
LEGEND_LABEL = 180.0  # of a series' label at size 7, points at most
SAMPLE = 30.0  # of the line before a label
BETWEEN = 14.0  # entries of the legend
BEYOND_GAP = 4.0  # above what is beyond the axis
BEYOND_LEADING = 10.0
BEYOND_LISTED = 24  # values of a series that are written out
LEAST_DODGE, MOST_DODGE = 1.0, 5.0  # points between neighbouring series at the same nominal value


@dataclass(frozen=True, slots=True)
class Series:
    """One record's points of the magnitude."""

    label: str  # its date, clean text, no wider than LEGEND_LABEL
    points: tuple[Point, ...]  # by nominal value, at least one


@dataclass(frozen=True)
class Chart:
    """One magnitude; newest series first."""

    title: str
    unit: str
    series: tuple[Series, ...]
    bars: bool  # show the uncertainties

    @property
    def height(self) -> float:
        """Points that it takes with its title."""
        under = LEGEND_LEADING * len(self._legend) + BEYOND_LEADING * len(self._beyond) + BEYOND_GAP
        return SUBTITLE_HEIGHT + 4 + PLOT_HEIGHT + AXIS_HEIGHT + under

    @cached_property
    def _half(self) -> float:
        return vertical_range([edge for one in self.series for point in one.points for edge in self._edges(point)])

    def _edges(self, point: Point) -> tuple[float, float]:
        spread = (point.uncertainty_ratio or 0.0) if self.bars else 0.0
        return point.ratio - spread, point.ratio + spread

    @cached_property
    def _legend(self) -> list[list[tuple[int, str, float]]]:
        """Number of the series, its label and the width of both, in lines that fit."""
        lines: list[list[tuple[int, str, float]]] = []
        room = 0.0
        for index, one in enumerate(self.series):
            width = SAMPLE + REGULAR.width(one.label, 7)
            if width > room:
                lines.append([])
                room = PLOT_WIDTH
            lines[-1].append((index, one.label, width))
            room -= width + BETWEEN
        return lines

    @cached_property
    def _beyond(self) -> list[str]:
        """Lines that tell the values that the axis cannot show."""
        lines: list[str] = []
        for one in self.series:
            errors = [(p.ratio, p.nominal) for p in one.points if self._is_beyond(p)]
            bars = [(p.uncertainty_ratio or 0, p.nominal) for p in one.points if self._is_bar_beyond(p)]
            for what, found in (("Error", errors), ("Incertidumbre", bars)):
                values = [f"{number(float(f'{ratio:.3g}'))} en {number(nominal)}" for ratio, nominal in found]
                if values:
                    more = f" y {len(values) - BEYOND_LISTED} más" if len(values) > BEYOND_LISTED else ""
                    text = f"{what}/EMP fuera de la escala, {one.label}: {'; '.join(values[:BEYOND_LISTED])}{more}"
                    lines += wrap(text, REGULAR, 7, WIDTH)
        return lines

    def _is_beyond(self, point: Point) -> bool:
        return abs(point.ratio) > self._half

    def _is_bar_beyond(self, point: Point) -> bool:
        """Of a point that is not told for itself."""
        return not self._is_beyond(point) and max(map(abs, self._edges(point))) > self._half

    def draw(self, flow: Flow, after: float = 0) -> None:
        """On one page with the next `after` points."""
        unit = one_line(self.unit)
        name = fit(one_line(self.title) + (f" ({unit})" if unit else ""), BOLD, 8.5, WIDTH)[0]
        flow.subtitle(name, keep=self.height - SUBTITLE_HEIGHT + after)
        base = flow.y - 4 - PLOT_HEIGHT
        self._draw_plot(flow.pen, base, unit)
        y = base - AXIS_HEIGHT
        for line in self._legend:
            _draw_legend(flow.pen, y, line)
            y -= LEGEND_LEADING
        flow.pen.text(LEFT, y - BEYOND_GAP, self._beyond, size=7, colour=MUTED, leading=BEYOND_LEADING)
        flow.y -= self.height - SUBTITLE_HEIGHT

    def _draw_plot(self, pen: Pen, base: float, unit: str) -> None:
        nominal = sorted({point.nominal for one in self.series for point in one.points})
        axis = horizontal(nominal, PLOT_LEFT, PLOT_WIDTH)
        plot = Plot(pen, axis, base, self._half)
        plot.background()
        for x, label in labelled(axis, nominal, number, lambda text: REGULAR.width(text, 6.5)):
            pen.line(x, base, x, base - 3, MUTED, 0.6)
            pen.text(x, base - 10.5, (label,), size=6.5, colour=MUTED, align=0.5)
        scale = ", escala logarítmica" if axis.logarithmic else ""
        below = fit(f"Valor nominal{f' ({unit})' if unit else ''}{scale}", REGULAR, 7, PLOT_WIDTH)
        pen.text(PLOT_LEFT + PLOT_WIDTH / 2, base - 22, below, size=7, align=0.5)
        pen.turned_text(LEFT + 10, base + PLOT_HEIGHT / 2, "Error / EMP", pi / 2, size=7, colour=INK)
        middle = (len(self.series) - 1) / 2
        places = [axis.place(value) for value in nominal]
        step = dict(zip(nominal, dodges(places, len(self.series)), strict=True))
        placed = [
            [axis.place(point.nominal) + (middle - index) * step[point.nominal] for point in one.points]
            for index, one in enumerate(self.series)
        ]
        newest_last = [(one, placed[n], STYLES[n % len(STYLES)], n == 0) for n, one in enumerate(self.series)][::-1]
        for one, at, style, main in newest_last:
            plot.lines(one.points, at, style, 1.5 if main else 1.0, self.bars)
        for one, at, style, _ in newest_last:
            plot.markers(one.points, at, style)


def dodges(places: Sequence[float], series: int) -> list[float]:
    """How far apart series stand at each place, in points: less where the next place is near."""
    gaps = [float("inf"), *(b - a for a, b in pairwise(places)), float("inf")]
    return [min(max(min(pair) / series, LEAST_DODGE), MOST_DODGE) for pair in pairwise(gaps)]


def _draw_legend(pen: Pen, y: float, line: Sequence[tuple[int, str, float]]) -> None:
    whole = sum(width for _, _, width in line) + BETWEEN * (len(line) - 1)
    x = PLOT_LEFT + (PLOT_WIDTH - whole) / 2
    for index, label, width in line:
        style = STYLES[index % len(STYLES)]
        pen.polyline([(x, y + 2.4), (x + 25, y + 2.4)], style.colour, 1.5 if index == 0 else 1.0, style.dash)
        marker(pen, x + 12.5, y + 2.4, style)
        pen.text(x + SAMPLE, y, (label,), size=7, colour=ACCENT if index == 0 else INK)
        x += width + BETWEEN
