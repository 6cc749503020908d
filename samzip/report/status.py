"""What `samzip status` prints: an overview as lines of plain text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from samzip.dossier.missing import tally
from samzip.report.wording import count, printable
from samzip.requests.shown import ArchiveShown, Overview, PartInWork, QueuedCompany, RunShown
from samzip.units import show_duration, show_size

STATUSES = ("pending", "queued", "processing", "completed", "failed", "cancelled", "expired")  # as a request goes
OUTCOMES = {
    "nothing": "nothing to do",
    "problems": "done, with problems",
    "waiting": "nothing to do now, what failed is tried again later",
}
MISSING_SHOWN = 3  # documents named for each archive; its FALTANTES.txt names all
COUNTS = {
    "reused": ("reused", "reused"),
    "failed": ("attempt failed", "attempts failed"),
    "missing": ("document missing", "documents missing"),
    "observations": ("observation", "observations"),
    "dropped": ("dropped", "dropped"),
    "rejected": ("request rejected", "requests rejected"),
    "unremoved": ("file not removed", "files not removed"),
    "completed": ("request completed", "requests completed"),
    "expired": ("archive expired", "archives expired"),
}
STEP = "  "  # one level of indentation

Line = tuple[int, str]  # level, text


@dataclass(frozen=True, slots=True)
class Lock:
    """The file lock of this host."""

    path: str
    held: bool
    holder: Mapping[str, object] | None  # what the last one wrote: pid, host, run, started; its host is this one


@dataclass(frozen=True, slots=True)
class Clock:
    """Words times for people in one zone."""

    now: datetime
    zone: tzinfo

    def at(self, moment: datetime | None) -> str:
        """Local time, with the day unless it is today."""
        if moment is None:
            return "an unknown time"
        try:
            local = moment.astimezone(self.zone)
        except OverflowError:  # the ends of the calendar
            local = moment
        today = local.date() == self.now.astimezone(self.zone).date()
        return f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M:%S}"

    def since(self, moment: datetime | None) -> str:
        return show_duration(self.now - moment) if moment else "some time"

    def until(self, moment: datetime | None) -> str:
        return show_duration(moment - self.now) if moment else "some time"


def status_lines(view: Overview, lock: Lock, zone: tzinfo, *, limit: int, width: int | None = None) -> list[str]:
    """`limit` bounds the companies; the archives and runs are bounded already. `width` as in `layout`."""
    clock = Clock(view.now, zone)
    if not (view.requests or view.running or view.finished or view.archives or lock.held):
        return layout([(0, "Nothing yet. `samzip request` asks for an archive, `samzip run` builds it.")], width)
    shown = [
        (0, f"{view.now.astimezone(zone):%Y-%m-%d %H:%M:%S} {zone}"),
        (0, ""),
        *_queue(view.queue, clock, limit),
        *_running(view, lock, clock),
        *_requests(view.requests, view.failed),
        *_archives(view, clock),
        *_finished(view.finished, clock),
    ]
    return layout(shown, width)


def layout(shown: Iterable[Line], width: int | None) -> list[str]:
    """Lines broken between words to `width` columns (None: not broken), with nothing in them that forges a line.

    A word that is longer than the line stays whole: people copy paths and names.
    """
    lines = []
    for level, text in shown:
        indent = STEP * level
        if width is None or not text:
            lines.append(indent + printable(text) if text else "")
            continue
        lines += textwrap.wrap(
            printable(text),
            max(width, 40),
            initial_indent=indent,
            subsequent_indent=indent + STEP * 2,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def archive_facts(archive: ArchiveShown, clock: Clock) -> str:
    left = f"{clock.until(archive.expires)} left" if archive.expires and archive.expires > clock.now else "expired"
    return f"{show_size(archive.size)}, published {clock.at(archive.published)}, {left}"


def missing_lines(warnings: list[dict[str, str]], level: int, limit: int | None = None) -> list[Line]:
    """What an archive's FALTANTES.txt lists, up to `limit` entries of it."""
    if not warnings:
        return []
    found = tally(warnings)
    many = f"{count(found.missing, *COUNTS['missing'])}, {count(found.observations, *COUNTS['observations'])}"
    named = warnings[:limit]
    shown = [(level, f"{many} (FALTANTES.txt tells more):")]
    shown += [(level + 1, _missing(warning)) for warning in named]
    if len(named) < len(warnings):
        shown.append((level + 1, f"and {len(warnings) - len(named)} more"))
    return shown


def _missing(warning: Mapping[str, str]) -> str:
    what = " ".join(filter(None, (warning.get("equipment"), warning.get("document"))))
    return ": ".join(filter(None, (what, warning.get("reason"))))


def _queue(queue: list[QueuedCompany], clock: Clock, limit: int) -> list[Line]:
    if not queue:
        return [(0, "Queue: empty")]
    requests = count(sum(company.requests for company in queue), "request", "requests")
    parts = count(sum(company.parts for company in queue), "part", "parts")
    shown = [(0, f"Queue: {requests} for {parts}")]
    for company in queue[:limit]:
        requests = count(company.requests, "request", "requests")
        parts = count(company.parts, "part", "parts")
        shown.append((1, f"{company.company}: {requests} for {parts}, the oldest {clock.since(company.oldest)} ago"))
        if company.retrying:
            shown.append((2, _retry(company, clock)))
    if len(queue) > limit:
        shown.append((1, f"and {count(len(queue) - limit, 'more company', 'more companies')}"))
    return shown


def _retry(company: QueuedCompany, clock: Clock) -> str:
    head = f"{count(company.retrying, 'part', 'parts')} to be tried again, {next_attempt(company.retry_at, clock)}"
    return f"{head}. Last error: {company.last_error}" if company.last_error else head


def next_attempt(due: datetime | None, clock: Clock) -> str:
    if due is None or due <= clock.now:
        return "by the next run"
    return f"from {clock.at(due)} on (in {clock.until(due)})"


def _running(view: Overview, lock: Lock, clock: Clock) -> list[Line]:
    holder = lock.holder or {}
    shown: list[Line] = []
    for run in view.running:
        since = f"since {clock.at(run.started)} ({clock.since(run.started)})"
        shown.append((0, f"Running: {run.id} on {host_name(run.host)}, process {run.pid}, {since}"))
        shown.append((1, f"last heartbeat {clock.since(run.heartbeat)} ago, {lock_of(run, lock)}"))
        shown += [(1, _part(part)) for part in view.in_work if part.run == run.id]
    known = {run.id for run in view.running}
    if lock.held and holder.get("run") not in known:
        since = f"since {clock.at(_moment(holder.get('started')))}"
        shown.append((0, f"Running: process {holder.get('pid', '?')} holds the lock of this host {since}"))
    left = left_behind(view)
    if left:
        shown.append((0, "Left by a run that is gone; the next run takes these parts back:"))
        shown += [(1, _part(part)) for part in left]
    return shown or [(0, "Running: nothing")]


def left_behind(view: Overview) -> list[PartInWork]:
    """Parts whose run is gone."""
    known = {run.id for run in view.running}
    return [part for part in view.in_work if part.run not in known]


def _moment(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def lock_of(run: RunShown, lock: Lock) -> str:
    """What this host's lock says of a run; "dead: ..." when that is sure."""
    holder = lock.holder or {}
    if run.host != holder.get("host"):
        return "on another host"
    if not lock.held:
        return "dead: nobody holds the lock of this host, and the next run takes its parts back"
    if run.id != holder.get("run"):
        return "dead: another run holds the lock of this host"
    return "holds the lock of this host"


def host_name(host: str) -> str:
    """Without the mark that tells state folders of one host apart."""
    return host.partition("/")[0]


def _part(part: PartInWork) -> str:
    where = f"{part.percent:>3}%  {part.company} {part.part}/{part.parts}"
    step = part.step or "begun"
    if not part.requests:
        step = "cancelled, about to be dropped"
    attempt = f" (attempt {part.attempt})" if part.attempt > 1 else ""
    return f"{where}: {step}{attempt}"


def _requests(by_status: Mapping[str, int], failed: Sequence[int]) -> list[Line]:
    order = [*STATUSES, *sorted(set(by_status) - set(STATUSES))]
    amounts = ", ".join(f"{by_status[status]} {status}" for status in order if by_status.get(status))
    shown: list[Line] = [(0, f"Requests: {amounts or 'none'}")]
    if failed:
        ids = ", ".join(f"#{number}" for number in failed)
        more = ", ..." if by_status.get("failed", 0) > len(failed) else ""
        shown.append((1, f"failed: {ids}{more}; samzip show ID tells why, samzip retry ID asks again"))
    return shown


def _archives(view: Overview, clock: Clock) -> list[Line]:
    if not view.archives:
        return [(0, ""), (0, "Archives: none to download")]
    which = f", the newest {len(view.archives)} of them" if view.downloadable > len(view.archives) else ""
    shown: list[Line] = [(0, ""), (0, f"Archives: {view.downloadable} to download ({show_size(view.bytes)}){which}")]
    if view.superseded:
        shown.append(
            (1, f"{view.superseded} more that newer ones of the same parts replace are kept until they expire")
        )
    for archive in view.archives:
        shown.append((1, archive.download_name or archive.path))
        shown.append((2, f"{archive.company} {archive.part}/{archive.parts}, {archive_facts(archive, clock)}"))
        shown.append((2, archive.path))
        shown += missing_lines(archive.warnings, 2, MISSING_SHOWN)
    return shown


def _finished(runs: list[RunShown], clock: Clock) -> list[Line]:
    if not runs:
        return [(0, ""), (0, "Last runs: none")]
    shown: list[Line] = [(0, ""), (0, "Last runs:")]
    for run in runs:
        took = show_duration(run.finished - run.started) if run.started and run.finished else "?"
        head = f"{clock.at(run.started)}  {took:>6}  {host_name(run.host)}  run {run.id}  {outcome_text(run)}"
        facts = counts_text(run.counts)
        shown.append((1, f"{head}: {facts}" if facts else head))
        if run.error:
            shown.append((2, run.error))
    return shown


def outcome_text(run: RunShown) -> str:
    return OUTCOMES.get(run.outcome or "", run.outcome or "unknown")


def counts_text(counts: Mapping[str, int]) -> str:
    facts = []
    if counts.get("published"):
        size = f" ({show_size(counts['bytes'])})" if counts.get("bytes") else ""
        facts.append(f"{count(counts['published'], 'part', 'parts')} published{size}")
    for name, (one, many) in COUNTS.items():
        if counts.get(name):
            facts.append(count(counts[name], one, many))
    return ", ".join(facts)
