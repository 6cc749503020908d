from __future__ import annotations

import io
import pickle
import random
import zipfile
from contextlib import suppress
from datetime import datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samzip.archive.verify import VerifyResult, verify_zip
from samzip.archive.zipwriter import BLOCK_SIZE, Entry, ZipWriter
from samzip.errors import DamagedArchive

MODIFIED = datetime(2024, 5, 6, 7, 8, 9)  # noqa: DTZ001 -- local, as the writer takes it
TEXT = b"Certificado de calibracion, resultado conforme.\n"


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


@cache
def sample(seekable: bool = True) -> tuple[bytes, list[Entry]]:
    """An archive with stored and deflated entries, smaller and larger than a block."""
    noise = random.Random(1)
    contents = {
        "vacio": b"",
        "nota.txt": TEXT * 50,
        "foto.jpg": noise.randbytes(3000),
        "Año/escaneo.pdf": noise.randbytes(BLOCK_SIZE + 99),
        "registro.csv": TEXT * 30_000,
        "fin.txt": TEXT,
    }
    out = io.BytesIO() if seekable else Pipe()
    with ZipWriter(out) as archive:
        entries = [
            archive.add_stream(name, io.BytesIO(content), MODIFIED, size_hint=0) for name, content in contents.items()
        ]
    assert {entry.method for entry in entries} == {"stored", "deflated"}
    return out.getvalue(), entries


def directory_start(packed: bytes) -> int:
    return int.from_bytes(packed[-6:-2], "little")


def flipped(packed: bytes, position: int, mask: int) -> io.BytesIO:
    damaged = bytearray(packed)
    damaged[position] ^= mask
    return io.BytesIO(damaged)


@pytest.mark.parametrize("seekable", [True, False])
def test_a_sound_archive_passes_with_its_counts(seekable: bool) -> None:
    packed, entries = sample(seekable)
    expected = VerifyResult(len(entries), sum(entry.size for entry in entries))
    assert verify_zip(io.BytesIO(packed)) == expected


def test_an_archive_that_zipfile_wrote_passes_too() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", TEXT * 1000)
        archive.writestr("ñ.bin", random.Random(2).randbytes(5000))
    assert verify_zip(out) == VerifyResult(2, len(TEXT) * 1000 + 5000)


@settings(max_examples=150, deadline=None)
@given(st.data(), st.booleans())
def test_any_flipped_byte_of_any_entry_is_found_and_the_entry_is_named(data: st.DataObject, seekable: bool) -> None:
    packed, entries = sample(seekable)
    index = data.draw(st.integers(1, len(entries) - 1))
    end = entries[index + 1].offset if index + 1 < len(entries) else directory_start(packed)
    position = data.draw(st.integers(entries[index].offset + 6, end - 1))  # all but "version needed" is checked
    damaged = flipped(packed, position, data.draw(st.integers(1, 255)))
    try:
        verify_zip(damaged)
    except DamagedArchive as error:
        assert str(error).startswith(entries[index].name)  # noqa: PT017 -- both outcomes have their condition
    else:
        assert entries[index].method == "deflated", "a stored byte was changed unnoticed"
        with zipfile.ZipFile(damaged) as archive, zipfile.ZipFile(io.BytesIO(packed)) as sound:
            # Deflate has bits that carry nothing, and repeated text that can be copied from two places.
            assert archive.read(entries[index].name) == sound.read(entries[index].name)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_to_the_directory_is_found_or_harmless_but_never_another_error(data: st.DataObject) -> None:
    packed, _ = sample()
    position = data.draw(st.integers(directory_start(packed), len(packed) - 1))
    with suppress(DamagedArchive):  # a flipped permission harms nothing
        verify_zip(flipped(packed, position, data.draw(st.integers(1, 255))))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_truncated_archive_is_found(data: st.DataObject) -> None:
    packed, _ = sample()
    with pytest.raises(DamagedArchive):
        verify_zip(io.BytesIO(packed[: data.draw(st.integers(0, len(packed) - 1))]))


def test_every_truncation_near_the_end_is_found() -> None:
    packed, _ = sample()
    for length in range(len(packed) - 600, len(packed)):
        with pytest.raises(DamagedArchive):
            verify_zip(io.BytesIO(packed[:length]))


@pytest.mark.parametrize("extra", [b"x", b"\0" * 22, b"PK\x05\x06" + bytes(18)])
def test_bytes_after_the_directory_are_found(extra: bytes) -> None:
    with pytest.raises(DamagedArchive):
        verify_zip(io.BytesIO(sample()[0] + extra))


def test_bytes_before_the_first_entry_are_found() -> None:
    with pytest.raises(DamagedArchive, match="begins at byte"):
        verify_zip(io.BytesIO(b"#!" + sample()[0]))


def test_two_directory_entries_for_the_same_data_are_found() -> None:
    out = io.BytesIO()
    with ZipWriter(out) as archive:
        archive.add_bytes("a", b"one", MODIFIED)
        archive.add_bytes("b", b"two", MODIFIED)
    packed = bytearray(out.getvalue())
    second = packed.rindex(b"PK\x01\x02")
    packed[second + 42 : second + 46] = bytes(4)  # its local header's offset
    with pytest.raises(DamagedArchive):
        verify_zip(io.BytesIO(packed))


def test_an_entry_that_inflates_to_more_than_it_says_is_stopped_early() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(50 << 20))
    packed = out.getvalue().replace((50 << 20).to_bytes(4, "little"), (7).to_bytes(4, "little"))
    with pytest.raises(DamagedArchive, match="bomb: content differs"):
        verify_zip(io.BytesIO(packed))


def test_an_error_of_the_disk_is_not_taken_for_damage() -> None:
    class Failing(io.BytesIO):
        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        verify_zip(Failing(sample()[0]))


def test_the_error_has_its_exit_code_and_advice_and_crosses_processes() -> None:
    with pytest.raises(DamagedArchive) as raised:
        verify_zip(io.BytesIO(b"no archive"))
    copy = pickle.loads(pickle.dumps(raised.value))  # noqa: S301
    assert (str(copy), copy.exit_code) == (str(raised.value), 13)
    assert "samzip verify --all --repair" in copy.advice
