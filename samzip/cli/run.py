"""samzip run"""

from __future__ import annotations

import signal
import sys
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from samzip.cli.frame import importing, json_option, print_json, read_settings, takes_settings
from samzip.errors import LockBusy, UsageProblem
from samzip.settings import Settings
from samzip.units import count, parse_duration, show_size

if TYPE_CHECKING:
    from samzip.events import RunFinished
    from samzip.report.letters import Link
    from samzip.requests.shown import Owner

PROBLEMS = 3
SIGNALS = {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143}


def _duration(_context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return parse_duration(value).total_seconds()
    except ValueError as error:
        raise click.BadParameter(f"{error}: give one such as 5s, 5m, 1h", param=parameter) from error


@click.command("run")
@click.option("--once", is_flag=True, help="Make exactly one pass over what is pending now.")
@click.option(
    "--interval", metavar="TIME", callback=_duration, help="Keep going: a pass every so often, until SIGTERM."
)
@click.option(
    "--wait", metavar="TIME", callback=_duration, help="Wait so long for a run that works, instead of exit 75."
)
@click.option("--dry-run", is_flag=True, help="Show what a run would do; touch nothing.")
@click.option("--progress/--no-progress", default=True, help="Live display on a terminal.")
@click.option("--quiet", is_flag=True, help="Print warnings and errors only, and nothing when another run works.")
@takes_settings(
    *("jobs", "executor", "database_url", "media_root", "archive_root", "state_dir"),
    *("log_format", "log_level", "log_file"),
)
@json_option
def command(
    once: bool,
    interval: float | None,
    wait: float | None,
    dry_run: bool,
    progress: bool,
    quiet: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Build and publish what was asked for.

    Without an option it drains the queue and ends, which is what cron and systemd timers want. Exit codes: 0 done or
    nothing to do, 3 done but something failed, waits after a failure or is missing, 10 database, 12 storage,
    75 another run works, 78 bad setting, 129/130/143 interrupted. SIGUSR1 has a run log how far it is.

    \b
    Examples:
      samzip run
      samzip run --dry-run
      samzip run --interval 5s --log-format json
      samzip run --quiet --log-file /var/log/samzip/samzip.log
    """
    if once and interval is not None:
        raise UsageProblem("--once and --interval exclude each other")
    if interval is not None and interval < 1:
        raise UsageProblem(f"--interval {interval:g}: give at least 1 second")
    if dry_run and (interval is not None or wait is not None):
        raise UsageProblem("--dry-run looks once and waits for nobody: leave --interval and --wait out")
    if quiet and (as_json or dry_run):
        raise UsageProblem("--quiet prints no result: leave --json and --dry-run out")
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as behind `&`
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the run answers it: nothing is begun, and all is imports
    settings = read_settings(given)
    if dry_run:
        _show_plan(settings, as_json=as_json)
        return
    if interval is None and _rests(settings, progress=progress, quiet=quiet, as_json=as_json):
        return
    _warm_up(settings)
    with importing():
        from samzip.app import run_context
        from samzip.batch.run import Mode, run
    from samzip.events import RunEnded

    try:
        with run_context(settings, progress=progress, quiet=quiet, link=_links(settings)) as context:
            finished = run(context, Mode(once=once, interval=interval, wait=wait or 0))
            code = _exit_code(finished, context.stop.signal)
            if not quiet and context.stop.signal != "SIGHUP":  # inside: output that nobody takes is this run's end, too
                is_told = _is_told(settings, progress=progress)
                _show(finished, code, settings, as_json=as_json, is_told=is_told)
            context.publish(RunEnded(context.run_id, code, ""))
    except LockBusy as busy:
        if not quiet:
            raise
        code = busy.exit_code
    sys.exit(code)


def _rests(settings: Settings, *, progress: bool, quiet: bool, as_json: bool) -> bool:
    """Whether this was an idle run of a timer. Whoever watches it, or is told elsewhere, gets a whole one."""
    if settings.metrics_file or settings.ping_url or settings.notify_operators or settings.notify_requesters:
        return False
    if sys.stderr.isatty():
        return False
    from samzip.idle import rest

    rested = rest(settings)
    if rested is None:
        return False
    if settings.log_level in ("debug", "info") and (settings.log_file or not quiet):
        from samzip.report.told import told

        with told(settings, rested.run, sys.stderr, progress=progress, quiet=quiet) as publish:
            for event in rested.events():
                publish(event)
    if not quiet:
        _show(rested.finished(), 0, settings, as_json=as_json, is_told=False)
    return True


def _warm_up(settings: Settings) -> None:
    """What workers come from takes as long to start as this process, which has a database library to import
    meanwhile."""
    if settings.executor != "local":
        return
    from samzip.idle import will_build

    if will_build(settings):
        from samzip.fork_server import warm_up

        warm_up(settings.temporary_dir)


def _exit_code(finished: RunFinished, stopped_by: str | None) -> int:
    if stopped_by:
        return SIGNALS.get(stopped_by, LockBusy.exit_code)  # no signal: another host has taken over the queue
    return PROBLEMS if finished.outcome in ("problems", "waiting") else 0


def _links(settings: Settings) -> Link | None:
    """Addresses for letters, where people reach the web hook; its imports wait for the first letter."""
    if not (settings.notify_requesters and settings.web_url and settings.web_secret):
        return None

    def link(request_id: int, owner: Owner, expires: datetime) -> str | None:
        try:
            from samzip.web.links import Links
        except ModuleNotFoundError:  # samzip doctor tells that the extra is missing; the letter goes without
            return None
        return f"{settings.web_url}/download/{Links(settings.web_secret).download(request_id, owner, expires)}"

    return link


def _is_told(settings: Settings, *, progress: bool) -> bool:
    """Whether this terminal has the run's summary already, from the live display or the log."""
    if not (sys.stdout.isatty() and sys.stderr.isatty()):
        return False
    is_drawn = progress and settings.log_format == "auto"
    return is_drawn or (not settings.log_file and settings.log_level in ("debug", "info"))


def _show(finished: RunFinished, code: int, settings: Settings, *, as_json: bool, is_told: bool) -> None:
    if as_json:
        print_json({"run": finished.run, "outcome": finished.outcome, "exit": code, **asdict(finished.counts)})
    elif finished.outcome in ("nothing", "waiting"):
        click.echo(_idle(finished.counts.waiting))
    elif finished.outcome != "interrupted":
        counts = finished.counts
        served = counts.published + counts.reused
        if not is_told:
            click.echo(
                f"{count(counts.published, 'archive')} published ({show_size(counts.bytes)}), {counts.reused} reused, "
                f"{count(counts.failed, 'attempt')} failed, {count(counts.missing, 'document')} missing, "
                f"{count(counts.observations, 'observation')}."
            )
            if counts.unremoved:
                click.echo(f"{count(counts.unremoved, 'file')} could not be removed; the next run tries again.")
        if served:
            click.echo(f"They lie in {settings.archive_root}/zip_requests\nsamzip status lists them.")


def _idle(waiting: int) -> str:
    if not waiting:
        return "Nothing to do."
    return f"Nothing to do now: {count(waiting, 'part')} of earlier attempts wait for the next one; see samzip status."


def _show_plan(settings: Settings, *, as_json: bool) -> None:
    from samzip.app import ready_database
    from samzip.report.wording import printable
    from samzip.requests.overview import preview

    with ready_database(settings) as database, database.read() as connection:
        planned = preview(connection, settings.part_size)
    if as_json:
        print_json({"companies": planned})
        return
    if not planned:
        click.echo("Nothing to do.")
    for company in planned:
        parts = ", ".join(map(str, company.wanted)) or "none"
        line = (
            f"{printable(company.company)}: {count(company.requests, 'request')} -> parts {parts} of {company.parts} "
            f"({count(company.equipment, 'instrument')})"
        )
        if company.surplus:
            line += f"; no longer there: {', '.join(map(str, company.surplus))}"
        click.echo(line)
