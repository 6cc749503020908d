"""samzip status"""

from __future__ import annotations

import shutil
import sys
from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo

import click

from samzip.cli.frame import json_option, print_json, read_settings, takes_settings


@click.command("status")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=5, show_default=True, help="Companies, archives and runs to show."
)
@takes_settings("database_url", "state_dir", "timezone")
@json_option
def command(limit: int, as_json: bool, **given: Any) -> None:
    """Show the queue, the run in progress, archives and the last runs.

    It changes nothing and waits for nobody. Times are local, those of --json are UTC.

    \b
    Examples:
      samzip status
      samzip status --json --limit 20
    """
    from samzip.app import ready_database
    from samzip.locks import is_held, read_holder
    from samzip.report.status import Lock, status_lines
    from samzip.requests.overview import overview

    settings = read_settings(given)
    with ready_database(settings) as database, database.read() as connection:
        view = overview(connection, database.now(connection), limit)
    lock = Lock(
        path=str(settings.lock_path),
        held=is_held(settings.lock_path) or False,
        holder=read_holder(settings.lock_path),
    )
    if as_json:
        print_json({**asdict(view), "lock": lock})
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in status_lines(view, lock, ZoneInfo(settings.timezone), limit=limit, width=width):
        click.echo(line)
