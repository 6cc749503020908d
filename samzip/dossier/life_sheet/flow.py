"""Pages that fill from the top: where the next thing goes, and where a new page begins."""

from __future__ import annotations

from dataclasses import dataclass

from samzip.dossier.life_sheet.fonts import BOLD
from samzip.dossier.life_sheet.pen import ACCENT, MUTED, RULE, Pen

PAGE_WIDTH = 612.0  # Letter, points
PAGE_HEIGHT = 792.0
LEFT = 42.0
RIGHT = PAGE_WIDTH - 42.0
WIDTH = RIGHT - LEFT
TOP = PAGE_HEIGHT - 98.0  # below the header, which furniture.py draws
BOTTOM = 52.0  # above the footer
SECTION_GAP = 16.0
TITLE_HEIGHT = 19.0
SUBTITLE_HEIGHT = 17.0
REMARK_HEIGHT = 11.0  # of a line
TALLEST = TOP - BOTTOM - TITLE_HEIGHT  # of what can be kept on one page below its section's title


@dataclass(frozen=True, slots=True)
class Mark:
    """A place that the outline points to."""

    title: str
    level: int
    page: int  # from 0
    y: float  # top edge, points


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image of the document goes: resource name, page from 0, lower left corner and size in points."""

    name: str
    page: int
    x: float
    y: float
    width: float
    height: float


class Flow:
    """The cursor `y` is the upper edge of the free space on the last page."""

    def __init__(self) -> None:
        self.pen = Pen()
        self.pages: list[list[str]] = [self.pen.out]
        self.marks: list[Mark] = []
        self.placements: list[Placement] = []
        self.y = TOP

    @property
    def space(self) -> float:
        return self.y - BOTTOM

    def new_page(self) -> None:
        self.pen.out = []
        self.pages.append(self.pen.out)
        self.y = TOP

    def need(self, height: float) -> None:
        """Begin a page if there is less than `height` left, unless this one is still empty."""
        if height > self.space and self.y < TOP:
            self.new_page()

    def section(self, title: str, keep: float = 40) -> None:
        """A section's title, on the same page as the first `keep` points of what follows."""
        gap = SECTION_GAP if self.y < TOP else 0
        if gap + TITLE_HEIGHT + keep > self.space:
            self.need(self.space + 1)
            gap = 0
        self.y -= gap
        self.marks.append(Mark(title, 0, len(self.pages) - 1, self.y))
        self.pen.text(LEFT, self.y - 10, (title,), face=BOLD, size=10, colour=ACCENT)
        self.pen.line(LEFT, self.y - 14.5, RIGHT, self.y - 14.5, ACCENT, 0.9)
        self.y -= TITLE_HEIGHT

    def subtitle(self, title: str, keep: float = 30, *, marked: bool = True) -> None:
        """A lesser title below a section's."""
        self.need(SUBTITLE_HEIGHT + keep)
        if marked:
            self.marks.append(Mark(title, 1, len(self.pages) - 1, self.y))
        self.pen.text(LEFT, self.y - 10, (title,), face=BOLD, size=8.5)
        self.y -= SUBTITLE_HEIGHT

    def remark(self, lines: tuple[str, ...], size: float = 7.5) -> None:
        """Small grey lines, such as what was left out."""
        for line in lines:
            self.need(REMARK_HEIGHT)
            self.pen.text(LEFT, self.y - 9, (line,), size=size, colour=MUTED)
            self.y -= REMARK_HEIGHT

    def rule(self) -> None:
        self.pen.line(LEFT, self.y, RIGHT, self.y, RULE, 0.5)
