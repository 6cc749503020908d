"""What every store promises, shown on a local folder, and in a bucket of a real S3 server."""

from __future__ import annotations

import errno
import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import pytest

from samzip.errors import StorageFailed
from samzip.storage import MissingFile, Stat, Store, open_store, steady
from tests.support.s3 import BUCKET, Bucket

TEMPORARY = "zip_requests/1/x.zip.samzip-part"
_numbers = itertools.count()


class Place(Protocol):
    """Where a store keeps its files, by another way than the store itself."""

    url: str

    def put(self, name: str, data: bytes) -> None: ...
    def delete(self, name: str) -> None: ...
    def names(self) -> list[str]: ...
    def tidy(self) -> None: ...


@dataclass
class Folder:
    root: Path

    @property
    def url(self) -> str:
        return str(self.root)

    def put(self, name: str, data: bytes) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_bytes(data)

    def delete(self, name: str) -> None:
        (self.root / name).unlink()

    def names(self) -> list[str]:
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())

    def tidy(self) -> None:
        (self.root / "documentos").rmdir()


@dataclass
class Prefix:
    bucket: Bucket
    prefix: str

    @property
    def url(self) -> str:
        return f"s3://{BUCKET}/{self.prefix}"

    def put(self, name: str, data: bytes) -> None:
        self.bucket.put(f"{self.prefix}/{name}", data)

    def delete(self, name: str) -> None:
        self.bucket.delete(f"{self.prefix}/{name}")

    def names(self) -> list[str]:
        return self.bucket.names(self.prefix)

    def tidy(self) -> None:
        """There are no folders."""


@pytest.fixture(params=["local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    made: Place = Folder(tmp_path / "root")
    if request.param == "s3":
        made = Prefix(request.getfixturevalue("s3"), f"storage/{next(_numbers)}")
    made.put("documentos/a.pdf", b"%PDF")
    return made


@pytest.fixture
def store(place: Place) -> Store:
    return open_store(place.url)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Of what only a folder has: links and pipes."""
    folder = tmp_path / "root"
    (folder / "documentos").mkdir(parents=True)
    (folder / "documentos" / "a.pdf").write_bytes(b"%PDF")
    (tmp_path / "secret").write_bytes(b"outside")
    return folder


def written(store: Store, name: str, data: bytes) -> None:
    store.check_writable("zip_requests")
    with store.create(name) as file:
        file.write(data)
    store.sync(name)


def test_a_document_is_found_with_its_size_and_opened(store: Store) -> None:
    found = store.stat("documentos/a.pdf")
    assert found.size == 4
    assert found.modified.tzinfo is not None
    with store.open("documentos/a.pdf") as file:
        assert file.read() == b"%PDF"


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "documentos/../../secret",
        "/etc/passwd",
        "documentos",
        "documentos/none.pdf",
        "documentos/a.pdf/b",
        "",
        ".",
        "x\0y",
        "x" * 5000,
        "a/" * 1900 + "b",
        "a/" * 100000 + "b",
        "\udcff.pdf",
    ],
)
def test_what_is_no_file_inside_the_root_is_missing_with_a_reason(store: Store, name: str) -> None:
    with pytest.raises(MissingFile) as looked:
        store.stat(name)
    assert looked.value.reason
    with pytest.raises(MissingFile) as opened:
        store.open(name)
    assert opened.value.reason
    if len(name) < 10000:  # a folder takes seconds for the longest
        assert store.stat_many([name, "documentos/a.pdf"]) == [looked.value.reason, store.stat("documentos/a.pdf")]


@pytest.mark.parametrize("name", ["documentos/out.pdf", "out/secret", "documentos/pipe"])
def test_a_link_that_leads_outside_and_a_pipe_are_missing(root: Path, name: str) -> None:
    (root / "documentos" / "out.pdf").symlink_to(root.parent / "secret")
    (root / "out").symlink_to(root.parent)
    os.mkfifo(root / "documentos" / "pipe")
    store = open_store(str(root))
    with pytest.raises(MissingFile):
        store.stat(name)
    with pytest.raises(MissingFile):
        store.open(name)


def test_a_link_that_stays_inside_is_followed(root: Path) -> None:
    (root / "documentos" / "same.pdf").symlink_to("a.pdf")
    assert open_store(str(root)).stat("documentos/same.pdf").size == 4


def test_two_names_of_one_file_lead_to_one_place_in_whichever_store(store: Store, place: Place) -> None:
    found = store.place("documentos/a.pdf")
    assert found == store.place("./documentos//a.pdf") == open_store(f"{place.url}/documentos").place("a.pdf")
    assert found not in {store.place("documentos/b.pdf"), store.place("a.pdf")}
    for name in ("", "x\0y", "x" * 5000, "a/" * 100000 + "b", "\udcff.pdf"):
        assert store.place(name) != found


def test_the_etag_changes_with_the_content(store: Store, place: Place) -> None:
    before = store.stat("documentos/a.pdf").etag
    place.put("documentos/a.pdf", b"%PDF-2")
    assert open_store(place.url).stat("documentos/a.pdf").etag != before


@pytest.mark.parametrize("size", [5, (5 << 20) + 1])
@pytest.mark.parametrize("is_expected", [True, False])
def test_whether_what_was_read_is_what_was_looked_at(place: Place, is_expected: bool, size: int) -> None:
    """A bucket that reads an object in pieces gives an error instead."""
    name = "documentos/foto.jpg"
    for replaced in (False, True):
        place.put(name, b"1" * size)
        looked = open_store(place.url).stat(name)
        if replaced:
            place.put(name, b"2" * (size + 1))
        store = open_store(place.url)
        if is_expected:
            store.expect([(name, looked.size, looked.etag)])
        try:
            with store.open(name) as file:
                file.read()
        except OSError:
            assert replaced
            continue
        assert store.is_still(name, looked.etag) is not replaced


@pytest.mark.parametrize("name", ["ñandú 50% #1 & más.pdf", "a+b=c~'(1)'.pdf", "x" * 150])
def test_a_name_may_hold_what_a_person_typed(store: Store, place: Place, name: str) -> None:
    place.put(f"documentos/{name}", b"typed")
    names = [f"documentos/{name}"] * 5
    assert [found.size for found in store.stat_many(names) if isinstance(found, Stat)] == [5] * 5
    with store.open(f"documentos/{name}") as file:
        assert file.read() == b"typed"


def test_many_documents_are_looked_at_in_their_order_whichever_folder_they_are_in(store: Store, place: Place) -> None:
    names = []
    for folder in ("documentos/EQ-1/certificados", "documentos/EQ-2", "documentos", "sueltos/a/b/c"):
        for number in range(6):
            names.append(f"{folder}/{number}.pdf")
            if number != 3:
                place.put(names[-1], b"x" * (1 + number))
    found = store.stat_many(names)
    assert [what.size if isinstance(what, Stat) else what for what in found] == [
        "no existe en el almacenamiento" if number == 3 else 1 + number for _ in range(4) for number in range(6)
    ]
    assert found == [
        store.stat(name) if isinstance(what, Stat) else what for name, what in zip(names, found, strict=True)
    ]


def test_heads_come_in_their_order_and_what_is_gone_is_among_them(store: Store, place: Place) -> None:
    place.put("documentos/long.pdf", b"%PDF" * 1000)
    place.put("documentos/empty.pdf", b"")
    wanted = [("documentos/long.pdf", 4000), ("documentos/gone.pdf", 9), ("documentos/empty.pdf", 0)]
    long, gone, empty = store.heads(wanted, 10)
    assert long == b"%PDF%PDF%P"
    assert isinstance(gone, MissingFile)
    assert empty == b""


def test_what_was_expected_is_what_is_read(store: Store, place: Place) -> None:
    content = {f"documentos/{number}.pdf": os.urandom(1000 * number) for number in range(40)}
    content["documentos/large.pdf"] = os.urandom(9 << 20)
    for name, data in content.items():
        place.put(name, data)
    names = [*content, "documentos/gone.pdf", "documentos/1.pdf"]
    known = [
        (name, len(content.get(name, b"gone")), store.stat(name).etag if name in content else "") for name in names
    ]
    store.expect(known)
    for name in names:
        if name.endswith("gone.pdf"):
            with pytest.raises(MissingFile):
                store.open(name)
            continue
        with store.open(name) as file:
            assert file.read() == content[name]
        assert store.stat(name).size == len(content[name])
    with store.open("documentos/large.pdf") as file:  # again, and elsewhere than at its beginning
        file.seek(-5, os.SEEK_END)
        assert file.read() == content["documentos/large.pdf"][-5:]
        file.seek(0)
        assert file.read(7) == content["documentos/large.pdf"][:7]


def test_nothing_has_its_final_name_before_it_is_published(store: Store, place: Place) -> None:
    written(store, TEMPORARY, b"archive")
    assert "zip_requests/1/x.zip" not in place.names()
    store.publish(TEMPORARY, "zip_requests/1/x.zip")
    assert [name for name, _ in store.list("zip_requests")] == ["zip_requests/1/x.zip"]
    assert "zip_requests/1/x.zip" in place.names()
    with store.open("zip_requests/1/x.zip") as file:
        assert file.read() == b"archive"


def test_what_was_written_may_be_changed_until_it_is_settled(store: Store) -> None:
    store.check_writable("zip_requests")
    with store.create(TEMPORARY) as file:
        settle = getattr(file, "settle", lambda position: None)
        file.write(b"first")
        settle(file.tell())
        file.write(b"?????" + b"x" * (20 << 20))
        file.seek(5)
        file.write(b"again")
        file.seek(0, os.SEEK_END)
        settle(file.tell())
        file.write(b"half an entry")
        file.seek(10 + (20 << 20))
        file.truncate()
        file.write(b"end")
    with store.open(TEMPORARY) as file:
        assert file.read(12) == b"firstagainxx"
        assert file.seek(0, os.SEEK_END) == 13 + (20 << 20)
        file.seek(-4, os.SEEK_END)
        assert file.read() == b"xend"
        assert file.read() == b""
        with pytest.raises(OSError, match="Invalid argument"):
            file.seek(-1)


def test_deleting_tells_whether_there_was_anything(store: Store) -> None:
    assert store.delete("documentos/a.pdf") is True
    assert store.delete("documentos/a.pdf") is False
    assert store.delete("documentos/none/a.pdf") is False
    store.check_writable("zip_requests")
    assert store.delete(TEMPORARY) is False


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_what_somebody_put_in_the_place_of_a_trial_is_neither_written_nor_waited_for(root: Path, kind: str) -> None:
    probe = root / "zip_requests" / "write-test.samzip-part"
    probe.parent.mkdir()
    if kind == "link":
        probe.symlink_to(root.parent / "secret")
    else:
        os.mkfifo(probe)
    store = open_store(str(root))
    with pytest.raises(StorageFailed, match="zip_requests"):
        store.check_writable("zip_requests")
    assert (root.parent / "secret").read_bytes() == b"outside"
    store.check_writable("zip_requests")  # it is gone


def test_nothing_is_put_or_thought_gone_where_the_folder_of_archives_is_not(root: Path) -> None:
    """The volume is away: what lay there is there again tomorrow."""
    store = open_store(str(root))
    for act in (store.create, store.delete):
        with pytest.raises(StorageFailed, match="zip_requests is not there: is the volume mounted"):
            act(TEMPORARY)
    assert [path.name for path in root.iterdir()] == ["documentos"]


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a/../b", ""])
def test_nothing_is_written_or_removed_outside_the_root(store: Store, place: Place, name: str) -> None:
    for act in (store.create, store.delete, store.sync):
        with pytest.raises(StorageFailed):
            act(name)
    assert place.names() == ["documentos/a.pdf"]


def test_nothing_is_written_or_removed_through_a_link(root: Path) -> None:
    (root / "out").symlink_to(root.parent)
    store = open_store(str(root))
    for act in (store.create, store.delete, store.sync):
        with pytest.raises(StorageFailed):
            act("out/secret")
    assert (root.parent / "secret").read_bytes() == b"outside"


def test_an_absent_folder_is_empty(store: Store) -> None:
    assert list(store.list("nowhere")) == []


def test_listing_follows_no_link(root: Path) -> None:
    (root / "zip_requests").mkdir()
    (root / "zip_requests" / "1").symlink_to(root / "documentos")
    (root / "zip_requests" / "file.zip").symlink_to(root / "documentos" / "a.pdf")
    assert list(open_store(str(root)).list("zip_requests")) == []


def test_a_root_with_nothing_but_archives_is_empty(store: Store, place: Place) -> None:
    written(store, TEMPORARY, b"archive")
    assert store.is_empty("zip_requests") is False
    place.delete("documentos/a.pdf")
    place.tidy()
    assert open_store(place.url).is_empty("zip_requests") is True


def test_a_store_that_takes_files_is_left_as_it_was(store: Store, place: Place) -> None:
    store.check_readable()
    store.check_writable("zip_requests")
    assert place.names() == ["documentos/a.pdf"]


def test_a_folder_that_takes_no_file_says_why(root: Path) -> None:
    (root / "zip_requests").write_bytes(b"a file")
    with pytest.raises(StorageFailed, match=r"File exists|Not a directory"):
        open_store(str(root)).check_writable("zip_requests")


def test_a_long_file_is_on_its_way_to_the_disk_while_it_is_written(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "zip_requests").mkdir()
    synced = []
    monkeypatch.setattr(steady, "_sync", lambda handle: synced.append(os.fstat(handle).st_size))
    with open_store(str(root)).create(TEMPORARY) as file:
        write_settled(file, b"x" * (steady.STEP - 1))
        assert synced == []
        write_settled(file, b"x")
    assert synced == [steady.STEP]


def test_what_the_disk_did_not_take_is_told_although_the_system_tells_it_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(steady, "_sync", fail)
    (root / "zip_requests").mkdir()
    store = open_store(str(root))
    with pytest.raises(OSError, match="Input/output error"), store.create(TEMPORARY) as file:
        write_settled(file, b"x" * steady.STEP)
    assert file.closed

    with pytest.raises(OSError, match="Input/output error"), store.create(TEMPORARY) as file:
        write_until_told(file)
    assert file.closed


def write_settled(file: BinaryIO, content: bytes) -> None:
    file.write(content)
    file.settle(file.tell())  # type: ignore[attr-defined]


def write_until_told(file: BinaryIO) -> None:
    write_settled(file, b"x" * steady.STEP)
    for _ in range(100):  # a thread does it
        write_settled(file, b"")
        time.sleep(0.05)
    pytest.fail("nobody was told")
