"""`bin/bench --sample DIR`: a folder that SAM itself filled, in the place of the bench's own company."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

from tests.bench import results as names
from tests.bench.baselines import Documents
from tests.bench.results import Results
from tests.bench.stage import DATABASE, BenchFailed, Sample, Stage, environment, samzip
from tests.bench.table import MIB, runs_table

SHOWN = (
    (names.COPY, "`cat` of the documents into one file, and one fsync"),
    (names.COLD, "every part built, no life sheet cached"),
    (names.UNCHANGED, "asked again, nothing changed since"),
    (names.IDLE, "nothing asked for, `--quiet` as cron has it"),
)


def measure_sample(source: Path, folder: Path, repeats: int) -> str:
    """Markdown: what every company of the sample costs together."""
    sample = copied(source, folder / "sample")
    got = Results()
    heading = ""
    for number in range(1, repeats + 1):
        stage = Stage(sample, folder / f"repeat-{number}")
        stage.click()
        got.runs[names.COLD].append(stage.measure_run())
        archives = stage.archives
        documents = Documents(sample.media, delivered(archives, sample.media), folder / f"documents-{number}")
        size = sum(path.stat().st_size for path in documents.paths)
        heading = (
            f"{sample.name}: {len(documents.paths):,} documents ({size / MIB:.1f} MiB) into {len(archives)} archives "
            f"({sum(path.stat().st_size for path in archives) / MIB:.1f} MiB). Repetitions: {repeats}."
        )
        got.runs[names.COPY].append(documents.copy())
        stage.click()
        got.runs[names.UNCHANGED].append(stage.measure_run())
        if len(stage.archives) != len(archives):
            raise BenchFailed("archives were built again although nothing had changed")
        got.runs[names.IDLE].append(stage.measure_run("--quiet"))
        shutil.rmtree(stage.folder)
        shutil.rmtree(documents.folder)
    return f"{heading}\n\n{runs_table(got, SHOWN)}"


def copied(source: Path, folder: Path) -> Sample:
    """A copy of `source`, which holds sam.sqlite3 and media/; it is read and nothing else."""
    for needed in ("sam.sqlite3", "media"):
        if not (source / needed).exists():
            raise BenchFailed(f"{source} has no {needed}")
    folder.mkdir()
    database, media = folder / DATABASE, folder / "media"
    shutil.copyfile(source / "sam.sqlite3", database)
    shutil.copytree(source / "media", media)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM core_notificacionzip")
        connection.execute("DELETE FROM core_ziprequest")  # the first run is to build what is clicked, and only that
        people = connection.execute(
            "SELECT min(u.username), u.empresa_id FROM core_customuser u WHERE u.is_active AND u.rol_usuario IN"
            " ('ADMINISTRADOR', 'GERENCIA') AND u.empresa_id IN (SELECT empresa_id FROM core_equipo)"
            " GROUP BY u.empresa_id"
        ).fetchall()
    if not people:
        raise BenchFailed(f"nobody in {source / 'sam.sqlite3'} may ask for an archive")
    samzip(environment(folder, media), "init")
    clicks = tuple(("--user", name) for name, _ in people)
    return Sample(source.name, database, media, clicks, faultless=False)  # a document of it may well be missing


def delivered(archives: list[Path], media: Path) -> list[Path]:
    """The documents that went into the archives, told apart from what samzip made itself by their SHA-256."""
    known = {_digest(path): path for path in sorted(media.rglob("*")) if path.is_file()}
    paths = []
    for archive in archives:
        with zipfile.ZipFile(archive) as opened:
            sums = next(name for name in opened.namelist() if name.endswith("/SHA256SUMS"))
            digests = [line.split(" ", 1)[0] for line in opened.read(sums).decode().splitlines()]
        paths += [known[digest] for digest in digests if digest in known]
    return paths


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
