"""Settings as people may see them."""

from __future__ import annotations

from datetime import timedelta

from samzip.options import OPTIONS, Option
from samzip.settings import Found, Settings
from samzip.units import show_duration, show_size

HIDDEN = "(hidden)"


def shown(settings: Settings) -> dict[str, dict[str, str]]:
    """Value and source of every setting, as people may see them. Raises BadSetting."""
    return {
        option.name: {
            "value": _show(option, getattr(settings, option.name), settings.sources[option.name]),
            "source": settings.sources[option.name],
        }
        for option in OPTIONS
    }


def shown_with_problems(found: Found) -> dict[str, dict[str, str]]:
    """The same where some are wrong: as they were given, each wrong one with its problem."""
    entries = {}
    for option in OPTIONS:
        name, source = option.name, found.sources[option.name]
        if name in found.values:
            value = _show(option, found.values[name], source)
        elif name in found.wrong:
            text = found.texts[name]
            value = HIDDEN if option.secret or name == "database_url" or "@" in text else text
        else:
            value = "(follows from what is wrong)"
        entries[name] = {"value": value, "source": source}
    for name, error in found.wrong.items():  # what is no setting may be a secret under a misspelt name
        entries.setdefault(name, {"value": HIDDEN, "source": found.sources[name]})["problem"] = str(error)
    return entries


def _show(option: Option, value: object, source: str) -> str:
    if option.name == "database_url":
        from samzip.database.engine import parse_url, shown_url

        return shown_url(parse_url(str(value)))
    if option.secret and not (value and source == "default"):
        return HIDDEN if value else "(none)"
    if isinstance(value, timedelta):
        return show_duration(value)
    return show_size(value) if option.name == "cache_size" and isinstance(value, int) else str(value)
