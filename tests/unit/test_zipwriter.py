from __future__ import annotations

import hashlib
import io
import random
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samzip.archive import zipformat
from samzip.archive.verify import verify_zip
from samzip.archive.zipwriter import BLOCK_SIZE, ZipWriter
from samzip.errors import StorageFailed

MODIFIED = datetime(2024, 5, 6, 7, 8, 9)  # noqa: DTZ001 -- local, as the writer takes it
GIB = 1 << 30
RANDOM_BLOCK = random.Random(3).randbytes(BLOCK_SIZE)
TEXT = b"Certificado de calibracion, resultado conforme.\n"
READERS = {
    "unzip": ["unzip", "-tqq"],
    "7z": [shutil.which("7z") or "7zz", "t"],
    "bsdtar": ["bsdtar", "-xOf"],
    "jar": ["jar", "tf"],
}


class Pipe(io.RawIOBase):
    """An output that cannot seek, as an upload cannot."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.written += memoryview(data)  # type: ignore[arg-type]
        return len(memoryview(data))  # type: ignore[arg-type]


class Stretch(io.RawIOBase):
    """A source of `size` bytes that costs no memory; fails with an error at byte `fails_at`."""

    def __init__(self, size: int, fails_at: int | None = None, fill: bytes = RANDOM_BLOCK) -> None:
        self.left, self.given, self.fails_at, self.fill = size, 0, fails_at, fill

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self.fails_at is not None and self.given >= self.fails_at:
            raise OSError(5, "Input/output error")
        count = min(self.left, len(buffer), BLOCK_SIZE)
        buffer[:count] = self.fill[:count]
        self.left -= count
        self.given += count
        return count


class Sink(io.RawIOBase):
    """A seekable output that forgets long data, as if it were a disk of any size."""

    def __init__(self, start: int = 0) -> None:
        self.position = start

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self.position = offset
        return offset

    def truncate(self, size: int | None = None) -> int:
        return self.position

    def write(self, data: object) -> int:
        self.position += len(memoryview(data))  # type: ignore[arg-type]
        return len(memoryview(data))  # type: ignore[arg-type]


def build(fill: Callable[[ZipWriter], object]) -> bytes:
    out = io.BytesIO()
    with ZipWriter(out) as archive:
        fill(archive)
    return out.getvalue()


def piped(fill: Callable[[ZipWriter], object]) -> bytes:
    out = Pipe()
    with ZipWriter(out) as archive:  # type: ignore[arg-type]
        fill(archive)
    return bytes(out.written)


def every_kind(archive: ZipWriter) -> None:
    archive.add_bytes("vacio.txt", b"", MODIFIED)
    archive.add_bytes("Compañía/LEEME.txt", "Señores:\n".encode() * 100, MODIFIED)
    archive.add_bytes("stored.txt", TEXT * 100, MODIFIED, compress=False)
    archive.add_stream("small.pdf", io.BytesIO(RANDOM_BLOCK[:5000]), MODIFIED, size_hint=5000)
    archive.add_stream("block.pdf", io.BytesIO(RANDOM_BLOCK), MODIFIED, size_hint=0)
    archive.add_stream("large.pdf", io.BytesIO(RANDOM_BLOCK * 3 + b"end"), MODIFIED, size_hint=1)
    archive.add_stream("large.txt", io.BytesIO(TEXT * 60_000), MODIFIED, size_hint=2 << 20)
    archive.add_stream("empty.pdf", io.BytesIO(), MODIFIED, size_hint=9)


def read_back(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


@pytest.mark.parametrize("make", [build, piped])
def test_what_is_written_is_read_back_by_zipfile(make: Callable[..., bytes]) -> None:
    packed = make(every_kind)
    found = read_back(packed)
    assert found["vacio.txt"] == found["empty.pdf"] == b""
    assert found["Compañía/LEEME.txt"] == "Señores:\n".encode() * 100
    assert found["large.pdf"] == RANDOM_BLOCK * 3 + b"end"
    assert found["large.txt"] == TEXT * 60_000
    assert verify_zip(io.BytesIO(packed)).entries == len(found) == 8


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("make", [build, piped])
def test_other_peoples_readers_accept_the_archive(tmp_path: Path, reader: str, make: Callable[..., bytes]) -> None:
    if not shutil.which(READERS[reader][0]):
        pytest.skip(f"{reader} is not installed")
    path = tmp_path / "archive.zip"
    path.write_bytes(make(every_kind))
    subprocess.run([*READERS[reader], str(path)], check=True, capture_output=True)


def test_an_entry_tells_its_size_checksum_digest_place_and_method() -> None:
    out = io.BytesIO()
    content = TEXT * 60_000
    with ZipWriter(out) as archive:
        first = archive.add_bytes("a", RANDOM_BLOCK[:999], MODIFIED)
        second = archive.add_stream("b", io.BytesIO(content), MODIFIED, size_hint=len(content))
        third = archive.add_bytes("c", content, MODIFIED)
    assert (first.name, first.size, first.compressed_size, first.offset) == ("a", 999, 999, 0)
    assert (first.method, first.crc) == ("stored", zlib.crc32(RANDOM_BLOCK[:999]))
    assert first.sha256 == hashlib.sha256(RANDOM_BLOCK[:999]).hexdigest()
    assert (second.method, second.size, second.offset) == ("deflated", len(content), 999 + 31)
    assert second.compressed_size < len(content) // 10
    assert second.sha256 == third.sha256 == hashlib.sha256(content).hexdigest()
    assert second.crc == third.crc == zlib.crc32(content)


def test_equal_input_gives_equal_bytes() -> None:
    assert build(every_kind) == build(every_kind)
    assert piped(every_kind) == piped(every_kind)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=3000), st.integers(0, 700), st.booleans()), max_size=8), st.booleans())
def test_any_contents_come_back_as_they_went_in(parts: list[tuple[bytes, int, bool]], seekable: bool) -> None:
    contents = {f"{index}.bin": data * repeat for index, (data, repeat, _) in enumerate(parts)}

    def fill(archive: ZipWriter) -> None:
        for (name, content), (_, _, streamed) in zip(contents.items(), parts, strict=True):
            if streamed:
                entry = archive.add_stream(name, io.BytesIO(content), MODIFIED, size_hint=0)
            else:
                entry = archive.add_bytes(name, content, MODIFIED)
            assert entry.sha256 == hashlib.sha256(content).hexdigest()

    packed = build(fill) if seekable else piped(fill)
    assert read_back(packed) == contents
    assert verify_zip(io.BytesIO(packed)).bytes == sum(map(len, contents.values()))


def test_a_source_that_gives_few_bytes_at_a_time_is_read_to_its_end() -> None:
    class Dripping(io.BytesIO):
        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            return super().readinto(buffer[:70_001])

    content = RANDOM_BLOCK * 2 + b"tail"
    packed = build(lambda archive: archive.add_stream("a", Dripping(content), MODIFIED, size_hint=0))
    assert read_back(packed) == {"a": content}


def test_progress_is_told_every_byte_once() -> None:
    counts: list[int] = []
    out = io.BytesIO()
    with ZipWriter(out) as archive:
        for name, size in (("a", 5), ("b", 0), ("c", BLOCK_SIZE), ("d", 2 * BLOCK_SIZE + 3)):
            archive.add_stream(name, Stretch(size), MODIFIED, size_hint=size, progress=counts.append)
    assert counts == [5, BLOCK_SIZE, BLOCK_SIZE, BLOCK_SIZE, 3]


def test_utf8_flag_and_zip64_appear_only_where_they_are_needed() -> None:
    packed = build(every_kind)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        for info in archive.infolist():
            assert bool(info.flag_bits & zipformat.UTF8_NAME) == (not info.filename.isascii())
            assert not info.flag_bits & zipformat.SIZES_FOLLOW
            assert info.extract_version == zipformat.VERSION
            assert info.extra == b""
            assert info.external_attr >> 16 == 0o100644
            assert info.create_system == 3
    assert zipformat.END_64_SIGNATURE not in packed


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (datetime(2024, 2, 29, 23, 59, 59), (2024, 2, 29, 23, 59, 58)),  # noqa: DTZ001
        (datetime(1970, 1, 1), (1980, 1, 1, 0, 0, 0)),  # noqa: DTZ001
        (datetime.min, (1980, 1, 1, 0, 0, 0)),  # noqa: DTZ901
        (datetime.max, (2107, 12, 31, 23, 59, 58)),  # noqa: DTZ901
    ],
)
def test_times_are_kept_within_what_a_zip_can_say(given: datetime, kept: tuple[int, ...]) -> None:
    packed = build(lambda archive: archive.add_bytes("a", b"", given))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.infolist()[0].date_time == kept


@pytest.mark.parametrize("name", ["", "/etc/passwd", "n" * 65_536, "ñ" * 32_768, "taken"])
def test_names_that_no_archive_can_hold_are_refused(name: str) -> None:
    with ZipWriter(io.BytesIO()) as archive:
        archive.add_bytes("taken", b"", MODIFIED)
        with pytest.raises(ValueError, match="name"):
            archive.add_bytes(name, b"", MODIFIED)
        with pytest.raises(ValueError, match="name"):
            archive.add_stream(name, io.BytesIO(), MODIFIED, size_hint=0)


def test_the_longest_name_is_accepted() -> None:
    assert list(read_back(build(lambda archive: archive.add_bytes("n" * 65_535, b"", MODIFIED))))


def test_deflating_on_request_never_makes_an_entry_larger() -> None:
    out = io.BytesIO()
    with ZipWriter(out) as archive:
        assert archive.add_bytes("a", RANDOM_BLOCK, MODIFIED, compress=True).method == "stored"
        assert archive.add_bytes("b", TEXT * 9, MODIFIED, compress=True).method == "deflated"


def test_no_directory_is_written_after_an_exception() -> None:
    out = io.BytesIO()
    with pytest.raises(KeyError), ZipWriter(out) as archive:  # noqa: PT012
        archive.add_bytes("a", b"x", MODIFIED)
        raise KeyError
    assert not zipfile.is_zipfile(io.BytesIO(out.getvalue()))


def test_closing_twice_writes_one_directory_and_nothing_can_be_added_afterwards() -> None:
    out = io.BytesIO()
    archive = ZipWriter(out)
    archive.close()
    archive.close()
    assert len(out.getvalue()) == zipformat.END.size
    assert verify_zip(out).entries == 0
    with pytest.raises(ValueError, match="closed"):
        archive.add_bytes("a", b"", MODIFIED)


@pytest.mark.parametrize("fails_at", [0, BLOCK_SIZE, 9 * BLOCK_SIZE])
def test_an_entry_whose_source_fails_half_way_leaves_no_trace(tmp_path: Path, fails_at: int) -> None:
    path = tmp_path / "archive.zip"
    with path.open("wb") as out, ZipWriter(out) as archive:
        archive.add_bytes("before", TEXT, MODIFIED)
        with pytest.raises(OSError, match="Input/output"):
            archive.add_stream("bad", Stretch(20 * BLOCK_SIZE, fails_at), MODIFIED, size_hint=0)
        archive.add_stream("bad", Stretch(7), MODIFIED, size_hint=0)
    assert read_back(path.read_bytes()) == {"before": TEXT, "bad": RANDOM_BLOCK[:7]}
    with path.open("rb") as source:
        assert verify_zip(source).entries == 2


def test_an_upload_with_half_an_entry_is_not_completed() -> None:
    archive = ZipWriter(Pipe())  # type: ignore[arg-type]
    with pytest.raises(OSError, match="Input/output"):
        archive.add_stream("bad", Stretch(9 * BLOCK_SIZE, BLOCK_SIZE), MODIFIED, size_hint=0)
    with pytest.raises(ValueError, match="half an entry"):
        archive.add_bytes("a", b"", MODIFIED)
    with pytest.raises(ValueError, match="half an entry"):
        archive.close()


@pytest.mark.parametrize(("count", "readers"), [(65_534, []), (65_535, ["unzip"]), (65_536, list(READERS))])
def test_more_than_65535_entries_are_counted_in_zip64(tmp_path: Path, count: int, readers: list[str]) -> None:
    path = tmp_path / "archive.zip"
    with path.open("wb") as out, ZipWriter(out) as archive:
        for index in range(count):
            archive.add_bytes(f"{index}", b"", MODIFIED, compress=False)
    with path.open("rb") as source:
        assert verify_zip(source).entries == count
    assert (zipformat.END_64_SIGNATURE in path.read_bytes()[-200:]) == (count >= 65_535)
    for command in (READERS[name] for name in readers):
        if shutil.which(command[0]):
            subprocess.run([*command, str(path)], check=True, capture_output=True)


def test_a_source_that_grows_past_4_gib_unforeseen_is_an_error_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("samzip.archive.zipwriter.LIMIT_32", 5 * BLOCK_SIZE)
    monkeypatch.setattr("samzip.archive.zipwriter.ZIP64_MARGIN", BLOCK_SIZE)
    out = io.BytesIO()
    with ZipWriter(out) as archive:
        with pytest.raises(StorageFailed, match="grew past 4 GiB"):
            archive.add_stream("grown.pdf", Stretch(6 * BLOCK_SIZE), MODIFIED, size_hint=7)
        archive.add_stream("foreseen.pdf", Stretch(6 * BLOCK_SIZE), MODIFIED, size_hint=4 * BLOCK_SIZE)
    assert list(read_back(out.getvalue())) == ["foreseen.pdf"]


@pytest.mark.parametrize("make", [build, piped])
@pytest.mark.parametrize("fill", [RANDOM_BLOCK, TEXT * 30_000])
def test_zip64_that_was_reserved_and_not_needed_does_no_harm(
    tmp_path: Path, make: Callable[..., bytes], fill: bytes
) -> None:
    content = fill * 2
    packed = make(lambda archive: archive.add_stream("a", io.BytesIO(content), MODIFIED, size_hint=5 * GIB))
    assert read_back(packed) == {"a": content}
    assert verify_zip(io.BytesIO(packed)).bytes == len(content)
    path = tmp_path / "archive.zip"
    path.write_bytes(packed)
    for command in READERS.values():
        if shutil.which(command[0]):
            subprocess.run([*command, str(path)], check=True, capture_output=True)


def test_offsets_and_sizes_beyond_4_gib_are_told_in_the_directory() -> None:
    head = zipformat.Head.of("a", MODIFIED)
    packed = head.central(zipformat.Content(1, 5 * GIB, 6 * GIB), 7 * GIB)
    directory = packed + zipformat.end_records(1, 8 * GIB, len(packed))
    assert directory.count(zipformat.END_64_SIGNATURE) == 1
    assert packed[-24:] == b"".join(number.to_bytes(8, "little") for number in (6 * GIB, 5 * GIB, 7 * GIB))
    only_offset = head.central(zipformat.Content(1, 5, 6), 7 * GIB)
    assert only_offset[-12:] == b"\x01\x00\x08\x00" + (7 * GIB).to_bytes(8, "little")


@pytest.mark.sweep
@pytest.mark.parametrize("foreseen", [5 * GIB, 4 * GIB - 1])
@pytest.mark.parametrize("text", [False, True])
def test_an_entry_over_4_gib_is_read_by_everyone(tmp_path: Path, foreseen: int, text: bool) -> None:
    path, source_path = tmp_path / "archive.zip", tmp_path / "source"
    with source_path.open("wb") as file:
        file.truncate(4 * GIB + 12_345)
    fill = TEXT * 30_000 if text else RANDOM_BLOCK
    source: BinaryIO
    with path.open("wb") as out, source_path.open("rb") as source, ZipWriter(out) as archive:
        archive.add_bytes("before", TEXT, MODIFIED)
        archive.add_stream("sparse", source, MODIFIED, size_hint=foreseen)
        archive.add_stream("large", Stretch(4 * GIB + 5, fill=fill), MODIFIED, size_hint=foreseen)
        archive.add_bytes("after", TEXT, MODIFIED)
    with path.open("rb") as packed:
        assert verify_zip(packed).bytes == 8 * GIB + 12_345 + 5 + 2 * len(TEXT)
    with zipfile.ZipFile(path) as archive_read:
        assert archive_read.read("after") == TEXT
    for command in READERS.values():
        if shutil.which(command[0]):
            subprocess.run([*command, str(path)], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.sweep
def test_the_exact_sizes_around_4_gib_need_no_hint_to_be_right() -> None:
    for size, allowed in ((4 * GIB - 2, True), (4 * GIB - 1, False)):
        archive = ZipWriter(Sink())  # type: ignore[arg-type]
        if allowed:
            archive.add_stream("a", Stretch(size), MODIFIED, size_hint=0)
        else:
            with pytest.raises(StorageFailed, match="4 GiB"):
                archive.add_stream("a", Stretch(size), MODIFIED, size_hint=0)
        archive.close()
