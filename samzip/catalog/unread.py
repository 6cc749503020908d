"""Values of SAM's that cannot be shown as they are. A word in a date's place and NaN for a number are left empty, a
text that no cell of a workbook holds is cut there; all are told."""

from __future__ import annotations

from collections.abc import Set
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row

from samzip.database.types import Unread
from samzip.dossier.alike import Told

SHOWN = 60  # characters of such a value
CELL = 32_767  # UTF-16 units that a cell of a workbook holds
_LABELS = {  # of every column that may hold one, as people call it
    "formato_fecha_version_empresa": "fecha del formato de la empresa",
    "fecha_emision": "fecha de emisión",
    "fecha_registro": "fecha de registro",
    "fecha_adquisicion": "fecha de adquisición",
    "fecha_ultima_calibracion": "fecha de la última calibración",
    "proxima_calibracion": "próxima calibración",
    "frecuencia_calibracion_meses": "frecuencia de calibración",
    "fecha_ultimo_mantenimiento": "fecha del último mantenimiento",
    "proximo_mantenimiento": "próximo mantenimiento",
    "frecuencia_mantenimiento_meses": "frecuencia de mantenimiento",
    "fecha_ultima_comprobacion": "fecha de la última comprobación",
    "proxima_comprobacion": "próxima comprobación",
    "frecuencia_comprobacion_meses": "frecuencia de comprobación",
    "fecha_calibracion": "fecha",
    "fecha_mantenimiento": "fecha",
    "fecha_comprobacion": "fecha",
    "costo": "costo",
    "fecha_baja": "fecha",
    "fecha_prestamo": "fecha del préstamo",
    "fecha_devolucion_programada": "devolución programada",
    "fecha_devolucion_real": "devolución real",
}


def legible(row: Row[Any], told: Told, kind: str = "", which: str = "", unshown: Set[str] = frozenset()) -> Any:
    """The row with None for each of its values that could not be understood; that is told in Spanish, and which texts
    the workbook cuts.

    `kind` and `which` name the record: "calibración", "del 2024-10-20"; both are "" for the instrument itself.
    Nothing is told of the columns `unshown`, in whose place another is shown.
    """
    if not any(type(value) is Unread or _is_cut(value) for value in row):
        return row
    values = row._asdict()
    for column, value in values.items():
        label = _LABELS.get(column) or column.replace("_", " ")
        if type(value) is Unread:
            what = f"{label}: «{value.text[:SHOWN]}» no se entiende y se dejó vacío"
            values[column] = None
        elif _is_cut(value) and "datos" not in column:  # those no sheet shows
            what = f"{label}: el texto tiene {len(value)} caracteres; el Excel muestra los primeros {CELL - 1}"
        else:
            continue
        if column not in unshown:
            told.setdefault((kind, what), []).append(which)
    return SimpleNamespace(**values)


def _is_cut(value: object) -> bool:
    return type(value) is str and 2 * len(value) > CELL and len(value.encode("utf-16-le", "replace")) > 2 * CELL
