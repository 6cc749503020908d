"""Reads the measurements that SAM keeps as JSON with a calibration or a verification.

Two shapes exist: {"magnitudes": [{"nombre", "unidad", "puntos_medicion": [...]}]} and an older one with
"puntos_medicion" at the top. A point is usable when its nominal value, its error and a positive maximum
permissible error are finite numbers: ISO 10012 7.1 confirms an instrument by comparing the two.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

MAX_POINTS = 2000  # per record; a table typed by people has tens
MAX_MAGNITUDES = 40  # per record
MAGNITUDE_LIMIT = 1e30  # beyond it a number is a slip, and arithmetic on it may overflow
DEFAULT_NAME = "Magnitud principal"
UNREADABLE = "mediciones omitidas: no se pueden leer"

_TABLES = {"magnitudes", "puntos_medicion"}
_SHAPE = "forma desconocida"
_MEASURED = re.compile(r"(?:nominal|lectura|error$|punto|medici)", re.I)  # begins the name of what was measured
_WORDS = {  # SAM's keys, as people call them
    "nominal": "el valor nominal",
    "lectura": "la lectura",
    "error": "el error",
    "incertidumbre": "la incertidumbre",
    "emp_absoluto": "el error máximo permisible",
}


@dataclass(frozen=True, slots=True)
class Point:
    """One measured point. Values are in the unit of the magnitude, except the ratios."""

    nominal: float
    error: float
    emp: float  # maximum permissible error, absolute, > 0
    uncertainty: float | None = None  # expanded, >= 0; None where none was stated

    @property
    def ratio(self) -> float:
        """Error as a multiple of the maximum permissible error: within -1 and +1 it conforms."""
        return self.error / self.emp

    @property
    def uncertainty_ratio(self) -> float | None:
        return None if self.uncertainty is None else self.uncertainty / self.emp


@dataclass(frozen=True, slots=True)
class Magnitude:
    """What was measured, with its usable points by nominal value."""

    name: str
    unit: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Measurements:
    """The usable part of a record, and what was left out (Spanish, one phrase for each kind of thing)."""

    magnitudes: tuple[Magnitude, ...] = ()
    skipped: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.magnitudes)


Problems = Counter[tuple[str, str]]  # how often: what was left out (a feminine plural, or "puntos"), and why


class _UnusableError(ValueError):
    """A value that cannot be drawn; its text is the reason in Spanish."""


def parse(text: str | None) -> Measurements:
    """Understand the JSON text of a record; anything that is not a usable point is skipped and told.

    Never raises for a text, however wrong. None, blank, null and empty containers mean that nothing was measured.
    """
    if text is None or not text.strip():
        return Measurements()
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):  # ValueError includes integers longer than Python converts
        return Measurements(skipped=(UNREADABLE,))
    if data is None or data in ({}, [], ""):
        return Measurements()
    problems: Problems = Counter()
    magnitudes = tuple(_magnitudes(data, problems))
    if isinstance(data, dict) and _has_others(data, is_alone=not magnitudes and not problems):
        problems["mediciones", _SHAPE] = 1
    return Measurements(magnitudes, tuple(_phrases(problems)))


def _magnitudes(data: object, problems: Problems) -> Iterator[Magnitude]:
    if not isinstance(data, dict):
        problems["mediciones", _SHAPE] += 1
        return
    tables, at_top = data.get("magnitudes"), data.get("puntos_medicion")
    if not tables:
        tables = [data] if at_top else []
    elif at_top:
        problems["puntos", "están fuera de las magnitudes"] += len(at_top) if isinstance(at_top, list) else 1
    if not _TABLES & data.keys():
        problems["mediciones", _SHAPE] += 1
    if not isinstance(tables, list):
        problems["mediciones", _SHAPE] += 1
        return
    left = MAX_POINTS
    for index, table in enumerate(tables):
        if index >= MAX_MAGNITUDES:
            problems["magnitudes", f"pasan de {MAX_MAGNITUDES}"] += len(tables) - MAX_MAGNITUDES
            return
        rows = table.get("puntos_medicion") if isinstance(table, dict) else None
        is_known = isinstance(table, dict) and "puntos_medicion" in table
        others = is_known and table is not data and _has_others(table, is_alone=not rows)
        if not is_known or (others and not rows) or not isinstance(rows, list | type(None)):
            problems["magnitudes", _SHAPE] += 1
            continue
        if others:
            problems["puntos", _SHAPE] += 1
        points = sorted(_points(rows or [], left, problems), key=lambda point: point.nominal)
        left -= len(points)
        if points:
            yield Magnitude(_word(table.get("nombre")) or DEFAULT_NAME, _word(table.get("unidad")), tuple(points))


def _has_others(table: dict[str, object], *, is_alone: bool) -> bool:
    """Whether something that may well be measurements stands under a name that SAM does not give.

    Beside known ones that is an object or a table under such a name, and a list of objects with the words of
    measurements; where they would stand alone, whatever is no plain value, and a plain value with such a word.
    """
    for key, value in table.items():
        if key in _TABLES or not value:
            continue
        is_named = _MEASURED.match(key) is not None
        if is_alone and (is_named or isinstance(value, list | dict)):
            return True
        items = value if isinstance(value, list) else []
        if is_named and (isinstance(value, dict) or any(isinstance(item, dict | list) for item in items)):
            return True
        if any(_MEASURED.match(word) for item in items if isinstance(item, dict) for word in item):
            return True
    return False


def _points(rows: list[object], limit: int, problems: Problems) -> Iterator[Point]:
    for index, row in enumerate(rows):
        if index >= limit:
            problems["puntos", f"pasan de {MAX_POINTS}"] += len(rows) - limit
            return
        try:
            yield _point(row, problems)
        except _UnusableError as reason:
            problems["puntos", str(reason)] += 1


def _point(row: object, problems: Problems) -> Point:
    if not isinstance(row, dict):
        raise _UnusableError(_SHAPE)
    nominal = _required(row, "nominal")
    emp = _required(row, "emp_absoluto")
    if emp <= 0:
        raise _UnusableError(f"{_WORDS['emp_absoluto']} no es positivo")
    if row.get("error") in (None, "") and row.get("lectura") not in (None, ""):
        error = _required(row, "lectura") - nominal
    else:
        error = _required(row, "error")
    uncertainty = None
    if row.get("incertidumbre") not in (None, ""):
        try:
            uncertainty = _required(row, "incertidumbre")
            if uncertainty < 0:
                raise _UnusableError(f"{_WORDS['incertidumbre']} es negativa")
        except _UnusableError as reason:
            uncertainty = None
            problems["incertidumbres", str(reason)] += 1
    return Point(nominal, error, emp, uncertainty)


def _required(row: dict[object, object], key: str) -> float:
    value = row.get(key)
    if value is None or value == "":
        raise _UnusableError(f"falta {_WORDS[key]}")
    number = _number(value)
    if number is None:
        raise _UnusableError(f"{_WORDS[key]} no es un número")
    if math.isnan(number) or abs(number) > MAGNITUDE_LIMIT or 0 < abs(number) < 1 / MAGNITUDE_LIMIT:
        raise _UnusableError(f"{_WORDS[key]} está fuera de escala")
    return number


def _number(value: object) -> float | None:
    """A JSON value as a number; text may use the comma as the decimal sign, as people do in Colombia."""
    if isinstance(value, bool):  # JSON's true is not 1
        return None
    if isinstance(value, int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    if not isinstance(value, str) or len(value) > 60 or "_" in value:
        return None
    text = value.strip().replace("\N{MINUS SIGN}", "-")
    if "," in text and "." in text:  # the later of the two is the decimal sign, the other one groups
        group = "." if text.rfind(",") > text.rfind(".") else ","
        text = text.replace(group, "")
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None


def _word(value: object) -> str:
    """A name or a unit, whatever its JSON type; short, since it stands beside a chart."""
    if value is None or isinstance(value, bool | list | dict):
        return ""
    return " ".join(str(value)[:200].split())[:80] if isinstance(value, str) else str(value)[:80]


def _phrases(problems: Problems) -> Iterator[str]:
    """ "puntos omitidos: falta el error, la lectura no es un número (2)"; a number where it is not one."""
    kinds: dict[str, list[str]] = {}
    for (kind, reason), count in problems.items():
        kinds.setdefault(kind, []).append(reason if count == 1 else f"{reason} ({count})")
    for kind, reasons in kinds.items():
        yield f"{kind} {'omitidos' if kind == 'puntos' else 'omitidas'}: {', '.join(reasons)}"
