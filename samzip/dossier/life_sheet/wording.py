"""Values as Colombian readers write them: dates, moments, pesos, months, numbers."""

from __future__ import annotations

from datetime import date, datetime, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from samzip.dossier.life_sheet.model import NOTHING
from samzip.dossier.moments import in_zone

ABSENT = "FALTA: "  # begins the reason why a document is not there
LONGEST_AMOUNT = 20  # the power of ten that a column has room for
HALF_A_CENT = Decimal("0.005")
EMPTY = "No registra"  # a section without content


def zone(name: str) -> tzinfo | None:
    """The time zone of an IANA name; None where there is no such zone."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # ZoneInfoNotFoundError is a KeyError; odd names give the others
        return None


def day(value: date | None) -> str:
    return value.isoformat()[:10] if value else NOTHING


def moment(value: datetime | None, local: tzinfo) -> str:
    """2026-11-24 15:04, in local time."""
    if value is None:
        return NOTHING
    return in_zone(value, local).isoformat(sep=" ")[:16]


def local_day(value: datetime | None, local: tzinfo) -> str:
    return moment(value, local)[:10] if value else NOTHING


def pesos(value: Decimal | None) -> str:
    """$ 120.000 or $ 1.234,50: points group thousands, the comma marks cents. What has no such form is told briefly."""
    if value is None:
        return NOTHING
    if not value.is_finite() or value.adjusted() > LONGEST_AMOUNT or 0 < abs(value) <= HALF_A_CENT:
        return f"$ {_brief(value)}"
    exact = value == value.to_integral_value()
    sign, digits = ("-" if value < 0 else ""), f"{abs(value):,.{0 if exact else 2}f}"
    return f"{sign}$ {digits.translate(str.maketrans(',.', '.,'))}"


def months(value: Decimal | None) -> str:
    """12 meses, 1 mes, 1,5 meses."""
    if value is None:
        return NOTHING
    if not value.is_finite() or not -6 < value.adjusted() < 9:
        return f"{_brief(value)} meses" if value else "0 meses"
    text = f"{value:.2f}".rstrip("0").rstrip(".").replace(".", ",")
    return f"{text} mes" if text == "1" else f"{text} meses"


def number(value: float) -> str:
    """At most six significant digits, comma as the decimal sign."""
    return f"{value:.6g}".replace("-", "−").replace(".", ",").replace("e+", "e")


def _brief(value: Decimal) -> str:
    return f"{value:.4g}".replace(".", ",")
