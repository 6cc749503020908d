"""What happens in a worker of a Dask cluster."""

from __future__ import annotations

import functools
import os.path
import secrets
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from samzip import __version__
from samzip.archive.part import Progress
from samzip.archive.version import CODE, LIBRARIES
from samzip.dossier.keys import FOLDER
from samzip.errors import StorageFailed
from samzip.executors import WorkerDied
from samzip.settings import Settings
from samzip.storage import MissingFile, be_patient, open_store

DIED = "el proceso del clúster que generaba esta parte murió"
TELL_S = 0.5  # between two reports of a job
NAMES = 20  # of SAM's folder that a worker must see as well


class Unfit(Exception):
    """This worker cannot do the work of this run; the argument says why."""


@dataclass(frozen=True, slots=True)
class Probe:
    """By which a worker shows that it is like the leader and sees what the leader sees."""

    version: str
    code: str
    token: str
    state: Path  # a file with the token
    archive_url: str
    archived: str  # name of another one, in the archive store
    media_url: str
    media: tuple[str, ...]  # names at the top of a folder


@dataclass(frozen=True, slots=True)
class Ticket:
    """A job's file in the state folder. Dask gives the job of a worker that died to another one, as often as its
    scheduler is set to; here a ticket is used once, so that every death is an attempt that counts."""

    folder: Path
    key: str

    @property
    def _waits(self) -> Path:
        return self.folder / f"{self.key}.waits"

    @property
    def _begun(self) -> Path:
        return self.folder / f"{self.key}.begun"

    @property
    def is_begun(self) -> bool:
        return self._begun.exists()

    def write(self) -> None:
        """Raises StorageFailed."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._waits.touch()
        except OSError as error:
            raise StorageFailed(f"{error.filename or self.folder}: {error.strerror or error}") from error

    def use(self) -> bool:
        """False: it was used before, or taken back."""
        try:
            self._waits.rename(self._begun)
        except FileNotFoundError:
            return False
        return True

    def take_back(self) -> None:
        """The job does not begin, or ends at its next report."""
        self._waits.unlink(missing_ok=True)
        if self._begun.exists():
            self._stop.touch()

    @property
    def _stop(self) -> Path:
        return self.folder / f"{self.key}.stop"

    @property
    def is_valid(self) -> bool:
        """False: taken back, or the run is gone with its folder."""
        return self._begun.exists() and not self._stop.exists()

    def end(self) -> None:
        self._begun.unlink(missing_ok=True)


def make_probe(settings: Settings, folder: Path, archived: str) -> Probe:
    """In the leader. `archived` is the name that it has in the archive store. Raises StorageFailed."""
    token = secrets.token_hex(16)
    media: tuple[str, ...] = ()
    try:
        if "://" not in settings.media_root:
            names = {path.name for path in Path(settings.media_root).iterdir()}
            media = tuple(sorted(names - {FOLDER})[:NAMES])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "probe").write_text(token, encoding="ascii")
    except OSError as error:
        raise StorageFailed(f"{error.filename or folder}: {error.strerror or error}") from error
    archives = open_store(settings.archive_root)
    if "://" not in archives.url:
        archives.check_writable(FOLDER)
    with archives.create(archived) as file:
        file.write(token.encode())
    return Probe(
        __version__, CODE, token, folder / "probe", settings.archive_root, archived, settings.media_root, media
    )


@functools.lru_cache(maxsize=8)
def unfit(probe: Probe) -> str | None:
    """In a worker: why it cannot take part. None: it can."""
    if probe.code != CODE:
        return (
            f"its samzip {__version__} or a library that shapes archives ({', '.join(LIBRARIES)}) differs from the "
            f"leader's, whose samzip is {probe.version}: install the same versions of all"
        )
    try:
        if probe.state.read_text(encoding="ascii") != probe.token:
            return f"its {probe.state.parent} is not the leader's: the state folder must be shared"
    except OSError as error:
        return f"it does not see the state folder, which must be shared: {probe.state}: {error.strerror}"
    try:
        archives = open_store(probe.archive_url)
        with archives.open(probe.archived) as file:
            if file.read() != probe.token.encode():
                return f"its archive_root {probe.archive_url} is not the leader's"
        archives.check_writable(FOLDER)
        open_store(probe.media_url).check_readable()
    except MissingFile as error:
        return f"it does not see the archive_root {probe.archive_url}: {error.reason}"
    except StorageFailed as error:
        return str(error)
    missing = [name for name in probe.media if not os.path.lexists(Path(probe.media_url, name))]
    return f"its media_root {probe.media_url} lacks {missing[0]}, which the leader sees" if missing else None


def run_job(
    function: Callable[[Any, Callable[[Progress], None]], Any], job: Any, ticket: Ticket, topic: str, probe: Probe
) -> Any:
    """In a worker."""
    from distributed import get_worker

    be_patient()
    problem = unfit(probe)
    if problem is not None:
        raise Unfit(f"worker {get_worker().address}: {problem}")
    if not ticket.use():
        raise WorkerDied(DIED)
    told = 0.0

    def report(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told < TELL_S:
            return
        told = time.monotonic()
        if not ticket.is_valid:
            raise CancelledError
        get_worker().log_event(topic, (ticket.key, asdict(progress)))

    try:
        return function(job, report)
    finally:
        ticket.end()
