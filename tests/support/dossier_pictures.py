"""Pictures of what a customer opens, for the documents: python -m tests.support.dossier_pictures ARCHIVE FOLDER"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from PIL import Image
from pypdf import PdfReader

COLOURS = 64
DOTS = 75  # per inch


def main(archive: Path, folder: Path) -> None:
    """Of the archive's first life sheet the first page and that with the charts, of the workbook the Dashboard."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="samzip-pictures-") as place, zipfile.ZipFile(archive) as opened:
        sheet, book = Path(place, "sheet.pdf"), Path(place, "book.xlsx")
        for path, ending in ((sheet, "/Hoja_de_vida.pdf"), (book, "/Informe_Consolidado.xlsx")):
            path.write_bytes(opened.read(next(name for name in opened.namelist() if name.endswith(ending))))
        profile = f"-env:UserInstallation=file://{place}/profile"
        command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", place, str(book)]
        subprocess.run(command, check=True, capture_output=True)
        take(sheet, "Información general", folder / "life_sheet.png")
        take(sheet, "Confirmaciones metrológicas", folder / "charts.png")
        take(book.with_suffix(".pdf"), "ESTADÍSTICAS GENERALES", folder / "dashboard.png")


def take(pdf: Path, text: str, picture: Path) -> None:
    """The first page that has the text."""
    pages = enumerate(PdfReader(pdf).pages, 1)
    page = str(next(number for number, page in pages if text in page.extract_text()))
    command = ["pdftoppm", "-r", str(DOTS), "-f", page, "-l", page, "-png", "-singlefile"]
    subprocess.run([*command, str(pdf), str(picture.with_suffix(""))], check=True)
    with Image.open(picture) as shot:
        small = shot.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(picture, optimize=True)
    print(f"{picture}: {picture.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
