"""The smallest PDF that every reader opens: scanned pages with text over them (ISO 32000-1)."""

from __future__ import annotations

import zlib
from datetime import date

from samzip.demo.book import Paper
from samzip.demo.scans import scan

PAGE = (612, 792)  # Letter, points
LINE = 20  # points; the ruling of the scanned form
LINES = 25  # that fit on a page


def _text(x: float, y: float, size: float, text: str, font: str = "F1") -> bytes:
    # The standard fonts have no Ω; every other character of the sample is in their encoding.
    raw = text.replace("Ω", "ohm").encode("cp1252", "replace")
    escaped = raw.replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    return f"BT /{font} {size} Tf {x} {y} Td (".encode() + escaped + b") Tj ET\n"


def _lines(rows: tuple[tuple[str, ...], ...]) -> list[bytes]:
    """Content streams' text, one item per line of the form, from the top."""
    drawn = []
    for order, row in enumerate(rows[:LINES]):
        y = PAGE[1] - 142 - order * LINE
        if len(row) == 2:
            drawn.append(_text(64, y, 9, row[0], "F2") + _text(200, y, 9.5, row[1]))
            continue
        font = "F1" if row[0][:1].isdigit() or row[0].startswith("-") else "F2"
        drawn.append(b"".join(_text(64 + column * 100, y, 9, cell, font) for column, cell in enumerate(row)))
    return drawn


def _page(paper: Paper, page: int) -> bytes:
    rows = paper.rows if page == 1 else (("Continuación", "Espacio para observaciones"),)
    foot = f"{paper.issuer} · página {page} de {paper.pages} · copia controlada"
    return b"".join(
        (
            b"q 612 0 0 792 0 0 cm /Im Do Q 0.1 g\n",
            _text(64, 722, 14, paper.title[:66], "F2"),
            _text(64, 704, 9.5, paper.issuer),
            *_lines(rows),
            _text(64, 62, 8, foot),
        )
    )


def _stream(entries: str, data: bytes) -> bytes:
    return f"<< {entries} /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"


def pdf(paper: Paper, day: date, number: int, *, small: bool) -> bytes:
    """`number` chooses which scanned pages lie under the text."""
    kids = " ".join(f"{6 + 3 * page} 0 R" for page in range(paper.pages))
    title = ("\ufeff" + paper.title).encode("utf-16-be").hex()
    font = "<< /Type /Font /Subtype /Type1 /Encoding /WinAnsiEncoding /BaseFont"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {paper.pages} >>".encode(),
        f"{font} /Helvetica >>".encode(),
        f"{font} /Helvetica-Bold >>".encode(),
        f"<< /Title <{title}> /CreationDate (D:{day:%Y%m%d}100000-05'00') >>".encode(),
    ]
    for page in range(paper.pages):
        first = 6 + 3 * page
        jpeg, width, height = scan(number + 7 * page, small=small)
        resources = f"<< /Font << /F1 3 0 R /F2 4 0 R >> /XObject << /Im {first + 2} 0 R >> >>"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {PAGE[0]} {PAGE[1]}] /Resources {resources} "
            f"/Contents {first + 1} 0 R >>".encode(),
            _stream("/Filter /FlateDecode", zlib.compress(_page(paper, page + 1))),
            _stream(
                f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray "
                "/BitsPerComponent 8 /Filter /DCTDecode",
                jpeg,
            ),
        ]
    return _assemble(objects)


def _assemble(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010d} 00000 n \n".encode() for offset in offsets)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R /Info 5 0 R >>\n".encode()
    out += f"startxref\n{start}\n%%EOF\n".encode()
    return bytes(out)
