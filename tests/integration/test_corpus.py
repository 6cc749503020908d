"""Bad input: at least two thousand instruments of the strangest kinds, each archive opened by four programs."""

from __future__ import annotations

import io
import random
import shutil
import subprocess
import unicodedata
import zipfile
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pypdf import PdfReader
from sqlalchemy import insert

from samzip.catalog.read import read_equipment
from samzip.database import tables
from samzip.dossier import plan
from samzip.dossier.names import ENTRY_LIMIT, fold, length
from tests.support.world import World, make_world

ROWS = 2_000
PART_SIZE = 250

TEXTS = [
    "Balanza analítica ±0,1 mg",
    "Multímetro 10 MΩ µV °C ñandú",
    "",
    " ",
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=tab",
    "\r\n=line",
    "../../etc/passwd",
    "/absolute",
    "C:\\Windows\\x",
    "CON",
    "nul.txt",
    "COM1",
    "a/1",
    "a_1",
    "A/1",
    "trailing.",
    "trailing ",
    "...",
    "\x00\x01\x1f\x7f",
    "\u202egnp.exe",
    "👩‍🔬🔬🏭",
    "e\u0301 combinado",
    "\ufb03 ligadura",
    "ß ẞ ss",
    "İıIi",
    "<b>html</b> & <script>alert(1)</script>",
    "'; DROP TABLE core_equipo; --",
    "%s %d {0} ${x}",
    "x" * 200,
    "palabra " * 1_250,
    "行车测量设备",
    "مقياس الحرارة",
    "\ufeffmarca",
    "\u2028\u2029",
    "NaN",
    "1e309",
    "None",
]
MEASUREMENTS = [
    None,
    "",
    "{",
    "[]",
    "{}",
    "null",
    "NaN",
    '{"magnitudes": 5}',
    '{"magnitudes": [null, 1, "x", {"puntos_medicion": {}}]}',
    '{"magnitudes": [{"nombre": "T", "puntos_medicion": [{"nominal": "NaN", "error": 1, "emp_absoluto": 0}]}]}',
    '{"puntos_medicion": [{"nominal": 1, "lectura": 1.1, "emp_absoluto": 0.5, "incertidumbre": -1}]}',
    '{"puntos_medicion": [{"nominal": 1e308, "error": 1e308, "emp_absoluto": 1e-308}]}',
    '{"magnitudes": [{"nombre": "=x", "unidad": "\\u0000",'
    ' "puntos_medicion": [{"nominal": 1, "error": "0,05", "emp_absoluto": "0,1"}]}]}',
]
DATES = [None, date(1, 1, 1), date(1899, 12, 31), date(1900, 2, 28), date(2024, 2, 29), date(9999, 12, 31)]
MONTHS = [None, Decimal(12), Decimal("-6"), Decimal("0.5"), Decimal(0), Decimal(99999)]
FILES = [
    "ok.pdf",
    "empty.pdf",
    "really.pdf",
    "missing.pdf",
    "../outside.pdf",
    "/etc/passwd",
    "folder",
    "\x01.pdf",
    "ñ á.csv",
]


def text(chance: random.Random, limit: int | None = None) -> str:
    base = chance.choice(TEXTS)
    if chance.random() < 0.3:
        base += "".join(
            chr(chance.choice([chance.randrange(32, 0x250), chance.randrange(0x2000, 0x2FFF)])) for _ in range(9)
        )
    return base.replace("\0", "")[:limit]


def optional(chance: random.Random, limit: int | None = None) -> str | None:
    return None if chance.random() < 0.2 else text(chance, limit)


def fill(world: World, chance: random.Random) -> None:
    """One company; its documents lie once in the media folder and are pointed to again and again."""
    files = world.media
    (files / "ok.pdf").write_bytes(b"%PDF-1.4\n" + bytes(range(256)))
    (files / "empty.pdf").write_bytes(b"")
    (files / "really.pdf").write_bytes(b"\xff\xd8\xff\xe0" + b"jpeg" * 30)
    (files / "ñ á.csv").write_text("a;b\n1;2\n", encoding="utf-8")
    (files / "folder").mkdir()
    (files.parent / "outside.pdf").write_bytes(b"secret")
    with world.database.write() as connection:
        company = connection.execute(
            insert(tables.empresa)
            .values(nombre="../.. =Empresa \x07 S.A.S.", is_deleted=False)
            .returning(tables.empresa.c.id)
        ).scalar_one()
        world.user(connection, "CERTIBOY", company)
        equipment = [
            {
                "codigo_interno": text(chance, 100) or "?",
                "nombre": text(chance, 200) or "?",
                **{
                    name: optional(chance, 100)
                    for name in ("marca", "modelo", "numero_serie", "ubicacion", "responsable")
                },
                "estado": chance.choice(["Activo", "De Baja", "Inactivo", text(chance, 50)]),
                "error_maximo_permisible": optional(chance, 100),
                "observaciones": optional(chance),
                "puntos_calibracion": optional(chance),
                "archivo_compra_pdf": chance.choice([None, *FILES]),
                "manual_pdf": chance.choice([None, *FILES]),
                "imagen_equipo": chance.choice([None, *FILES]),
                "fecha_adquisicion": chance.choice(DATES),
                "proxima_calibracion": chance.choice(DATES),
                "frecuencia_calibracion_meses": chance.choice(MONTHS),
                "fecha_registro": chance.choice(
                    [None, datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)]
                ),
                "empresa_id": company,
            }
            for _ in range(ROWS)
        ]
        connection.execute(insert(tables.equipo), equipment)
        connection.execute(
            insert(tables.calibracion),
            [
                {
                    "equipo_id": number,
                    "fecha_calibracion": chance.choice(DATES),
                    "nombre_proveedor": optional(chance, 255),
                    "resultado": text(chance, 100),
                    "numero_certificado": optional(chance, 100),
                    "observaciones": optional(chance),
                    "documento_calibracion": chance.choice([None, *FILES]),
                    "confirmacion_metrologica_datos": chance.choice(MEASUREMENTS),
                }
                for number in range(1, ROWS + 1)
            ],
        )
        connection.execute(
            insert(tables.mantenimiento),
            [
                {
                    "equipo_id": number,
                    "fecha_mantenimiento": chance.choice(DATES),
                    "descripcion": optional(chance),
                    "costo": chance.choice(MONTHS),
                    "documento_externo": chance.choice([None, *FILES]),
                    "documento_mantenimiento": chance.choice([None, *FILES]),
                }
                for number in range(1, ROWS + 1)
            ],
        )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = make_world(tmp_path_factory.mktemp("corpus"), part_size=str(PART_SIZE))
    fill(world, random.Random(20261124))
    world.click()
    finished = world.run()
    assert finished.counts.failed == 0
    assert finished.counts.published == ROWS // PART_SIZE
    return world


def archives(world: World) -> list[Path]:
    return [world.media / name for name in world.files()]


def test_every_name_follows_the_policy_and_none_escapes(corpus: World) -> None:
    folders: set[str] = set()
    for path in archives(corpus):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
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
    assert len(folders) == ROWS


def test_nothing_is_lost_without_a_line_in_faltantes(corpus: World) -> None:
    with corpus.database.read() as connection:
        batches = list(read_equipment(connection, 1, PART_SIZE))
    counts: Counter[str] = Counter()
    for path, batch in zip(
        sorted(archives(corpus), key=lambda p: int(p.name.split("_parte_")[1].split("_")[0])), batches, strict=True
    ):
        wanted = [source for item in batch for source in plan.equipment_sources(item, "x")]
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            missing_list = archive.read(next(name for name in names if name.endswith("/FALTANTES.txt"))).decode(
                "utf-8-sig"
            )
        fixed = {"LEEME.txt", "Informe_Consolidado.xlsx", "FALTANTES.txt", "SHA256SUMS"}
        delivered = [
            name for name in names if name.split("/")[1] == "Equipos" and not name.endswith("/Hoja_de_vida.pdf")
        ]
        listed = missing_list.count("    Motivo:")
        assert len(delivered) + listed == len(wanted)
        counts["delivered"] += len(delivered)
        counts["missing"] += listed
        assert fixed <= {name.split("/")[1] for name in names}
    print(f"\n{ROWS} instruments: {counts['delivered']} documents delivered, {counts['missing']} listed as missing")
    assert min(counts.values()) > 1000


def test_documents_carry_the_extension_of_their_content(corpus: World) -> None:
    for path in archives(corpus):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".pdf") and "/Equipos/" in name:
                    with archive.open(name) as entry:
                        assert entry.read(4) in (b"%PDF", b"")


def test_every_life_sheet_is_a_pdf_and_every_workbook_opens(corpus: World) -> None:
    chance = random.Random(1)
    for path in archives(corpus):
        with zipfile.ZipFile(path) as archive:
            sheets = [name for name in archive.namelist() if name.endswith("/Hoja_de_vida.pdf")]
            for name in chance.sample(sheets, 5):
                assert len(PdfReader(io.BytesIO(archive.read(name))).pages) >= 1
    with zipfile.ZipFile(archives(corpus)[0]) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".xlsx"))
        workbook = openpyxl.load_workbook(io.BytesIO(archive.read(name)), read_only=True)
    rows: list[Any] = list(workbook["Equipos"].iter_rows(min_row=6))
    assert len(rows) == ROWS
    assert all(cell.data_type != "f" for row in rows for cell in row)


@pytest.mark.parametrize("reader", [["unzip", "-tq"], ["7z", "t"], ["7zz", "t"], ["bsdtar", "-tf"]])
def test_other_programs_read_every_archive(corpus: World, reader: list[str]) -> None:
    if shutil.which(reader[0]) is None:
        pytest.skip(f"{reader[0]} is not installed")
    for path in archives(corpus):
        done = subprocess.run([*reader, str(path)], capture_output=True, text=True, errors="replace")
        assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]


def test_an_archive_extracts_below_its_own_folder_only(corpus: World, tmp_path: Path) -> None:
    inside = tmp_path / "deep" / "deeper"
    inside.mkdir(parents=True)
    subprocess.run(["unzip", "-qo", str(archives(corpus)[0]), "-d", str(inside)], check=True, capture_output=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["deep"]
    assert len(list(inside.iterdir())) == 1
    done = subprocess.run(
        ["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=next(inside.iterdir()), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:]
