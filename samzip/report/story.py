"""What `samzip show`, `cancel` and `retry` print: one request as lines of plain text."""

from __future__ import annotations

from datetime import datetime, tzinfo

from samzip.report.status import Clock, Line, archive_facts, layout, missing_lines, next_attempt
from samzip.report.wording import count
from samzip.requests.shown import AttemptShown, Changed, Story, WorkShown
from samzip.units import show_duration, show_size

ENDINGS = {"completed": "completed", "expired": "completed", "failed": "failed", "cancelled": "cancelled"}
OUTCOMES = {
    "dropped": "dropped, since nobody wanted it any more",
    "released": "put back and not counted, since its run ended early",
    "crashed": "its run died",
}


def story_lines(story: Story, zone: tzinfo, width: int | None = None) -> list[str]:
    """`width` as in `status.layout`."""
    clock = Clock(story.now, zone)
    shown: list[Line] = [
        (0, f"Request #{story.id}: {story.status}"),
        (1, f"Asked for by {story.user}, {clock.at(story.created)} ({clock.since(story.created)} ago)"),
        (1, f"Company: {story.company} (id {story.company_id}), part {story.part} of {story.parts}{_size(story)}"),
        *_progress(story, clock),
    ]
    if story.work:
        shown.append((1, f"Part: {_work(story.work, clock)}"))
        if story.work.last_error:
            shown.append((1, f"Last error: {story.work.last_error}"))
    elif story.status in ("pending", "queued"):
        shown.append((1, "Waits for the next run"))
    shown += _history(story, clock)
    if story.error and (not story.work or story.error != story.work.last_error):
        shown.append((1, f"Message: {story.error}"))
    shown += _file(story, clock)
    if story.status in ("failed", "cancelled", "expired"):
        shown.append((1, f"To have it built again: samzip retry {story.id}"))
    elif story.work and story.work.last_error and not story.work.run:
        shown.append((1, f"Once the cause is gone, at once: samzip retry {story.id}"))
    if story.shared_with:
        others = ", ".join(f"#{other.id} of {other.user} ({other.status})" for other in story.shared_with)
        shown.append((1, f"Shares its part with: {others}"))
    return layout(shown, width)


def cancelled_lines(done: Changed) -> list[str]:
    if done.others:
        rest = f"the part is still wanted by {count(done.others, 'other request', 'other requests')}"
    elif done.in_work:
        rest = "nobody else wants the part, and the run that builds it drops it"
    else:
        rest = "nobody else wants the part, and it is not built"
    return layout([(0, f"Cancelled: {_changed(done)}; {rest}.")], None)


def retried_lines(done: Changed) -> list[str]:
    shown: list[Line] = [(0, f"Pending again: {_changed(done)}.")]
    if done.in_work:
        shown.append((0, "A run is building this part for others; the request gets its turn after that."))
    return layout([*shown, (0, "Next: samzip run")], None)


def _changed(done: Changed) -> str:
    return f"request #{done.request}, {done.company}, part {done.part} of {done.parts}"


def _history(story: Story, clock: Clock) -> list[Line]:
    """What happened since the click, as far as anything did."""
    happened: list[tuple[datetime | None, str]] = [(attempt.begun, _attempt(attempt)) for attempt in story.attempts]
    if story.completed:
        happened.append((story.completed, ENDINGS.get(story.status, "ended")))
    if story.downloads:
        times = count(story.downloads, "time", "times")
        happened.append((story.downloaded, f"downloaded {times}, this was the last"))
    if story.status == "expired":  # at its time; before it if an operator ended it, and nobody noted when
        is_over = story.expires is not None and story.expires <= story.now
        happened.append((story.expires if is_over else None, "expired"))
    if not happened:
        return []
    return [(1, "What happened:"), *((2, f"{clock.at(moment)}  {what}") for moment, what in happened)]


def _attempt(attempt: AttemptShown) -> str:
    head = f"attempt {attempt.number} by run {attempt.run}"
    if attempt.outcome is None or attempt.ended is None:
        return f"{head}: in work"
    took = show_duration(attempt.ended - attempt.begun)
    outcome = OUTCOMES.get(attempt.outcome, attempt.outcome)
    return f"{head}, {took}: {outcome}" + (f": {attempt.error}" if attempt.error else "")


def _size(story: Story) -> str:
    return f", {count(story.equipment, 'instrument', 'instruments')}" if story.equipment else ""


def _progress(story: Story, clock: Clock) -> list[Line]:
    if story.status != "processing":
        return []
    ready = f", ready about {clock.at(story.estimated)}" if story.estimated else ""
    return [
        (1, f"Begun: {clock.at(story.started)} ({clock.since(story.started)} ago)"),
        (1, f"Progress: {story.percent}%, {story.step or 'begun'}{ready}"),
    ]


def _work(work: WorkShown, clock: Clock) -> str:
    if work.run:
        return f"attempt {work.attempts}, in work by run {work.run}"
    begun = f"{count(work.attempts, 'attempt', 'attempts')} begun" if work.attempts else "waits for its first attempt"
    return f"{begun}, to be built {next_attempt(work.retry_at, clock)}"


def _file(story: Story, clock: Clock) -> list[Line]:
    if not story.file_path:
        return []
    archive = story.archive
    if archive is None:
        size = f" ({show_size(story.file_size)})" if story.file_size else ""
        return [(1, f"Archive: {story.file_path}{size}, not known any more")]
    shown: list[Line] = [(1, f"Archive: {archive.path}"), (2, archive_facts(archive, clock))]
    if archive.download_name:
        shown.append((2, f"downloaded as {archive.download_name}"))
    if archive.sha256:
        shown.append((2, f"SHA-256 {archive.sha256}"))
    if story.status == "completed" and story.expires:
        over = "ended" if story.expires <= clock.now else "ends"
        shown.append((2, f"this request's right to it {over} {clock.at(story.expires)}"))
    return [*shown, *missing_lines(archive.warnings, 2)]
