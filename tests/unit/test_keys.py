from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samzip.dossier import keys
from samzip.dossier.keys import (
    FOLDER,
    PROBES,
    ArchiveKey,
    archive_key,
    code_range,
    download_name,
    is_temporary,
    parse_key,
    temporary_key,
)
from samzip.storage import TEMPORARY_SUFFIX

BOGOTA = timezone(timedelta(hours=-5))
AT = datetime(2026, 11, 24, 15, 9, 35, tzinfo=BOGOTA)
KEY = "zip_requests/1/20261124_150935_parte_2_req_47.zip"
MOMENTS_FROM = AT.replace(year=1000, tzinfo=None)
IDS = st.integers(1, 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=()), max_size=300)


def test_a_key_is_named_as_sam_names_it() -> None:
    assert archive_key(1, 2, 47, AT) == KEY
    assert parse_key(KEY) == ArchiveKey(company_id=1, part=2, request_id=47, at=AT.replace(tzinfo=None))


@given(IDS, st.integers(1, 1000), IDS, st.datetimes(MOMENTS_FROM, timezones=st.just(BOGOTA)))
def test_every_key_that_is_made_is_understood(company: int, part: int, request: int, at: datetime) -> None:
    key = archive_key(company, part, request, at)
    assert parse_key(key) == ArchiveKey(company, part, request, at.replace(tzinfo=None, microsecond=0))
    assert is_temporary(temporary_key(key, "0123456789abcdef"))
    assert parse_key(temporary_key(key, "0123456789abcdef")) is None
    assert not is_temporary(key)


def test_what_tries_a_store_is_temporary_so_that_a_purge_may_take_it() -> None:
    assert all(is_temporary(name) and parse_key(name) is None for name in PROBES)
    assert not is_temporary(f"{FOLDER}/write-test")


@pytest.mark.parametrize(("company", "part", "request_id"), [(0, 1, 1), (1, 0, 1), (1, 1, -1)])
def test_a_number_below_one_names_no_archive(company: int, part: int, request_id: int) -> None:
    with pytest.raises(ValueError, match="not the key"):
        archive_key(company, part, request_id, AT)


FOREIGN = [
    "",
    "zip_requests",
    "/" + KEY,
    "media/" + KEY,
    KEY + "\n",
    KEY + ".bak",
    KEY.replace("/1/", "/1/../1/"),
    KEY.replace("/1/", "/01/"),
    KEY.replace("/1/", "/\u0661/"),  # an Arabic-Indic one
    KEY.replace("/1/", "/"),
    KEY.replace(".zip", ".ZIP"),
    KEY.replace("_req_47", ""),
    KEY.replace("_47", "_" + "9" * 20),
    KEY.replace("20261124", "20261324"),
    KEY.replace("150935", "250935"),
    "zip_requests/1/informe.zip",
    "documentos/EQ-001/manual.pdf",
]


@pytest.mark.parametrize("key", FOREIGN)
def test_a_file_of_somebody_else_is_never_taken_for_an_archive(key: str) -> None:
    assert parse_key(key) is None
    assert not is_temporary(key)
    assert not is_temporary(key + TEMPORARY_SUFFIX)


def test_the_suffix_of_temporary_files_is_that_of_the_stores() -> None:
    assert keys.TEMPORARY_SUFFIX == TEMPORARY_SUFFIX


def test_a_part_is_saved_under_a_name_that_tells_what_it_holds() -> None:
    assert (
        download_name("CERTIBOY S.A.S.", 1, 2, "EQ-001", "EQ-035", AT)
        == "SAM_Equipos_CERTIBOY_S.A.S_P1de2_EQ001-035_20261124_1509.zip"
    )


def test_the_last_part_says_that_the_set_is_complete() -> None:
    assert (
        download_name("CERTIBOY S.A.S.", 2, 2, "EQ-036", "EQ-069", AT)
        == "SAM_Equipos_CERTIBOY_S.A.S_P2de2_EQ036-069_20261124_1509_COMPLETO.zip"
    )


def test_a_single_part_needs_no_number() -> None:
    assert (
        download_name("Laboratorio Andino Ltda", 1, 1, "A-1", "A-5", AT)
        == "SAM_Equipos_Laboratorio_Andino_Ltda_20261124_1509.zip"
    )


@given(TEXT, TEXT, TEXT, st.integers(1, 400), st.integers(1, 400))
def test_any_company_and_codes_give_a_name_that_can_be_saved(
    company: str, first: str, last: str, part: int, parts: int
) -> None:
    name = download_name(company, min(part, parts), parts, first, last, AT)
    assert not set(name) & set('<>:"/\\|?* ')
    assert name.replace("\u0338", "").isprintable()
    assert len(name.encode()) <= 255
    assert name.startswith("SAM_Equipos_")
    assert name.endswith(".zip")
    assert name.endswith("_COMPLETO.zip") == (parts > 1 and part >= parts)
    assert len(code_range(first, last)) <= 30


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("EQ-001", "EQ-035", "EQ001-035"),
        ("EQ-001", "EQ-001", "EQ001"),
        ("BAL-01", "TER-20", "BAL01-TER20"),
        ("001", "035", "001-035"),
        ("BAL-2024-001", "BAL-2024-035", "BAL2024001-2024035"),
        ("A/1 b", "Z?9", "A1b-Z9"),
        ("LABORATORIO-BALANZA-ANALITICA-001", "LABORATORIO-BALANZA-ANALITICA-035", "LABORATORIOBALANZAANALI001-035"),
        ("BALANZAANALITICA-001", "TERMOMETRODIGITAL-020", "BALANZAANAL001-TERMOMETROD020"),
        ("EQ", "EQ-2", "EQ-EQ2"),
        ("Ñandú-1", "Ñandú-9", "Ñandú1-9"),
        ("--", "EQ-2", "SinLetras-EQ2"),
        ("EQ-1", "\N{MICROSCOPE}", "EQ1-SinLetras"),
        (" ", "EQ-2", "SinCodigo-EQ2"),
        ("", "EQ-035", "SinCodigo-EQ035"),
        ("--", "//", ""),
    ],
)
def test_codes_of_every_shape_give_a_short_range(first: str, last: str, expected: str) -> None:
    assert code_range(first, last) == expected


def test_codes_without_letters_or_digits_leave_no_gap_in_the_name() -> None:
    assert download_name("Andino", 1, 2, "-", "-", AT) == "SAM_Equipos_Andino_P1de2_20261124_1509.zip"
