"""Records of which the same is said: all in one phrase, however many they are. In Spanish."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

_SEVERAL = {
    "calibración": "calibraciones",
    "mantenimiento": "mantenimientos",
    "comprobación": "comprobaciones",
    "préstamo": "préstamos",
    "procedimiento": "procedimientos",
    "proveedor": "proveedores",
}
LISTED = 24  # records that are named where more lack the same

Told = dict[tuple[str, str], list[str]]  # kind of record and what is said in Spanish -> which ones it is said of


def phrases(told: Told) -> Iterator[str]:
    """Each thing once: "mantenimientos del 2024-01-05, del 2024-02-05, costo: ..."."""
    for (kind, what), which in told.items():
        owner = f"{_SEVERAL.get(kind, kind) if len(which) > 1 else kind} {named(which)}".strip()
        yield f"{owner}, {what}" if owner else what


def named(which: Sequence[str]) -> str:
    """The first LISTED of them and the number of the others; what several have in common is named once, with theirs."""
    listed = list(Counter(which).items())[:LISTED]
    left = len(which) - sum(count for _, count in listed)
    names = ", ".join(name if count == 1 else f"{name} ({count})" for name, count in listed)
    return f"{names} y {left} más" if left else names
