"""The instrument's histories, newest record first."""

from __future__ import annotations

from datetime import tzinfo

from samzip.catalog.model import Equipment, spaced
from samzip.dossier.life_sheet.columns import PAD, SIZE, Column
from samzip.dossier.life_sheet.flow import WIDTH, Flow
from samzip.dossier.life_sheet.fonts import REGULAR
from samzip.dossier.life_sheet.glyphs import clean, one_line
from samzip.dossier.life_sheet.glyphs import value_or_dash as shown
from samzip.dossier.life_sheet.model import NOTHING
from samzip.dossier.life_sheet.tables import table
from samzip.dossier.life_sheet.wording import day, local_day, pesos
from samzip.dossier.results import is_refusal

LEAST_COST = 70.0  # width of the column, points


def calibrations(flow: Flow, equipment: Equipment) -> None:
    columns = (
        Column("Fecha", 62),
        Column("Proveedor", 124),
        Column("Resultado", 76, alert=is_refusal),
        Column("Certificado", 92),
        Column("Observaciones", WIDTH - 354),
    )
    rows = [
        (day(c.date), shown(c.supplier), shown(c.result), shown(c.certificate_number), shown(c.notes))
        for c in reversed(equipment.calibrations)
    ]
    table(flow, "Historial de calibraciones", columns, rows)


def maintenances(flow: Flow, equipment: Equipment) -> None:
    costs = [pesos(m.cost) for m in equipment.maintenances]
    money = max((LEAST_COST, *(REGULAR.width(cost, SIZE) + 2 * PAD for cost in costs)))  # an amount is never broken
    columns = (
        Column("Fecha", 62),
        Column("Tipo", 68),
        Column("Proveedor", 92),
        Column("Responsable", 84),
        Column("Costo", money, align=1),
        Column("Descripción", WIDTH - 306 - money),
    )
    rows = []
    for m, cost in zip(reversed(equipment.maintenances), reversed(costs), strict=True):
        described = "\n".join(text for text in map(clean, (m.description, m.activities, m.notes)) if text)
        rows.append(
            (
                day(m.date),
                shown(m.kind),
                shown(m.supplier),
                shown(m.responsible),
                cost,
                described or NOTHING,
            )
        )
    table(flow, "Historial de mantenimientos", columns, rows)


def verifications(flow: Flow, equipment: Equipment) -> None:
    columns = (
        Column("Fecha", 62),
        Column("Consecutivo", 76),
        Column("Proveedor", 96),
        Column("Responsable", 88),
        Column("Resultado", 76, alert=is_refusal),
        Column("Observaciones", WIDTH - 398),
    )
    rows = [
        (
            day(v.date),
            shown(v.consecutive),
            shown(v.supplier),
            shown(v.responsible),
            shown(v.result),
            shown(v.notes),
        )
        for v in reversed(equipment.verifications)
    ]
    table(flow, "Historial de comprobaciones", columns, rows)


def loans(flow: Flow, equipment: Equipment, local: tzinfo) -> None:
    """Only for an instrument that was lent."""
    if not equipment.loans:
        return
    columns = (
        Column("Préstamo", 62),
        Column("Prestatario", 120),
        Column("Cargo", 76),
        Column("Devolución prevista", 66),
        Column("Devolución real", 66),
        Column("Estado", 66),
        Column("Observaciones", WIDTH - 456),
    )
    rows = []
    for loan in reversed(equipment.loans):
        state = one_line(spaced(loan.state).capitalize()) or NOTHING  # cleaned last: the faces lack the small "ω"
        days = local_day(loan.lent, local), day(loan.due), local_day(loan.returned, local)
        rows.append((days[0], shown(loan.borrower), shown(loan.position), days[1], days[2], state, shown(loan.notes)))
    table(flow, "Historial de préstamos", columns, rows)
