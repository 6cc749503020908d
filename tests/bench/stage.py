"""Where `samzip` runs while it is measured: a state folder of its own, and every descendant counted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.bench.results import Measured

ROOT = Path(__file__).parents[2]
MEASURE = Path(__file__).with_name("measure.py")
PROGRAMS = Path(__file__).with_name("programs")
SAMZIP = (sys.executable, "-P", "-m", "samzip")  # the one of this checkout, whatever else is installed
DATABASE = "samzip.sqlite3"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class BenchFailed(Exception):
    """A command that is measured, or prepares what is measured, did not do its work."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A database as it is before the first run, the documents, and who asks for what."""

    name: str
    database: Path
    media: Path
    clicks: tuple[tuple[str, ...], ...]  # arguments of `samzip request`, once for every company
    faultless: bool = True  # no document is missing: a run must end with 0


class Stage:
    """A fresh state folder with a copy of the sample's database; the documents are shared and only read."""

    def __init__(self, sample: Sample, folder: Path, **settings: str) -> None:
        """`settings` are those of samzip, by their names."""
        folder.mkdir()
        self.sample = sample
        self.folder = folder
        self.environment = environment(folder, sample.media)
        self.environment |= {f"SAMZIP_{name.upper()}": value for name, value in settings.items()}
        self._copy_database()

    @property
    def archives(self) -> list[Path]:
        return sorted((self.folder / "archives").rglob("*.zip"))

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    def click(self) -> None:
        for arguments in self.sample.clicks:
            samzip(self.environment, "request", *arguments)

    def measure_run(self, *arguments: str) -> Measured:
        """`samzip run`, measured."""
        allowed = (0,) if self.sample.faultless else (0, 3)
        return measure([*SAMZIP, "run", "--log-level", "error", *arguments], self.environment, allowed)[0]

    def forget_archives(self) -> None:
        """As if nothing had ever been asked for. What samzip keeps outside its database stays: the life sheets."""
        shutil.rmtree(self.folder / "archives")
        self._copy_database()

    def kept_files(self) -> set[tuple[Path, int]]:
        """All but database and archives, each with its inode: a file that was written anew has another."""
        apart = (self.folder / "archives", self.folder / "measured.json")
        return {
            (path, path.stat().st_ino)
            for path in self.folder.rglob("*")
            if path.is_file() and not path.name.startswith(DATABASE) and not any(map(path.is_relative_to, apart))
        }

    def _copy_database(self) -> None:
        for leftover in self.folder.glob(f"{DATABASE}-*"):  # of the one before
            leftover.unlink()
        shutil.copyfile(self.sample.database, self.database)


def environment(state: Path, media: Path) -> dict[str, str]:
    """Nothing of the person's own samzip, and neither cache nor archive outside `state`.

    Python as it is when installed, too: with PYTHONDONTWRITEBYTECODE every start would compile samzip again.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SAMZIP_", "PYTHON")) and name not in ("DATABASE_URL", "STATE_DIRECTORY")
    }
    (state / "samzip.toml").touch()
    return kept | {
        "PYTHONPATH": str(ROOT),
        "SAMZIP_CONFIG": str(state / "samzip.toml"),
        "SAMZIP_STATE_DIR": str(state),
        "SAMZIP_MEDIA_ROOT": str(media),
        "SAMZIP_ARCHIVE_ROOT": str(state / "archives"),
    }


def samzip(environ: dict[str, str], *arguments: str) -> str:
    """Runs a command that is not measured, and returns what it printed."""
    done = subprocess.run([*SAMZIP, *arguments], env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"samzip {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def empty_database(folder: Path, media: Path) -> Path:
    """A new database as `samzip init` makes it."""
    samzip(environment(folder, media), "init")
    return folder / DATABASE


def measure(
    command: list[str], environ: dict[str, str], allowed: tuple[int, ...] = (0,), cwd: Path | None = None
) -> tuple[Measured, str]:
    """One command in a process that counts all its descendants, and what it printed. The disk is idle before."""
    os.sync()
    report = Path(environ["SAMZIP_STATE_DIR"]) / "measured.json"
    measuring = [sys.executable, "-I", "-S", str(MEASURE), str(report)]
    before = busy_s()
    done = subprocess.run([*measuring, *command], env=environ, capture_output=True, text=True, check=False, cwd=cwd)
    busy = busy_s() - before
    if done.returncode:
        raise BenchFailed(f"{' '.join(command)} could not be measured: {done.stderr.strip()}")
    told = json.loads(report.read_text(encoding="utf-8"))
    if told["exit"] not in allowed:
        raise BenchFailed(f"{' '.join(command)} ended with {told['exit']}: {(done.stdout + done.stderr).strip()}")
    wall, cpu = told["wall_s"], told["cpu_s"]
    others = max(0.0, busy - cpu) / wall
    return Measured(wall, cpu, told["peak_kib"] * 1024, others), done.stdout


def measure_program(name: str, environ: dict[str, str], *arguments: str) -> tuple[Measured, dict[str, float]]:
    """One of programs/, which prints as JSON what it measured of itself."""
    command = [sys.executable, "-P", str(PROGRAMS / f"{name}.py"), *arguments]
    whole, printed = measure(command, environ)
    told: dict[str, float] = json.loads(printed)
    return whole, told


def busy_s() -> float:
    """CPU seconds that all processors together have worked since boot, whatever for; stolen ones count."""
    line = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
    user, nice, system, _idle, _waiting, irq, softirq, steal = (int(field) for field in line.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_S
