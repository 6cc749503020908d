"""docs/growth.svg: what samzip costs by the length of its history, as curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from tests.bench import size as names
from tests.bench.goals import MB
from tests.bench.picture import LEFT, WIDTH, frame
from tests.bench.size import POSTGRES, SQLITE, Growth, Measures

LABEL = "What samzip costs, by the length of its history"
TITLE = "What a longer history costs, by the number of requests that have ended"

COLUMNS = 2
PANEL = 212  # pixels from one to the next below
HEAD = 84  # title, and what the colours mean
CHART = (326, 140)  # pixels
AXIS = 44  # left of a chart, for its scale
BELOW = 26  # from a panel's title to the top of its chart
APART = 14  # pixels between two lines of text
LINES = 3  # of the scale, at least

KINDS = {SQLITE: "sqlite", POSTGRES: "postgres"}
STYLE = """
.grid{stroke:#d0d7de}.curve{stroke-width:2}.dashed{stroke-dasharray:5 4}.end{font-size:12px}
.sqlite{fill:#0969da}.postgres{fill:#bc4c00}.curve.sqlite{fill:none;stroke:#0969da}.curve.postgres{fill:none;stroke:#bc4c00}
@media (prefers-color-scheme:dark){.grid{stroke:#3d444d}
.sqlite{fill:#4493f8}.postgres{fill:#f0883e}.curve.sqlite{fill:none;stroke:#4493f8}.curve.postgres{fill:none;stroke:#f0883e}}
"""


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: a curve for each database, and dashed ones of the same without the index."""

    title: str  # may name the number of {pending} requests
    form: str  # of a value, with its unit
    value: Callable[[Measures, str], float]
    name: str
    without_index: str | None = None


def _seconds(measures: Measures, name: str) -> float:
    return measures.wall_s(name)


def _milliseconds(measures: Measures, name: str) -> float:
    return 1000 * measures.wall_s(name)


def _megabytes(measures: Measures, name: str) -> float:
    return measures.peak(name) / MB


PANELS = (
    Panel("An idle run: time", "{:.2f} s", _seconds, names.IDLE, names.IDLE_NO_INDEX),
    Panel("An idle run: largest process", "{:.0f} MB", _megabytes, names.IDLE),
    Panel("samzip status with {pending:,} pending: time", "{:.2f} s", _seconds, names.STATUS),
    Panel("A click: POST /requests", "{:.0f} ms", _milliseconds, names.CLICK),
    Panel("A status page of what has ended", "{:.0f} ms", _milliseconds, names.PAGE_ENDED),
    Panel("A status page of who waits behind {pending:,}", "{:.0f} ms", _milliseconds, names.PAGE_WAITING),
)


def draw(growth: Growth, subtitle: str) -> str:
    """The picture as an SVG file. Each measured value is a point, which tells its value as its title."""
    out = [f'<text class="title" x="{LEFT}" y="38">{TITLE}</text>']
    out += _legend(growth)
    for number, panel in enumerate(PANELS):
        row, column = divmod(number, COLUMNS)
        out += _panel(growth, panel, LEFT + column * (WIDTH - LEFT) // COLUMNS, HEAD + PANEL * row)
    height = HEAD + PANEL * math.ceil(len(PANELS) / COLUMNS) + 24
    return frame(height, LABEL, out, subtitle, STYLE)


def _legend(growth: Growth) -> Iterator[str]:
    x = LEFT
    for text, kind in (
        *((database, KINDS[database]) for database in growth.measured),
        ("dashed: without the index that samzip init --check offers", None),
    ):
        if kind:
            yield f'<path class="curve {kind}" d="M{x} 58h24"/>'
            x += 32
        yield f'<text class="faint" x="{x}" y="62">{escape(text)}</text>'
        x += 96


def _panel(growth: Growth, panel: Panel, left: int, top: int) -> Iterator[str]:
    curves = [
        (database, dashed, [panel.value(by_step[step], name) for step in growth.plan.steps])
        for name, dashed in ((panel.name, ""), (panel.without_index, " dashed"))
        if name
        for database, by_step in growth.measured.items()
    ]
    width, height = CHART
    scale = scale_to(max(max(values) for _, _, values in curves))
    x0, y0 = left + AXIS, top + BELOW + height  # of nothing
    steps = growth.plan.steps
    across = [x0 + width * number / max(1, len(steps) - 1) for number in range(len(steps))]

    def up(value: float) -> float:
        return y0 - height * value / scale[-1]

    title = panel.title.format(pending=growth.plan.size.pending)
    yield f'<text class="text" x="{left}" y="{top + 10}">{escape(title)}</text>'
    for value in scale:
        yield f'<path class="grid" d="M{x0} {up(value):.1f}h{width}"/>'
        yield f'<text class="faint" x="{x0 - 8}" y="{up(value) + 4:.1f}" text-anchor="end">{value:g}</text>'
    for x, step in zip(across, steps, strict=True):
        yield f'<text class="faint" x="{x:.1f}" y="{y0 + 20}" text-anchor="middle">{step:,}</text>'
    for database, dashed, values in curves:
        kind = KINDS[database]
        points = [(x, up(value)) for x, value in zip(across, values, strict=True)]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        yield f'<path class="curve {kind}{dashed}" d="M{path}"/>'
        for (x, y), step, value in zip(points, steps, values, strict=True):
            told = escape(f"{database}, {step:,}: {panel.form.format(value)}")
            yield f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{told}</title></circle>'
    heights = apart([up(values[-1]) for _, _, values in curves])
    for (database, _, values), y in zip(curves, heights, strict=True):
        told = escape(panel.form.format(values[-1]))
        yield f'<text class="end {KINDS[database]}" x="{x0 + width + 10}" y="{y + 4:.1f}">{told}</text>'


def scale_to(most: float) -> list[float]:
    """Round numbers from 0 to at least `most`."""
    unit = 10.0 ** math.floor(math.log10(most / LINES))
    step = max(factor * unit for factor in (0.5, 1, 2, 5) if factor * unit * LINES <= most)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def apart(heights: Sequence[float]) -> list[float]:
    """The same, moved down where a text would lie on the one above it."""
    moved = list(heights)
    free = -math.inf  # from here on down
    for number in sorted(range(len(moved)), key=moved.__getitem__):
        moved[number] = max(moved[number], free)
        free = moved[number] + APART
    return moved
