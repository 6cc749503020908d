import hashlib
import shutil
import subprocess
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samzip.catalog.model import Company
from samzip.dossier.checksums import sha256sums
from samzip.dossier.contents import PartRange
from samzip.dossier.leeme import POWERSHELL, TEXT_ENCODING, leeme, one_line, procedures_note

CERTIBOY = Company(1, "CERTIBOY S.A.S.", tax_id="900.123.456-7")
AT = datetime(2026, 11, 24, 15, 9, tzinfo=ZoneInfo("America/Bogota"))
TEN = [PartRange(n, f"EQ-{35 * n - 34:03}", f"EQ-{35 * n:03}", 35) for n in range(1, 11)]


def text(
    part: int,
    ranges: list[PartRange],
    *,
    procedures: int = 3,
    delivered: int | None = None,
    missing: int = 0,
    elsewhere: int = 0,
    observations: int = 0,
    is_listed: bool | None = None,
    company: Company = CERTIBOY,
) -> str:
    return leeme(
        company,
        part,
        ranges,
        generated=AT,
        timezone="America/Bogota",
        procedures=procedures,
        delivered=procedures if delivered is None else delivered,
        missing=missing,
        elsewhere=elsewhere,
        observations=observations,
        is_listed=bool(missing or elsewhere or observations) if is_listed is None else is_listed,
    )


def test_it_tells_whose_documents_these_are_and_when_they_were_collected_in_local_time() -> None:
    lines = text(1, TEN[:1]).split("\r\n")
    assert lines[:4] == [
        "DOCUMENTOS DE LOS EQUIPOS DE CERTIBOY S.A.S.",
        "============================================",
        "NIT: 900.123.456-7",
        "Generado por SAM Metrología el 24 de noviembre de 2026 a las 15:09 (hora de America/Bogota)",
    ]


def test_one_of_ten_parts_tells_which_instruments_are_in_which_part() -> None:
    read = text(4, TEN)
    assert "Esta es la parte 4 de 10. Para tener todos los equipos hacen falta las 10 partes." in read
    assert "  Parte 1 de 10: EQ-001 a EQ-035 (35 equipos)\r\n" in read
    assert "  Parte 4 de 10: EQ-106 a EQ-140 (35 equipos) <-- esta parte\r\n" in read
    assert "  Parte 10 de 10: EQ-316 a EQ-350 (35 equipos) y los procedimientos\r\n" in read
    assert read.count("<-- esta parte") == 1
    assert "Procedimientos               van en la última parte, la 10\r\n" in read
    assert "todos los equipos de la empresa; va en cada parte\r\n" in read
    assert "Extráigalas todas en una misma carpeta" in read


def test_the_last_part_has_the_procedures() -> None:
    assert "Procedimientos               1 procedimiento de la empresa\r\n" in text(10, TEN, procedures=1)
    read = text(10, TEN, procedures=3, delivered=1)
    assert "Procedimientos               3 procedimientos de la empresa; documentos incluidos: 1\r\n" in read


def test_the_folder_of_procedures_says_why_it_has_none() -> None:
    assert procedures_note(0, 0) == "La empresa no tiene procedimientos registrados en SAM.\r\n"
    assert procedures_note(2, 0) == "La empresa no tiene procedimientos con documento en SAM.\r\n"
    assert "SAM registra 1 documento de procedimientos" in procedures_note(2, 1)
    assert "FALTANTES.txt" in procedures_note(2, 1)


def test_a_single_part_says_nothing_of_other_parts() -> None:
    read = text(1, [PartRange(1, "EQ-001", "EQ-001", 1)], procedures=0)
    assert "Esta es la única parte" in read
    assert "\r\n  EQ-001 (1 equipo)\r\n" in read
    assert "Procedimientos               la empresa no tiene procedimientos registrados\r\n" in read
    assert "Parte 1" not in read
    assert "partes" not in read.lower()


def test_a_company_without_instruments_is_told_so() -> None:
    for ranges in ([], [PartRange(1, "", "", 0)]):
        assert "La empresa no tiene equipos registrados.\r\n" in text(1, ranges)


def test_what_is_missing_is_told_in_numbers_with_the_list_that_explains_them() -> None:
    one = [PartRange(1, "EQ-001", "EQ-002", 2)]
    assert "Documentos faltantes: 1.234. Observaciones: 2.\r\nFALTANTES.txt dice" in text(
        1, one, missing=1234, observations=2
    )
    read = text(1, TEN, elsewhere=1)
    assert "Documentos faltantes en esta parte: 0. Observaciones: 0.\r\n" in read
    assert "Documentos faltantes en las otras partes: 1.\r\n" in read
    assert "FALTANTES.txt dice qué falta y por qué" in read
    assert "FALTANTES.txt trae las observaciones" in text(1, one, observations=1)
    assert "FALTANTES.txt trae las observaciones" in text(2, TEN, is_listed=True)
    assert "Si otra parte tiene observaciones, están en el FALTANTES.txt de esa parte.\r\n" in read
    assert "otra parte" not in text(1, one, observations=1)


def test_a_part_without_a_list_of_its_own_says_whose_the_one_beside_it_may_be() -> None:
    assert "es de otra parte: su primera línea dice de cuál" in text(2, TEN)
    assert "otra parte" not in text(1, [PartRange(1, "EQ-001", "EQ-002", 2)])


def test_an_instrument_without_a_code_is_named_so() -> None:
    ranges = [PartRange(1, "", "EQ-034", 35), PartRange(2, "EQ-035", "EQ-036", 2)]
    assert "  Parte 1 de 2: (sin código) a EQ-034 (35 equipos)" in text(1, ranges)


def test_it_tells_how_to_check_and_that_the_link_expires() -> None:
    lines = text(2, TEN).split("\r\n")
    for command in ("sha256sum -c SHA256SUMS", "shasum -a 256 -c SHA256SUMS", POWERSHELL):
        assert command in lines
    assert "certutil -hashfile Informe_Consolidado.xlsx SHA256" in lines
    assert any("Descargar ZIP" in line for line in lines)


def test_every_line_ends_as_notepad_expects_and_fits_a_window() -> None:
    read = text(4, TEN, missing=3)
    assert read.endswith("\r\n")
    assert read.count("\n") == read.count("\r\n") == read.count("\r")
    assert read.encode(TEXT_ENCODING).startswith(b"\xef\xbb\xbfDOCUMENTOS")
    assert all(len(line) <= 110 for line in read.split("\r\n") if line != POWERSHELL)


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_names_from_the_database_stay_in_their_line(name: str, code: str) -> None:
    ranges = [PartRange(1, code, code + "Z", 2)]
    read = text(1, ranges, company=Company(1, name))
    assert len(read.splitlines()) == len(text(1, ranges, company=Company(1, "Andino")).splitlines())
    read.encode(TEXT_ENCODING)


def test_ordinary_text_is_left_alone() -> None:
    assert one_line("Año 2026 – «Ñandú» 5 °C ±0,1 µm") == "Año 2026 – «Ñandú» 5 °C ±0,1 µm"


def test_no_name_of_this_line_would_be_expanded_by_powershell_or_by_a_smart_editor() -> None:
    assert POWERSHELL.isascii()
    assert "\n" not in POWERSHELL
    assert POWERSHELL.count("{") == POWERSHELL.count("}")
    assert POWERSHELL.count("(") == POWERSHELL.count(")")
    assert POWERSHELL.count("'") == 2
    assert POWERSHELL.count('"') == 4


@pytest.mark.skipif(not shutil.which("pwsh"), reason="needs PowerShell")
def test_powershell_accepts_the_line_and_notices_damage(tmp_path: Path) -> None:
    names = ["LEEME.txt", "Equipos [1].pdf", "calibración.pdf"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    sums = sha256sums((name, hashlib.sha256(name.encode()).hexdigest()) for name in names)
    (tmp_path / "SHA256SUMS").write_bytes(sums.encode())

    def check() -> str:
        command = ["pwsh", "-NoProfile", "-Command", POWERSHELL]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout

    assert "Correctos: 3. Con problemas: 0." in check()
    (tmp_path / "calibración.pdf").write_bytes(b"x")
    (tmp_path / "LEEME.txt").unlink()
    assert "Correctos: 1. Con problemas: 2." in check()
    (tmp_path / "SHA256SUMS").unlink()
    assert "Con problemas: 0" not in check()
