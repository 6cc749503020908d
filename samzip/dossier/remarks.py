"""What is to be said of an instrument's own values: the unintelligible ones, and impossible frequencies."""

from __future__ import annotations

from collections.abc import Iterator

from samzip.catalog.model import Equipment
from samzip.dossier.life_sheet.wording import months

LONGEST_FREQUENCY = 1200  # months: a century


def remarks(equipment: Equipment) -> Iterator[str]:
    """Phrases in Spanish for FALTANTES.txt; each value itself is shown as SAM has it, or left empty."""
    yield from equipment.unread
    for name, schedule in (
        ("calibración", equipment.calibration),
        ("mantenimiento", equipment.maintenance),
        ("comprobación", equipment.verification),
    ):
        if schedule.months is not None and not 0 <= schedule.months <= LONGEST_FREQUENCY:
            yield f"frecuencia de {name}: {months(schedule.months)} no puede ser; se muestra como está en SAM"
