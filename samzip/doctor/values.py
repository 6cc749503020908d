"""Settings as people may see them."""

from __future__ import annotations

from datetime import timedelta

from samzip.options import OPTIONS
from samzip.settings import Settings
from samzip.units import show_duration, show_size


def shown(settings: Settings) -> dict[str, dict[str, str]]:
    """Value and source of every setting, as people may see them. Raises BadSetting."""
    return {
        option.name: {
            "value": _show(option.name, getattr(settings, option.name), secret=option.secret),
            "source": settings.sources[option.name],
        }
        for option in OPTIONS
    }


def _show(name: str, value: object, *, secret: bool) -> str:
    if name == "database_url":
        from samzip.database.engine import parse_url

        return parse_url(str(value)).render_as_string(hide_password=True)
    if secret:
        return "(hidden)" if value else "(none)"
    if isinstance(value, timedelta):
        return show_duration(value)
    return show_size(value) if name == "cache_size" and isinstance(value, int) else str(value)
