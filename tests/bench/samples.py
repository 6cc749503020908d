"""What is measured: the demonstration company, or a copy of a folder that SAM filled."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MEASURE = Path(__file__).with_name("measure.py")
BLOCK = 1 << 20


class BenchFailed(Exception):
    """A command that is measured, or prepares what is measured, did not do its work."""


@dataclass(frozen=True)
class Sample:
    """A database as it is before the first run, the documents, and who asks for what."""

    name: str
    database: Path
    media: Path
    clicks: tuple[tuple[str, ...], ...]  # arguments of `samzip request`, once for every company


class Stage:
    """A fresh state folder with a copy of the sample's database; the documents are shared and only read."""

    def __init__(self, sample: Sample, folder: Path) -> None:
        folder.mkdir()
        self.sample = sample
        self.folder = folder
        shutil.copyfile(sample.database, folder / "samzip.sqlite3")
        self.environment = environment(folder, sample.media)

    @property
    def archives(self) -> list[Path]:
        return sorted((self.folder / "archives").rglob("*.zip"))

    def click(self) -> None:
        for arguments in self.sample.clicks:
            samzip(self.environment, "request", *arguments)

    def measure_run(self) -> dict[str, Any]:
        """`samzip run`, measured. 3 is an end like 0: a document of the sample may well be missing."""
        measured = measure(["samzip", "run", "--log-level", "error"], self.environment)
        if measured["exit"] not in (0, 3):
            raise BenchFailed(f"samzip run ended with {measured['exit']}")
        return measured

    def measure_copy(self, documents: Path) -> dict[str, Any]:
        """The least that could be done: the same documents, one after the other, into one file that is then synced."""
        target = self.folder / "copy"
        script = 'xargs -0 cat -- <"$1" >"$2" && exec sync -- "$2"'
        measured = measure(["sh", "-c", script, "sh", str(documents), str(target)], self.environment)
        if measured["exit"]:
            raise BenchFailed(f"copying the documents ended with {measured['exit']}")
        target.unlink()
        return measured


def demonstration(folder: Path) -> Sample:
    """CERTIBOY S.A.S. of `samzip demo-data`: 69 instruments, two parts."""
    folder.mkdir()
    media = folder / "media"
    prepare = environment(folder, media)
    samzip(prepare, "init")
    samzip(prepare, "demo-data")
    return Sample("demonstration company", folder / "samzip.sqlite3", media, (("--user", "CERTIBOY"),))


def copied(source: Path, folder: Path) -> Sample:
    """A copy of `source`, which holds sam.sqlite3 and media/; it is read and nothing else."""
    for needed in ("sam.sqlite3", "media"):
        if not (source / needed).exists():
            raise BenchFailed(f"{source} has no {needed}")
    folder.mkdir()
    database, media = folder / "samzip.sqlite3", folder / "media"
    shutil.copyfile(source / "sam.sqlite3", database)
    shutil.copytree(source / "media", media)
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM core_notificacionzip")
        connection.execute("DELETE FROM core_ziprequest")  # the first run is to build what is clicked, and only that
        people = connection.execute(
            "SELECT min(u.username), u.empresa_id FROM core_customuser u WHERE u.is_active AND u.rol_usuario IN"
            " ('ADMINISTRADOR', 'GERENCIA') AND u.empresa_id IN (SELECT empresa_id FROM core_equipo)"
            " GROUP BY u.empresa_id"
        ).fetchall()
    connection.close()
    if not people:
        raise BenchFailed(f"nobody in {source / 'sam.sqlite3'} may ask for an archive")
    samzip(environment(folder, media), "init")
    return Sample(str(source.name), database, media, tuple(("--user", name) for name, _ in people))


def write_list(archives: list[Path], media: Path, target: Path) -> tuple[int, int]:
    """The documents that went into the archives, NUL after each path, for `xargs -0`. Returns their number and bytes.

    Told apart from what samzip made itself by their content: SHA256SUMS of an archive against the files of `media`.
    """
    known = {_digest(path): path for path in sorted(media.rglob("*")) if path.is_file()}
    paths = []
    for archive in archives:
        with zipfile.ZipFile(archive) as opened:
            sums = next(name for name in opened.namelist() if name.endswith("/SHA256SUMS"))
            digests = [line.split(" ", 1)[0] for line in opened.read(sums).decode().splitlines()]
        paths += [known[digest] for digest in digests if digest in known]
    target.write_bytes(b"".join(os.fsencode(path) + b"\0" for path in paths))
    return len(paths), sum(path.stat().st_size for path in paths)


def environment(state: Path, media: Path) -> dict[str, str]:
    """Nothing of the person's own samzip, and neither cache nor archive outside `state`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SAMZIP_") and name not in ("DATABASE_URL", "STATE_DIRECTORY")
    }
    (state / "samzip.toml").touch()
    return kept | {
        "SAMZIP_CONFIG": str(state / "samzip.toml"),
        "SAMZIP_STATE_DIR": str(state),
        "SAMZIP_MEDIA_ROOT": str(media),
        "SAMZIP_ARCHIVE_ROOT": str(state / "archives"),
    }


def samzip(environ: dict[str, str], *arguments: str) -> None:
    """Runs a command that is not measured."""
    done = subprocess.run(["samzip", *arguments], env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"samzip {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")


def measure(command: list[str], environ: dict[str, str]) -> dict[str, Any]:
    """One command in a process that counts all its descendants; its output is shown only if it fails."""
    report = Path(environ["SAMZIP_STATE_DIR"]) / "measured.json"
    measuring = [sys.executable, "-I", "-S", str(MEASURE), str(report)]
    done = subprocess.run([*measuring, *command], env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"{' '.join(command)} could not be measured: {done.stderr.strip()}")
    measured: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    if measured["exit"] not in (0, 3):
        sys.stderr.write(done.stdout + done.stderr)
    return measured


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
