"""What every page carries: the company's header, the footer, and the watermark of a decommissioned instrument."""

from __future__ import annotations

from math import atan2

from samzip.catalog.model import Company
from samzip.dossier.life_sheet.flow import LEFT, PAGE_HEIGHT, PAGE_WIDTH, RIGHT, WIDTH, Placement
from samzip.dossier.life_sheet.fonts import BOLD, REGULAR
from samzip.dossier.life_sheet.glyphs import NOTHING, one_line
from samzip.dossier.life_sheet.images import Picture
from samzip.dossier.life_sheet.pen import ACCENT, ALERT, INK, MUTED, RULE, Pen
from samzip.dossier.life_sheet.text import fit

TITLE = "HOJA DE VIDA DE EQUIPOS"
WATERMARK = "EQUIPO DADO DE BAJA"
HEADER_TOP = PAGE_HEIGHT - 34.0
HEADER_HEIGHT = 48.0
LOGO_WIDTH = 128.0  # of the header's left cell, points
CONTROL_WIDTH = 128.0  # of its right cell
NAME_SIZE = 7.5  # of the company below the title
NAME_LEADING = 9.5
LOGO = "logo"  # resource name


def header(pen: Pen, company: Company, logo: Picture | None) -> Placement | None:
    """Logo, title, and the format's code, version and date: the document control of ISO/IEC 17025 8.3.

    Returns where the logo goes on every page (its own page is 0).
    """
    placement = None
    base = HEADER_TOP - HEADER_HEIGHT
    pen.frame(LEFT, base, WIDTH, HEADER_HEIGHT)
    inner_left, inner_right = LEFT + LOGO_WIDTH, RIGHT - CONTROL_WIDTH
    pen.line(inner_left, base, inner_left, HEADER_TOP)
    pen.line(inner_right, base, inner_right, HEADER_TOP)
    name = one_line(company.name)
    if logo:
        width, height = logo.within(LOGO_WIDTH - 16, HEADER_HEIGHT - 10)
        x, y = LEFT + (LOGO_WIDTH - width) / 2, base + (HEADER_HEIGHT - height) / 2
        placement = Placement(LOGO, 0, x, y, width, height)
    else:
        lines = fit(name, BOLD, 9, LOGO_WIDTH - 14, 3)
        middle = base + HEADER_HEIGHT / 2 + (len(lines) - 1) * 5.5 - 3
        pen.text(LEFT + LOGO_WIDTH / 2, middle, lines, face=BOLD, size=9, colour=ACCENT, leading=11, align=0.5)
    centre, room = (inner_left + inner_right) / 2, inner_right - inner_left - 12
    tax_id = one_line(company.tax_id)
    below = fit(name, REGULAR, NAME_SIZE, room, 2)
    if tax_id:
        below += fit(f"NIT {tax_id}", REGULAR, NAME_SIZE, room)
    title = base + (HEADER_HEIGHT - 9.5 + len(below) * NAME_LEADING + 2) / 2 - 1  # 9.5: height of its capitals
    pen.text(centre, title, (TITLE,), face=BOLD, size=13, colour=ACCENT, align=0.5)
    below_title = title - NAME_LEADING - 2
    pen.text(centre, below_title, below, size=NAME_SIZE, colour=MUTED, leading=NAME_LEADING, align=0.5)
    control = (
        ("CÓDIGO", company.format_code),
        ("VERSIÓN", company.format_version),
        ("FECHA", company.format_date),
    )
    for index, (label, value) in enumerate(control):
        y = HEADER_TOP - 11.5 - index * 16
        pen.text(inner_right + 8, y, (label,), size=6, colour=MUTED)
        shown = fit(one_line(value) or NOTHING, BOLD, 7.5, CONTROL_WIDTH - 52)
        pen.text(inner_right + 44, y, shown, face=BOLD, size=7.5)
        if index:
            pen.line(inner_right, y + 11, RIGHT, y + 11)
    return placement


def footer(pen: Pen, running: str, newest: str, page: int, pages: int) -> None:
    """Which instrument this is, the moment of its newest record ("": none), and "Página n de m" from 1."""
    pen.line(LEFT, 38, RIGHT, 38, RULE, 0.5)
    pen.text(LEFT, 27, fit(running, REGULAR, 7, WIDTH - 240), size=7, colour=MUTED)
    if newest:
        pen.text(RIGHT - 84, 27, (f"Último registro: {newest}",), size=7, colour=MUTED, align=1)
    pen.text(RIGHT, 27, (f"Página {page} de {pages}",), size=7, colour=INK, align=1)


def watermark(pen: Pen) -> None:
    """Across the page; the caller sets the transparency, so that text beneath stays readable."""
    angle = atan2(PAGE_HEIGHT, PAGE_WIDTH)
    x, y = PAGE_WIDTH / 2 + 16, PAGE_HEIGHT / 2 - 20
    pen.turned_text(x, y, WATERMARK, angle, face=BOLD, size=57, colour=ALERT)
