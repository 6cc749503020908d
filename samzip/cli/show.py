"""samzip show"""

from __future__ import annotations

import shutil
import sys
from typing import Any
from zoneinfo import ZoneInfo

import click

from samzip.cli.frame import RequestNumber, json_option, print_json, read_settings, takes_settings


@click.command("show")
@click.argument("request_id", metavar="ID", type=RequestNumber())
@takes_settings("database_url", "state_dir", "timezone")
@json_option
def command(request_id: int, as_json: bool, **given: Any) -> None:
    """Tell the story of one request: who clicked, what became of it, where its archive is and what that lacks.

    \b
    Example:
      samzip show 47
    """
    from samzip.app import ready_database
    from samzip.report.story import story_lines
    from samzip.requests.single import story

    settings = read_settings(given)
    with ready_database(settings) as database, database.read() as connection:
        told = story(connection, database.now(connection), request_id)
    if as_json:
        print_json(told)
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in story_lines(told, ZoneInfo(settings.timezone), width):
        click.echo(line)
