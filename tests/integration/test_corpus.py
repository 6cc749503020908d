"""Bad input: thousands of the strangest rows in every table, each archive opened by four programs and read through.

`python -m pytest -s -m "sweep or not sweep" tests/integration/test_corpus.py` shows the counts, of the larger one too.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

import openpyxl
import pytest
from pypdf import PdfReader

from samzip.catalog.read import read_equipment, read_records
from samzip.dossier import plan
from samzip.dossier.names import ENTRY_LIMIT, fold, length
from tests.support import strange
from tests.support.world import World, make_world

LEAST_ROWS = 2_000
INSTRUMENTS = 360
MANY_INSTRUMENTS = 3_000
PARTS = 3
BOOK_SHEETS = 9  # SAM's five and samzip's four
SHEETS_READ = 60  # life sheets whose first page's text is extracted; all of them are opened


@dataclass
class Corpus:
    """One company's archives."""

    world: World
    instruments: int
    rows: Counter[str]  # of each table

    @property
    def part_size(self) -> int:
        return self.instruments // PARTS

    def archives(self) -> list[Path]:
        """In the order of the parts."""
        names = sorted(self.world.files(), key=lambda name: int(name.split("_parte_")[1].split("_")[0]))
        return [self.world.media / name for name in names]

    def entries(self) -> Iterator[tuple[zipfile.ZipFile, list[str]]]:
        for path in self.archives():
            with zipfile.ZipFile(path) as archive:
                yield archive, archive.namelist()

    def workbook(self) -> bytes:
        """The same in every part."""
        found = set()
        for archive, names in self.entries():
            found.add(archive.read(next(name for name in names if name.endswith(".xlsx"))))
        (workbook,) = found
        return workbook


@pytest.fixture(scope="module", params=[INSTRUMENTS, pytest.param(MANY_INSTRUMENTS, marks=pytest.mark.sweep)])
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    instruments = request.param
    world = make_world(tmp_path_factory.mktemp("corpus"), part_size=str(instruments // PARTS))
    rows = strange.fill(world, instruments)
    world.click()
    finished = world.run()
    assert finished.counts.failed == 0
    assert finished.counts.published == PARTS
    return Corpus(world, instruments, rows)


def test_it_covers_every_table_that_an_archive_is_made_from(corpus: Corpus) -> None:
    print("\n" + ", ".join(f"{count} {name.removeprefix('core_')}" for name, count in corpus.rows.items()))
    assert corpus.rows.total() >= LEAST_ROWS
    assert len(corpus.rows) == 8


def test_every_name_follows_the_policy_and_none_escapes(corpus: Corpus) -> None:
    folders: set[str] = set()
    for _, names in corpus.entries():
        assert len({fold(name) for name in names}) == len(names)
        for name in names:
            parts = name.split("/")
            assert length(name) <= ENTRY_LIMIT
            assert ".." not in parts
            assert not name.startswith("/")
            assert all(part and part == part.strip(" ") and not part.endswith(".") for part in parts), name
            assert not any(
                unicodedata.category(character) in ("Cc", "Cs") or character in '<>:"\\|?*' for character in name
            )
            assert unicodedata.is_normalized("NFC", name)
        own = {"/".join(name.split("/")[:3]) for name in names if "/Equipos/" in name}
        assert not folders & own  # no instrument is in two parts, and no folder is two instruments
        folders |= own
    assert len(folders) == corpus.instruments


def test_nothing_is_lost_without_a_line_in_faltantes(corpus: Corpus) -> None:
    with corpus.world.database.read() as connection:
        batches = list(read_equipment(connection, 1, corpus.part_size))
        records = read_records(connection, 1)
    assert records is not None
    counts: Counter[str] = Counter()
    for (archive, names), batch in zip(corpus.entries(), batches, strict=True):
        wanted = [source for item in batch for source in plan.equipment_sources(item, "x")]
        kept = {f"/{plan.LIFE_SHEET}.pdf", f"/{plan.PROCEDURES}/{plan.NO_PROCEDURES}"}
        below = [name for name in names if name.split("/")[1] in (plan.EQUIPMENT, plan.PROCEDURES)]
        delivered = [name for name in below if not name.endswith(tuple(kept))]
        if batch is batches[-1]:
            wanted += plan.procedure_sources(records.procedures, "x")
        missing_list = archive.read(next(name for name in names if name.endswith("/FALTANTES.txt"))).decode("utf-8-sig")
        listed = missing_list.count("\n    Motivo:")
        assert len(delivered) + listed == len(wanted)
        assert len([name for name in below if name.endswith("/Hoja_de_vida.pdf")]) == len(batch)
        counts["delivered"] += len(delivered)
        counts["missing"] += listed
        assert {"LEEME.txt", "Informe_Consolidado.xlsx", "FALTANTES.txt", "SHA256SUMS"} <= {
            name.split("/")[1] for name in names
        }
    print(f"\n{counts['delivered']} documents delivered, {counts['missing']} listed as missing")
    assert min(counts.values()) > corpus.instruments


def test_documents_carry_the_extension_of_their_content(corpus: Corpus) -> None:
    for archive, names in corpus.entries():
        for name in names:
            if name.endswith(".pdf") and "/Equipos/" in name:
                with archive.open(name) as entry:
                    assert entry.read(4) in (b"%PDF", b"")


def test_every_life_sheet_is_a_pdf_with_the_pages_that_it_says(corpus: Corpus) -> None:
    sheets = pages = 0
    for archive, names in corpus.entries():
        for name in names:
            if name.endswith("/Hoja_de_vida.pdf"):
                reader = PdfReader(io.BytesIO(archive.read(name)), strict=True)
                if sheets % (corpus.instruments // SHEETS_READ) == 0:
                    assert f"Página 1 de {len(reader.pages)}" in reader.pages[0].extract_text()
                sheets += 1
                pages += len(reader.pages)
    print(f"\n{sheets} life sheets with {pages} pages")
    assert sheets == corpus.instruments


def test_every_sheet_of_the_workbook_is_xml_without_a_formula(corpus: Corpus) -> None:
    formulas: Counter[str] = Counter()
    with zipfile.ZipFile(io.BytesIO(corpus.workbook())) as package:
        for name in package.namelist():
            if name.endswith((".xml", ".rels")):
                parser = expat.ParserCreate()

                def begin(tag: str, _: dict[str, str], name: str = name) -> None:
                    formulas[name] += tag == "f"

                parser.StartElementHandler = begin
                parser.Parse(package.read(name), True)
    sheets = {name: count for name, count in formulas.items() if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", name)}
    assert len(sheets) == BOOK_SHEETS
    assert not any(sheets.values()), sheets


def test_two_readers_find_the_same_rows_in_every_sheet_of_the_workbook(corpus: Corpus) -> None:
    calamine = pytest.importorskip("python_calamine")
    content = corpus.workbook()
    workbook = openpyxl.load_workbook(io.BytesIO(content), read_only=True)
    other = calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
    assert other.sheet_names == workbook.sheetnames
    counts: Counter[str] = Counter()
    for sheet in workbook:
        for row in sheet.iter_rows():
            assert all(cell.data_type != "f" for cell in row)
            counts[sheet.title] += any(cell.value not in (None, "") for cell in row)
        assert counts[sheet.title] == sum(
            any(value not in (None, "") for value in row) for row in other.get_sheet_by_name(sheet.title).to_python()
        )
    print("\n" + ", ".join(f"{title}: {count} rows" for title, count in counts.items()))
    assert counts["Equipos"] >= corpus.instruments


def test_an_office_suite_opens_the_workbook(corpus: Corpus, tmp_path: Path) -> None:
    if shutil.which("soffice") is None:
        pytest.skip("soffice is not installed")
    (tmp_path / "book.xlsx").write_bytes(corpus.workbook())
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "ods", "--outdir", str(tmp_path)]
    subprocess.run([*command, str(tmp_path / "book.xlsx")], check=True, capture_output=True)
    with zipfile.ZipFile(tmp_path / "book.ods") as package:
        content = package.read("content.xml")
    assert content.count(b"<table:table ") == BOOK_SHEETS
    assert b"table:formula=" not in content


@pytest.mark.parametrize("readers", [["unzip", "-tq"], ["7z", "7zz", "t"], ["bsdtar", "-tf"]], ids=lambda it: it[0])
def test_other_programs_read_every_archive(corpus: Corpus, readers: list[str]) -> None:
    *names, option = readers
    program = next(filter(shutil.which, names), None)
    if program is None:
        pytest.skip(f"{' or '.join(names)} is not installed")
    for path in corpus.archives():
        done = subprocess.run([program, option, str(path)], capture_output=True, text=True, errors="replace")
        assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]


def test_python_reads_every_archive_and_its_sums_agree(corpus: Corpus) -> None:
    for archive, names in corpus.entries():
        top = names[0].split("/")[0]
        sums = dict(
            reversed(line.split("  ", 1)) for line in archive.read(f"{top}/SHA256SUMS").decode("utf-8").splitlines()
        )
        assert {f"{top}/{path}" for path in sums} == {*names} - {f"{top}/SHA256SUMS"}
        for path, digest in sums.items():
            assert hashlib.sha256(archive.read(f"{top}/{path}")).hexdigest() == digest


def test_an_archive_extracts_below_its_own_folder_only(corpus: Corpus, tmp_path: Path) -> None:
    inside = tmp_path / "deep" / "deeper"
    inside.mkdir(parents=True)
    subprocess.run(["unzip", "-qo", str(corpus.archives()[0]), "-d", str(inside)], check=True, capture_output=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["deep"]
    assert len(list(inside.iterdir())) == 1
    done = subprocess.run(
        ["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=next(inside.iterdir()), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:]
