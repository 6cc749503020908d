"""The last sections: the photo, and the charts of the latest measurements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samzip.catalog.model import Calibration, Verification
from samzip.dossier.life_sheet.charts import CHART_HEIGHT, STYLES, Series, chart
from samzip.dossier.life_sheet.flow import LEFT, WIDTH, Flow, Placement
from samzip.dossier.life_sheet.fonts import REGULAR
from samzip.dossier.life_sheet.glyphs import clean
from samzip.dossier.life_sheet.images import Picture
from samzip.dossier.life_sheet.pen import RULE
from samzip.dossier.life_sheet.tables import nothing, paragraph
from samzip.dossier.life_sheet.text import wrap
from samzip.dossier.life_sheet.wording import day
from samzip.dossier.measurements import Magnitude, Point, parse

PHOTO_TITLE = "Imagen del equipo"
PHOTO = "photo"  # resource name
PHOTO_BOX = (280.0, 168.0)  # width and height, points
PHOTO_LARGEST = 0.9  # points per pixel: small photos are enlarged to no less than 80 pixels per inch
RECORDS = len(STYLES)  # the latest records with measurements that are drawn
CAPTION = (
    "Error dividido por el error máximo permisible (EMP): de −1 a +1 (zona sombreada) está dentro. "
    "La serie más reciente va en línea continua."
)
BARS = " Las barras son la incertidumbre."


@dataclass(frozen=True, slots=True)
class _Record:
    """The usable measurements of one date."""

    label: str
    magnitudes: tuple[Magnitude, ...]


def photo(flow: Flow, picture: Picture | None, reason: str | None) -> None:
    """The photo in its box, or why it is not there."""
    if picture is None:
        paragraph(flow, PHOTO_TITLE, reason or "")
        return
    width, height = picture.within(*PHOTO_BOX, PHOTO_LARGEST)
    flow.section(PHOTO_TITLE, keep=height + 16)
    flow.y -= 6
    x = LEFT + (WIDTH - width) / 2
    flow.pen.frame(x - 4, flow.y - height - 8, width + 8, height + 8, RULE)
    flow.placements.append(Placement(PHOTO, len(flow.pages) - 1, x, flow.y - height - 4, width, height))
    flow.y -= height + 10


def measured(
    flow: Flow, title: str, what: str, records: Sequence[Calibration | Verification], *, bars: bool
) -> list[str]:
    """Charts of the latest records with measurements; returns notes on what could not be drawn.

    `records` are in chronological order, `what` names one of them in the notes.
    """
    latest: list[_Record] = []
    remarks: list[str] = []
    for record in reversed(records):
        found = parse(record.measurements)
        label = day(record.date) if record.date else "sin fecha"
        remarks += [f"{what} {label}: {phrase}" for phrase in found.skipped]
        if found:
            latest.append(_Record(label, found.magnitudes))
        if len(latest) == RECORDS:
            break
    if not latest:
        nothing(flow, title)
    else:
        flow.section(title, keep=CHART_HEIGHT + 46)
        caption = wrap(CAPTION + (BARS if bars else ""), REGULAR, 7.5, WIDTH)
        flow.remark(caption)
        flow.y -= 4
        for (name, unit), series in _by_magnitude(latest).items():
            chart(flow, name, unit, series, bars=bars)
    for remark in remarks:
        flow.remark(wrap(clean(remark), REGULAR, 7.5, WIDTH))
    return remarks


def _by_magnitude(records: Sequence[_Record]) -> dict[tuple[str, str], list[Series]]:
    """Series of each magnitude, newest first; a magnitude named twice in a record is one series."""
    charts: dict[tuple[str, str], list[Series]] = {}
    for record in records:
        points: dict[tuple[str, str], list[Point]] = {}
        for magnitude in record.magnitudes:
            points.setdefault((magnitude.name, magnitude.unit), []).extend(magnitude.points)
        for key, own in points.items():
            ordered = tuple(sorted(own, key=lambda point: point.nominal))
            charts.setdefault(key, []).append(Series(record.label, ordered))
    return charts
