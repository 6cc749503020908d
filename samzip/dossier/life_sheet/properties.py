"""The document's properties: what a file manager shows of it without opening it."""

from __future__ import annotations

from datetime import datetime

from reportlab.pdfbase import pdfdoc

SUBJECT = "Hoja de vida de equipos"
CREATOR = "samzip"


class Properties(pdfdoc.PDFInfo):
    """Has the date that it is given, or none; ReportLab's own knows only the clock and the year 2000."""

    def __init__(self, title: str, author: str, moment: datetime | None) -> None:
        super().__init__()
        self.title, self.author, self.subject, self.creator = title, author, SUBJECT, CREATOR
        self.moment = moment

    def format(self, document: pdfdoc.PDFDocument) -> bytes:
        entries = {
            "Title": self.title,
            "Author": self.author,
            "Subject": self.subject,
            "Creator": self.creator,
            "Producer": self.producer,
        }
        if self.moment:
            entries["CreationDate"] = entries["ModDate"] = pdf_date(self.moment)
        written = pdfdoc.PDFDictionary({key: pdfdoc.PDFString(value) for key, value in entries.items()})
        return bytes(written.format(document))


def pdf_date(moment: datetime) -> str:
    """An aware moment as PDF writes it: D:20261124150400-05'00' (ISO 32000-1, 7.9.4)."""
    offset = moment.utcoffset()
    minutes = round(offset.total_seconds() / 60) if offset else 0
    day = f"{moment.year:04}{moment.month:02}{moment.day:02}"
    time = f"{moment.hour:02}{moment.minute:02}{moment.second:02}"
    return f"D:{day}{time}{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}'{abs(minutes) % 60:02}'"
