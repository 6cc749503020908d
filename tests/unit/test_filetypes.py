import gzip
import io
import re
import zipfile

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from samzip.dossier.filetypes import HEAD_BYTES, mismatch, real_extension, split_extension

OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1000)


def image(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, kind)
    return out.getvalue()


def pdf() -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out)
    canvas.drawString(10, 10, "hola")
    canvas.save()
    return out.getvalue()


def workbook() -> bytes:
    out = io.BytesIO()
    openpyxl.Workbook().save(out)
    return out.getvalue()


def container(*names: str, padding: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), "x" * padding)  # without the clock: it stands in names of tests
    return out.getvalue()


def open_document(kind: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("mimetype"), f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr(zipfile.ZipInfo("content.xml"), "<x/>")
    return out.getvalue()


WORD = container("[Content_Types].xml", "_rels/.rels", "word/document.xml", padding=700)

CONTENTS = [
    (pdf(), "pdf"),
    (image("JPEG"), "jpg"),
    (image("PNG"), "png"),
    (image("GIF"), "gif"),
    (image("BMP"), "bmp"),
    (image("TIFF"), "tif"),
    (image("WEBP"), "webp"),
    (workbook(), "xlsx"),
    (WORD, "docx"),
    (container("[Content_Types].xml", "ppt/presentation.xml"), "pptx"),
    (open_document("text"), "odt"),
    (open_document("spreadsheet"), "ods"),
    (container("informe.pdf"), "zip"),
    (container("word/notas.pdf"), "zip"),
    (container(), "zip"),
    (gzip.compress(b"x", mtime=0), "gz"),
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
    (b"\0\0\0\x1cftypavif\0\0\0\0", "avif"),
    (b"\0\0\0\x18ftypisom\0\0\2\0", "mp4"),
    (b"\0\0\0\x14ftypqt  \0\0\2\0", "mov"),
    (b"RIFF\x24\0\0\0WAVEfmt ", "wav"),
    (b"7z\xbc\xaf\x27\x1c\0\4", "7z"),
    (b"Rar!\x1a\x07\x01\0", "rar"),
    (b"{\\rtf1\\ansi hola}", "rtf"),
    (OLE, "doc"),
    (OLE + "Workbook".encode("utf-16-le"), "xls"),
    (OLE + "__nameid_version1.0".encode("utf-16-le"), "msg"),
    (b"<?xml version='1.0'?><calibracion/>", "xml"),
    (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- hecho a mano --><!DOCTYPE svg PUBLIC 'a' 'b'><svg/>", "svg"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
    (b"<!-- x --><x:svg xmlns:x='http://www.w3.org/2000/svg'/>", "svg"),
    (b"\r\n <!DOCTYPE html>\n<title>Error 404</title>", "html"),
    (b"<HTML><body>", "html"),
    ("<?xml version='1.0'?><html/>".encode("utf-16"), "html"),
]


@pytest.mark.parametrize(("content", "expected"), CONTENTS)
@pytest.mark.parametrize("lie", ["certificado", "certificado.mp3", "certificado.bmp.psd", "documentos/a.b/certificado"])
def test_content_tells_the_extension_where_the_name_lies(content: bytes, expected: str, lie: str) -> None:
    if expected == "xml" and "." in lie.rpartition("/")[2]:
        expected = lie.rpartition(".")[2]  # an XML vocabulary may have any extension of its own
    assert real_extension(lie, content) == expected


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *((f"a.{name}", image("JPEG")) for name in ("jpg", "jpeg", "jfif")),
        *((f"a.{name}", image("TIFF")) for name in ("tif", "tiff")),
        *((f"a.{name}", container("x")) for name in ("zip", "docx", "docm", "xlsx", "pptx", "odt", "ods", "jar")),
        *((f"a.{name}", WORD) for name in ("docx", "docm", "dotx", "zip")),
        *((f"a.{name}", OLE) for name in ("doc", "xls", "ppt", "msg", "docx", "xlsx")),
        *((f"a.{name}", b"<html>") for name in ("html", "htm", "xls")),
        ("a.gpx", b"<?xml version='1.0'?><gpx/>"),
        ("a.doc", b"{\\rtf1}"),
        ("a.tgz", gzip.compress(b"x", mtime=0)),
        ("a.heif", b"\0\0\0\x18ftypmif1"),
    ],
)  # fmt: skip
def test_an_extension_that_agrees_with_the_content_stays(name: str, content: bytes) -> None:
    assert real_extension(name, content) == name.removeprefix("a.")


def test_an_office_file_under_the_name_of_another_is_corrected() -> None:
    assert real_extension("informe.docx", workbook()) == "xlsx"
    assert real_extension("informe.odt", open_document("spreadsheet")) == "ods"
    assert real_extension("informe.pdf", b"<?xml version='1.0'?><a/>") == "xml"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("datos.CSV", b"a;b\n1;2\n", "csv"),
        ("plano.DWG", b"AC1032\0\0\0", "dwg"),
        ("vacio.pdf", b"", "pdf"),
        ("parte.001", b"\0\1", "001"),
        ("notas", "calibración".encode(), "txt"),
        ("notas", "calibración".encode("cp1252"), "txt"),
        ("notas", "calibración".encode("utf-16"), "txt"),
        ("notas", b"", "txt"),
        ("notas.", b"hola", "txt"),
        (".pdf", b"hola", "txt"),
        ("No. 5 balanza nueva", b"hola", "txt"),
        ("Manual v1.2", b"hola", "txt"),
        ("datos", b"\x00\x01\x02", "bin"),
        ("datos", b"\x81\x8d\x8f\x90", "bin"),
        ("datos.abcdefghijkl", b"\0", "bin"),
        ("BMW", b"BMW 2026, una nota que no es un mapa de bits", "txt"),
    ],
)
def test_unknown_content_keeps_the_stored_extension_or_gets_a_plain_one(
    name: str, content: bytes, expected: str
) -> None:
    assert real_extension(name, content) == expected


def test_a_pdf_may_have_junk_before_it_but_not_more_than_acrobat_accepts() -> None:
    assert real_extension("a", b"\0" * 1023 + b"%PDF-1.4") == "pdf"
    assert real_extension("a", b"\0" * 1024 + b"%PDF-1.4") == "bin"


def test_a_pdf_inside_another_file_does_not_make_that_a_pdf() -> None:
    assert real_extension("a", container("b.pdf")[:30] + b"b.pdf" + pdf()) == "zip"
    assert real_extension("a", b"<html><pre>%PDF-1.4") == "html"


def test_only_the_head_counts() -> None:
    text = "ñ" * HEAD_BYTES
    assert real_extension("a", b"x" + text.encode()) == "txt"  # a character is cut in the middle
    assert real_extension("a", b"x" * HEAD_BYTES + b"\0") == "txt"


def test_the_stem_keeps_what_is_no_extension() -> None:
    assert split_extension("documentos/EQ-001/Certificado.final.PDF") == ("Certificado.final", "pdf")
    assert split_extension("C:\\x\\EQ. balanza nueva") == ("EQ. balanza nueva", "")
    assert split_extension("carpeta.d/archivo") == ("archivo", "")


@given(st.text(st.characters(exclude_categories=())), st.binary() | st.sampled_from([c for c, _ in CONTENTS]))
def test_there_is_always_a_plain_extension(name: str, head: bytes) -> None:
    for stored in (name, f"x.{name}"):
        assert re.fullmatch(r"[a-z0-9]{1,10}", real_extension(stored, head))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pdf", container("x"), "el nombre dice .pdf, pero el contenido es .zip"),
        ("a.PDF", b"<html>", "el nombre dice .pdf, pero el contenido es .html"),
        ("a.pdf", image("JPEG"), None),
        ("a.docx", pdf(), None),
        ("a.pdf", b"MZ\x90\0", "es un programa, no un documento; se entrega como está"),
        ("a.exe", b"MZ\x90\0", "es un programa, no un documento; se entrega como está"),
        ("a.pdf.exe", pdf(), None),
        ("a.jar", container("x"), "es un programa, no un documento; se entrega como está"),
        ("a", b"\x7fELF\2\1\1\0", "es un programa, no un documento; se entrega como está"),
        ("visor.BAT", b"@echo off", "es un programa, no un documento; se entrega como está"),
        ("notas.txt", b"MZ-3, balanza", None),
        ("a.docx", b"hola", "el nombre dice .docx, pero el contenido no lo es; se entrega como está"),
        ("a.pdf", b"", None),
        ("a", b"\x90\0", None),
        ("a.csv", b"a;b\n", None),
        ("a.dwg", b"AC1032\0", None),
        ("a.pdf", pdf(), None),
        ("a.jpeg", image("JPEG"), None),
        ("a.gpx", b"<?xml version='1.0'?><gpx/>", None),
    ],
)  # fmt: skip
def test_content_that_is_not_what_the_name_says_is_told(name: str, content: bytes, said: str | None) -> None:
    assert mismatch(name, content) == said
