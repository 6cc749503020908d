"""Which results of a calibration or verification say that the instrument did not pass."""

from __future__ import annotations

# SAM offers "No Aprobado"; the column takes whatever an import or an older version wrote.
REFUSALS = ("no aprob", "no conforme", "no cumple", "rechaz", "reprob")


def is_refusal(result: str) -> bool:
    return " ".join(result.casefold().split()).startswith(REFUSALS)
