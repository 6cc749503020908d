"""What every page carries: the company's header, the footer, and the watermark of a decommissioned instrument."""

from __future__ import annotations

from math import atan2

from samzip.catalog.model import Company
from samzip.dossier.life_sheet.flow import LEFT, PAGE_HEIGHT, PAGE_WIDTH, RIGHT, WIDTH, Placement
from samzip.dossier.life_sheet.fonts import BOLD, NOTDEF, REGULAR
from samzip.dossier.life_sheet.glyphs import one_line
from samzip.dossier.life_sheet.images import Picture
from samzip.dossier.life_sheet.model import NOTHING
from samzip.dossier.life_sheet.pen import ACCENT, ALERT, INK, MUTED, RULE, Pen
from samzip.dossier.life_sheet.text import fit, wrap

TITLE = "HOJA DE VIDA DE EQUIPOS"
WATERMARK = "EQUIPO DADO DE BAJA"
HEADER_TOP = PAGE_HEIGHT - 34.0
HEADER_HEIGHT = 48.0
LOGO_WIDTH = 128.0  # of the header's left cell, points
CONTROL_WIDTH = 162.0  # of its right cell
CONTROL_LABEL = 38.0  # of it, before the values
CONTROL_ROOM = CONTROL_WIDTH - CONTROL_LABEL - 5  # of a value
CONTROL_ROW = 16.0
CONTROL_FACES = ((7.5, 1), (6.5, 1), (6.0, 2))  # size and lines of a value: the first that holds all of it
TOLD = 200  # characters of a value that is cut; SAM's columns hold no more
CENTRE_ROOM = WIDTH - LOGO_WIDTH - CONTROL_WIDTH - 12  # of a line below the title
NAME_SIZE = 7.5  # of the company below the title
NAME_LEADING = 9.5
NAME_LINES = 2
WITHOUT_GLYPH = "algunos caracteres no tienen letra en el PDF y en el encabezado de las hojas de vida se ven como □"
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
    centre = (inner_left + inner_right) / 2
    below = fit(name, REGULAR, NAME_SIZE, CENTRE_ROOM, NAME_LINES)
    if tax_id := _tax_id(company):
        below += fit(tax_id, REGULAR, NAME_SIZE, CENTRE_ROOM)
    title = base + (HEADER_HEIGHT - 9.5 + len(below) * NAME_LEADING + 2) / 2 - 1  # 9.5: height of its capitals
    pen.text(centre, title, (TITLE,), face=BOLD, size=13, colour=ACCENT, align=0.5)
    below_title = title - NAME_LEADING - 2
    pen.text(centre, below_title, below, size=NAME_SIZE, colour=MUTED, leading=NAME_LEADING, align=0.5)
    for index, (label, value) in enumerate(_control(company)):
        y = HEADER_TOP - 11.5 - index * CONTROL_ROW
        pen.text(inner_right + 6, y, (label.upper(),), size=6, colour=MUTED)
        lines, size = _controlled(value)
        shift = (len(lines) - 1) * (size + 2.4) / 2
        pen.text(inner_right + CONTROL_LABEL, y + shift, lines, face=BOLD, size=size, leading=size + 0.8)
        if index:
            pen.line(inner_right, y + 11, RIGHT, y + 11)
    return placement


def remarks(company: Company) -> list[str]:
    """What to say (Spanish) of each value that the header cuts, and once of all that have letters without a glyph."""
    size, most = CONTROL_FACES[-1]
    name, tax_id, control = one_line(company.name), _tax_id(company), _control(company)
    shown = [("nombre", name, wrap(name, REGULAR, NAME_SIZE, CENTRE_ROOM), NAME_LINES)]
    shown += [("NIT", one_line(company.tax_id), wrap(tax_id, REGULAR, NAME_SIZE, CENTRE_ROOM), 1)]
    shown += [(f"{label} del formato", value, wrap(value, BOLD, size, CONTROL_ROOM), most) for label, value in control]
    boxed = [label for label, value, _, _ in shown if NOTDEF in value]
    return [
        f"{label}: en la hoja de vida no cabe entero: «{value[:TOLD]}»"
        for label, value, lines, limit in shown
        if len(lines) > limit
    ] + ([f"{', '.join(boxed)}: {WITHOUT_GLYPH}"] if boxed else [])


def _tax_id(company: Company) -> str:
    tax_id = one_line(company.tax_id)
    return f"NIT {tax_id}" if tax_id else ""


def _control(company: Company) -> tuple[tuple[str, str], ...]:
    return (
        ("código", one_line(company.format_code)),
        ("versión", one_line(company.format_version)),
        ("fecha", one_line(company.format_date)),
    )


def _controlled(value: str) -> tuple[tuple[str, ...], float]:
    """A value in lines that fit its cell, and the size of its letters."""
    for size, most in CONTROL_FACES:
        lines = wrap(value or NOTHING, BOLD, size, CONTROL_ROOM)
        if len(lines) <= most:
            return lines, size
    return fit(value, BOLD, size, CONTROL_ROOM, most), size


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
