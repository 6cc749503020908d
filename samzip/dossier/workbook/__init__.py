"""Informe_Consolidado.xlsx: all instruments of a company in one workbook, the same in every part."""

from samzip.dossier.workbook.index import IndexLine
from samzip.dossier.workbook.writer import write_workbook

__all__ = ["IndexLine", "write_workbook"]
