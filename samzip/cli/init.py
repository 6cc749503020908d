"""samzip init"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from samzip.cli.frame import json_option, print_json, read_settings, takes_settings, tell
from samzip.errors import DatabaseNotReady, UsageProblem

if TYPE_CHECKING:
    from samzip.database.check import Checked

FOUND = {
    "empty": "empty, or not there yet: samzip makes SAM's tables, as far as it needs them, and its own",
    "own": "one that samzip made",
    "sam": "SAM's; its tables, rows and rights stay as they are",
}


@click.command("init")
@click.option(
    "--check", "only_check", is_flag=True, help="Tell what would be done and what is missing; change nothing."
)
@click.option("--roles", is_flag=True, help="Print SQL that grants the least each part needs on PostgreSQL; no more.")
@takes_settings("database_url", "state_dir")
@json_option
def command(only_check: bool, roles: bool, as_json: bool, **given: Any) -> None:
    """Create the tables on an empty database, or adopt SAM's.

    SAM's own tables, rows and indexes stay as they are. Run it again at any time: it does what is missing.
    With --check: exit 0 when nothing is to do or it can be done, 10 when it cannot. With --roles: nothing is opened;
    the owner of the database executes what is printed.

    \b
    Examples:
      samzip init --check
      samzip init --database-url postgresql://samzip@localhost/sam
      samzip init --roles | psql sam
    """
    if roles:
        _print_roles(only_check=only_check, as_json=as_json)
        return
    url = read_settings(given).database_url
    if only_check:
        _check(url, as_json=as_json)
        return
    from samzip.database.setup import initialise

    done = initialise(url)
    if as_json:
        print_json(done)
        return
    if not done.created:
        click.echo("Nothing to do: every table is there.")
        return
    click.echo("Adopted SAM's database; its own tables are as they were." if done.adopted else "Made a new database.")
    tell(f"Created: {', '.join(done.created)}.")


def _print_roles(*, only_check: bool, as_json: bool) -> None:
    if only_check or as_json:
        raise UsageProblem("--roles prints SQL and nothing else: leave out --check and --json")
    from samzip.database.rights import script

    click.echo(script())


def _check(url: str, *, as_json: bool) -> None:
    from samzip.database.check import check

    found = check(url)
    if as_json:
        print_json({**asdict(found), "ready": found.is_ready, "possible": found.can_be_done})
    else:
        for line in _lines(found):
            tell(line)
    if not found.can_be_done:
        sys.exit(DatabaseNotReady.exit_code)


def _lines(found: Checked) -> list[str]:
    lines = [f"Database: {found.database}", f"Found: {FOUND[found.found]}."]
    if found.is_ready:
        lines.append(f"Nothing to do: every table is there, and the schema is {found.wanted}.")
    elif (found.revision or "") > found.wanted:
        lines.append(
            f"Its schema is {found.revision}, of a newer samzip than this one, which works with {found.wanted}."
        )
    else:
        lines.append(f"Would create: {', '.join(found.creates) or 'nothing'}.")
        lines.append(f"Schema: {found.revision or 'none'} now, {found.wanted} then.")
    lines += [f"Missing right: {right}." for right in found.missing_rights]
    if found.index_to_offer:
        lines.append("To find the queue without reading the whole history, SAM's owner may make an index:")
        lines.append(f"  {found.index_to_offer};")
    return lines
