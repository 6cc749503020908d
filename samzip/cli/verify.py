"""samzip verify"""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from samzip.cli.frame import RequestNumber, json_option, print_json, read_settings, takes_settings, tell
from samzip.errors import DamagedArchive, SamzipError, StorageFailed, UsageProblem
from samzip.units import parse_duration, show_size

if TYPE_CHECKING:
    from samzip.housekeeping.verify import Repaired, Verdict

WIDTH = 10  # of a verdict, so that the paths stand below each other


def _duration(_context: click.Context, parameter: click.Parameter, value: str) -> timedelta:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}: give one such as 30s, 5m", param=parameter) from error


@click.command("verify")
@click.argument("request_id", metavar="[ID]", type=RequestNumber(), required=False)
@click.option("--all", "everything", is_flag=True, help="Every archive that can be downloaded now.")
@click.option("--repair", is_flag=True, help="Remove damaged archives and put their requests back into the queue.")
@click.option(
    "--wait",
    metavar="TIME",
    callback=_duration,
    default="1m",
    show_default=True,
    help="With --repair: how long to wait for a run that works.",
)
@takes_settings("database_url", "archive_root", "media_root", "state_dir")
@json_option
def command(
    request_id: int | None, everything: bool, repair: bool, wait: timedelta, as_json: bool, **given: Any
) -> None:
    """Re-read published archives: every CRC in them, their size and their SHA-256.

    ID is a request's number; its archive is verified. Damaged is what is gone, cut short, or not what was published.
    With --repair a damaged archive is removed and its requests wait again, so that the next `samzip run` builds it
    from the documents. Archives that SAM's own worker made have no SHA-256: their CRCs are checked.

    Exit codes: 0 all are sound or there are none, 10 database, 12 something could not be read, 13 damage was found
    (repaired or not: why not is said).

    \b
    Examples:
      samzip verify 47
      samzip verify --all --repair; samzip run
    """
    if (request_id is None) != everything:
        raise UsageProblem("give the ID of a request, or --all for every archive")
    from samzip.app import archive_store, ready_database
    from samzip.host import host_id
    from samzip.housekeeping.verify import DAMAGED, Verifier

    settings = read_settings(given)
    with ready_database(settings) as database:
        verifier = Verifier(settings, database, archive_store(settings), host_id(settings) if repair else "")
        verdicts = []
        for verdict in verifier.verify(verifier.find(request_id)):
            verdicts.append(verdict)
            if not as_json:
                _show(verdict)
        damaged = [verdict for verdict in verdicts if verdict.state == DAMAGED]
        repaired: list[Repaired] = []
        hindrance: SamzipError | None = None
        if repair and damaged:
            try:
                repaired.extend(verifier.repair(damaged, wait.total_seconds()))
            except SamzipError as error:  # the damage is still to be told
                hindrance = error
    code = _exit_code(verdicts)
    if as_json:
        why_not = str(hindrance) if hindrance else None
        print_json({"archives": verdicts, "repaired": repaired, "hindrance": why_not, "exit": code})
    else:
        _conclude(verdicts, repaired, hindrance)
    sys.exit(code)


def _exit_code(verdicts: list[Verdict]) -> int:
    states = {verdict.state for verdict in verdicts}
    if "damaged" in states:
        return DamagedArchive.exit_code
    return StorageFailed.exit_code if "unreadable" in states else 0


def _show(verdict: Verdict) -> None:
    told = verdict.why or f"{show_size(verdict.size)}, {verdict.entries} entries"
    line = f"{verdict.state:<{WIDTH}}  {_printable(verdict.path) or '(no path)'}: {_printable(told)}"
    tell(line, indent=WIDTH + 2)


def _conclude(verdicts: list[Verdict], repaired: list[Repaired], hindrance: SamzipError | None) -> None:
    if not verdicts:
        click.echo("Nothing to verify: no archive can be downloaded now.")
        return
    for done in repaired:
        click.echo(
            f"{'repaired':<{WIDTH}}  {_printable(done.path)}: {_number(done.requests, 'request')} back in the queue"
        )
        if done.problem:
            click.echo(f"{'problem':<{WIDTH}}  {_printable(done.problem)}; the next run removes the file")
    states = Counter(verdict.state for verdict in verdicts)
    size = sum(verdict.size for verdict in verdicts)
    told = ", ".join(f"{number} {state}" for state, number in states.items())
    click.echo(f"{_number(len(verdicts), 'archive')}, {show_size(size)} read: {told}.")
    if hindrance:
        tell(f"Not {'all ' if repaired else ''}repaired: {_printable(str(hindrance))}")
        for line in hindrance.advice.splitlines():
            tell(line)
    if repaired:
        click.echo("Next: samzip run")
    elif not hindrance and states["damaged"]:
        click.echo(DamagedArchive().advice)
    if states["unreadable"]:
        from samzip.housekeeping.absence import MEND_ODD

        tell(MEND_ODD)


def _number(count: int, kind: str) -> str:
    return f"{count} {kind}{'' if count == 1 else 's'}"


def _printable(text: str) -> str:
    from samzip.report.wording import printable

    return printable(text)
