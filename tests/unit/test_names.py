import re
import sys
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samzip.dossier.names import (
    CODE_LIMIT,
    COMPANY_LIMIT,
    COMPONENT_BYTES,
    ENTRY_LIMIT,
    NameAllocator,
    clean,
    fold,
    length,
)

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=300)  # lone surrogates and NUL too
NASTY = st.text(
    st.sampled_from("aA1ßẞſıİiIéE\u0301\u0307. _-/\\:\0\n\u200b\u202e\ud800\ufffe💡COMNUL1¹$("), max_size=60
)
TYPED = ANYTHING | NASTY
DEVICES = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"} | {
    f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789¹²³"
}


def assert_policy(component: str) -> None:
    assert component
    assert component not in (".", "..")
    assert not set(component) & set('<>:"/\\|?*')
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in component)
    assert unicodedata.is_normalized("NFC", component)
    assert component == component.strip(" ")
    assert not component.startswith(".")
    assert not component.endswith(".")
    assert component.split(".")[0].rstrip(" ").upper() not in DEVICES
    assert len(component.encode()) <= COMPONENT_BYTES


@given(TYPED, st.integers(1, 80))
def test_any_text_becomes_a_component_that_every_system_takes(text: str, limit: int) -> None:
    name = clean(text, limit=limit, fallback="x")
    assert_policy(name)
    assert len(name) <= limit
    assert length(name) <= limit
    assert clean(name, limit=limit, fallback="x") == name


REQUESTS = st.lists(st.tuples(st.booleans(), st.integers(0, 5), TYPED, st.sampled_from(["pdf", "", "jpg", "PDF"])))


def allocate(requests: list[tuple[bool, int, str, str]]) -> list[str]:
    names = NameAllocator()
    folders, files = [""], []
    for is_folder, place, text, extension in requests:
        parent = folders[place % len(folders)]
        if is_folder and parent.count("/") < 2:
            folders.append(names.folder(parent, text, limit=30))
        else:
            files.append(names.file(parent, text, extension))
            assert files[-1].endswith(f".{extension}" if extension else "")
    return folders[1:] + files


@given(REQUESTS)
@settings(deadline=None)  # a list of requests has any length, and machines are busy
def test_whatever_is_asked_for_every_path_keeps_the_policy_and_is_unique_on_every_system(
    requests: list[tuple[bool, int, str, str]],
) -> None:
    paths = allocate(requests)
    for path in paths:
        assert len(path) <= ENTRY_LIMIT
        for component in path.split("/"):
            assert_policy(component)
    for equal in (fold, str.lower, str.upper, str.casefold, lambda p: unicodedata.normalize("NFD", p).casefold()):
        assert len(set(map(equal, paths))) == len(paths)


@given(REQUESTS)
@settings(deadline=None)  # a list of requests has any length, and machines are busy
def test_the_same_requests_get_the_same_names(requests: list[tuple[bool, int, str, str]]) -> None:
    assert allocate(requests) == allocate(requests)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("CERTIBOY S.A.S.", "CERTIBOY S.A.S"),
        ("Mantenimiento preventivo / limpieza de equipos", "Mantenimiento preventivo _ limpieza de equipos"),
        ("../..", "_"),
        ("..", "x"),
        ("/etc/passwd", "_etc_passwd"),
        ("C:\\Windows", "C__Windows"),
        (" .oculto. ", "oculto"),
        ("a\tb\r\nc", "a b c"),
        ("factura\u202efdp.exe", "facturafdp.exe"),
        ("cero\u200bancho\ufeff", "ceroancho"),
        ("Cafe\u0301", "Café"),
        ("a\ud800b\0c\ufffed", "a_b_c_d"),
        ("\u226e", "_\u0338"),
        ("nul", "_nul"),
        ("Con.tar.gz", "_Con.tar.gz"),
        ("LPT¹", "_LPT¹"),
        ("conin$.txt", "_conin$.txt"),
        ("NUL .txt", "_NUL .txt"),
        ("COM10", "COM10"),
        ("CONSUELO", "CONSUELO"),
        ("\u200b \u2028", "x"),
        ("", "x"),
    ],
)
def test_what_people_type_becomes_what_they_would_recognise(typed: str, expected: str) -> None:
    assert clean(typed, limit=50, fallback="x") == expected


def test_a_name_cut_down_to_a_device_or_to_a_dot_is_mended() -> None:
    assert clean("CONSUELO", limit=3, fallback="x") == "_CO"
    assert clean("AB. C", limit=3, fallback="x") == "AB"
    assert clean("a💡", limit=2, fallback="x") == "a"


def test_codes_that_clean_alike_do_not_share_a_folder() -> None:
    names = NameAllocator()
    assert names.folder("Andino/Equipos", "A/1", limit=CODE_LIMIT) == "Andino/Equipos/A_1"
    assert names.folder("Andino/Equipos", "a_1", limit=CODE_LIMIT) == "Andino/Equipos/a_1 (2)"
    assert names.folder("Andino/Equipos", "A:1", limit=CODE_LIMIT) == "Andino/Equipos/A_1 (3)"


def test_a_clash_is_numbered_before_the_extension_and_the_extension_counts() -> None:
    names = NameAllocator()
    asked = [
        ("manual", "pdf"),
        ("Manual", "pdf"),
        ("manual", "PDF"),
        ("manual (2)", "pdf"),
        ("manual", "jpg"),
        ("m.", ""),
    ]
    assert [names.file("E", *name) for name in asked] == [
        *("E/manual.pdf", "E/Manual (2).pdf", "E/manual (3).PDF", "E/manual (2) (2).pdf", "E/manual.jpg", "E/m")
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("ılık", "ILIK"),
        ("İZMİR", "izmir"),
        ("i\u0307", "İ"),
        ("10 k\u2126", "10 k\u03c9"),
        ("\u212aelvin", "kelvin"),
        ("ﬁn", "FIN"),
        ("é", "E\u0301"),
    ],
)
def test_names_that_some_file_system_takes_for_one_are_told_apart_by_a_number(one: str, other: str) -> None:
    names = NameAllocator()
    assert not names.file("E", one, "pdf").endswith("(2).pdf")
    assert names.file("E", other, "pdf").endswith(" (2).pdf")


def test_folding_joins_every_pair_that_case_or_normalization_joins() -> None:
    for character in map(chr, range(0x80, sys.maxunicode + 1)):
        # UAX #15: what a system may make of one character when it compares names.
        for other in {
            character.upper(),
            character.lower(),
            character.casefold(),
            unicodedata.normalize("NFD", character),
        }:
            if other != character:
                assert fold(other) == fold(character)


def test_files_and_folders_share_one_name_space() -> None:
    names = NameAllocator()
    names.file("A/Equipos/EQ-1/Baja", "documento_baja", "pdf")
    assert names.file("A/Equipos/EQ-1", "baja", "") == "A/Equipos/EQ-1/baja (2)"
    assert names.file("A", "EQUIPOS", "") == "A/EQUIPOS (2)"
    assert names.folder("A", "Equipos (2)", limit=40) == "A/Equipos (2) (2)"
    with pytest.raises(ValueError, match="is a file"):
        names.file("A/EQUIPOS (2)", "x", "pdf")


def test_the_deepest_tree_leaves_room_for_a_file_name() -> None:
    names = NameAllocator()
    company = names.folder("", "E" * 200, limit=COMPANY_LIMIT)
    code = names.folder(f"{company}/Equipos", "C" * 200, limit=CODE_LIMIT)
    folder = f"{code}/Comprobaciones/Documentos_Generales"
    first, second = names.file(folder, "soporte " * 50, "jpeg"), names.file(folder, "soporte " * 50, "jpeg")
    assert len(first.removeprefix(folder + "/")) >= 30
    assert len(first) <= ENTRY_LIMIT
    assert first.endswith("/soporte soporte soporte sopor.jpeg")
    assert len(second) <= ENTRY_LIMIT
    assert second.endswith(" (2).jpeg")


def test_lengths_fit_linux_and_windows_even_outside_the_basic_plane() -> None:
    path = NameAllocator().file("E", "💡" * 300, "pdf")
    assert length(path) <= ENTRY_LIMIT
    assert len(path.encode()) <= COMPONENT_BYTES + 2
    assert path.endswith("💡.pdf")


def test_a_folder_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="no room"):
        NameAllocator().file("x" * 147, "a", "pdf")


@pytest.mark.parametrize("code", ["EQ-001", "C" * 60, "COM1"])
def test_five_thousand_equal_codes_take_no_quadratic_time(code: str) -> None:
    names = NameAllocator()
    start = time.process_time()
    folders = [names.folder("E/Equipos", code, limit=CODE_LIMIT) for _ in range(5000)]
    assert len(set(map(fold, folders))) == 5000
    assert re.fullmatch(r".* \(5000\)", folders[-1])
    assert time.process_time() - start < 3


def test_long_codes_that_differ_only_where_the_number_goes_take_no_quadratic_time() -> None:
    names = NameAllocator()
    start = time.process_time()
    codes = ["C" * (CODE_LIMIT - 4) + f"{n:04}" for n in range(2500)] * 2
    folders = [names.folder("E/Equipos", code, limit=CODE_LIMIT) for code in codes]
    assert len(set(folders)) == 5000
    assert time.process_time() - start < 3
