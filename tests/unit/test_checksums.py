import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from samzip.dossier.checksums import sha256sums

FILES = {
    "LEEME.txt": b"hola\r\n",
    "Equipos/EQ-001/Hoja_de_vida.pdf": b"%PDF-1.7",
    "Equipos/EQ ñ [1]/- título (2).pdf": b"",
    "raro\\barra": b"1",
    "raro\nlínea": b"2",
    "*estrella": b"3",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    sums = sha256sums((name, hashlib.sha256(content).hexdigest().upper()) for name, content in FILES.items())
    (tmp_path / "SHA256SUMS").write_bytes(sums.encode())
    return tmp_path


def check(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run([*command, "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, env=environment)


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum of GNU coreutils")
def test_sha256sum_accepts_the_list(folder: Path) -> None:
    result = check(folder, "sha256sum", "--strict")
    assert result.returncode == 0, result.stderr
    assert result.stdout.count(": OK") == len(FILES)
    assert result.stderr == ""


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum of GNU coreutils")
def test_sha256sum_notices_one_changed_byte(folder: Path) -> None:
    (folder / "LEEME.txt").write_bytes(b"hola\n")
    assert check(folder, "sha256sum").returncode == 1


@pytest.mark.skipif(not shutil.which("shasum"), reason="needs shasum of Perl, the tool of macOS")
def test_shasum_accepts_the_list(folder: Path) -> None:
    result = check(folder, "shasum", "-a", "256")
    assert result.returncode == 0, result.stderr


def test_lines_end_in_lf_and_keep_their_order() -> None:
    assert sha256sums([("b", "0" * 64), ("a", "F" * 64)]) == f"{'0' * 64}  b\n{'f' * 64}  a\n"


def test_a_carriage_return_in_a_name_is_escaped() -> None:
    assert sha256sums([("a\rb", "0" * 64)]) == f"\\{'0' * 64}  a\\rb\n"
