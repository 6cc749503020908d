"""The bytes of a planned document: real files, the same every time, that their readers open."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from samzip.demo.book import Document, Form, Logo, Paper, Photo
from samzip.demo.office import csv_text, docx, plain_text, xlsx
from samzip.demo.pdf import pdf
from samzip.demo.pictures import logo, photo
from samzip.demo.scans import scan

_TEXTS: dict[Form, Callable[[Paper], bytes]] = {
    "docx": docx,
    "xlsx": xlsx,
    "csv": csv_text,
    "txt": plain_text,
}


def content(document: Document, *, small: bool = False) -> bytes:
    """With `small`, pictures and scans are thumbnails: about 2 KB instead of about 30."""
    match document.content:
        case Photo() as picture:
            return photo(picture, small=small)
        case Logo() as picture:
            return logo(picture, small=small)
        case Paper() as paper:
            # Which scan lies under a document depends on its name alone, so that one more document changes no other.
            number = zlib.crc32(document.path.encode())
            if paper.form == "pdf":
                return pdf(paper, document.day, number, small=small)
            if paper.form == "jpeg":
                return scan(number, small=small)[0]
            return _TEXTS[paper.form](paper)
