"""Readings of an instrument, as SAM keeps them in its JSON columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from samzip.demo.book import number
from samzip.demo.instruments import Magnitude

Point = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Readings:
    """The points of one magnitude, measured on one day."""

    magnitude: Magnitude
    points: tuple[Point, ...]

    @property
    def conforming(self) -> bool:
        return all(point["conformidad"] == "CONFORME" for point in self.points)

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Lines for a certificate: nominal, reading, error, expanded uncertainty."""
        unit, digits = self.magnitude.unit, self.magnitude.decimals
        head = (f"{self.magnitude.name} [{unit}]", "Lectura", "Error", "U (k = 2)", "EMP")
        lines = (
            (
                number(point["nominal"], digits),
                number(point["lectura"], digits),
                number(point["error"], digits),
                number(point["incertidumbre"], digits + 1),
                f"± {number(point['emp_absoluto'], digits)}",
            )
            for point in self.points
        )
        return (head, *lines)


def measure(rng: Random, magnitude: Magnitude, bias: float) -> Readings:
    """`bias` is the systematic error as a share of the maximum permissible one; beyond 1 nothing conforms.

    A point conforms when its error and its uncertainty together stay within the limit (guard band of U,
    ILAC-G8:09/2019).
    """
    points = []
    for step, nominal in enumerate(magnitude.points):
        limit = magnitude.permissible(nominal)
        tilt = 0.15 * step / len(magnitude.points)
        error = round(limit * (bias + tilt + rng.uniform(-0.12, 0.12)), magnitude.decimals + 1)
        uncertainty = round(limit * rng.uniform(0.12, 0.22), magnitude.decimals + 2)
        conforms = abs(error) + uncertainty <= limit
        points.append(
            {
                "nominal": nominal,
                "lectura": round(nominal + error, magnitude.decimals + 2),
                "error": error,
                "incertidumbre": uncertainty,
                "emp_absoluto": round(limit, 7),
                "conformidad": "CONFORME" if conforms else "NO CONFORME",
            }
        )
    return Readings(magnitude, tuple(points))


def as_json(readings: Sequence[Readings]) -> str:
    """The present form: one entry per magnitude."""
    magnitudes = [
        {
            "nombre": each.magnitude.name,
            "unidad": each.magnitude.unit,
            "puntos_medicion": list(each.points),
        }
        for each in readings
    ]
    return json.dumps({"version": 2, "magnitudes": magnitudes, "regla_decision": "guarda_U"}, ensure_ascii=False)


def as_older_json(readings: Sequence[Readings]) -> str:
    """The form of SAM's first years: the points of a single magnitude at the top."""
    first = readings[0]
    return json.dumps({"unidad": first.magnitude.unit, "puntos_medicion": list(first.points)}, ensure_ascii=False)
