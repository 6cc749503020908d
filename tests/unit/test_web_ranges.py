"""Which bytes a download sends."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samzip.web.delivery import Slice, disposition
from samzip.web.ranges import Piece, Unsatisfiable, choose

WHOLE = Piece(0, 100, 100, is_range=False)


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-9", 0, 10),
        ("bytes=90-", 90, 100),
        ("bytes=-10", 90, 100),
        ("bytes=50-1000", 50, 100),
        ("bytes=99-99", 99, 100),
    ],
)
def test_one_range_is_sent(wanted: str, start: int, stop: int) -> None:
    piece = choose(wanted, None, "tag", 100)
    assert (piece.start, piece.stop, piece.is_range) == (start, stop, True)
    assert piece.content_range == f"bytes {start}-{stop - 1}/100"


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=0-",
        "bytes=0-99",
        "bytes=0-1000",
        "bytes=-100",
        "bytes=-1000",
        f"bytes=0-{'9' * 23}",
        f"bytes={'0' * 5000}-",
    ],
)
def test_a_range_may_be_the_whole_file(wanted: str) -> None:
    assert choose(wanted, None, "tag", 100) == Piece(0, 100, 100, is_range=True)


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=x-y",
        "bytes=-",
        "bytes=٣-",
        "bytes=5-1",
        "bytes=--5",
        "items=0-9",
        "bytes=0-9,20-29",
        "bytes=1.5-2",
    ],
)
def test_what_is_no_single_range_gives_the_whole_file(wanted: str | None) -> None:
    assert choose(wanted, None, "tag", 100) == WHOLE


@pytest.mark.parametrize(
    "wanted", ["bytes=100-", "bytes=100-200", "bytes=5000-", "bytes=-0", f"bytes={'9' * 23}-", f"bytes={'9' * 5000}-"]
)
def test_a_range_behind_the_end_cannot_be_satisfied(wanted: str) -> None:
    with pytest.raises(Unsatisfiable):
        choose(wanted, None, "tag", 100)


def test_a_download_goes_on_only_with_the_bytes_that_it_began_with() -> None:
    assert choose("bytes=50-", '"tag"', "tag", 100).start == 50
    for other in ('"old"', 'W/"tag"', "tag", "Wed, 25 Nov 2026 00:00:00 GMT", ""):
        assert choose("bytes=50-", other, "tag", 100) == WHOLE


@given(st.text(max_size=40), st.integers(0, 10**12))
def test_no_header_makes_a_piece_that_lies_outside(wanted: str, size: int) -> None:
    for text in (wanted, f"bytes={wanted}"):
        try:
            piece = choose(text, None, "tag", size)
        except Unsatisfiable:
            continue
        assert 0 <= piece.start <= piece.stop <= size


def test_a_slice_reads_its_piece_and_no_byte_more() -> None:
    closed = []
    with io.BytesIO(bytes(range(100))) as file:
        piece = Slice(file, Piece(10, 15, 100, is_range=True), lambda: closed.append(True))
        assert [piece.read(3), piece.read(3), piece.read(3)] == [b"\x0a\x0b\x0c", b"\x0d\x0e", b""]
        piece.close()
        piece.close()
        assert (file.closed, closed) == (True, [True])


@pytest.mark.parametrize(
    ("name", "plain", "real"),
    [
        ("SAM_Equipos_P1de2.zip", "SAM_Equipos_P1de2.zip", "SAM_Equipos_P1de2.zip"),
        ("Ñandú & Cía.zip", "Nandu _ Cia.zip", "%C3%91and%C3%BA%20%26%20C%C3%ADa.zip"),
        ('a"b\\c;d%41.zip', "a_b_c_d_41.zip", "a%22b%5Cc%3Bd%2541.zip"),
        ("x\r\ny.zip", "x__y.zip", "x%0D%0Ay.zip"),
    ],
)
def test_a_file_name_is_told_to_old_and_new_clients(name: str, plain: str, real: str) -> None:
    assert disposition(name) == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{real}"
