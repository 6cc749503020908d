"""On PYTHONPATH of a run, it makes builds do what the files in the folder $BUILD_ORDERS say.

begun-<part>    gets the process id of each worker that begins the part
hold            while it is there, builds wait, their temporary files half written
die-<part>      the worker that begins the part kills itself, as the kernel does when memory is short
deaf            workers ignore SIGTERM
"""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from samzip.archive import build

ORDERS = Path(os.environ["BUILD_ORDERS"])
undisturbed = build.build_part


@functools.wraps(undisturbed)
def build_part(job: build.PartJob, report: Callable[[build.Progress], None]) -> Any:
    if (ORDERS / "deaf").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def obey(progress: build.Progress) -> None:
        report(progress)
        if progress.done == 0:
            with (ORDERS / f"begun-{job.part}").open("a", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
            if (ORDERS / f"die-{job.part}").exists():
                os.kill(os.getpid(), signal.SIGKILL)
        while (ORDERS / "hold").exists():
            time.sleep(0.02)

    return undisturbed(job, obey)


build.build_part = build_part
