"""The story of the first day, told by the real command line, and its archives opened by other people's programs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest
from pypdf import PdfReader

# The operators' vocabulary: lines that they grep for, with the values of the sample company in place of others.
VOCABULARY = """
[INICIO] Procesador de cola ZIP iniciado
[LIMPIEZA] Limpiando solicitudes antiguas...
[LIMPIEZA] Eliminadas 0 solicitudes antiguas
[PROCESANDO] Solicitud #5 de CERTIBOY
[GENERANDO] Iniciando ZIP para empresa CERTIBOY S.A.S. (69 equipos)
[COMPRESIÓN] Usando nivel 2 para 35 equipos
[EXCEL] Generando Excel consolidado...
[PROCEDIMIENTOS] Empresa CERTIBOY S.A.S. tiene 3 procedimientos
[EQUIPO] Procesando 1/35 (15%): EQ-001
[EQUIPO] Procesando 2/35 (17%): EQ-002
""".strip().splitlines()
PUBLISHED = re.compile(
    r"\[EXITOSO\] ZIP completado: zip_requests/1/\d{8}_\d{6}_parte_1_req_5\.zip \(\d+ bytes\)", re.MULTILINE
)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each command printed (stdout and stderr), and the state folder."""
    state = tmp_path_factory.mktemp("story")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("SAMZIP_", "DATABASE_URL"))
    }
    environment |= {"SAMZIP_STATE_DIR": str(state), "HOME": str(state), "PYTHONPATH": str(Path.cwd())}

    def samzip(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "samzip", *arguments],
            env=environment,
            cwd=state,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return {
        "state": str(state),
        "init": samzip("init"),
        "demo": samzip("demo-data"),
        "request": samzip("request", "--user", "CERTIBOY", "--times", "3"),
        "plan": samzip("run", "--dry-run"),
        "run": samzip("run", "--once", "--log-format", "text"),
        "again": samzip("run", "--once", "--log-format", "text"),
        "status": samzip("status", "--json"),
    }


def archives(story: dict[str, str]) -> list[Path]:
    return sorted((Path(story["state"]) / "media" / "zip_requests" / "1").glob("*.zip"))


def test_each_step_says_what_it_did(story: dict[str, str]) -> None:
    assert "Made a new database." in story["init"]
    assert "2 companies, 74 instruments" in story["demo"]
    assert story["request"].count("69 instruments, 2 parts") == 3
    assert "CERTIBOY S.A.S.: 6 requests -> parts 1, 2 of 2" in story["plan"]
    assert "2 archives published" in story["run"]
    assert "Nothing to do." in story["again"]


def test_the_text_log_speaks_the_operators_vocabulary_word_for_word(story: dict[str, str]) -> None:
    runs = {line.split()[2] for line in story["run"].splitlines() if "[" in line}
    assert len(runs) == 1, "each line has the run's id"
    lines = [line[33:] for line in story["run"].splitlines()]  # after the time and the id
    for quoted in VOCABULARY:
        assert any(line == quoted or line.startswith(f"{quoted} (") for line in lines), quoted
    assert PUBLISHED.search(story["run"])
    assert "[ESPERANDO] Iteración 1: Cola vacía, esperando..." in story["again"]
    assert "\r" not in story["run"]


def test_status_lists_two_archives_that_lie_where_it_says(story: dict[str, str]) -> None:
    status = json.loads(story["status"])
    paths = [Path(story["state"]) / "media" / archive["path"] for archive in status["archives"]]
    assert sorted(paths) == archives(story)
    assert len(paths) == 2


@pytest.mark.parametrize(
    "reader", [["unzip", "-tq"], ["7z", "t"], ["7zz", "t"], ["bsdtar", "-tf"], [sys.executable, "-m", "zipfile", "-t"]]
)
def test_other_programs_read_every_archive(story: dict[str, str], reader: list[str]) -> None:
    if shutil.which(reader[0]) is None:
        pytest.skip(f"{reader[0]} is not installed")
    for archive in archives(story):
        done = subprocess.run([*reader, str(archive)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_extracted_archive_passes_its_own_checksums_and_opens(story: dict[str, str], tmp_path: Path) -> None:
    for archive in archives(story):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(tmp_path)
        folder = tmp_path / "CERTIBOY S.A.S"
        done = subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        listed = {line.split("  ", 1)[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
        with zipfile.ZipFile(archive) as opened:
            inside = {name.removeprefix("CERTIBOY S.A.S/") for name in opened.namelist()}
        assert listed == inside - {"SHA256SUMS"}
    assert not (folder / "FALTANTES.txt").exists()
    workbook = openpyxl.load_workbook(folder / "Informe_Consolidado.xlsx")
    assert workbook.sheetnames[:5] == ["Equipos", "Proveedores", "Procedimientos", "Préstamos", "Dashboard"]
    codes = [row[0] for row in workbook["Equipos"].iter_rows(min_row=6, values_only=True)]
    assert codes == [f"EQ-{number:03}" for number in range(1, 70)]
    sheet = PdfReader(folder / "Equipos" / "EQ-001" / "Hoja_de_vida.pdf")
    assert "EQ-001" in sheet.pages[0].extract_text()
    assert sorted(path.name for path in (folder / "Equipos").iterdir()) == codes
