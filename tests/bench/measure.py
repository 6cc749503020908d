"""What a command costs, with every process that it starts, however those are related.

    python measure.py REPORT COMMAND [ARGUMENT ...]      writes one JSON object to the file REPORT

A pool's workers are children of a fork server that the command never waits for, so the usual sum over waited-for
children misses them. This process makes itself the reaper of orphans (prctl(2), PR_SET_CHILD_SUBREAPER) and waits for
every descendant: wait4(2) reports a process together with those that it waited for itself, so each is counted once.

The standard library alone, so that what measures stays small: the least peak that can be told is this process's own
(about 10 MiB), since the kernel counts it until the command replaces it (getrusage(2), execve(2)).
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
from typing import Any

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def measure(command: list[str]) -> dict[str, Any]:
    """Runs the command and waits until all its descendants are gone.

    Returns `wall_s` until the command itself ended, `cpu_s` (user and system) and `peak_kib` (the largest resident set
    of any one process), and its `exit` code (128 + signal if one ended it).
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become the reaper of orphans")
    cpu = 0.0
    peak = 0
    wall = 0.0
    code = 0
    started = time.monotonic()
    leader = os.posix_spawnp(command[0], command, os.environ, setsigdef=[signal.SIGPIPE])
    while True:
        try:
            pid, status, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += usage.ru_utime + usage.ru_stime
        peak = max(peak, usage.ru_maxrss)
        if pid == leader:
            wall = time.monotonic() - started
            code = os.waitstatus_to_exitcode(status)
    return {"wall_s": wall, "cpu_s": cpu, "peak_kib": peak, "exit": code if code >= 0 else 128 - code}


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    measured = measure(sys.argv[2:])
    with open(sys.argv[1], "w", encoding="utf-8") as report:  # noqa: PTH123 -- pathlib would double this process
        json.dump(measured, report)


if __name__ == "__main__":
    main()
