"""`samzip status --watch`: the queue and the work on it, drawn anew every second until Ctrl-C.

Importing this costs rich's import, so it is only done on a terminal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from samzip.dossier.missing import tally
from samzip.errors import DatabaseNotReady, DatabaseUnreachable
from samzip.report.status import Clock, Lock, counts_text, host_name, left_behind, lock_of, outcome_text
from samzip.report.wording import count, printable
from samzip.requests.shown import Overview, PartInWork
from samzip.units import show_duration, show_size

EVERY_S = 1.0
NARROW, WIDE = 60, 100  # columns
OLD_S = 600  # a request that has waited so long is worth a warning


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look at database and lock found."""

    view: Overview
    lock: Lock


def watch(look: Callable[[], Seen], zone: tzinfo, limit: int, console: Console | None = None) -> None:
    """Until KeyboardInterrupt, which leaves the terminal as it was. The first look raises what `look` raises; later a
    database that is away is told, and asked again."""
    console = console or Console(highlight=False)
    seen = look()
    with Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        away: tuple[datetime, str] | None = None
        while True:
            live.update(picture(seen, zone, limit, console.width, away), refresh=True)
            time.sleep(EVERY_S)
            try:
                seen, away = look(), None
            except (DatabaseUnreachable, DatabaseNotReady) as error:
                away = (away[0] if away else datetime.now(UTC), str(error))


def picture(
    seen: Seen, zone: tzinfo, limit: int, width: int, away: tuple[datetime, str] | None = None
) -> RenderableType:
    """What matters most stands first: a low screen cuts the rest. `away`: since when the database is, and why."""
    view, clock = seen.view, Clock(seen.view.now, zone)
    blocks: list[RenderableType] = [_line(_head(seen, clock), "bold")]
    if away:
        since = f"{away[0].astimezone(zone):%H:%M:%S}"
        blocks.append(_line(f"! database away since {since}, asked again every second: {away[1]}", "bold red"))
    blocks += [_line(f"! {warning}", "yellow") for warning in warnings(seen, clock)]
    if view.in_work:
        blocks += [Text(), _line("In work", "bold"), _in_work(view.in_work, clock, width)]
    blocks += [Text(), _line(_queue_head(view), "bold")]
    if view.queue:
        blocks.append(_queue(seen, clock, limit))
    if view.finished:
        blocks += [Text(), _line("Last runs", "bold"), _finished(view, clock, limit)]
    blocks += [Text(), _line("Ctrl-C ends", "dim")]
    return Group(*blocks)


def warnings(seen: Seen, clock: Clock) -> Iterator[str]:
    """What an operator should look at, the worst first."""
    view = seen.view
    left = left_behind(view)
    if left:
        yield f"{count(len(left), 'part', 'parts')} left by a run that is gone; the next run takes them back"
    for run in view.running:
        state = lock_of(run, seen.lock)
        if state.startswith("dead"):
            yield f"run {run.id} on {host_name(run.host)}: {state}"
    oldest = min((it.oldest for it in view.queue if it.oldest), default=None)
    if oldest and not view.running and (view.now - oldest).total_seconds() > OLD_S:
        yield f"a request waits for {clock.since(oldest)} and no run works: samzip doctor"
    for company in view.queue:
        if company.last_error:
            parts = count(company.retrying, "part", "parts")
            yield f"{company.company}: {parts} to be tried again. Last error: {company.last_error}"
    for run in view.finished[:1]:
        if run.error or run.outcome in ("error", "crashed"):
            yield f"the last run ended early: {run.error or run.outcome}"
    lacking = [found for it in view.archives if (found := tally(it.warnings)).missing or found.damaged]
    if lacking:
        missing = count(sum(it.missing for it in lacking), "document missing", "documents missing")
        damaged = sum(it.damaged for it in lacking)
        yield f"{missing}, {damaged} damaged in the archives shown by samzip status"


def _line(text: str, style: str = "") -> Text:
    """No markup: a company may be called [red]x[/red]."""
    return Text(printable(text), style=style, no_wrap=True, overflow="ellipsis")


def _head(seen: Seen, clock: Clock) -> str:
    view = seen.view
    runs = [f"run {it.id} on {host_name(it.host)}, {clock.since(it.started)}" for it in view.running]
    if not runs and seen.lock.held:
        runs = [f"process {(seen.lock.holder or {}).get('pid', '?')} holds the lock"]
    return f"samzip  {view.now.astimezone(clock.zone):%Y-%m-%d %H:%M:%S}  {'; '.join(runs) or 'no run works'}"


def _queue_head(view: Overview) -> str:
    if not view.queue:
        return "Queue: empty"
    requests = count(sum(it.requests for it in view.queue), "request", "requests")
    return f"Queue: {requests} for {count(sum(it.parts for it in view.queue), 'part', 'parts')}"


def _grid(*columns: dict[str, object]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=1)  # an indentation
    for column in columns:
        table.add_column(**{"no_wrap": True, "overflow": "ellipsis", **column})  # type: ignore[arg-type]
    return table


def _in_work(parts: list[PartInWork], clock: Clock, width: int) -> Table:
    """Name, bar, percent, time left; then the speed, then the step, as far as there is room."""
    columns: list[dict[str, object]] = [
        {"max_width": 30 if width >= WIDE else 18 if width >= NARROW else 10},
        {"justify": "right"},
        {"ratio": 1, "min_width": 3},
        {"justify": "right", "min_width": 4},
        {"justify": "right", "min_width": 7},
    ]
    if width >= NARROW:
        columns.append({"justify": "right", "min_width": 6})
    if width >= WIDE:
        columns.append({"ratio": 2})
    table = _grid(*columns)
    for part in parts:
        left = show_duration(part.ready - clock.now) if part.ready and part.ready > clock.now else "-"
        cells: list[RenderableType] = [
            _line(part.company),
            _line(f"{part.part}/{part.parts}"),
            ProgressBar(total=100, completed=part.percent, complete_style="green"),
            _line(f"{part.percent}%"),
            _line(f"{left} left" if width >= NARROW else left),
        ]
        if width >= NARROW:
            cells.append(_line(speed(part, clock.now), "dim"))
        if width >= WIDE:
            step = part.step or "begun"
            cells.append(_line(step if part.requests else "cancelled, about to be dropped", "cyan"))
        table.add_row("", *cells)
    return table


def speed(part: PartInWork, now: datetime) -> str:
    """Instruments a second since the claim, "" before the first."""
    seconds = (now - part.started).total_seconds() if part.started else 0
    return f"{part.done / seconds:.1f}/s" if part.done and seconds >= 1 else ""


def _queue(seen: Seen, clock: Clock, limit: int) -> Table:
    table = _grid({"ratio": 1}, {"justify": "right"}, {"justify": "right"}, {"justify": "right"})
    for it in seen.view.queue[:limit]:
        table.add_row(
            "",
            _line(it.company),
            _line(count(it.requests, "request", "requests")),
            _line(count(it.parts, "part", "parts")),
            _line(f"{clock.since(it.oldest)} old"),
        )
    if len(seen.view.queue) > limit:
        table.add_row("", _line(f"and {count(len(seen.view.queue) - limit, 'more company', 'more companies')}"))
    return table


def _finished(view: Overview, clock: Clock, limit: int) -> Table:
    table = _grid({}, {"justify": "right"}, {"ratio": 1, "no_wrap": False, "overflow": "fold"})
    for run in view.finished[:limit]:
        took = show_duration(run.finished - run.started) if run.started and run.finished else "?"
        facts = counts_text(run.counts)
        what = outcome_text(run) + (f": {facts}" if facts else "")
        trouble = run.outcome in ("problems", "error", "crashed")
        told = Text(printable(what), style="yellow" if trouble else "")  # what went wrong is never cut
        table.add_row("", _line(clock.at(run.started)), _line(took), told)
    if view.downloadable:
        archives = count(view.downloadable, "archive", "archives")
        table.add_row("", "", "", _line(f"{archives} to download ({show_size(view.bytes)})", "dim"))
    return table
