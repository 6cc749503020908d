"""docs/benchmarks.svg: how the same documents are copied, and how much of each goal's limit is used up."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tests.bench import results as names
from tests.bench.baselines import TOOLS
from tests.bench.goals import Judged
from tests.bench.scenarios import Report

LABEL = "What samzip costs, against copying and goals"

WIDTH = 960
LEFT = 24
BARS = 440  # where they begin
LONGEST = 360  # pixels
LINE = 24
HEAD = 64  # of a panel
CUT = 2.0  # a goal missed by more than this is drawn no longer
SLOWEST = 6.0  # times `cat`; a bar beyond is drawn no longer

STYLE = """
.card{fill:#ffffff;stroke:#d0d7de}.title{font-size:16px;font-weight:600;fill:#1f2328}
.text{font-size:13px;fill:#1f2328}.faint{font-size:12px;fill:#59636e}
.ours{fill:#0969da}.other{fill:#8c959f}.met{fill:#1a7f37}.missed{fill:#cf222e}
.limit{stroke:#59636e;stroke-dasharray:4 3}
@media (prefers-color-scheme:dark){
.card{fill:#0d1117;stroke:#3d444d}.title,.text{fill:#f0f6fc}.faint{fill:#9198a1}
.ours{fill:#4493f8}.other{fill:#656c76}.met{fill:#3fb950}.missed{fill:#f85149}.limit{stroke:#9198a1}}
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a panel."""

    text: str
    length: float  # 0 to 1 of the longest
    told: str  # after it
    kind: str  # a class of STYLE


def draw(report: Report, judged: Sequence[Judged], subtitle: str) -> str:
    """The picture as an SVG file."""
    first = _panel(0, f"Time for the same documents, times `cat` + fsync (bars end at {SLOWEST:.0f})", _copies(report))
    top = HEAD + LINE * len(_copies(report)) + 20
    second = _panel(top, "Goals: share of what is allowed (the line is the limit)", _goals(judged), line=1 / CUT)
    height = top + HEAD + LINE * len(_goals(judged)) + 36
    return frame(height, LABEL, [*first, *second], subtitle)


def frame(height: int, label: str, drawn: Sequence[str], subtitle: str, style: str = "") -> str:
    """A whole SVG file with its own background: it is readable on a light page and on a dark one."""
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
            f'font-family="system-ui, sans-serif" role="img" aria-label="{escape(label)}">',
            f"<style>{STYLE}{style}</style>",
            f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
            *drawn,
            f'<text class="faint" x="{LEFT}" y="{height - 16}">{escape(subtitle)}</text>',
            "</svg>\n",
        )
    )


def _copies(report: Report) -> list[Bar]:
    got = report.results
    named = [
        (names.CACHED, "samzip run: whole job, life sheets cached", "ours"),
        (names.COLD, "samzip run: whole job, nothing cached", "ours"),
        (names.DOCUMENTS, "samzip's ZIP writer alone", "ours"),
        *(
            (tool.name, tool.told.split(":")[0].replace("`", ""), "other")
            for tool in TOOLS
            if tool.name != names.DOCUMENTS
        ),
    ]
    ratios = [
        (text, kind, statistics.median(found)) for name, text, kind in named if (found := got.ratios(name, names.COPY))
    ]
    ratios.append(("cat + fsync", "other", 1.0))
    ratios.sort(key=lambda one: one[2])
    return [Bar(text, min(ratio, SLOWEST) / SLOWEST, f"{ratio:.2f}", kind) for text, kind, ratio in ratios]


def _goals(judged: Sequence[Judged]) -> list[Bar]:
    bars = []
    for one in judged:
        if one.median is None or one.share is None:
            bars.append(Bar(one.goal.what, 0, "not measured", "other"))
            continue
        told = one.goal.form.format(one.median)
        if 0 < one.share < math.inf:
            told += f" ({one.share:.0%})"
        sign, kind = ("✓", "met") if one.met else ("✗", "missed")
        bars.append(Bar(one.goal.what, min(one.share, CUT) / CUT, f"{sign} {told}", kind))
    return bars


def _panel(top: int, title: str, bars: Sequence[Bar], line: float | None = None) -> list[str]:
    out = [f'<text class="title" x="{LEFT}" y="{top + 38}">{escape(title.replace("`", ""))}</text>']
    for number, bar in enumerate(bars):
        y = top + HEAD + LINE * number
        length = max(1.0, LONGEST * bar.length)
        out += [
            f'<text class="text" x="{BARS - 10}" y="{y + 12}" text-anchor="end">{escape(_short(bar.text))}</text>',
            f'<rect class="{bar.kind}" x="{BARS}" y="{y}" width="{length:.1f}" height="16" rx="2"/>',
            f'<text class="faint" x="{BARS + length + 8:.1f}" y="{y + 12}">{escape(bar.told)}</text>',
        ]
    if line is not None:
        x = BARS + LONGEST * line
        bottom = top + HEAD + LINE * len(bars)
        out.append(f'<line class="limit" x1="{x:.1f}" y1="{top + HEAD - 8}" x2="{x:.1f}" y2="{bottom}"/>')
    return out


def _short(text: str) -> str:
    text = text.replace("`", "")
    return text if len(text) <= 66 else f"{text[:65]}…"
