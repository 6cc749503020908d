"""Metrics of all runs in one file, for the textfile collector of Prometheus' node exporter.

Counters go on from run to run: the file itself remembers them. A run that found the lock busy leaves it alone, since
the one that works is about to write it; if that one hangs, samzip_last_run_timestamp_seconds grows old, and an alarm
waits for that.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from samzip import __version__
from samzip import events as e
from samzip.errors import DatabaseUnreachable, LockBusy, SamzipError
from samzip.report.phases import Phases
from samzip.report.trouble import is_trouble

if TYPE_CHECKING:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

WRITE_EVERY_S = 15.0  # during a run: a long one is seen to live
MODE = 0o644  # whatever the umask: its reader is another user, and it holds no secret
GAUGE, COUNTER = "gauge", "counter"


@dataclass(frozen=True, slots=True)
class Metric:
    """One name in the file."""

    name: str
    kind: str
    help: str
    label: str = ""  # "" for a single value


METRICS = (
    Metric("samzip_build_info", GAUGE, "Always 1; the label tells samzip's version.", "version"),
    Metric("samzip_requests", GAUGE, "Requests in SAM's table, by state; ended ones of the newest 10000.", "state"),
    Metric(
        "samzip_oldest_pending_timestamp_seconds",
        GAUGE,
        "Since when the oldest pending request waits (its click, or a later retry); absent when none is pending.",
    ),
    Metric("samzip_database_up", GAUGE, "1 when the database answered, else 0."),
    Metric("samzip_run_active", GAUGE, "1 while a run works, else 0."),
    Metric("samzip_last_run_timestamp_seconds", GAUGE, "When a run last ended or showed that it lives."),
    Metric("samzip_last_run_duration_seconds", GAUGE, "How long the last run took."),
    Metric("samzip_last_run_exit_code", GAUGE, "Exit code of the last run."),
    Metric("samzip_last_success_timestamp_seconds", GAUGE, "When a run last ended with exit code 0."),
    Metric("samzip_runs_total", COUNTER, "Runs, by exit code.", "exit_code"),
    Metric("samzip_parts_total", COUNTER, "Parts: built, reused, or attempts at them that failed.", "result"),
    Metric("samzip_missing_documents_total", COUNTER, "Documents that were missing in a published part."),
    Metric("samzip_written_bytes_total", COUNTER, "Bytes of the archives that were built."),
    Metric("samzip_phase_seconds_total", COUNTER, "Seconds that runs spent, by phase.", "phase"),
)
KNOWN = {metric.name: metric for metric in METRICS}

Values = dict[str, dict[str, float]]  # by name, then by the label's value ("" without label)


@dataclass(frozen=True, slots=True)
class Queue:
    """What the database tells."""

    requests: Mapping[str, int]  # by state, those with none included
    oldest: datetime | None  # pending request


class MetricsFile:
    """A listener. `look` may raise any SamzipError."""

    def __init__(
        self,
        path: Path,
        look: Callable[[], Queue],
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._look = look
        self._clock = clock
        self._monotonic = monotonic
        self._phases = Phases(monotonic)
        self._began: float | None = None
        self._loops = False
        self._failed = False  # since the last pass
        self._written = monotonic()
        self._values: Values | None = None

    def __call__(self, event: e.Event) -> None:
        if isinstance(event, e.RunEnded) and event.exit_code == LockBusy.exit_code and self._began is None:
            return
        values = self._known()
        for phase, seconds in self._phases.hear(event):
            values["samzip_phase_seconds_total"][phase] += seconds
        self._count(event, values)
        due = self._monotonic() - self._written >= WRITE_EVERY_S or (self._loops and isinstance(event, e.QueueEmpty))
        if due or isinstance(event, e.RunEnded):
            self._write(values, database_away=_is_database_away(event))

    def _count(self, event: e.Event, values: Values) -> None:
        now = self._clock()
        self._failed |= is_trouble(event)
        match event:
            case e.RunStarted():
                self._began, self._loops = self._monotonic(), event.interval is not None
                values["samzip_run_active"][""] = 1
            case e.PartPublished():
                values["samzip_parts_total"]["reused" if event.reused else "built"] += 1
                values["samzip_written_bytes_total"][""] += 0 if event.reused else event.size
                values["samzip_missing_documents_total"][""] += event.missing
            case e.PartFailed():
                values["samzip_parts_total"]["failed"] += 1
            case e.OrphansRecovered():
                values["samzip_parts_total"]["failed"] += event.failed
            case e.QueueEmpty() if self._loops:
                if not self._failed:  # a run that never ends is good as long as its passes are
                    values["samzip_last_success_timestamp_seconds"][""] = now
                self._failed = False
            case e.RunEnded():
                values["samzip_run_active"][""] = 0
                values["samzip_runs_total"][str(event.exit_code)] += 1
                values["samzip_last_run_exit_code"][""] = event.exit_code
                values["samzip_last_run_duration_seconds"][""] = self._phases.total
                if event.exit_code == 0:
                    values["samzip_last_success_timestamp_seconds"][""] = now

    def _known(self) -> Values:
        if self._values is None:
            self._values = read(self._path)
        return self._values

    def _write(self, values: Values, *, database_away: bool) -> None:
        self._written = self._monotonic()
        queue: Queue | None = None
        if not database_away:  # else it would be waited for once more
            with suppress(SamzipError):  # samzip_database_up tells
                queue = self._look()
        values["samzip_database_up"] = defaultdict(float, {"": float(queue is not None)})
        values["samzip_requests"] = defaultdict(float, queue.requests if queue else {})
        oldest = {"": queue.oldest.timestamp()} if queue and queue.oldest else {}
        values["samzip_oldest_pending_timestamp_seconds"] = defaultdict(float, oldest)
        values["samzip_build_info"] = defaultdict(float, {__version__: 1.0})
        values["samzip_last_run_timestamp_seconds"][""] = self._clock()
        write(self._path, values)


def read(path: Path) -> Values:
    """What an earlier run wrote; counters begin at 0 where there is nothing, or nothing that can be read."""
    from prometheus_client.parser import text_string_to_metric_families

    values: Values = {metric.name: defaultdict(float) for metric in METRICS}
    for name, result in (("samzip_parts_total", ("built", "reused", "failed")), ("samzip_written_bytes_total", ("",))):
        values[name].update(dict.fromkeys(result, 0.0))
    values["samzip_missing_documents_total"][""] = 0.0
    try:
        text = path.read_text(encoding="utf-8")
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    except (OSError, ValueError):  # Prometheus takes a counter that begins again for what it is
        return values
    for sample in samples:
        metric = KNOWN.get(sample.name)
        if metric is not None and set(sample.labels) == ({metric.label} if metric.label else set()):
            values[metric.name][sample.labels.get(metric.label, "")] = sample.value
    return values


def write(path: Path, values: Values) -> None:
    """Atomically: nobody ever reads half a file. Raises OSError."""
    from prometheus_client import CollectorRegistry, write_to_textfile

    registry = CollectorRegistry()
    registry.register(_Collected(values))
    write_to_textfile(str(path), registry)
    path.chmod(MODE)


class _Collected:
    """What prometheus_client calls a collector."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for metric in METRICS:
            kind = GaugeMetricFamily if metric.kind == GAUGE else CounterMetricFamily
            family = kind(metric.name, metric.help, labels=[metric.label] if metric.label else [])
            for label, value in sorted(self._values[metric.name].items()):
                family.add_metric([label] if metric.label else [], value)
            if family.samples:
                yield family


def _is_database_away(event: e.Event) -> bool:
    return isinstance(event, e.RunEnded) and event.exit_code == DatabaseUnreachable.exit_code
