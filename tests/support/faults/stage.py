"""Where a command runs: a template's folders and database, put back for every point, and looked at from outside."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.support.faults.points import SOCKET_CALLS, Point, points_of, read_steps, strike_options, trace_options
from tests.support.faults.rows import Rows, plain
from tests.support.faults.warm import Ended, Job, Warm
from tests.support.faults.worlds import Template

RUN = ("run", "--json")
ROOT = Path(__file__).parents[3]
COLD_TIMEOUT_S = 120
PARTS = ("state", "archives", "tmp")  # what commands write; documents are only read and stay where they are


@dataclass(frozen=True)
class Snapshot:
    """A moment to come back to."""

    folder: Path
    rows: Rows | None  # of PostgreSQL; SQLite's file lies in the folder


class Stage:
    """One lane: its own copy of the world, its own warm process. Not for two threads at a time."""

    def __init__(self, folder: Path, warm: Warm, database_url: str = "") -> None:
        """`database_url` is an initialised PostgreSQL database that nobody else uses; empty for SQLite."""
        folder.mkdir()
        self.folder = folder
        self.warm = warm
        self.database_url = database_url
        self.line = ""  # another URL of the same database, for commands only
        self.template: Template | None = None

    def put_back(self, template: Template, snapshot: Snapshot | None = None) -> None:
        """As the template was made, or as it was at a snapshot."""
        self.template = template
        source = snapshot or Snapshot(template.folder, template.rows)
        for part in PARTS:
            shutil.rmtree(self.folder / part, ignore_errors=True)
            shutil.copytree(source.folder / part, self.folder / part, dirs_exist_ok=True)  # a mount stays
        if source.rows is not None:
            source.rows.restore(self.database_url)

    def save(self) -> Snapshot:
        """One snapshot a lane: the next replaces it."""
        target = self.folder / "snapshot"
        shutil.rmtree(target, ignore_errors=True)
        for part in PARTS:
            shutil.copytree(self.folder / part, target / part)
        return Snapshot(target, Rows.of(self.database_url) if self.database_url else None)

    def run(self, argv: Sequence[str] = RUN, strace: Sequence[str] = (), **more: Any) -> Ended:
        """The command line in a fork of the warm process."""
        return self.warm.run(self._job(argv, strace, **more))

    def strike(self, argv: Sequence[str], injection: str) -> Ended:
        return self.run(argv, strike_options(injection, self.trace))

    @property
    def trace(self) -> Path:
        """Of the last strike or look at all points."""
        return self.folder / "trace"

    def points(self, argv: Sequence[str] = RUN) -> list[Point]:
        """Every point of a command that nobody disturbs."""
        ended = self.run(argv, trace_options(self.trace))
        if ended.code != 0:
            raise RuntimeError(f"{argv} ended with {ended}: {self.output()}")
        return points_of(read_steps(self.trace))

    def run_cold(
        self, argv: Sequence[str] = RUN, strace: Sequence[str] = (), *, output: str = "", errors: str = ""
    ) -> int:
        """The command as users start it, its processes all traced; returns when the last of them is gone.

        `output` and `errors` are files for stdout and stderr; by default both go where `self.output` reads them.
        Returns the exit code; negative for the signal that ended the leader.
        """
        tracer = ["strace", "-f", *strace] if strace else []
        environment = self.environment() | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        with (
            Path(output or self.folder / "output").open("wb") as first,
            Path(errors or os.devnull).open("wb") as second,
        ):
            return subprocess.run(
                [*tracer, sys.executable, "-m", "samzip", *argv],
                env=environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=first,
                stderr=second if errors else first,
                timeout=COLD_TIMEOUT_S,
                check=False,
            ).returncode

    def cold_points(self, argv: Sequence[str] = RUN) -> list[Point]:
        """Of every process; those only that touch this lane's files or the database."""
        trace = self.folder / "trace"
        code = self.run_cold(argv, trace_options(trace))
        if code != 0:
            raise RuntimeError(f"{argv} ended with {code}: {self.output()}")
        steps = [step for step in read_steps(trace) if str(self.folder) in step.text or step.call in SOCKET_CALLS]
        return [Point(*key, text) for key, text in {(step.call, step.n): step.text for step in steps}.items()]

    def warm_up(self, argv: Sequence[str] = RUN) -> None:
        self.warm.warm_up(self._job(argv, ()))

    def environment(self) -> dict[str, str]:
        assert self.template is not None
        return {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "SAMZIP_STATE_DIR": str(self.state),
            "SAMZIP_MEDIA_ROOT": str(self.template.folder / "media"),
            "SAMZIP_ARCHIVE_ROOT": str(self.archives),
            "SAMZIP_DATABASE_URL": self.line or self.database_url,
            "SAMZIP_PART_SIZE": "1",
            "SAMZIP_JOBS": "1",
            "SAMZIP_LOG_FORMAT": "json",
            **self.template.settings,
        }

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def archives(self) -> Path:
        return self.folder / "archives"

    def output(self) -> str:
        """Of the last command, both streams."""
        return (self.folder / "output").read_text(encoding="utf-8", errors="replace")

    def files(self) -> list[str]:
        """Everything in the archive store."""
        return sorted(str(path.relative_to(self.archives)) for path in self.archives.rglob("*") if path.is_file())

    def rows(self, query: str) -> list[dict[str, Any]]:
        """What another program would see now. The files are not opened where they lie: SQLite would heal them."""
        if self.database_url:
            with psycopg.connect(plain(self.database_url), row_factory=dict_row) as connection:
                return list(connection.execute(query.encode()))
        copy = self.folder / "seen"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for path in self.state.glob("samzip.sqlite3*"):
            shutil.copy(path, copy)
        with closing(sqlite3.connect(copy / "samzip.sqlite3")) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query)]

    def change(self, statement: str) -> None:
        """As an operator would by hand."""
        if self.database_url:
            with psycopg.connect(plain(self.database_url)) as connection:
                connection.execute(statement.encode())
            return
        with closing(sqlite3.connect(self.state / "samzip.sqlite3")) as connection, connection:
            connection.execute(statement)

    def _job(self, argv: Sequence[str], strace: Sequence[str], **more: Any) -> Job:
        return Job(list(argv), self.environment(), str(self.folder / "output"), list(strace), **more)


def result_of(output: str) -> dict[str, Any]:
    """The JSON object that a command printed after its log."""
    start = output.rfind("\n{\n")
    return dict(json.loads(output[start if start >= 0 else 0 :]))
