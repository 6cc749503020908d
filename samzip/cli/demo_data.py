"""samzip demo-data"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from samzip.cli.frame import json_option, print_json, read_settings, takes_settings


@click.command("demo-data")
@takes_settings("database_url", "media_root", "state_dir")
@json_option
def command(as_json: bool, **given: Any) -> None:
    """Fill an empty database and an empty media folder with a sample company.

    CERTIBOY S.A.S. has 69 instruments and about 1,400 documents; its user is CERTIBOY. Laboratorio Andino Ltda has 5.
    Refuses a database or a folder that holds anything.

    \b
    Example:
      samzip init && samzip demo-data && samzip request --user CERTIBOY --times 3 && samzip run
    """
    from samzip.app import ready_database
    from samzip.demo.load import load
    from samzip.errors import UsageProblem
    from samzip.units import is_bucket, show_size

    settings = read_settings(given)
    today = datetime.now(UTC).astimezone(ZoneInfo(settings.timezone)).date()
    if is_bucket(settings.media_root):
        raise UsageProblem(f"the demo is made in a folder, and {settings.media_root} is none: give --media-root")
    with ready_database(settings) as database:
        loaded = load(database, Path(settings.media_root), today=today)
    if as_json:
        print_json(loaded)
        return
    click.echo(
        f"{loaded.companies} companies, {loaded.equipment} instruments, {loaded.documents} documents "
        f"({show_size(loaded.bytes)}) in {settings.media_root}"
    )
