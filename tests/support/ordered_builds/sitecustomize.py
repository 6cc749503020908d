"""On PYTHONPATH of a run, it makes builds do what the files in the folder $BUILD_ORDERS say.

begun-<part>    gets the process id of each worker that begins the part
hold            while it is there, builds wait, their temporary files half written
hold-<part>     so does this part's only
die-<part>      the worker that begins the part kills itself, as the kernel does when memory is short
die-preparing   so does the worker that prepares a company
hang            while it is there, documents are looked at in vain, as on a file server that no longer answers
freeze-before-rename, freeze-before-commit
                the leader stops itself (SIGSTOP) just before an archive gets its name, or just after that

LEASE_S in the environment shortens the lease's life, and its heartbeat in proportion; STUCK_S the time after which a
run that was asked to end is ended; SILENT_S that after which a job is silent. CLOCK_SHIFT_S: see shifted_clock.
"""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import shifted_clock  # noqa: F401 -- before anything else asks for the time

from samzip import executors
from samzip.archive import build, part, prepare, survey
from samzip.requests import lease
from samzip.storage import local

ORDERS = Path(os.environ["BUILD_ORDERS"])
undisturbed, undisturbed_preparation = build.build_part, prepare.prepare_company
undisturbed_survey = survey.survey_company
undisturbed_publish = local.LocalStore.publish


@functools.wraps(undisturbed)
def build_part(job: part.PartJob, report: Callable[[part.Progress], None]) -> Any:
    def obey(progress: part.Progress) -> None:
        report(progress)
        if progress.done == 0:
            with (ORDERS / f"begun-{job.part}").open("a", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
            if (ORDERS / f"die-{job.part}").exists():
                os.kill(os.getpid(), signal.SIGKILL)
        while (ORDERS / "hold").exists() or (ORDERS / f"hold-{job.part}").exists():
            time.sleep(0.02)

    return undisturbed(job, obey)


@functools.wraps(undisturbed_preparation)
def prepare_company(job: prepare.PrepareJob, report: Callable[[part.Progress], None]) -> Any:
    if (ORDERS / "die-preparing").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return undisturbed_preparation(job, report)


def survey_company(job: survey.SurveyJob, report: Callable[[part.Progress], None]) -> Any:
    while (ORDERS / "hang").exists():
        (ORDERS / "hangs").touch()
        time.sleep(0.02)
    return undisturbed_survey(job, report)


def publish(self: local.LocalStore, temporary: str, name: str) -> None:
    freeze("freeze-before-rename")
    undisturbed_publish(self, temporary, name)
    freeze("freeze-before-commit")


def freeze(order: str) -> None:
    if (ORDERS / order).exists():
        (ORDERS / order).unlink()
        os.kill(os.getpid(), signal.SIGSTOP)


local.LocalStore.publish = publish  # type: ignore[method-assign]
if short := os.environ.get("LEASE_S"):
    shorter = float(short) / lease.TIME_TO_LIVE.total_seconds()
    lease.TIME_TO_LIVE, lease.HEARTBEAT = lease.TIME_TO_LIVE * shorter, lease.HEARTBEAT * shorter
if short := os.environ.get("STUCK_S"):
    from samzip import app

    app.STUCK_S = int(short)
if short := os.environ.get("SILENT_S"):
    executors.SILENT_S = float(short)
build.build_part, prepare.prepare_company = build_part, prepare_company
survey.survey_company = survey_company
