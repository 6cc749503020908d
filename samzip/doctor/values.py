"""Settings as people may see them."""

from __future__ import annotations

from datetime import timedelta

from samzip.options import OPTIONS, Option
from samzip.settings import Settings
from samzip.units import show_duration, show_size


def shown(settings: Settings) -> dict[str, dict[str, str]]:
    """Value and source of every setting, as people may see them. Raises BadSetting."""
    return {
        option.name: {
            "value": _show(option, getattr(settings, option.name), settings.sources[option.name]),
            "source": settings.sources[option.name],
        }
        for option in OPTIONS
    }


def _show(option: Option, value: object, source: str) -> str:
    if option.name == "database_url":
        from samzip.database.engine import parse_url

        return parse_url(str(value)).render_as_string(hide_password=True)
    if option.secret and not (value and source == "default"):
        return "(hidden)" if value else "(none)"
    if isinstance(value, timedelta):
        return show_duration(value)
    return show_size(value) if option.name == "cache_size" and isinstance(value, int) else str(value)
