"""samzip status"""

from __future__ import annotations

import shutil
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from samzip.cli.frame import json_option, print_json, read_settings, takes_settings
from samzip.errors import UsageProblem
from samzip.settings import Settings

if TYPE_CHECKING:
    from samzip.report.status import Lock

PATIENCE_S = 2  # of --watch with a database that does not answer


@click.command("status")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=5, show_default=True, help="Companies, archives and runs to show."
)
@click.option("--watch", is_flag=True, help="Draw it anew every second on this terminal, until Ctrl-C.")
@takes_settings("database_url", "state_dir", "timezone")
@json_option
def command(limit: int, watch: bool, as_json: bool, **given: Any) -> None:
    """Show the queue, the run in progress, archives and the last runs.

    It changes nothing and waits for nobody. Times are local, those of --json are UTC. --watch shows the queue, parts in
    work with speed and time left, the last runs, and what is worth a look.

    \b
    Examples:
      samzip status
      samzip status --watch
      samzip status --json --limit 20
    """
    from samzip.app import ready_database
    from samzip.report.status import status_lines
    from samzip.requests.overview import overview

    if watch and (as_json or not sys.stdout.isatty()):
        raise UsageProblem("--watch draws on a terminal; elsewhere call samzip status --json as often as you like")
    settings = read_settings(given)
    if watch:
        _watch(settings, limit)
        return
    with ready_database(settings) as database, database.read() as connection:
        view = overview(connection, database.now(connection), limit)
    lock = _lock(settings)
    if as_json:
        print_json({**asdict(view), "lock": lock})
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in status_lines(view, lock, ZoneInfo(settings.timezone), limit=limit, width=width):
        click.echo(line)


def _lock(settings: Settings) -> Lock:
    from samzip.locks import is_held, read_holder
    from samzip.report.status import Lock

    path = settings.lock_path
    return Lock(path=str(path), held=is_held(path) or False, holder=read_holder(path))


def _watch(settings: Settings, limit: int) -> None:
    """Ctrl-C is its good end; SIGTERM leaves the terminal as it was, too."""
    from samzip.app import ready_database
    from samzip.report.watch import Seen, watch
    from samzip.requests.overview import overview

    def look() -> Seen:
        with ready_database(settings, patience_s=PATIENCE_S) as database, database.read() as connection:
            view = overview(connection, database.now(connection), limit)
        return Seen(view, _lock(settings))

    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with suppress(KeyboardInterrupt):
        watch(look, ZoneInfo(settings.timezone), limit)
