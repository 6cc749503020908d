"""The run on a terminal: a bar for the run, one per part in work, and lasting lines above them.

Importing this costs rich's import, so it is only done when stderr is a terminal.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable
from datetime import UTC, tzinfo
from types import TracebackType
from typing import TextIO, cast

from rich.console import Console
from rich.progress import Progress, Task, TaskID
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from samzip import events as e
from samzip.report.log import GuardedStream
from samzip.report.wording import WAITING, count, duration_text, lines, printable, size_text, summary_text

REFRESH_PER_SECOND = 4
MISSING_SHOWN = 3  # documents named per part; the rest are counted, and listed in FALTANTES.txt
Key = tuple[int, int]  # company id, part


class Bars(Progress):
    """Rows that fit the terminal as it is now: what matters least goes first when it is narrow."""

    def __init__(self, console: Console) -> None:
        self._screen = console  # the base class draws before it knows its console
        super().__init__(console=console, transient=True, refresh_per_second=REFRESH_PER_SECOND, redirect_stdout=False)

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        width = self._screen.width
        names = 30 if width >= 100 else 20 if width >= 80 else 16
        codes = 0 if width < 55 else 20 if width >= 100 else 12
        table = Table.grid(padding=(0, 1, 0, 0), expand=True)
        table.add_column(no_wrap=True, overflow="ellipsis", max_width=names, style="bold")
        table.add_column(no_wrap=True, justify="right")
        if codes:
            table.add_column(no_wrap=True, overflow="ellipsis", min_width=6, max_width=codes, style="cyan")
        table.add_column(ratio=1, min_width=5)
        table.add_column(no_wrap=True, justify="right", min_width=4)
        if width >= 80:
            table.add_column(no_wrap=True, justify="right", min_width=10, style="dim")
        table.add_column(no_wrap=True, justify="right", min_width=5)
        for task in tasks:
            label: str = task.fields["label"]
            cells: list[Text | ProgressBar] = [Text(task.description), Text(task.fields["position"])]
            if codes:
                cells.append(Text(task.fields["code"]))
            # Not rich's own red: it reads like a failure.
            bar = ProgressBar(total=task.total, completed=task.completed, complete_style="green")
            cells.append(Text(label, no_wrap=True, overflow="ellipsis") if label else bar)
            cells.append(Text("" if label else f"{int(task.percentage)}%"))
            if width >= 80:
                cells.append(Text(_rate(task)))
            cells.append(Text("" if label else _left(task)))
            table.add_row(*cells)
        return table


class ProgressDisplay:
    """A context manager and listener. Nothing is drawn before there is work. It leaves standard output alone.

    A terminal that goes away does not end the run: `lost` then holds the error, unless a console was given.
    """

    def __init__(self, console: Console | None = None, file: TextIO | None = None, zone: tzinfo = UTC) -> None:
        self._stream = GuardedStream(file or sys.stderr)
        self._console = console or Console(file=cast(TextIO, self._stream), highlight=False)
        self._zone = zone
        self._bars = Bars(self._console)
        self._total: TaskID | None = None
        self._parts: dict[Key, TaskID] = {}  # in work
        self._done: set[Key] = set()
        self._expected = 0  # parts of this pass, as far as known
        self._missing: dict[Key, int] = {}  # documents already named
        self._loops = False

    @property
    def lost(self) -> OSError | ValueError | None:
        return self._stream.lost

    def __enter__(self) -> ProgressDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.live.stop()

    def __call__(self, event: e.Event) -> None:
        match event:
            case e.RunStarted():
                self._loops = event.interval is not None
            case e.RequestsCollapsed():
                self._expected = max(self._expected, len(self._done) + len(self._parts) + event.parts)
            case e.CompanyPlanned():
                self._expected += event.inserted + event.recut - event.cancelled
            case e.CompanyPreparing():
                self._begin(f"Excel de {event.company}")
            case e.PartStarted():
                self._start(event)
            case e.PartProgressed():
                self._progress(event)
            case e.DocumentMissing() | e.DocumentNoted():
                self._name_missing(event)
            case e.PartPublished():
                self._publish(event)
            case e.PartFailed():
                self._end(event.ref)
                self._print("✗", "red", lines(event, self._zone)[0].text)
            case e.PartDropped() | e.PartReleased():
                self._end(event.ref)
                self._print("⚠", "yellow", lines(event, self._zone)[0].text)
            case e.QueueEmpty():
                self._wait()
            case e.RunStands() | e.PartStands():
                self._print("·", "cyan", lines(event, self._zone)[0].text)
            case e.RunFinished():
                self._bars.live.stop()
                self._summarise(event)
            case _:
                for line in lines(event, self._zone):
                    if line.level >= logging.WARNING:
                        self._print("⚠", "yellow", line.text)

    def _begin(self, label: str) -> None:
        """Show the run's own row; the label says what it does while no part is in work."""
        if self._total is None:
            self._total = self._add("Total", "")
            self._bars.start()
        self._refresh_total("" if self._parts else printable(label))

    def _start(self, event: e.PartStarted) -> None:
        ref, key = event.ref, _key(event.ref)
        self._remove(key)
        self._done.discard(key)
        self._missing[key] = 0
        if self._total is None:
            self._begin("")  # first, so that its row is the first
        self._parts[key] = self._add(printable(ref.company), f"{ref.part}/{ref.parts}")
        self._refresh_total()

    def _add(self, description: str, position: str) -> TaskID:
        return self._bars.add_task(description, total=100, position=position, code="", label="", bytes=0)

    def _progress(self, event: e.PartProgressed) -> None:
        task = self._parts.get(_key(event.ref))
        if task is None:  # of a part that was dropped meanwhile
            return
        self._bars.update(task, completed=event.percent, bytes=event.bytes_done)
        if event.code:
            self._bars.update(task, code=printable(event.code))
        self._refresh_total()

    def _name_missing(self, event: e.DocumentMissing | e.DocumentNoted) -> None:
        named = self._missing[_key(event.ref)] = self._missing.get(_key(event.ref), 0) + 1
        if named <= MISSING_SHOWN:
            self._print("⚠", "yellow", lines(event, self._zone)[0].text)

    def _publish(self, event: e.PartPublished) -> None:
        self._end(event.ref)
        head = f"{event.ref.company} {event.ref.part}/{event.ref.parts}"
        how = "reutilizado" if event.reused else duration_text(event.seconds)
        facts = f"{size_text(event.size)}, {how}"
        text = f"{head}  {event.path}  {facts}"
        if len(text) + 2 <= self._console.width:
            self._print("✓", "green", text)
        else:  # the path keeps a line of its own: people copy it
            self._print("✓", "green", f"{head}  {facts}")
            self._put(Text(f"  {printable(event.path)}"))
        if event.missing or event.observations:
            documents = count(event.missing, "documento faltante", "documentos faltantes")
            remarks = count(event.observations, "observación", "observaciones")
            self._print("⚠", "yellow", f"{documents}, {remarks}: ver FALTANTES.txt")

    def _end(self, ref: e.PartRef) -> None:
        key = _key(ref)
        self._remove(key)
        self._done.add(key)
        self._refresh_total()

    def _remove(self, key: Key) -> None:
        """Take the part's bar away, if it has one."""
        task = self._parts.pop(key, None)
        if task is not None:
            self._bars.remove_task(task)

    def _wait(self) -> None:
        """Between passes: the next one counts from the start."""
        self._done.clear()
        self._missing.clear()
        self._expected = 0
        if self._loops:
            self._begin(WAITING)

    def _refresh_total(self, label: str = "") -> None:
        if self._total is None:
            return
        done = len(self._done)
        total = max(self._expected, done + len(self._parts))
        share = sum(task.percentage / 100 for task in self._bars.tasks if task.id in self._parts.values())
        self._bars.update(
            self._total,
            completed=done + share,
            total=max(total, 1),
            position=f"{done}/{total}" if total else "",
            code="partes" if total else "",
            label=label,
        )

    def _summarise(self, event: e.RunFinished) -> None:
        level = lines(event)[0].level
        mark, style = ("✓", "green") if level < logging.WARNING else ("⚠", "yellow")
        if level >= logging.ERROR:
            mark, style = "✗", "red"
        for text in summary_text(event):
            self._print(mark, style, text)

    def _print(self, mark: str, style: str, text: str) -> None:
        """A lasting line above the bars. No markup: a company may be called [red]x[/red]."""
        if self._console.options.ascii_only:
            mark = {"✓": "+", "✗": "x", "⚠": "!", "·": "-"}.get(mark, mark)
        body = Text(printable(text)).wrap(self._console, max(self._console.width - 2, 10))
        for line in body:
            line.rstrip()
        self._put(Text.assemble((mark, style), " ", Text("\n  ").join(body)))

    def _put(self, text: Text) -> None:
        """rich lets go of its lock between counting the rows to wipe and drawing, while its thread draws, too."""
        with self._bars.live._lock:
            self._console.print(text, soft_wrap=True)


def _key(ref: e.PartRef) -> Key:
    return ref.company_id, ref.part


def _rate(task: Task) -> str:
    elapsed = task.elapsed or 0.0
    done: int = task.fields["bytes"]
    # The first moment's rate is of caches, and would be remembered.
    return f"{size_text(done / elapsed)}/s" if done and elapsed >= 1 else ""


def _left(task: Task) -> str:
    seconds = task.time_remaining
    if seconds is None:
        return "-:--"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
