"""samzip cancel"""

from __future__ import annotations

from typing import Any

import click

from samzip.cli.frame import RequestNumber, json_option, print_json, read_settings, takes_settings


@click.command("cancel")
@click.argument("request_id", metavar="ID", type=RequestNumber())
@takes_settings("database_url", "state_dir")
@json_option
def command(request_id: int, as_json: bool, **given: Any) -> None:
    """Stop a request that waits or is being built.

    Other requests of the same part are served all the same. If there are none, a run that is building the part drops
    it and publishes nothing. `samzip retry` takes a cancellation back.

    \b
    Example:
      samzip cancel 47
    """
    from samzip.app import ready_database
    from samzip.report.story import cancelled_lines
    from samzip.requests.single import cancel

    with ready_database(read_settings(given)) as database, database.write() as connection:
        done = cancel(connection, database.now(connection), request_id)
    if as_json:
        print_json(done)
        return
    for line in cancelled_lines(done):
        click.echo(line)
