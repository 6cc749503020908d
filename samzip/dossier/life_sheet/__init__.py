"""The life sheet ("hoja de vida") of an instrument as PDF."""

from samzip.dossier.life_sheet.model import DocumentLine, LifeSheet, Rendered, Unreadable, newest_record

__all__ = ["DocumentLine", "LifeSheet", "Rendered", "Unreadable", "newest_record", "render"]


def render(sheet: LifeSheet) -> Rendered:
    """The sheet as PDF (Letter), with notes on what could not be shown as given.

    Equal sheets give equal bytes, on any day. Never raises for what the data says.
    """
    from samzip.dossier.life_sheet.sheet import draw  # ReportLab and Pillow, which only who draws needs

    return draw(sheet)
