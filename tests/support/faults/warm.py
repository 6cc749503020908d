"""A process with samzip imported that forks the command line, so that one traced run costs milliseconds, not a start.

    python -m tests.support.faults.warm

It reads jobs as JSON, one a line, and answers each with how the fork ended. In a fork the *real* command line runs,
from parsing to exit code; the one thing replaced is the pool of processes, by an executor that does each job in place.
So all system calls of a run happen in one process and (call, n) means the same step each time. (And a run gives up a
database that stays away after a second, not after thirty.) Under a tracer the fork waits at a pipe until strace says
that it has attached: nothing of the run escapes it.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import samzip.app
from samzip.batch import ending
from tests.support.world import InlineExecutor

ATTACHED = b" attached"


@dataclass(frozen=True)
class Job:
    """One command."""

    argv: list[str]
    env: dict[str, str]
    output: str  # file for stdout and stderr
    strace: list[str]  # options; none: no tracer
    file_limit: int | None = None  # bytes, RLIMIT_FSIZE
    timeout: float = 60  # seconds


@dataclass(frozen=True)
class Ended:
    """How it ended."""

    code: int | None  # None: killed
    signal: int | None
    seconds: float
    tracer: str  # what strace complained of


def main() -> None:
    """Serves jobs until stdin ends."""
    samzip.app._executor = lambda settings, run_id, stop: InlineExecutor()
    ending.PATIENCE_S = 1
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        order = json.loads(line)
        if order.pop("warm", False):
            job = Job(**order)
            _redirect(job.output)
            answer = Ended(_run_here(job), None, 0, "")
            gc.collect()
            gc.freeze()  # forks share what was imported
        else:
            answer = _fork(Job(**order))
        answers.write(json.dumps(asdict(answer)) + "\n")
        answers.flush()


def _fork(job: Job) -> Ended:
    begun = time.monotonic()
    wait, go = os.pipe()
    hear, ready = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go)
        os.close(hear)
        _become(job, ready, wait)
    os.close(wait)
    os.close(ready)
    os.read(hear, 1)  # until the other end is closed
    os.close(hear)
    tracer = _attach(job, child) if job.strace else None
    os.write(go, b"x")
    os.close(go)
    status = _wait(child, begun + job.timeout)
    complaint = ""
    if tracer is not None:
        complaint = (tracer.communicate(timeout=job.timeout)[1] or b"").decode("utf-8", "replace")
    code = os.waitstatus_to_exitcode(status)
    return Ended(code if code >= 0 else None, -code if code < 0 else None, time.monotonic() - begun, complaint)


def _attach(job: Job, child: int) -> subprocess.Popen[bytes]:
    tracer = subprocess.Popen(
        ["strace", "-f", "-p", str(child), *job.strace], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert tracer.stderr is not None
    heard = b""
    until = time.monotonic() + 10
    while ATTACHED not in heard:
        if select.select([tracer.stderr], [], [], max(0, until - time.monotonic()))[0]:
            read = os.read(tracer.stderr.fileno(), 4096)
            heard += read
            if read:
                continue
        os.kill(child, signal.SIGKILL)
        raise RuntimeError(f"strace did not attach: {heard.decode('utf-8', 'replace')}")
    return tracer


def _wait(child: int, until: float) -> int:
    """A run that hangs is killed by SIGABRT, which no injection sends."""
    handle = os.pidfd_open(child)
    try:
        if not select.select([handle], [], [], max(0, until - time.monotonic()))[0]:
            os.kill(child, signal.SIGABRT)
        return os.waitpid(child, 0)[1]
    finally:
        os.close(handle)


def _become(job: Job, ready: int, wait: int) -> None:
    """The command, once the tracer is there; the preparation is not among its calls. Never returns."""
    code = 1  # as the interpreter ends for an error that nobody catches
    try:
        _redirect(job.output)
        silence = os.open(os.devnull, os.O_RDONLY)
        os.dup2(silence, 0)
        os.close(silence)
        os.close(ready)
        os.read(wait, 1)
        os.close(wait)
        if job.file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (job.file_limit, job.file_limit))
        code = _run_here(job)
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(code)


def _redirect(output: str) -> None:
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def _run_here(job: Job) -> int:
    """The command's exit code, as the interpreter would have ended."""
    from samzip.cli import main as command_line

    os.environ.clear()
    os.environ.update(job.env)
    tempfile.tempdir = None  # looked up again, in this environment
    try:
        command_line(job.argv)
        code: Any = 0
    except SystemExit as end:
        code = end.code or 0
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            return 120  # as the interpreter does
    return code if isinstance(code, int) else 1


class Warm:
    """The test's end of such a process."""

    def __init__(self) -> None:
        root = str(Path(__file__).parents[3])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.faults.warm"],
            cwd=root,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": root, "LANG": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def warm_up(self, job: Job) -> None:
        """Runs a command in the parent itself, so that what is imported late is there in every fork."""
        self._ask({**asdict(job), "warm": True})

    def run(self, job: Job) -> Ended:
        return Ended(**self._ask(asdict(job)))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()

    def _ask(self, order: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the warm process ended with {self._process.wait()}")
        return json.loads(answer)


if __name__ == "__main__":
    main()
