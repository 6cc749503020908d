"""samzip config"""

from __future__ import annotations

import os
from typing import Any

import click

from samzip.cli.frame import json_option, look_up_settings, print_json, takes_settings
from samzip.doctor.values import shown_with_problems
from samzip.options import OPTIONS
from samzip.settings import FILE, Found, unknown_variables
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
    found = look_up_settings(given)
    if action == "validate":
        _validate(found, as_json=as_json)
    elif FILE not in found.wrong:  # nobody knows what it would have said
        _show(shown_with_problems(found), as_json=as_json)
    found.settings()


def _validate(found: Found, *, as_json: bool) -> None:
    """Tells whether all are allowed, and what is none."""
    strange = unknown_variables(os.environ)
    given = {name: source for name, source in found.sources.items() if source != "default"}
    problems = {name: str(error) for name, error in found.wrong.items()}
    if as_json:
        print_json({"valid": not problems, "given": given, "problems": problems, "unknown": strange})
        return
    for variable, hint in strange.items():
        click.echo(f"Warning: {variable} is no setting of samzip and does nothing; {hint}", err=True)
    if not problems:
        click.echo(f"Valid: {count(len(given), 'setting')} given, {len(OPTIONS) - len(given)} are defaults.")


def _show(entries: dict[str, dict[str, str]], *, as_json: bool) -> None:
    if as_json:
        print_json(entries)
        return
    width = max(map(len, entries))
    for name, entry in entries.items():
        mark = "  <- not allowed" if "problem" in entry else ""
        click.echo(f"{name:<{width}}  {entry['value']}  ({entry['source']}){mark}")
