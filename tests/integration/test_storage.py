"""What every store promises, shown on a local folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from samzip.errors import StorageFailed
from samzip.storage import MissingFile, Store, open_store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "documentos").mkdir(parents=True)
    (folder / "documentos" / "a.pdf").write_bytes(b"%PDF")
    (tmp_path / "secret").write_bytes(b"outside")
    return folder


@pytest.fixture
def store(root: Path) -> Store:
    return open_store(str(root))


def test_a_document_is_found_with_its_size_and_opened(store: Store) -> None:
    found = store.stat("documentos/a.pdf")
    assert found.size == 4
    with store.open("documentos/a.pdf") as file:
        assert file.read() == b"%PDF"


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "documentos/../../secret",
        "/etc/passwd",
        "documentos/out.pdf",
        "out/secret",
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
        "documentos/pipe",
    ],
)
def test_what_is_no_file_inside_the_root_is_missing_with_a_reason(store: Store, root: Path, name: str) -> None:
    (root / "documentos" / "out.pdf").symlink_to(root.parent / "secret")
    (root / "out").symlink_to(root.parent)
    os.mkfifo(root / "documentos" / "pipe")
    with pytest.raises(MissingFile) as looked:
        store.stat(name)
    assert looked.value.reason
    with pytest.raises(MissingFile) as opened:
        store.open(name)
    assert opened.value.reason


def test_a_link_that_stays_inside_is_followed(store: Store, root: Path) -> None:
    (root / "documentos" / "same.pdf").symlink_to("a.pdf")
    assert store.stat("documentos/same.pdf").size == 4


def test_the_etag_changes_with_the_content(store: Store, root: Path) -> None:
    before = store.stat("documentos/a.pdf").etag
    (root / "documentos" / "a.pdf").write_bytes(b"%PDF-2")
    assert store.stat("documentos/a.pdf").etag != before


def test_nothing_has_its_final_name_before_it_is_published(store: Store, root: Path) -> None:
    with store.create("zip_requests/1/x.zip.samzip-part") as file:
        file.write(b"archive")
    store.sync("zip_requests/1/x.zip.samzip-part")
    assert not (root / "zip_requests" / "1" / "x.zip").exists()
    store.publish("zip_requests/1/x.zip.samzip-part", "zip_requests/1/x.zip")
    assert [name for name, _ in store.list("zip_requests")] == ["zip_requests/1/x.zip"]
    assert (root / "zip_requests" / "1" / "x.zip").read_bytes() == b"archive"


def test_deleting_tells_whether_there_was_anything(store: Store, root: Path) -> None:
    assert store.delete("documentos/a.pdf") is True
    assert store.delete("documentos/a.pdf") is False
    assert store.delete("none/a.pdf") is False


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a/../b", "", "out/x"])
def test_nothing_is_written_or_removed_outside_the_root(store: Store, root: Path, name: str) -> None:
    (root / "out").symlink_to(root.parent)
    for act in (store.create, store.delete, store.sync):
        with pytest.raises(StorageFailed):
            act(name)
    assert (root.parent / "secret").read_bytes() == b"outside"
    assert not (root.parent / "x").exists()


def test_listing_follows_no_link_and_an_absent_folder_is_empty(store: Store, root: Path) -> None:
    (root / "zip_requests").mkdir()
    (root / "zip_requests" / "1").symlink_to(root / "documentos")
    (root / "zip_requests" / "file.zip").symlink_to(root / "documentos" / "a.pdf")
    assert list(store.list("zip_requests")) == []
    assert list(store.list("nowhere")) == []


def test_a_folder_that_takes_no_file_says_why(store: Store, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.check_writable("zip_requests")
    assert list((root / "zip_requests").iterdir()) == []
    (root / "zip_requests").rmdir()
    (root / "zip_requests").write_bytes(b"a file")
    with pytest.raises(StorageFailed, match=r"File exists|Not a directory"):
        store.check_writable("zip_requests")
