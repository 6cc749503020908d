"""The same documents into one file, by others and by us: from nothing but copying to what SAM does today."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.bench.results import DOCUMENTS, Measured
from tests.bench.stage import BenchFailed, environment, measure, measure_program

COPYING = 'xargs -0 cat -- <"$1" >"$2" && exec sync -- "$2"'


@dataclass(frozen=True, slots=True)
class Tool:
    """One row of the table."""

    name: str  # in the results
    told: str  # in the table
    needs: str  # a command or, for what runs in Python, a module
    script: str = ""  # for sh: $1 lists the documents, a line for each, $2 is the target; empty: programs/write_archive


TOOLS = (
    Tool(DOCUMENTS, "samzip's ZIP writer: stored, or deflated where a probe says so; SHA-256 of each", "samzip"),
    Tool("zipfile", "Python's `zipfile`, stored", "zipfile"),
    Tool("zipfile-3", "Python's `zipfile`, deflate 3: what SAM does", "zipfile"),
    Tool("zip-0", "`zip -0`", "zip", 'zip -q -0 -@ "$2" <"$1"'),
    Tool("7zz-mx0", "`7zz a -tzip -mx0`", "7zz", '7zz a -tzip -mx0 -bso0 -bsp0 "$2" @"$1"'),
    Tool("zipstream", "zipstream-ng, stored", "zipstream"),
)


class Documents:
    """What is copied, listed in the two ways that the tools want."""

    def __init__(self, media: Path, paths: list[Path], folder: Path) -> None:
        folder.mkdir()
        self.media = media
        self.paths = paths
        self.folder = folder
        self.target = folder / "target.zip"
        self.environment = environment(folder, media)
        self.listed = folder / "documents"
        self.listed.write_bytes(b"".join(os.fsencode(path) + b"\0" for path in paths))
        self.lines = folder / "documents.txt"
        self.lines.write_text("".join(f"{path.relative_to(media)}\n" for path in paths), encoding="utf-8")

    def warm(self) -> None:
        """Has the kernel keep all of them in memory."""
        for path in self.paths:
            path.read_bytes()

    def copy(self) -> Measured:
        """The least that could be done: one after the other into one file, which is then on the disk."""
        measured, _ = measure(["sh", "-c", COPYING, "sh", str(self.listed), str(self.target)], self.environment)
        self._remove(sum(path.stat().st_size for path in self.paths))
        return measured

    def write(self, tool: Tool) -> tuple[Measured, int]:
        """What it costs `tool`, and the size of its archive in bytes."""
        if tool.script:
            script = f'{tool.script} && exec sync -- "$2"'
            command = ["sh", "-c", script, "sh", str(self.lines), str(self.target)]
            measured, _ = measure(command, self.environment, cwd=self.media)
        else:
            arguments = (tool.name, str(self.media), str(self.listed), str(self.target))
            whole, told = measure_program("write_archive", self.environment, *arguments)
            measured = Measured(told["wall_s"], told["cpu_s"], whole.peak, whole.others)
        return measured, self._remove()

    def _remove(self, expected: int | None = None) -> int:
        size = self.target.stat().st_size
        if expected is not None and size != expected:
            raise BenchFailed(f"the copy has {size} bytes of {expected}")
        self.target.unlink()
        return size


def present() -> tuple[list[Tool], list[str]]:
    """The tools of this machine, and what the others would need."""
    here = [tool for tool in TOOLS if _is_here(tool)]
    return here, [tool.needs for tool in TOOLS if tool not in here]


def _is_here(tool: Tool) -> bool:
    found = shutil.which(tool.needs) if tool.script else importlib.util.find_spec(tool.needs)
    return found is not None
