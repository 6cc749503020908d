"""Values as SpreadsheetML cells (ECMA-376 part 1, 18.3.1.4): what Excel cannot hold becomes text, never an error."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from html import escape
from math import isfinite

from samzip.dossier.characters import legible
from samzip.dossier.moments import in_zone
from samzip.dossier.workbook.styles import Style

Value = str | int | float | Decimal | date | datetime | None

CELL_LIMIT = 32_767  # UTF-16 code units in one cell
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n")
EPOCH = date(1899, 12, 30)  # day 0 of Excel's calendar, right from 1 March 1900 on
DAY = timedelta(days=1)

_ESCAPE_LIKE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


def clean(text: str) -> str:
    """The text as a cell can hold it: no characters that XML forbids, at most 32,767 UTF-16 units.

    Line ends become LF, as a cell has them; a text that was too long ends in "…".
    """
    text = legible(text)
    if len(text) * 2 > CELL_LIMIT:
        units = text.encode("utf-16-le")
        if len(units) // 2 > CELL_LIMIT:
            return units[: 2 * (CELL_LIMIT - 1)].decode("utf-16-le", "ignore") + "…"
    return text


def serial_day(day: date) -> int | None:
    """Days in Excel's calendar, None before 1900; it holds a 29 February 1900 that never was."""
    days = (day - EPOCH).days
    if days > 60:
        return days
    return days - 1 if days > 1 else None


def number(value: int | float | Decimal) -> str | None:
    """The number as a cell writes it; None for NaN, infinities and what no double holds."""
    try:
        double = float(value)
    except (OverflowError, ValueError):  # a signalling NaN refuses to be a float
        return None
    if not isfinite(double):
        return None
    return str(int(double)) if double.is_integer() and abs(double) < 10**15 else repr(double)


class Pen:
    """Writes cells with the style ids of one workbook, moments in one time zone."""

    def __init__(self, styles: Mapping[tuple[Style, bool], int], zone: tzinfo) -> None:
        self._plain = {style: str(index) for (style, quoted), index in styles.items() if not quoted}
        self._quoted = {style: str(index) for (style, quoted), index in styles.items() if quoted}
        self._zone = zone

    def cell(self, reference: str, value: Value, style: Style) -> str:
        """One <c> element; `reference` is like "B7". Text is always an inline string, never a formula."""
        if value is None:
            return self._blank(reference, style)
        if isinstance(value, str):
            return self._text(reference, value, style)
        if isinstance(value, date):
            content = self._moment(value) if isinstance(value, datetime) else serial_day(value)
        else:
            content = number(value)
        if content is None:
            shown = in_zone(value, self._zone).isoformat(" ")[:16] if isinstance(value, datetime) else str(value)
            return self._text(reference, shown, Style.TEXT)
        return f'<c r="{reference}" s="{self._plain[style]}"><v>{content}</v></c>'

    def _blank(self, reference: str, style: Style) -> str:
        return f'<c r="{reference}" s="{self._plain[style]}"/>'

    def _text(self, reference: str, value: str, style: Style) -> str:
        text = clean(value)
        if not text:
            return self._blank(reference, style)
        index = self._quoted[style] if text.startswith(FORMULA_STARTS) else self._plain[style]
        if "_x" in text:  # Excel would read _x0041_ as "A"
            text = _ESCAPE_LIKE.sub("_x005F_", text)
        space = ' xml:space="preserve"' if text != text.strip() else ""
        return f'<c r="{reference}" s="{index}" t="inlineStr"><is><t{space}>{escape(text, quote=False)}</t></is></c>'

    def _moment(self, value: datetime) -> str | None:
        try:
            local = value.astimezone(self._zone)
        except OverflowError:  # the first or last day of Python's calendar
            return None
        day = serial_day(local.date())
        if day is None:
            return None
        seconds = local.hour * 3600 + local.minute * 60 + local.second
        return repr(day + seconds / 86_400)
