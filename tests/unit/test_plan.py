"""Where documents lie in an archive, and that they stay there whatever is added to the company."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from samzip.catalog.model import Calibration, Decommission, Equipment, Loan, Maintenance, Procedure, Verification
from samzip.dossier import names, plan

FOLDER = "C/Equipos/EQ-001"
EQUIPMENT = Equipment(1, "EQ-001", "Balanza")

# Few different letters and names, so that they clash.
codes = st.lists(st.text("A1_/:*. ñ", max_size=3) | st.text("xX", min_size=28, max_size=33), max_size=12)
days = st.none() | st.dates()
paths = st.sampled_from(["a/doc.pdf", "b/doc.pdf", "b/DOC.pdf", "doc (2).pdf", "doc", "ñ.pdf"])
drawn = st.tuples(st.sampled_from("CMVL"), days, paths)


def company(records: list[tuple[str, date | None, str]]) -> Equipment:
    """An instrument whose records were entered in this order, whatever their dates."""
    found = list(enumerate(records, 1))

    def sort(kind: str) -> list[tuple[int, date | None, str]]:
        own = [(number, day, path) for number, (what, day, path) in found if what == kind]
        return sorted(own, key=lambda record: (record[1] or date.min, record[0]))

    return replace(
        EQUIPMENT,
        calibrations=tuple(Calibration(n, day, certificate=f"{n}/{path}", confirmation=f"{n}/c/{path}")
                           for n, day, path in sort("C")),
        maintenances=tuple(Maintenance(n, day, external_document=f"{n}/{path}", general_document=f"{n}/g/{path}")
                           for n, day, path in sort("M")),
        verifications=tuple(Verification(n, day, certificate=f"{n}/{path}", internal_document=f"{n}/i/{path}")
                            for n, day, path in sort("V")),
        loans=tuple(Loan(n, lent=datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None,
                         loan_document=f"{n}/{path}", return_document=f"{n}/r/{path}")
                    for n, day, path in sort("L")),
    )  # fmt: skip


def entries(equipment: Equipment) -> dict[str, str]:
    """By the document's path, its entry."""
    allocator = names.NameAllocator()
    sources = plan.equipment_sources(equipment, FOLDER)
    return {source.path: allocator.file(source.folder, source.stem, "pdf") for source in sources}


@given(codes, codes, st.randoms())
def test_instruments_that_are_added_take_no_folder_away_in_whatever_order_they_come(
    first: list[str], later: list[str], chance: object
) -> None:
    before = list(enumerate(first, 1))
    after = list(enumerate([*first, *later], 1))
    chance.shuffle(after)  # type: ignore[attr-defined]
    folders = plan.equipment_folders(after, "C")
    assert plan.equipment_folders(before, "C").items() <= folders.items()
    assert len({names.fold(folder) for folder in folders.values()}) == len(folders)


@given(st.lists(drawn, max_size=10), st.lists(drawn, max_size=6))
def test_records_that_are_added_with_any_date_rename_no_document(
    first: list[tuple[str, date | None, str]], later: list[tuple[str, date | None, str]]
) -> None:
    assert entries(company(first)).items() <= entries(company([*first, *later])).items()


@given(st.lists(st.tuples(st.sampled_from(["PR-1", "PR 1", "pr-1"]), st.sampled_from("aá")), max_size=6))
def test_procedures_that_are_added_rename_no_document(records: list[tuple[str, str]]) -> None:
    def named(procedures: list[Procedure]) -> dict[str, str]:
        allocator = names.NameAllocator()
        by_code = tuple(sorted(procedures, key=lambda procedure: procedure.code))
        found = plan.procedure_sources(by_code, "C/Procedimientos")
        return {source.path: allocator.file(source.folder, source.stem, "pdf") for source in found}

    procedures = [Procedure(n, code, name, document=f"{n}.pdf") for n, (code, name) in enumerate(records, 1)]
    for length in range(len(procedures)):
        assert named(procedures[:length]).items() <= named(procedures).items()


def test_a_procedure_without_a_code_is_titled_by_its_name() -> None:
    pairs = ((" ", "Uno"), ("", " "), ("PR-1", "Dos"))
    procedures = tuple(Procedure(n, code, name, document="p.pdf") for n, (code, name) in enumerate(pairs, 1))
    titles = [source.title for source in plan.procedure_sources(procedures, "C/Procedimientos")]
    assert titles == ["Procedimiento Uno", "Procedimiento (sin código)", "Procedimiento PR-1"]


def test_a_code_that_had_to_be_cleaned_has_its_id_in_its_folder_whoever_else_is_there() -> None:
    codes = [(3, "A/1"), (7, "A_1"), (8, "A:1"), (9, ""), (10, "x" * 31), (11, "CON"), (12, "A_1 (id 3)"), (13, "ñ 1")]
    folders = plan.equipment_folders(codes, "C")
    assert folders == {
        3: "C/Equipos/A_1 (id 3)",
        7: "C/Equipos/A_1",
        8: "C/Equipos/A_1 (id 8)",
        9: "C/Equipos/sin_nombre (id 9)",
        10: f"C/Equipos/{'x' * 22} (id 10)",
        11: "C/Equipos/CON (id 11)",
        12: "C/Equipos/A_1 (id 3) (id 12)",
        13: "C/Equipos/ñ 1",
    }
    for one in codes:
        assert plan.equipment_folders([one], "C") == {one[0]: folders[one[0]]}


@given(codes, st.data())
def test_an_instrument_that_is_deleted_renames_no_folder(every: list[str], data: st.DataObject) -> None:
    by_key = {names.fold(code): (number, code) for number, code in enumerate(every, 1)}  # twins: see the next test
    folders = plan.equipment_folders(by_key.values(), "C")
    left = data.draw(st.lists(st.sampled_from([*by_key.values()]), unique=True)) if by_key else []
    assert plan.equipment_folders(left, "C").items() <= folders.items()


def test_of_codes_that_differ_only_in_case_the_oldest_has_the_plain_folder() -> None:
    folders = plan.equipment_folders([(7, "eq-1"), (3, "EQ-1"), (9, "EQ-1")], "C")
    assert folders == {3: "C/Equipos/EQ-1", 7: "C/Equipos/eq-1 (id 7)", 9: "C/Equipos/EQ-1 (id 9)"}


def test_titles_tie_documents_to_the_records_of_the_histories() -> None:
    equipment = replace(
        EQUIPMENT,
        manual="m.pdf",
        calibrations=(
            Calibration(2, date(2024, 3, 1), certificate_number=" CC-2\n", certificate="2.pdf"),
            Calibration(3, None, certificate="3.pdf"),
        ),
        maintenances=(Maintenance(1, date(2024, 4, 1), "Preventivo", external_document="e.pdf"),),
        verifications=(Verification(1, date(2024, 5, 1), "CB-9", certificate="v.pdf"),),
        loans=(Loan(1, "Ana Gómez", lent=datetime(2025, 5, 2, 2, tzinfo=UTC), loan_document="l.pdf"),),
    )
    assert [(source.title, source.stem) for source in plan.equipment_sources(equipment, FOLDER)] == [
        ("Manual", "manual"),
        ("Certificado de calibración 1 (2024-03-01, CC-2)", "cal_1"),
        ("Certificado de calibración 2", "cal_2"),
        ("Mantenimiento 1, documento externo (2024-04-01, Preventivo)", "e"),
        ("Certificado de comprobación 1 (2024-05-01, CB-9)", "comp_1"),
        ("Préstamo 1, documento (2025-05-01, Ana Gómez)", "prestamo_1"),  # the evening before, in Bogotá
    ]


def test_the_ends_of_the_calendar_are_days_too() -> None:
    loans = tuple(
        Loan(n, lent=moment, loan_document="l.pdf")
        for n, moment in enumerate([datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)])
    )
    titles = [source.title for source in plan.equipment_sources(replace(EQUIPMENT, loans=loans), FOLDER)]
    assert titles == ["Préstamo 1, documento (0001-01-01)", "Préstamo 2, documento (9999-12-31)"]


def test_a_record_of_decommission_has_its_document_delivered_whatever_the_state() -> None:
    for state in ("Activo", "De Baja", None):
        equipment = replace(EQUIPMENT, state=state, decommission=Decommission(None, document="b.pdf"))
        [source] = plan.equipment_sources(equipment, FOLDER)
        assert (source.folder, source.stem) == (f"{FOLDER}/Baja", "documento_baja")


def test_ten_thousand_instruments_with_one_code_take_no_quadratic_time() -> None:
    folders = plan.equipment_folders(((n, "EQ/1") for n in range(10_000)), "C")
    assert len(set(folders.values())) == 10_000
    assert folders[0] == "C/Equipos/EQ_1 (id 0)"


def test_a_text_names_an_instrument_by_its_code_and_by_its_folder_where_that_differs() -> None:
    rows = [(1, "EQ-1"), (2, "eq-1"), (3, "A/1"), (4, " ")]
    folders = plan.equipment_folders(rows, "C")
    assert [plan.label(code, folders[number]) for number, code in rows] == [
        "EQ-1",
        "eq-1 (carpeta eq-1 (id 2))",
        "A/1 (carpeta A_1 (id 3))",
        "(sin código) (carpeta sin_nombre (id 4))",
    ]


def test_a_state_counts_whatever_its_capitals_and_spaces() -> None:
    for state in ("De Baja", "DE BAJA", " de  baja "):
        written = replace(EQUIPMENT, state=state)
        assert written.is_decommissioned
        assert written.is_retired
    assert replace(EQUIPMENT, state="INACTIVO ").is_retired
    assert not replace(EQUIPMENT, state="INACTIVO ").is_decommissioned
    assert not replace(EQUIPMENT, state=None).is_retired
