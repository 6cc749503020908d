"""The life sheet ("hoja de vida") of an instrument as PDF."""

from samzip.dossier.life_sheet.model import DocumentLine, LifeSheet, Rendered
from samzip.dossier.life_sheet.sheet import TEMPLATE_VERSION, render

__all__ = ["TEMPLATE_VERSION", "DocumentLine", "LifeSheet", "Rendered", "render"]
