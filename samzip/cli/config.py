"""samzip config"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from samzip.cli.frame import json_option, print_json, read_settings, takes_settings
from samzip.options import OPTIONS
from samzip.units import show_duration, show_size


@click.command("config")
@takes_settings(*(option.name for option in OPTIONS))
@json_option
def command(as_json: bool, **given: Any) -> None:
    """Show every setting, its value and where that comes from. Secrets are hidden.

    A flag beats a SAMZIP_ variable, which beats samzip.toml (in this folder, in ~/.config/samzip or in /etc/samzip),
    which beats the default.

    \b
    Example:
      samzip config --part-size 50
    """
    settings = read_settings(given)
    shown = {
        option.name: {
            "value": _show(option.name, getattr(settings, option.name), secret=option.secret),
            "source": settings.sources[option.name],
        }
        for option in OPTIONS
    }
    if as_json:
        print_json(shown)
        return
    width = max(map(len, shown))
    for name, entry in shown.items():
        click.echo(f"{name:<{width}}  {entry['value']}  ({entry['source']})")


def _show(name: str, value: object, *, secret: bool) -> str:
    if name == "database_url":
        from samzip.database.engine import parse_url

        return parse_url(str(value)).render_as_string(hide_password=True)
    if secret:
        return "(hidden)" if value else "(none)"
    if isinstance(value, timedelta):
        return show_duration(value)
    return show_size(value) if name == "cache_size" and isinstance(value, int) else str(value)
