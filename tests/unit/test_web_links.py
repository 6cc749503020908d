"""Signed links: they name exactly what they are for, expire, and survive a change of secret."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer

from samzip.requests.shown import Owner
from samzip.web.links import LENGTH, ClickLink, DownloadLink, Links, StatusLink, pack, unpack
from samzip.web.problems import Problem

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ANA = Owner(user_id=3, company_id=2)
LINKS = Links(["a-secret-of-the-tests"])


def refused(call: object, *args: object) -> str:
    with pytest.raises(Problem) as problem:
        call(*args)  # type: ignore[operator]
    return problem.value.code


def test_a_status_link_names_exactly_its_requests_and_whose_they_are() -> None:
    link = LINKS.read_status(LINKS.status([7, 9, 8, 12], ANA, LATER), NOW)
    assert link == StatusLink((7, 8, 9, 12), ANA, is_click=True)


def test_a_download_link_names_one_request_and_whose_it_is() -> None:
    assert LINKS.read_download(LINKS.download(47, ANA, LATER), NOW) == DownloadLink(47, ANA)


@pytest.mark.parametrize("company", [None, 3])
def test_a_click_link_names_a_user_and_a_company(company: int | None) -> None:
    assert LINKS.read_click(LINKS.click("Ñandú's <b>", company, LATER), NOW) == ClickLink("Ñandú's <b>", company)


def test_a_link_expires_at_its_moment() -> None:
    token = LINKS.status([1], ANA, LATER)
    assert LINKS.read_status(token, LATER - timedelta(seconds=1)).requests == (1,)
    assert refused(LINKS.read_status, token, LATER) == "link_expired"


def test_a_link_of_one_kind_is_none_of_another() -> None:
    tokens = {
        "status": LINKS.status([1], ANA, LATER),
        "download": LINKS.download(1, ANA, LATER),
        "click": LINKS.click("u", 1, LATER),
    }
    readers = {"status": LINKS.read_status, "download": LINKS.read_download, "click": LINKS.read_click}
    for kind, token in tokens.items():
        for other in set(readers) - {kind}:
            assert refused(readers[other], token, NOW) == "unknown_link"


def test_every_changed_character_is_noticed() -> None:
    token = LINKS.status([1], ANA, LATER)
    for position in range(len(token)):
        changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        assert refused(LINKS.read_status, changed, NOW) == "unknown_link"


@pytest.mark.parametrize("more", ["!", "====", " ", "%", "ñ"])
def test_nothing_can_be_hung_on_a_link(more: str) -> None:
    for token in (LINKS.status([1], ANA, LATER), LINKS.status(range(1, 900, 2), ANA, LATER)):
        assert LINKS.read_status(token, NOW).owner == ANA
        assert refused(LINKS.read_status, token + more, NOW) == "unknown_link"


def test_each_letter_at_a_links_end_but_one_is_refused() -> None:
    *most, last = LINKS.status([1], ANA, LATER)
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".replace(last, ""):
        assert refused(LINKS.read_status, "".join(most) + other, NOW) == "unknown_link"


def test_an_unsigned_or_otherwise_signed_content_is_refused() -> None:
    payload = LINKS.status([1], ANA, LATER).rpartition(".")[0]
    weak = URLSafeSerializer("a-secret-of-the-tests", salt="samzip.status").dumps([int(LATER.timestamp()), 1, 1])
    for token in (payload, f"{payload}.", weak):
        assert refused(LINKS.read_status, token, NOW) == "unknown_link"


@given(st.text(max_size=200))
def test_no_text_is_a_link(text: str) -> None:
    for read in (LINKS.read_status, LINKS.read_download, LINKS.read_click):
        assert refused(read, text, NOW) == "unknown_link"


def test_a_huge_token_is_not_even_read() -> None:
    assert refused(LINKS.read_status, "A" * (LENGTH + 1), NOW) == "unknown_link"


def test_a_new_secret_signs_and_the_old_ones_still_verify() -> None:
    before = Links(["the-old-secret-of-all"])
    during = Links(["the-new-secret-of-all", "the-old-secret-of-all"])
    after = Links(["the-new-secret-of-all"])
    old, new = before.status([1], ANA, LATER), during.status([1], ANA, LATER)
    assert (
        during.read_status(old, NOW)
        == during.read_status(new, NOW)
        == after.read_status(new, NOW)
        == StatusLink((1,), ANA, is_click=True)
    )
    assert refused(after.read_status, old, NOW) == refused(before.read_status, new, NOW) == "unknown_link"


def test_the_same_link_is_made_again() -> None:
    assert LINKS.status([1, 2], ANA, LATER) == LINKS.status([2, 1], ANA, LATER)


@given(st.sets(st.integers(1, 2**63 - 1), min_size=1, max_size=50))
def test_packed_numbers_come_back(numbers: set[int]) -> None:
    assert unpack(pack(list(numbers))) == tuple(sorted(numbers))


def test_a_click_of_many_parts_is_a_short_link() -> None:
    assert len(LINKS.status(range(1_000_000, 1_000_300), ANA, LATER)) < 100
