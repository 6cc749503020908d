"""Puts a life sheet together: lays the sections out, then draws the pages, whose number is known by then."""

from __future__ import annotations

import io
from datetime import UTC, tzinfo
from functools import lru_cache
from typing import Any

from reportlab import rl_config
from reportlab.pdfgen.canvas import Canvas

from samzip.catalog.model import Equipment
from samzip.dossier.alike import Told, phrases
from samzip.dossier.life_sheet import analysis, furniture, histories, sections
from samzip.dossier.life_sheet.flow import PAGE_HEIGHT, PAGE_WIDTH, Flow, Placement
from samzip.dossier.life_sheet.fonts import BASE_FONT, BOX, embed
from samzip.dossier.life_sheet.glyphs import is_cut, one_line
from samzip.dossier.life_sheet.images import Picture, load
from samzip.dossier.life_sheet.model import (
    LOGO,
    NOTHING,
    OF_COMPANY,
    PHOTO,
    LifeSheet,
    Rendered,
    Unreadable,
    newest_record,
)
from samzip.dossier.life_sheet.pen import Pen
from samzip.dossier.life_sheet.properties import Properties
from samzip.dossier.life_sheet.wording import day, local_day, moment, zone
from samzip.dossier.moments import in_zone

PHOTO_PIXELS = (700, 420)  # analysis.PHOTO_BOX at 180 pixels per inch
LOGO_PIXELS = (480, 160)
WATERMARK_ALPHA = 0.13
LANGUAGE = "es-CO"
CUT = "texto recortado: es demasiado largo"

# ReportLab's default wraps every stream in ASCII85: a quarter larger, and slower, for mail of the 1990s.
rl_config.useA85 = 0


def draw(sheet: LifeSheet) -> Rendered:
    """What `render` promises."""
    notes: list[str] = []
    equipment = sheet.equipment
    local = zone(sheet.timezone)
    if local is None:
        notes.append(f"zona horaria desconocida, se usó UTC: {one_line(sheet.timezone)}")
        local = UTC
    logo = _logo(sheet.logo) if isinstance(sheet.logo, bytes) else sheet.logo
    photo = load(sheet.photo, *PHOTO_PIXELS) if isinstance(sheet.photo, bytes) else sheet.photo
    if isinstance(logo, Unreadable):
        notes.append(f"{LOGO}: {logo.reason} ({one_line(sheet.company.logo)})")
    if isinstance(photo, Unreadable):
        notes.append(f"{PHOTO}: {photo.reason}")

    notes += [OF_COMPANY + told for told in furniture.remarks(sheet.company)]

    flow = Flow()
    sections.identity(flow, equipment)
    sections.general(flow, equipment, local)
    sections.activities(flow, equipment)
    sections.observations(flow, equipment)
    sections.decommission(flow, equipment, sheet.documents, local)
    sections.documents(flow, equipment, sheet.documents)
    histories.calibrations(flow, equipment)
    histories.maintenances(flow, equipment)
    histories.verifications(flow, equipment)
    histories.loans(flow, equipment, local)
    absence = photo.reason.capitalize() if isinstance(photo, Unreadable) else sections.photo_absence(sheet.documents)
    analysis.photo(flow, photo if isinstance(photo, Picture) else None, absence)
    index = sections.supports_height(sheet.documents)
    notes += analysis.confirmations(flow, equipment.calibrations)
    notes += analysis.verifications(flow, equipment.verifications, after=index)
    sections.supports(flow, sheet.documents)
    notes += _cut_texts(equipment, local)
    if any(BOX in text for page in flow.pages for text in page):
        notes.append("algunos caracteres no tienen letra en el PDF y se ven como □; el Excel los trae")
    pictures = {
        name: picture
        for name, picture in ((furniture.LOGO, logo), (analysis.PHOTO, photo))
        if isinstance(picture, Picture)
    }
    problem = photo.reason if isinstance(photo, Unreadable) else None
    return Rendered(_pdf(sheet, flow, pictures, local), tuple(one_line(note) for note in notes), problem)


@lru_cache(maxsize=1)  # of more, the bytes would stay
def _logo(data: bytes) -> Picture | Unreadable:
    """The same for all instruments of a company, one after the other."""
    return load(data, *LOGO_PIXELS, lossless=True)


def _cut_texts(e: Equipment, local: tzinfo) -> list[str]:
    """Which texts are so long that only their beginning is shown."""
    texts = [("", "observaciones", e.notes), ("", "puntos de calibración", e.calibration_points)]
    texts += [("calibración", _of(day(c.date)), c.notes) for c in e.calibrations]
    texts += [("comprobación", _of(day(v.date)), v.notes) for v in e.verifications]
    for m in e.maintenances:
        longest = max(m.description or "", m.activities or "", m.notes or "", key=len)
        texts.append(("mantenimiento", _of(day(m.date)), longest))
    texts += [("préstamo", _of(local_day(loan.lent, local)), loan.notes) for loan in e.loans]
    if e.decommission:
        texts.append(("", "baja", max(e.decommission.notes or "", e.decommission.reason or "", key=len)))
    told: Told = {}
    for kind, which, text in texts:
        if is_cut(text):
            told.setdefault((kind, CUT), []).append(which)
    return list(phrases(told))


def _of(written: str) -> str:
    return "sin fecha" if written == NOTHING else f"del {written}"


def _pdf(sheet: LifeSheet, flow: Flow, pictures: dict[str, Picture], local: tzinfo) -> bytes:
    equipment, company = sheet.equipment, one_line(sheet.company.name)
    running = " · ".join(filter(None, map(one_line, (equipment.code, equipment.name))))
    canvas = Canvas(
        io.BytesIO(),
        pagesize=(PAGE_WIDTH, PAGE_HEIGHT),
        pageCompression=1,
        invariant=1,  # no clock in the file: equal content gives equal bytes
        initialFontName=BASE_FONT,  # type: ignore[arg-type]  # the stubs take the name for a number
        lang=LANGUAGE,
    )
    canvas.setViewerPreference("DisplayDocTitle", "true")
    document: Any = canvas._doc  # type: ignore[attr-defined]  # no public way to add an encoded stream, or a date
    newest = newest_record(equipment)
    title = " · ".join(filter(None, ("Hoja de vida", running)))
    document.info = Properties(title, company, in_zone(newest, local) if newest else None)
    recorded = moment(newest, local) if newest else ""
    for name, picture in pictures.items():
        picture.embed(document, name)

    pen = Pen()
    pen.fonts = flow.pen.fonts
    logo = pictures.get(furniture.LOGO)
    placement = furniture.header(pen, sheet.company, logo)
    header = "\n".join(pen.out)
    for index, content in enumerate(flow.pages):
        canvas.addLiteral(header)
        if placement:
            _place(canvas, placement)
        canvas.addLiteral("\n".join(content))
        for one in flow.placements:
            if one.page == index:
                _place(canvas, one)
        pen.out = []
        furniture.footer(pen, running, recorded, index + 1, len(flow.pages))
        canvas.addLiteral("\n".join(pen.out))
        if equipment.is_decommissioned:
            _watermark(canvas, pen)
        for number, mark in enumerate(flow.marks):
            if mark.page == index:
                canvas.bookmarkPage(f"m{number}", fit="XYZ", left=0, top=round(mark.y + 8))
                canvas.addOutlineEntry(mark.title, f"m{number}", mark.level)
        canvas.showPage()
    embed(document, flow.pen.fonts)
    return bytes(canvas.getpdfdata())  # type: ignore[no-untyped-call]


def _place(canvas: Canvas, placement: Placement) -> None:
    canvas.saveState()
    canvas.transform(placement.width, 0, 0, placement.height, placement.x, placement.y)
    canvas.doForm(placement.name)
    canvas.restoreState()


def _watermark(canvas: Canvas, pen: Pen) -> None:
    pen.out = []
    furniture.watermark(pen)
    canvas.saveState()
    canvas.setFillAlpha(WATERMARK_ALPHA)
    canvas.addLiteral("\n".join(pen.out))
    canvas.restoreState()
