"""Columns of a table, and the width that their values need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from samzip.dossier.life_sheet.fonts import BOLD, REGULAR
from samzip.dossier.life_sheet.model import NOTHING

PAD = 5.0  # left and right in a cell
SIZE = 7.5
HEAD_SIZE = 7.0


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    width: float  # points; those of a table add up to flow.WIDTH
    align: float = 0  # 0 left, 1 right
    bold: bool = False
    alert: Callable[[str], bool] | None = None  # which values stand out


def fitted(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Sequence[Column]:
    """Room that a column does not need goes to those whose texts are broken, by what each lacks. The first column keeps
    its width, so that the tables of a sheet stand below each other."""
    columns = _without_empty_room(columns, rows)
    needs = [_need(column, [row[place] for row in rows]) for place, column in enumerate(columns)]
    lacks = [max(0.0, need - column.width) for column, need in zip(columns, needs, strict=True)]
    spare = [max(0.0, column.width - need) for column, need in zip(columns, needs, strict=True)]
    spare[0] = 0.0
    moved = min(sum(lacks), sum(spare))
    if not moved:
        return columns
    given, taken = moved / sum(lacks), moved / sum(spare)
    return [
        replace(column, width=column.width + lack * given - left * taken)
        for column, lack, left in zip(columns, lacks, spare, strict=True)
    ]


def _need(column: Column, values: Sequence[str]) -> float:
    """Points in which no value and no word of the title is broken."""
    face = BOLD if column.bold or column.alert else REGULAR
    widths = [face.width(line, SIZE) for value in values for line in value.split("\n")]
    return max((*widths, *(BOLD.width(word, HEAD_SIZE) for word in column.title.split()))) + 2 * PAD + 0.1


def _without_empty_room(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> Sequence[Column]:
    """A column that has no value at all is as narrow as its title; the widest of the others gets the room."""
    empty = [all(row[place] == NOTHING for row in rows) for place in range(len(columns))]
    if all(empty) or not any(empty):
        return columns
    narrow = [
        min(column.width, BOLD.width(column.title, HEAD_SIZE) + 2 * PAD + 1) if nothing else column.width
        for column, nothing in zip(columns, empty, strict=True)
    ]
    heir = max((place for place in range(len(columns)) if not empty[place]), key=narrow.__getitem__)
    narrow[heir] += sum(column.width for column in columns) - sum(narrow)
    return [replace(column, width=width) for column, width in zip(columns, narrow, strict=True)]
