"""The axes of a chart: where a value goes, and which values get a label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10

LEAST_RANGE = 1.3  # the vertical axis always shows the limits at +1 and -1 with some air
GREATEST_RANGE = 4.0  # beyond it the limits would be too close together to read; values are clipped and marked


def vertical_range(extremes: Sequence[float]) -> float:
    """Half the height of the axis, in multiples of the maximum permissible error."""
    reach = max((abs(value) for value in extremes), default=0.0)
    return min(max(LEAST_RANGE, reach * 1.08), GREATEST_RANGE)


def vertical_ticks(half: float) -> list[float]:
    """Multiples of 0.5 or 1 within the range."""
    step = 0.5 if half <= 2.3 else 1.0
    count = int(half / step)
    return [index * step for index in range(-count, count + 1)]


@dataclass(frozen=True, slots=True)
class Horizontal:
    """The axis of nominal values, `left` to `left + width` in points."""

    low: float  # on the axis's own scale
    high: float
    left: float
    width: float
    logarithmic: bool

    def place(self, value: float) -> float:
        on_scale = log10(value) if self.logarithmic else value
        return self.left + self.width * ((on_scale - self.low) / (self.high - self.low))


def horizontal(values: Sequence[float], left: float, width: float, margin: float = 14) -> Horizontal:
    """An axis for the nominal values; logarithmic where a linear one would heap most of them in a corner."""
    nominal = sorted(set(values))
    logarithmic = _is_crowded(nominal)
    low, high = nominal[0], nominal[-1]
    if logarithmic:
        low, high = log10(low), log10(high)
    if high - low <= max(abs(low), abs(high)) * 1e-9:
        spread = abs(low) * 0.5 or 1.0
        low, high = low - spread, high + spread
    return Horizontal(low, high, left + margin, width - 2 * margin, logarithmic)


def _is_crowded(nominal: Sequence[float]) -> bool:
    if len(nominal) < 3 or nominal[0] <= 0 or nominal[-1] / nominal[0] < 50:
        return False
    whole = nominal[-1] - nominal[0]
    close = sum(1 for a, b in pairwise(nominal) if (b - a) / whole < 0.03)
    return close * 2 >= len(nominal) - 1


def labelled(
    axis: Horizontal, values: Sequence[float], write: Callable[[float], str], measure: Callable[[str], float]
) -> list[tuple[float, str]]:
    """Place and label of the nominal values whose labels do not touch; the last one comes before its neighbours."""
    nominal = sorted(set(values))
    labels = [(axis.place(value), write(value)) for value in nominal]
    last_x, last_label = labels[-1]
    kept: list[tuple[float, str]] = []
    limit = last_x - measure(last_label) / 2 - 5
    edge = float("-inf")
    for x, label in labels[:-1]:
        half = measure(label) / 2
        if x - half > edge and x + half < limit:
            kept.append((x, label))
            edge = x + half + 5
    return [*kept, (last_x, last_label)]
