"""How a Dask cluster is joined, and whether it can build: all that would make a part fail and is no part's fault.

Dask's own calls wait for ever for whoever is there and says nothing; here they do not.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import wait
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samzip.cluster_worker import Probe, make_probe, unfit
from samzip.dossier.keys import DOCTOR_CLUSTER
from samzip.errors import ClusterFailed, StorageFailed
from samzip.executors import R
from samzip.settings import Settings
from samzip.storage import open_store
from samzip.threads import Abandoned, awaited, in_thread

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 10
WORKERS_S = 30  # until the first worker is there, and without any before a run gives up
SILENT_S = 30  # of a scheduler or a worker that is there
ANSWER_S = 60  # for what workers look at, in stores that they wait for
FORGET_S = 2.0  # for a bucket that is to remove a probe
CLOSE_S = 2
PACKAGES = ("dask", "distributed")  # of one version everywhere, as Dask wants it


def count_workers(settings: Settings, folder: Path) -> int:
    """Those that the scheduler has now, once all have shown that they can work. `folder` is made below the state folder
    for it, and removed. Raises ClusterFailed, StorageFailed."""
    client = connect(settings.executor)
    try:
        workers = len(_workers(client, settings.executor))
        if workers:
            check(client, settings, folder, DOCTOR_CLUSTER)
            forget(settings.archive_root, DOCTOR_CLUSTER)
        return workers
    finally:
        close(client)
        shutil.rmtree(folder, ignore_errors=True)


def connect(executor: str) -> Client:
    """`executor` is the setting. Raises ClusterFailed."""
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise ClusterFailed(f"executor: {error.name} is not installed: pip install 'samzip[dask]'") from error
    for name in list(logging.root.manager.loggerDict):  # what goes wrong is raised; nobody needs its traceback as well
        if name.startswith("distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    address = executor.replace("dask+tls://", "tls://").replace("dask://", "tcp://")
    try:
        _bounded(lambda: asyncio.run(_greet(address)), executor, CONNECT_S + CLOSE_S)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions: `check` says it in our words
            return Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise ClusterFailed(f"no scheduler answers at {executor}: {error}") from error
    except Exception as error:  # whatever else it was: Dask takes the words of another server for its own
        told = str(error) if isinstance(error, ClusterFailed) else f"{executor}: {type(error).__name__}"
        raise ClusterFailed(
            f"{told}: is that a scheduler's port? It is 8786, if nobody chose another; 8787 is its dashboard's"
        ) from error


async def _greet(address: str) -> None:
    """What is no scheduler leaves a client that cannot be closed; a connection is merely forgotten."""
    from distributed.comm import connect as reach  # type: ignore[attr-defined]
    from distributed.security import Security

    comm = await reach(address, timeout=CONNECT_S, **Security().get_connection_args("client"))
    comm.abort()


def check(client: Client, settings: Settings, folder: Path, archived: str) -> Probe:
    """Everything that would make a part fail that is no part's fault. Raises ClusterFailed, StorageFailed."""
    try:
        _bounded(lambda: client.wait_for_workers(1, timeout=WORKERS_S), settings.executor, WORKERS_S + CONNECT_S)
        _require_fit(_silent(client, _workers(client, settings.executor)))
        _require_fit(differences(_bounded(client.get_versions, settings.executor)))
        _require_fit(_threads(_bounded(client.nthreads, settings.executor)))
        probe = make_probe(settings, folder, archived)
        try:
            told = _bounded(lambda: client.run(unfit, probe, on_error="return"), settings.executor)
            _require_fit((worker, _told(problem)) for worker, problem in told.items() if problem is not None)
        except BaseException:
            forget(settings.archive_root, archived)
            raise
        return probe
    except TimeoutError as error:
        raise ClusterFailed(f"the cluster at {settings.executor} has no workers") from error
    except OSError as error:
        raise ClusterFailed(f"the cluster at {settings.executor}: {error}") from error


def _bounded(call: Callable[[], R], executor: str, seconds: float = ANSWER_S) -> R:
    """Dask's own calls wait for ever for who is silent. Raises ClusterFailed."""
    until = time.monotonic() + seconds
    try:
        return awaited(in_thread(call, "cluster"), lambda: time.monotonic() > until)
    except Abandoned:
        raise ClusterFailed(f"the cluster at {executor} has not answered for {seconds:g} s") from None


def _workers(client: Client, executor: str) -> tuple[str, ...]:
    """Their addresses. Raises ClusterFailed."""
    return tuple(_bounded(client.scheduler_info, executor)["workers"])


def _silent(client: Client, workers: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Workers that are there and answer nothing: stopped, or on a host that hangs."""
    asked = {it: in_thread(partial(client.run, os.getpid, workers=[it], on_error="return"), it) for it in workers}
    wait(asked.values(), SILENT_S)
    for worker, answer in asked.items():
        if not answer.done():
            yield worker, f"it has not answered for {SILENT_S} s: start it again"


def close(client: Client) -> None:
    """Whatever becomes of it: nobody waits for a scheduler that is silent, or none any more."""
    with suppress(Exception):
        _bounded(lambda: client.close(timeout=CLOSE_S), "", CLOSE_S + 1)


def forget(archive_root: str, probe: str) -> None:
    until = time.monotonic() + FORGET_S
    with suppress(StorageFailed):  # the next probe has the same name
        open_store(archive_root, lambda: time.monotonic() > until).delete(probe)


def _require_fit(problems: Iterable[tuple[str, str]]) -> None:
    """Of workers. Raises ClusterFailed."""
    for worker, problem in problems:
        raise ClusterFailed(f"worker {worker}: {problem}")


def differences(versions: Any) -> Iterator[tuple[str, str]]:
    """Workers whose Python or Dask is not this host's, as Client.get_versions() tells them."""
    mine = versions["client"]
    for worker, theirs in versions["workers"].items():
        for name, version in (("python", _python(mine)), *((it, mine["packages"][it]) for it in PACKAGES)):
            found = _python(theirs) if name == "python" else theirs["packages"][name]
            if found != version:
                yield worker, f"it has {name} {found}, and this host {version}: they must be the same"


def _threads(counts: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for worker, threads in counts.items():
        if threads != 1:
            yield worker, f"it has {threads} threads: start workers with --nthreads 1, as many as there are cores"


def _python(versions: dict[str, Any]) -> str:
    """Its version without the last number, which changes nothing that travels."""
    return ".".join(str(versions["host"]["python"]).split(".")[:2])


def _told(problem: object) -> str:
    return problem if isinstance(problem, str) else f"samzip cannot be used there: {type(problem).__name__}: {problem}"
