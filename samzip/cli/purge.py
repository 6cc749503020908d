"""samzip purge"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from samzip.cli.frame import json_option, print_json, read_settings, takes_settings
from samzip.errors import UsageProblem
from samzip.units import parse_duration, show_duration, show_size

if TYPE_CHECKING:
    from samzip.housekeeping.items import Item, Plan, Problem
    from samzip.housekeeping.purge import Done, Purge

PROBLEMS = 3
INTERRUPTED = 130
SHOWN = 40  # lines of one kind; --json tells all
WIDTH = 80


def _duration(_context: click.Context, parameter: click.Parameter, value: str | None) -> timedelta | None:
    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}: give one such as 30m, 6h, 2d", param=parameter) from error


@click.command("purge")
@click.option("--dry-run", is_flag=True, help="Show what would go; touch nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--older-than",
    metavar="TIME",
    callback=_duration,
    help="Only archives that were published longer ago: orphans, and with --all-archives live ones.",
)
@click.option(
    "--all-archives", is_flag=True, help="Every published archive, those too that customers can still download."
)
@click.option(
    "--stuck",
    type=click.Choice(["fail", "retry", "delete"]),
    help="What becomes of requests that are stuck. Without it they are only listed.",
)
@click.option(
    "--stuck-after",
    metavar="TIME",
    callback=_duration,
    default="24h",
    show_default=True,
    help="A request that was begun or passed over by a run, and is neither served nor in work by then, is stuck.",
)
@click.option(
    "--wait", metavar="TIME", callback=_duration, help="Wait so long for a run that works, instead of exit 75."
)
@takes_settings("database_url", "media_root", "archive_root", "state_dir", "history", "cache_size")
@json_option
def command(
    dry_run: bool,
    yes: bool,
    older_than: timedelta | None,
    all_archives: bool,
    stuck: str | None,
    stuck_after: timedelta,
    wait: timedelta | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Remove what nobody needs, and bring the rows back in line with the files.

    Archives that expired or that no row knows, rows whose archive is gone (their requests fail, so that people ask
    again), files that dead runs left, requests older than the history, life sheets beyond the cache's limit. Only
    names that samzip makes are touched: documents beside them never are, links are not followed, and a file that
    changed in the last 5 minutes stays.

    Exit codes: 0 done or nothing to do, 3 done but something could not be removed, 10 database, 12 storage,
    75 a run works.

    \b
    Examples:
      samzip purge --dry-run
      samzip purge --yes --older-than 6h
      samzip purge --yes --stuck retry --stuck-after 2h
    """
    if dry_run and yes:
        raise UsageProblem("--dry-run and --yes exclude each other")
    asks = not dry_run and not yes
    if asks and (as_json or not _on_terminal()):
        raise UsageProblem("nobody can be asked here: give --yes to act, or --dry-run to look")
    from samzip.app import archive_store, ready_database
    from samzip.host import host_id
    from samzip.housekeeping.items import Options
    from samzip.housekeeping.purge import Purge

    settings = read_settings(given)
    options = Options(stuck_after, stuck, older_than or timedelta(0), all_archives)
    with ready_database(settings) as database:
        purge = Purge(settings, database, archive_store(settings), options, host_id(settings) if not dry_run else "")
        try:
            if dry_run:
                plan, done = purge.find(), None
            elif yes:
                plan, done = purge.run(_seconds(wait))
            else:
                plan, done = _ask(purge, _seconds(wait))
        except (KeyboardInterrupt, click.Abort):
            click.echo("samzip: interrupted; the next purge or run finishes what was begun", err=True)
            sys.exit(INTERRUPTED)
    problems = done.problems if done else plan.problems
    code = PROBLEMS if problems else 0
    if as_json:
        acted = done and {"counts": +done.counts, "requests": done.requests, "bytes": done.bytes}
        told = {"dry_run": dry_run, "found": plan.items, "young": plan.young, "done": acted, "problems": problems}
        print_json({**told, "exit": code})
        sys.exit(code)
    if not asks:
        _show(plan)
    _conclude(plan, done, problems, dry_run=dry_run, asks=stuck is None)
    sys.exit(code)


def _ask(purge: Purge, wait: float) -> tuple[Plan, Done | None]:
    """Shows, asks, and looks again under the lock: the answer may have taken its time."""
    plan = purge.find()
    _show(plan)
    if not plan.acts or not click.confirm("Go ahead?"):
        return plan, None
    if purge.options.all_archives and not click.confirm("Customers lose what they can download now. Really?"):
        return plan, None
    return purge.run(wait, agreed=plan)


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _seconds(wait: timedelta | None) -> float:
    return wait.total_seconds() if wait else 0


def _show(plan: Plan) -> None:
    """A paragraph for each kind and reason."""
    alike: dict[tuple[str, str, str], list[Item]] = {}
    for item in plan.items:
        alike.setdefault((item.kind, item.action, item.why), []).append(item)
    for (kind, action, why), items in alike.items():
        size = sum(item.size or 0 for item in items)
        head = _number(sum(item.count for item in items), kind) + (f", {show_size(size)}" if size else "")
        click.echo(f"{head} -> {action}: {why}")
        for item in items[:SHOWN]:
            _show_item(item, plan.now)
        if len(items) > SHOWN:
            click.echo(f"  and {len(items) - SHOWN} more; --json lists all")
    if plan.young:
        click.echo(f"{_number(plan.young, 'unknown file')} changed in the last 5 minutes: left for the next purge.")


def _show_item(item: Item, now: datetime) -> None:
    size = "-" if item.size is None else show_size(item.size)
    age = show_duration(now - item.since) if item.since else "-"
    columns, what = f"  {size:>10}  {age:>7}", _printable(item.what)
    if len(columns) + 2 + len(what) <= WIDTH:
        click.echo(f"{columns}  {what}")
    else:
        click.echo(f"{columns}\n    {what}")


def _conclude(plan: Plan, done: Done | None, problems: Sequence[Problem], *, dry_run: bool, asks: bool) -> None:
    for problem in problems[:SHOWN]:
        click.echo(f"problem: {_printable(problem.what)}: {_printable(problem.why)}")
    if len(problems) > SHOWN:
        click.echo(f"and {len(problems) - SHOWN} more problems; --json lists all")
    if asks and any(item.kind == "stuck request" for item in plan.items):
        click.echo("Stuck requests stay as they are: --stuck fail, retry or delete decides.")
    if done is not None and (plan.acts or problems):
        kinds = [_number(count, kind) for kind, count in done.counts.items() if count]
        also = f", {_number(done.requests, 'request')} changed" if done.requests else ""
        click.echo(f"Done: {', '.join(kinds) or 'nothing'}{also}; {show_size(done.bytes)} freed.")
    elif plan.acts:
        click.echo("Nothing was changed: this was a dry run." if dry_run else "Nothing was changed.")
    elif not plan.items:
        click.echo("Nothing to purge.")


def _number(count: int, kind: str) -> str:
    return f"{count} {kind}{'' if count == 1 else 's'}"


def _printable(text: str) -> str:
    from samzip.report.wording import printable

    return printable(text)
