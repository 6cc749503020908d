"""samzip config"""

from __future__ import annotations

import os
from typing import Any

import click

from samzip.cli.frame import json_option, look_up_settings, print_json, takes_settings
from samzip.doctor.values import shown, shown_with_problems
from samzip.options import OPTIONS
from samzip.settings import unknown_variables
from samzip.units import count


@click.command("config")
@click.argument("action", type=click.Choice(["show", "validate"]), default="show", required=False)
@takes_settings(*(option.name for option in OPTIONS))
@json_option
def command(action: str, as_json: bool, **given: Any) -> None:
    """Show every setting, its value and where that comes from. Secrets are hidden.

    A flag beats a SAMZIP_ variable, which beats samzip.toml (in this folder, in ~/.config/samzip or in /etc/samzip),
    which beats the default. `validate` only says whether all of them are allowed; `samzip doctor` says whether they
    work. A SAMZIP_ variable that is no setting does nothing; `validate` and `samzip doctor` warn of it. One that is not
    allowed is shown as it was given, and marked.

    Exit codes: 0 all are allowed, 78 one is not.

    \b
    Examples:
      samzip config
      samzip config show --json
      samzip config validate --config /etc/samzip/samzip.toml
    """
    strange = unknown_variables(os.environ) if action == "validate" else {}
    if not as_json:
        for variable, hint in strange.items():
            click.echo(f"Warning: {variable} is no setting of samzip and does nothing; {hint}")
    found = look_up_settings(given)
    if action == "show" and found.wrong:
        _show(shown_with_problems(found), as_json=as_json)
    entries = shown(found.settings())
    if action == "validate":
        given_ones = {name: entry["source"] for name, entry in entries.items() if entry["source"] != "default"}
        if as_json:
            print_json({"valid": True, "given": given_ones, "unknown": strange})
            return
        click.echo(f"Valid: {count(len(given_ones), 'setting')} given, {len(entries) - len(given_ones)} are defaults.")
        return
    _show(entries, as_json=as_json)


def _show(entries: dict[str, dict[str, str]], *, as_json: bool) -> None:
    if as_json:
        print_json(entries)
        return
    width = max(map(len, entries))
    for name, entry in entries.items():
        mark = "  <- not allowed" if "problem" in entry else ""
        click.echo(f"{name:<{width}}  {entry['value']}  ({entry['source']}){mark}")
