"""samzip request"""

from __future__ import annotations

from typing import Any

import click

from samzip.cli.frame import json_option, print_json, read_settings, takes_settings


@click.command("request")
@click.option("--user", required=True, help="Who asks: a username of SAM.")
@click.option(
    "--company",
    type=click.IntRange(1, 2**63 - 1),
    help="Company id; a superuser's choice. Default: the user's company.",
)
@click.option("--times", type=click.IntRange(1, 1000), default=1, show_default=True, help="Clicks.")
@takes_settings("database_url", "part_size", "state_dir")
@json_option
def command(user: str, company: int | None, times: int, as_json: bool, **given: Any) -> None:
    """Ask for a company's archive, as a click on "Descargar ZIP" does.

    One request row for each part of 35 instruments. Clicks too many do no harm: `samzip run` builds each part once.

    \b
    Examples:
      samzip request --user CERTIBOY
      samzip request --user sam --company 2
    """
    from samzip.app import ready_database
    from samzip.report.wording import printable
    from samzip.requests.insert import insert_requests
    from samzip.units import count

    settings = read_settings(given)
    with ready_database(settings) as database:
        clicks = []
        for _ in range(times):
            with database.write() as connection:
                now = database.now(connection)
                clicks.append(
                    insert_requests(connection, now, user=user, company_id=company, part_size=settings.part_size)
                )
    if as_json:
        print_json({"clicks": clicks})
        return
    for click_ in clicks:
        numbers = ", ".join(f"#{number}" for number in click_.request_ids)
        click.echo(
            f"{printable(click_.company)}: {count(click_.equipment, 'instrument')}, "
            f"{count(len(click_.request_ids), 'part')}, requests {numbers}"
        )
    click.echo("Next: samzip run")
