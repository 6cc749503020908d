"""samzip init"""

from __future__ import annotations

from typing import Any

import click

from samzip.cli.frame import json_option, print_json, read_settings, takes_settings


@click.command("init")
@takes_settings("database_url", "state_dir")
@json_option
def command(as_json: bool, **given: Any) -> None:
    """Create the tables on an empty database, or adopt SAM's.

    SAM's own tables, rows and indexes stay as they are. Run it again at any time: it does what is missing.

    \b
    Example:
      samzip init --database-url postgresql://samzip@localhost/sam
    """
    from samzip.database.setup import initialise

    done = initialise(read_settings(given).database_url)
    if as_json:
        print_json(done)
        return
    if not done.created:
        click.echo("Nothing to do: every table is there.")
        return
    click.echo("Adopted SAM's database; its own tables are as they were." if done.adopted else "Made a new database.")
    click.echo(f"Created: {', '.join(done.created)}.")
