"""samzip config"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from samzip.cli.frame import json_option, print_json, read_settings, takes_settings
from samzip.options import OPTIONS
from samzip.settings import Settings
from samzip.units import count, show_duration, show_size


@click.command("config")
@click.argument("action", type=click.Choice(["show", "validate"]), default="show", required=False)
@takes_settings(*(option.name for option in OPTIONS))
@json_option
def command(action: str, as_json: bool, **given: Any) -> None:
    """Show every setting, its value and where that comes from. Secrets are hidden.

    A flag beats a SAMZIP_ variable, which beats samzip.toml (in this folder, in ~/.config/samzip or in /etc/samzip),
    which beats the default. `validate` only says whether all of them are allowed; `samzip doctor` says whether they
    work.

    Exit codes: 0 all are allowed, 78 one is not.

    \b
    Examples:
      samzip config
      samzip config show --json
      samzip config validate --config /etc/samzip/samzip.toml
    """
    settings = read_settings(given)
    entries = shown(settings)
    if action == "validate":
        given_ones = {name: entry["source"] for name, entry in entries.items() if entry["source"] != "default"}
        if as_json:
            print_json({"valid": True, "given": given_ones})
            return
        click.echo(f"Valid: {count(len(given_ones), 'setting')} given, {len(entries) - len(given_ones)} are defaults.")
        return
    if as_json:
        print_json(entries)
        return
    width = max(map(len, entries))
    for name, entry in entries.items():
        click.echo(f"{name:<{width}}  {entry['value']}  ({entry['source']})")


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
