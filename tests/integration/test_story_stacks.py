"""One story on four stacks: three clicks, a run, downloads, a purge. What customers get is the same, byte by byte.

All stacks tell the same time, so that nothing differs for its sake (test_reproducible.py: what does). What is left is
the date of a document in a bucket: that of its upload, which is the only one that S3 keeps.
"""

from __future__ import annotations

import hashlib
import io
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from samzip.demo import load
from samzip.demo.book import Book
from samzip.executors import Executor
from samzip.housekeeping.items import Options
from samzip.housekeeping.purge import Purge
from samzip.local_pool import LocalPool
from tests.support import world as support
from tests.support.cluster import start_cluster
from tests.support.s3 import BUCKET, Bucket
from tests.support.web import make_web
from tests.support.world import World, make_world, new_postgres_database

MOMENT = datetime.now(UTC).replace(microsecond=0)
CLICKS, PARTS = 3, 3
MADE = ("LEEME.txt", "SHA256SUMS", "Informe_Consolidado.xlsx", "Hoja_de_vida.pdf", "README.txt", "FALTANTES.txt")

Archives = dict[str, bytes]  # by the names that browsers give them


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support.ShiftedDatabase, "now", lambda self, connection: MOMENT)


@pytest.fixture(scope="module")
def book() -> Book:
    """The demo's rows, and the documents of the smaller one of its companies, which is asked for."""
    whole = load.sample(date(2026, 3, 31))
    documents = [it for it in whole.documents if "/LA-" in it.path or "andino" in it.path]
    return replace(whole, documents=documents)


@pytest.fixture(scope="module")
def documents(book: Book, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Their folder, which all stacks but those with a bucket read."""
    folder = tmp_path_factory.mktemp("documents")
    load._write_files(folder, book.documents, [], small=True, progress=None)
    return folder


def in_folders(folder: Path, book: Book, documents: Path, database_url: str | None = None) -> World:
    (folder / "archives").mkdir()
    roots = {"media_root": str(documents), "archive_root": str(folder / "archives")}
    world = make_world(folder, database_url, **roots)
    with world.database.write() as connection:
        load._write_rows(connection, book)
    return world


def tell(world: World, make_executor: Callable[[], Executor]) -> Archives:
    """The story; each archive is extracted and held against its own checksums."""
    web = make_web(world, web_rate=1000)
    accepted = [web.clicked("andino") for _ in range(CLICKS)]
    assert world.run(make_executor=make_executor).counts.published == PARTS
    given = {}
    for part in web.status(accepted[0])["parts"]:
        with web.client.get(part["download_url"]) as answer:
            data = answer.data
        if answer.status_code == 302:  # the bucket sends it
            with urllib.request.urlopen(answer.headers["Location"]) as response:  # noqa: S310 -- our own server
                data = response.read()
        assert hashlib.sha256(data).hexdigest() == part["sha256"]
        check(data)
        given[part["file_name"]] = data
    assert [row.status for row in world.requests()] == ["completed"] * CLICKS * PARTS
    assert len(world.files()) == len(given) == PARTS
    Purge(world.settings, world.database, world.archives, Options(all_archives=True), world.host).run(wait=0)
    assert world.files() == []
    assert [row.status for row in world.requests()] == ["expired"] * CLICKS * PARTS
    world.database.close()
    return given


def check(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = archive.namelist()
        root = names[0].partition("/")[0]
        sums = archive.read(f"{root}/SHA256SUMS").decode().splitlines()
        for line in sums:
            digest, _, name = line.partition("  ")
            assert hashlib.sha256(archive.read(f"{root}/{name}")).hexdigest() == digest
    assert len(sums) == len(names) - 1


def entries(data: bytes) -> list[tuple[object, ...]]:
    """Name, content, how it is stored; and the date, but for documents."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [
            (
                *(it.filename, archive.read(it), it.compress_type, it.compress_size, it.external_attr),
                it.date_time if it.filename.endswith(MADE) else None,
            )
            for it in archive.infolist()
        ]


@pytest.fixture(scope="module")
def plain(book: Book, documents: Path, tmp_path_factory: pytest.TempPathFactory) -> Archives:
    """From SQLite and a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(support.ShiftedDatabase, "now", lambda self, connection: MOMENT)
        world = in_folders(tmp_path_factory.mktemp("plain"), book, documents)
        return tell(world, lambda: LocalPool(world.settings.temporary_dir))


@pytest.fixture
def in_bucket(
    postgres_server: str, s3: Bucket, book: Book, documents: Path, tmp_path: Path, still: None
) -> Iterator[World]:
    url = new_postgres_database(postgres_server)
    world = make_world(tmp_path, url, s3, media_root=f"s3://{BUCKET}/stacks/{tmp_path.name}")
    for document in book.documents:
        world.put(document.path, (documents / document.path).read_bytes())
    with world.database.write() as connection:
        load._write_rows(connection, book)
    yield world
    assert s3.names(f"stacks/{tmp_path.name}/zip_requests") == []


def test_postgresql_and_a_folder_give_the_same_files(
    plain: Archives, postgres_server: str, book: Book, documents: Path, tmp_path: Path, still: None
) -> None:
    world = in_folders(tmp_path, book, documents, new_postgres_database(postgres_server))
    assert tell(world, lambda: LocalPool(world.settings.temporary_dir)) == plain


def test_postgresql_and_s3_give_the_same_but_for_the_dates_of_documents(plain: Archives, in_bucket: World) -> None:
    # In this process: the pool's may have been forked from one that did not know this bucket's keys.
    check_same(plain, tell(in_bucket, lambda: in_bucket.executor))


def test_postgresql_and_s3_and_two_workers_of_a_cluster_give_the_same_as_well(
    plain: Archives, in_bucket: World, tmp_path: Path
) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    from samzip.cluster import DaskCluster

    with ExitStack() as stack:
        (tmp_path / "dask").mkdir()
        cluster = stack.enter_context(start_cluster(tmp_path / "dask", workers=2))
        settings = replace(in_bucket.settings, executor=cluster.executor, jobs=2)
        in_bucket.settings = settings
        check_same(plain, tell(in_bucket, lambda: DaskCluster(settings, settings.temporary_dir / "run")))


def check_same(plain: Archives, given: Archives) -> None:
    assert list(plain) == list(given)
    for name, data in given.items():
        assert entries(plain[name]) == entries(data)
