"""Which results of a calibration or verification say that the instrument did not pass."""

from __future__ import annotations

from samzip.catalog.model import spaced

# SAM offers "No Aprobado"; the column takes whatever an import or an older version wrote.
REFUSALS = ("no aprob", "no apt", "no conforme", "no cumple", "fuera de toler", "rechaz", "reprob")


def is_refusal(result: str) -> bool:
    return spaced(result).casefold().startswith(REFUSALS)
