"""samzip retry"""

from __future__ import annotations

from typing import Any

import click

from samzip.cli.frame import RequestNumber, json_option, print_json, read_settings, takes_settings


@click.command("retry")
@click.argument("request_id", metavar="ID", type=RequestNumber())
@takes_settings("database_url", "state_dir")
@json_option
def command(request_id: int, as_json: bool, **given: Any) -> None:
    """Put a failed, expired or cancelled request back into the queue.

    The next run builds its part at once, with all attempts before it; a part whose content is unchanged and whose
    archive is still there gets that one.

    \b
    Example:
      samzip retry 47 && samzip run
    """
    from samzip.app import ready_database
    from samzip.report.story import retried_lines
    from samzip.requests.single import retry

    with ready_database(read_settings(given)) as database, database.write() as connection:
        done = retry(connection, database.now(connection), request_id)
    if as_json:
        print_json(done)
        return
    for line in retried_lines(done):
        click.echo(line)
