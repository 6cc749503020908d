import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from samzip.catalog.model import Company
from samzip.dossier.contents import Document
from samzip.dossier.leeme import TEXT_ENCODING
from samzip.dossier.missing import Tally, missing_list, tally, warnings

COMPANY = Company(1, "CERTIBOY S.A.S.")


def absent(equipment: str | None, title: str, path: str, why: str = "no existe en el almacenamiento") -> Document:
    return Document(equipment, title, path, entry=None, size=0, modified=0, missing=why)


def delivered(note: str | None = None) -> Document:
    return Document("EQ-002", "Manual", "documentos/m.pdf", "A/Equipos/EQ-002/manual.pdf", 0, 1.0, note=note)


def test_nothing_to_say_makes_no_list() -> None:
    assert missing_list(COMPANY, 1, 1, [delivered()], []) is None
    assert missing_list(COMPANY, 1, 1, [], []) is None
    assert warnings([delivered()], []) == []


def test_every_missing_document_is_listed_under_its_instrument_with_path_and_reason() -> None:
    text = missing_list(
        COMPANY,
        1,
        1,
        [
            absent("EQ-001", "Certificado de calibración 2", "documentos/EQ-001/cal 2.pdf"),
            delivered(),
            absent(None, "Procedimiento PR-001", "proc/1.pdf", "sin permiso de lectura"),
            absent("EQ-001", "Manual", "documentos/EQ-001/m.pdf"),
        ],
        [],
    )
    assert text == "\r\n".join(
        [
            "FALTANTES DE CERTIBOY S.A.S.",
            "============================",
            "Documentos faltantes: 3. Observaciones: 0.",
            "Cargue de nuevo en SAM lo que falta y pida otra descarga.",
            "",
            "",
            "Equipo EQ-001",
            "-------------",
            "- Certificado de calibración 2",
            "    Archivo: documentos/EQ-001/cal 2.pdf",
            "    Motivo:  no existe en el almacenamiento",
            "- Manual",
            "    Archivo: documentos/EQ-001/m.pdf",
            "    Motivo:  no existe en el almacenamiento",
            "",
            "",
            "Documentos de la empresa",
            "------------------------",
            "- Procedimiento PR-001",
            "    Archivo: proc/1.pdf",
            "    Motivo:  sin permiso de lectura",
            "",
        ]
    )


def test_each_part_tells_its_own_first_and_then_what_the_others_lack() -> None:
    text = missing_list(
        COMPANY, 2, 3, [], [], [(1, absent("EQ-001", "Manual", "m.pdf")), (3, absent(None, "PR-1", "p"))]
    )
    assert text == "\r\n".join(
        [
            "FALTANTES DE CERTIBOY S.A.S., PARTE 2 DE 3",
            "==========================================",
            "Documentos faltantes en esta parte: 0. Observaciones: 0.",
            "Documentos faltantes en las otras partes: 2.",
            "Si otra parte tiene observaciones, están en el FALTANTES.txt de esa parte.",
            "Cargue de nuevo en SAM lo que falta y pida otra descarga.",
            "",
            "",
            "DOCUMENTOS QUE FALTAN EN OTRAS PARTES",
            "-------------------------------------",
            "- Parte 1, equipo EQ-001, Manual: no existe en el almacenamiento (m.pdf)",
            "- Parte 3, documentos de la empresa, PR-1: no existe en el almacenamiento (p)",
            "",
        ]
    )


def test_two_numbers_count_all_that_is_told() -> None:
    damaged = replace(delivered("imagen dañada"), is_damaged=True)
    found = warnings([absent("EQ-001", "Manual", "m.pdf"), delivered("archivo vacío"), damaged], ["un logotipo"])
    assert tally(found) == Tally(missing=1, observations=3, damaged=1)


def test_odd_documents_and_notes_are_remarks() -> None:
    text = missing_list(COMPANY, 1, 1, [delivered("archivo vacío")], ["EQ-003: la foto está dañada"])
    assert text is not None
    assert "\r\nDocumentos faltantes: 0. Observaciones: 2.\r\n" in text
    assert "- Equipo EQ-002, Manual: archivo vacío (A/Equipos/EQ-002/manual.pdf)\r\n" in text
    assert text.endswith("- EQ-003: la foto está dañada\r\n")


def test_remarks_on_the_company_are_told_in_every_part_and_counted_in_the_first() -> None:
    text = missing_list(COMPANY, 2, 3, [], [], of_company=["Empresa, logo: imagen dañada (l.png)"])
    assert text is not None
    assert "Documentos faltantes en esta parte: 0. Observaciones: 0.\r\n" in text
    counted = "OBSERVACIONES SOBRE LA EMPRESA, CONTADAS EN LA PARTE 1"
    assert text.endswith(f"{counted}\r\n{'-' * len(counted)}\r\n- Empresa, logo: imagen dañada (l.png)\r\n")


def test_a_document_without_a_place_is_missing_even_if_nobody_says_why() -> None:
    document = Document("EQ-001", "Manual", "m.pdf", entry=None, size=0, modified=0)
    text = missing_list(COMPANY, 1, 1, [document], [])
    assert text is not None
    assert "Motivo:  motivo desconocido" in text
    assert warnings([document], [])[0]["reason"] == "motivo desconocido"


@given(st.lists(st.text(st.characters(exclude_categories=())), min_size=4, max_size=4))
def test_no_value_can_forge_a_line_or_hide_one(values: list[str]) -> None:
    code, title, path, reason = values
    text = missing_list(COMPANY, 1, 1, [absent(code, title, path, reason)], [])
    assert text is not None
    assert len(text.splitlines()) == (11 if path else 10)
    assert text.count("\r\n") == (11 if path else 10)
    text.encode(TEXT_ENCODING)


def test_a_forged_path_is_shown_as_it_is() -> None:
    text = missing_list(COMPANY, 1, 1, [absent("EQ-001", "Manual", "a\r\nEquipo EQ-002\u202e\x1b[31m\ud800")], [])
    assert text is not None
    assert r"Archivo: a\r\nEquipo EQ-002\u202e\x1b[31m\ud800" in text


def test_warnings_hold_the_same_facts_ready_for_json() -> None:
    found = warnings([absent(None, "PR-001", "p\0.pdf\udc80"), delivered("archivo vacío")], ["una foto está dañada"])
    assert json.loads(json.dumps(found)) == [
        {
            "kind": "missing",
            "equipment": "",
            "document": "PR-001",
            "path": r"p\x00.pdf\udc80",
            "reason": "no existe en el almacenamiento",
        },
        {
            "kind": "note",
            "equipment": "EQ-002",
            "document": "Manual",
            "path": "documentos/m.pdf",
            "reason": "archivo vacío",
        },
        {"kind": "note", "equipment": "", "document": "", "path": "", "reason": "una foto está dañada"},
    ]
    assert r"\u0000" not in json.dumps(found)
