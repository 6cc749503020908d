"""Where jobs run: a Dask cluster. Needs the extra: pip install 'samzip[dask]'.

Workers share the state folder with the leader, at the same path, and see both stores: a company's snapshot lies there,
and a job's own file (`Ticket`), by which it begins once and ends when it is told to, whatever the scheduler thinks.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samzip import executors
from samzip.archive.part import Progress
from samzip.cluster_joining import SILENT_S, WORKERS_S, check, close, connect, forget
from samzip.cluster_worker import DIED, Probe, Ticket, Unfit, run_job
from samzip.dossier.keys import CLUSTER_TEST
from samzip.errors import ClusterFailed
from samzip.executors import Here, J, R, Silence, WorkerDied, end_early
from samzip.settings import Settings
from samzip.threads import Abandoned, awaited, in_thread

if TYPE_CHECKING:
    from distributed import Client
    from distributed import Future as DaskFuture

END_S = 5  # for jobs that were told to end
LOOK_S = 2.0  # between two looks at who is there


class DaskCluster:
    """Workers of a cluster. One that dies fails its own job only; a scheduler that goes away is ClusterFailed."""

    def __init__(self, settings: Settings, folder: Path, is_over: Callable[[], bool] = lambda: False) -> None:
        """`folder` is of this run, below the temporary files: it goes with them; `is_over`: nobody wants workers any
        more that are not there yet."""
        self._is_over = is_over
        self._settings = settings
        self._folder = folder / "jobs"
        self._topic = f"samzip-{secrets.token_hex(8)}"
        self._changed = threading.Condition()
        self._told: list[tuple[str, Progress]] = []
        self._running: dict[str, tuple[DaskFuture[Any], Future[Any]]] = {}  # the cluster's future, and the caller's
        self._ending: dict[str, float] = {}  # cancelled ones, and how long they may take
        self._client: Client | None = None
        self._probe: Probe | None = None
        self._lost: str | None = None  # why no more can be expected of this cluster
        self._seen = self._looked = time.monotonic()  # a worker
        self._asked: Future[Any] | None = None  # the scheduler, who works for it
        self._is_fresh = False  # something happened since the last poll
        self._silence = Silence()
        self._active = time.monotonic()  # when any job last told something, or ended
        self._here = Here(self._wake)

    def start(self) -> None:
        """Raises ClusterFailed, StorageFailed."""
        with suppress(Abandoned):  # who submits meets it again
            self._started()

    def _started(self) -> tuple[Client, Probe]:
        if self._client is None or self._probe is None:
            try:
                self._client, self._probe = awaited(in_thread(self._connected, "cluster"), self._is_over)
            except Abandoned:  # the thread may have made it
                forget(self._settings.archive_root, CLUSTER_TEST)
                raise
        return self._client, self._probe

    def _connected(self) -> tuple[Client, Probe]:
        client = connect(self._settings.executor)
        try:
            client.subscribe_topic(self._topic, self._hear)
            return client, check(client, self._settings, self._folder, CLUSTER_TEST)
        except BaseException:
            close(client)
            raise

    def submit(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        """Raises ClusterFailed before the first job only: later on `poll` does, and no claimed part is forgotten."""
        ended: Future[R] = Future()
        try:
            client, probe = self._started()
        except Abandoned:
            return ended  # it is given back with all that does not end
        if self._lost:
            return ended
        ticket = Ticket(self._folder, key)
        ticket.write()
        name = f"{self._topic}-{key}"
        future = client.submit(run_job, function, job, ticket, self._topic, probe, key=name, pure=False, retries=0)
        self._running[key] = (future, ended)
        self._silence.begin(key)
        future.add_done_callback(lambda done: self._finish(done, ended, ticket))
        return ended

    def submit_here(self, function: Callable[[J, Callable[[Progress], None]], R], job: J, key: str) -> Future[R]:
        return self._here.submit(function, job, key)

    def cancel(self, key: str) -> None:
        if key in self._running:
            Ticket(self._folder, key).take_back()
            self._ending.setdefault(key, time.monotonic() + END_S)

    def poll(self, timeout: float) -> list[tuple[str, Progress]]:
        """Raises ClusterFailed when the scheduler or all workers are gone, or a worker cannot do its work."""
        with self._changed:
            if not self._is_fresh:
                self._changed.wait(timeout)
            self._is_fresh = False
            told, self._told = self._told, []
        for key, _ in told:
            self._silence.hear(key)
            self._active = time.monotonic()
        self._end_silent()
        self._end_cancelled()
        self._here.look()
        if self._client is not None and self._running:
            self._look(self._client)
        if self._lost:
            raise ClusterFailed(self._lost)
        return told

    def stop(self) -> None:
        for key in list(self._running):
            Ticket(self._folder, key).take_back()
        self._here.stop()
        if self._client is None:
            return
        until = time.monotonic() + END_S
        while any(Ticket(self._folder, key).is_begun for key in list(self._running)) and time.monotonic() < until:
            time.sleep(0.05)
        self._running.clear()
        if self._probe is not None:
            forget(self._settings.archive_root, CLUSTER_TEST)
        client, self._client = self._client, None
        close(client)

    def _look(self, client: Client) -> None:
        """Whether all is well; a question to the scheduler is answered by a later look, or never."""
        now, asked = time.monotonic(), self._asked
        if client.status not in ("running", "newly-created"):
            self._lost = f"the scheduler at {self._settings.executor} went away"
        elif asked is None:
            if now - self._looked >= LOOK_S:
                self._looked, self._asked = now, in_thread(client.scheduler_info, "look")
        elif not asked.done():
            if now - self._looked > SILENT_S:
                self._lost = f"the scheduler at {self._settings.executor} has not answered for {SILENT_S} s"
        elif asked.exception() is not None:
            self._lost = f"the scheduler at {self._settings.executor}: {asked.exception()}"
        else:
            workers, self._asked = asked.result()["workers"], None
            if workers:
                self._seen = now
            elif now - self._seen > WORKERS_S:
                self._lost = f"the cluster at {self._settings.executor} has no workers any more"

    def _hear(self, event: tuple[float, Any]) -> None:
        key, progress = event[1]
        with self._changed:
            self._told.append((key, Progress(**progress)))
            self._is_fresh = True
            self._changed.notify()

    def _finish(self, done: DaskFuture[R], ended: Future[R], ticket: Ticket) -> None:
        """In a thread of Dask's."""
        if done.status == "cancelled":  # by nobody here: jobs are cancelled by their tickets
            self._lost = self._lost or f"the scheduler at {self._settings.executor} went away"
            self._wake()
            return
        result, error = _outcome(done)
        if isinstance(error, Unfit):
            self._lost = self._lost or str(error)
            self._wake()
            return
        if isinstance(error, WorkerDied):
            ticket.end()
        was_cancelled = self._ending.pop(ticket.key, None) is not None
        if self._running.pop(ticket.key, None) is None:  # it was given up before
            return
        self._active = time.monotonic()
        was_silent = self._silence.end(ticket.key)
        if was_cancelled:
            end_early(ended, was_silent)
        elif error is None:
            ended.set_result(result)
        else:
            ended.set_exception(error)
        self._wake()

    def _end_silent(self) -> None:
        """One that has not begun waits for a worker, which may be at work for this run, or for somebody else's."""
        waiting = []
        for key in self._silence.found():
            if key in self._ending:
                continue  # it was told to end, and may have begun or not
            if key not in self._running:
                self._silence.end(key)  # its end is on the way
            elif Ticket(self._folder, key).is_begun:
                self.cancel(key)
            else:
                waiting.append(key)
        for key in waiting:
            if self._ending or time.monotonic() - self._active <= executors.SILENT_S:
                self._silence.begin(key)
            else:
                minutes = f"{executors.SILENT_S / 60:g} minutes"
                self._lost = f"no worker of {self._settings.executor} has begun anything for {minutes}: do they hang?"

    def _end_cancelled(self) -> None:
        """Those that do not hear it: a worker that died, storage that hangs. What they write has nobody's name."""
        for key, until in list(self._ending.items()):
            if time.monotonic() > until:
                running = self._running.pop(key, None)  # whoever takes it out, here or in Dask's thread, ends it
                self._ending.pop(key, None)
                if running is not None:
                    end_early(running[1], self._silence.end(key))

    def _wake(self) -> None:
        with self._changed:
            self._is_fresh = True
            self._changed.notify()


def _outcome(done: DaskFuture[Any]) -> tuple[Any, BaseException | None]:
    from distributed import KilledWorker

    try:
        return done.result(), None
    except KilledWorker:
        return None, WorkerDied(DIED)
    except Exception as error:  # noqa: BLE001 -- whoever waits for the job has it
        return None, error
