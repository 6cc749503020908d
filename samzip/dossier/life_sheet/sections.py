"""The life sheet's sections, in the order in which an auditor reads them."""

from __future__ import annotations

from datetime import tzinfo

from samzip.catalog.model import Equipment, Schedule, plain_state
from samzip.dossier.life_sheet.columns import Column
from samzip.dossier.life_sheet.flow import LEFT, RIGHT, WIDTH, Flow
from samzip.dossier.life_sheet.fonts import BOLD
from samzip.dossier.life_sheet.glyphs import clean, one_line, value_or_dash
from samzip.dossier.life_sheet.model import NOTHING, DocumentLine
from samzip.dossier.life_sheet.pen import ACCENT, ALERT, INK, MUTED, Colour
from samzip.dossier.life_sheet.tables import Field, fields, paragraph, table, table_height
from samzip.dossier.life_sheet.text import fit
from samzip.dossier.life_sheet.wording import ABSENT, day, moment, months
from samzip.dossier.plan import PHOTO_TITLE

# Titles that dossier.plan gives to the documents of the instrument itself.
OWN_DOCUMENTS = ("Archivo de compra", "Ficha técnica", "Manual", "Otros documentos")
DECOMMISSION_DOCUMENT = "Documento de baja"

SUPPORTS_KEPT = 5  # rows of the index that stay with what is before it
SUPPORT_COLUMNS = (
    Column("Documento", 250),
    Column("Archivo en la carpeta del equipo", WIDTH - 250, alert=lambda value: value.startswith(ABSENT)),
)

_BADGES: dict[str, tuple[Colour, Colour, Colour]] = {  # fill, edge, text
    "activo": (".9 .96 .92", ".45 .68 .53", ".08 .36 .2"),
    "de baja": (".985 .91 .9", ".8 .45 .42", ".58 .1 .1"),
    "inactivo": (".93 .94 .95", ".62 .66 .7", ".28 .32 .37"),
}
_BADGE_OTHER: tuple[Colour, Colour, Colour] = (".995 .955 .87", ".84 .66 .3", ".45 .3 .02")


def identity(flow: Flow, equipment: Equipment) -> None:
    """The instrument's name and code, large, with its state as a badge."""
    state = one_line(equipment.state)
    room = WIDTH
    if state:
        label = fit(state, BOLD, 8, 120)[0]
        width = BOLD.width(label, 8) + 18
        room -= width + 16
        fill, edge, ink = _BADGES.get(plain_state(state), _BADGE_OTHER)
        flow.pen.pill(RIGHT - width, flow.y - 17, width, 15, fill, edge)
        flow.pen.text(RIGHT - width / 2, flow.y - 12.4, (label,), face=BOLD, size=8, colour=ink, align=0.5)
    lines = fit(one_line(equipment.name) or "Equipo sin nombre", BOLD, 15, room, 2)
    flow.pen.text(LEFT, flow.y - 15, lines, face=BOLD, size=15, colour=ACCENT, leading=18)
    flow.y -= 18 * len(lines)
    code = fit(one_line(equipment.code) or NOTHING, BOLD, 9, WIDTH - 200)[0]
    flow.pen.text(LEFT, flow.y - 10, (code,), face=BOLD, size=9, colour=MUTED)
    flow.y -= 16


def general(flow: Flow, equipment: Equipment, local: tzinfo) -> None:
    e = equipment
    fields(
        flow,
        "Información general",
        (
            (_field("Código interno", e.code, strong=True), _field("Nombre", e.name, columns=2)),
            (_field("Tipo de equipo", e.kind), _field("Marca", e.brand), _field("Modelo", e.model)),
            (_field("Número de serie", e.serial_number), _field("Ubicación", e.location),
             _field("Responsable", e.responsible)),
            (_field("Estado", e.state), _field("Proveedor", e.supplier),
             Field("Fecha de adquisición", day(e.acquired))),
            (_field("Rango de medida", e.measuring_range), _field("Resolución", e.resolution),
             _field("Error máximo permisible", decimal_comma(e.maximum_permissible_error))),
            (_field("Puntos o rango de calibración", e.calibration_points, columns=2),
             Field("Fecha de registro", moment(e.registered, local))),
        ),
    )  # fmt: skip


def decimal_comma(text: str | None) -> str | None:
    """A bare number such as 0.05 gets the comma; anything that a person worded stays as it is."""
    if text and text.count(".") == 1 and text.strip().replace(".", "", 1).lstrip("+-±").isdecimal():
        return text.replace(".", ",")
    return text


def activities(flow: Flow, equipment: Equipment) -> None:
    columns = (
        Column("Actividad", WIDTH - 330, bold=True),
        Column("Última", 110),
        Column("Próxima", 110),
        Column("Frecuencia", 110),
    )

    def row(name: str, schedule: Schedule) -> tuple[str, ...]:
        return name, day(schedule.last), day(schedule.next), months(schedule.months)

    rows = (
        row("Calibración", equipment.calibration),
        row("Mantenimiento", equipment.maintenance),
        row("Comprobación", equipment.verification),
    )
    table(flow, "Próximas actividades", columns, rows)


def observations(flow: Flow, equipment: Equipment) -> None:
    paragraph(flow, "Observaciones", clean(equipment.notes))


def decommission(flow: Flow, equipment: Equipment, lines: tuple[DocumentLine, ...], local: tzinfo) -> None:
    """Only for an instrument that is decommissioned, or that has such a record."""
    record = equipment.decommission
    if record is None:
        if equipment.is_decommissioned:
            paragraph(flow, "Información de baja", "")
        return
    rows = [
        (Field("Fecha de baja", day(record.date)), _field("Dado de baja por", record.by),
         Field("Fecha de registro", moment(record.registered, local))),
        (_field("Razón de la baja", record.reason, columns=3),),
    ]  # fmt: skip
    if clean(record.notes):
        rows.append((_field("Observaciones", record.notes, columns=3),))
    rows += [
        (Field("Documento", _standing(line), columns=3, colour=ALERT if line.missing else INK),)
        for line in lines
        if line.title == DECOMMISSION_DOCUMENT
    ]
    fields(flow, "Información de baja", rows)


def documents(flow: Flow, equipment: Equipment, lines: tuple[DocumentLine, ...]) -> None:
    """The four documents of the instrument itself, each present, missing with the reason, or not registered."""
    paths = (equipment.purchase, equipment.data_sheet, equipment.manual, equipment.other_documents)
    shown = []
    for title, path in zip(OWN_DOCUMENTS, paths, strict=True):
        own = [line for line in lines if line.title == title]
        if own:
            value = "\n".join(_standing(line) for line in own)
        else:
            value = "Registrado; no incluido en esta carpeta" if path else "No registrado"
        colour = ALERT if any(line.missing for line in own) else INK if own or path else MUTED
        shown.append(Field(title, value, colour=colour))
    fields(
        flow,
        "Documentos del equipo",
        ((_wide(shown[0]), _wide(shown[1])), (_wide(shown[2]), _wide(shown[3]))),
    )


def supports(flow: Flow, lines: tuple[DocumentLine, ...]) -> None:
    """An index of the other documents in the folder: certificates, reports, records of loans."""
    rows = _supports(lines)
    if rows:
        table(flow, "Índice de soportes", SUPPORT_COLUMNS, rows)


def supports_height(lines: tuple[DocumentLine, ...]) -> float:
    """Points that the beginning of the index takes, the whole of a short one."""
    rows = _supports(lines)[:SUPPORTS_KEPT]
    return table_height(SUPPORT_COLUMNS, rows) if rows else 0.0


def _supports(lines: tuple[DocumentLine, ...]) -> list[tuple[str, str]]:
    return [(one_line(line.title), _standing(line)) for line in lines if line.title not in OWN_DOCUMENTS]


def photo_absence(lines: tuple[DocumentLine, ...]) -> str | None:
    """Why the photo is missing, if a document line says so."""
    for line in lines:
        if line.missing and line.title == PHOTO_TITLE:
            return _standing(line)
    return None


def _field(label: str, text: str | None, *, columns: int = 1, strong: bool = False) -> Field:
    return Field(label, value_or_dash(text), columns=columns, strong=strong)


def _wide(field: Field) -> Field:
    """Two to a row."""
    return Field(field.label, field.value, columns=1.5, colour=field.colour)


def _standing(line: DocumentLine) -> str:
    if line.missing:
        return f"{ABSENT}{one_line(line.missing)}"
    return one_line(line.entry) or "No registrado"
