"""On what it was measured: without it the figures mean nothing."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def describe(folder: Path) -> str:
    """Processor, memory, Python, kernel, and what lies under `folder`."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    return (
        f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB; {_file_system(folder)}; "
        f"Python {platform.python_version()}, Linux {platform.release()}"
    )


def load() -> str:
    """The load average of 1, 5 and 15 minutes."""
    return " ".join(f"{one:.2f}" for one in os.getloadavg())


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    """Its kind and its device, from the table of mounts (proc_pid_mountinfo(5))."""
    device = folder.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        mount, _, source = line.partition(" - ")
        if mount.split()[2] == number:
            kind, name = source.split()[:2]
            return f"{kind} on {name}"
    return "unknown file system"
