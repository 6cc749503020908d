"""Minimal office files (ECMA-376), made by hand so that the same sample gives the same bytes."""

from __future__ import annotations

import csv
import io
import zipfile
from xml.sax.saxutils import escape

from samzip.demo.book import Paper

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PARTS = "application/vnd.openxmlformats-officedocument"


def _package(parts: dict[str, str], main: str, types: dict[str, str]) -> bytes:
    """A package of XML parts, `main` being the document; every entry carries the ZIP format's oldest date."""
    overrides = "".join(f'<Override PartName="/{name}" ContentType="{_PARTS}.{kind}"/>' for name, kind in types.items())
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_TYPES}"><Default Extension="rels" ContentType='
        f'"application/vnd.openxmlformats-package.relationships+xml"/>{overrides}</Types>',
        "_rels/.rels": _links({"rId1": ("officeDocument", main)}),
        **parts,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, xml in parts.items():
            package.writestr(zipfile.ZipInfo(name), _HEAD + xml, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _links(links: dict[str, tuple[str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="{key}" Type="{_OFFICE}/{kind}" Target="{target}"/>' for key, (kind, target) in links.items()
    )
    return f'<Relationships xmlns="{_LINKS}">{inner}</Relationships>'


def docx(paper: Paper) -> bytes:
    def paragraph(text: str, properties: str = "") -> str:
        return f'<w:p><w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{escape(text)}</w:t></w:r></w:p>'

    body = paragraph(paper.title, '<w:b/><w:sz w:val="36"/>') + paragraph(paper.issuer, "<w:i/>")
    body += "".join(paragraph(": ".join(row)) for row in paper.rows)
    document = f'<w:document xmlns:w="{_WORD}"><w:body>{body}</w:body></w:document>'
    types = {"word/document.xml": "wordprocessingml.document.main+xml"}
    return _package({"word/document.xml": document}, "word/document.xml", types)


def xlsx(paper: Paper) -> bytes:
    def line(cells: tuple[str, ...]) -> str:
        inner = "".join(f'<c t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>' for cell in cells)
        return f"<row>{inner}</row>"

    data = "".join(line(row) for row in ((paper.title,), (paper.issuer,), *paper.rows))
    widths = '<cols><col min="1" max="5" width="26" customWidth="1"/></cols>'
    styles = (
        f'<styleSheet xmlns="{_SHEET}"><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/>'
        '</fill></fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="1"><xf xfId="0"/></cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" '
        'builtinId="0"/></cellStyles></styleSheet>'
    )
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{_SHEET}" xmlns:r="{_OFFICE}"><sheets><sheet name="Datos" sheetId="1" '
        'r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _links(
            {"rId1": ("worksheet", "worksheets/sheet1.xml"), "rId2": ("styles", "styles.xml")}
        ),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_SHEET}">{widths}<sheetData>{data}</sheetData></worksheet>',
        "xl/styles.xml": styles,
    }
    types = {
        "xl/workbook.xml": "spreadsheetml.sheet.main+xml",
        "xl/worksheets/sheet1.xml": "spreadsheetml.worksheet+xml",
        "xl/styles.xml": "spreadsheetml.styles+xml",
    }
    return _package(parts, "xl/workbook.xml", types)


def csv_text(paper: Paper) -> bytes:
    """Semicolons and a byte order mark: what a Colombian Excel writes, and opens without asking."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerows([(paper.title,), (paper.issuer,), *paper.rows])
    return out.getvalue().encode("utf-8-sig")


def plain_text(paper: Paper) -> bytes:
    lines = [paper.title, paper.issuer, "", *("\t".join(row) for row in paper.rows)]
    return "\r\n".join([*lines, ""]).encode()
