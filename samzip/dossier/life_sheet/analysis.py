"""The last sections: the photo, and the charts of the latest measurements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from samzip.catalog.model import Calibration, Verification
from samzip.dossier.alike import named
from samzip.dossier.life_sheet.charts import LEGEND_LABEL, Chart, Series
from samzip.dossier.life_sheet.flow import LEFT, REMARK_HEIGHT, TALLEST, WIDTH, Flow, Placement
from samzip.dossier.life_sheet.fonts import REGULAR
from samzip.dossier.life_sheet.glyphs import one_line
from samzip.dossier.life_sheet.images import Picture
from samzip.dossier.life_sheet.pen import RULE
from samzip.dossier.life_sheet.plot import STYLES
from samzip.dossier.life_sheet.tables import nothing, paragraph
from samzip.dossier.life_sheet.text import fit_ends, wrap
from samzip.dossier.life_sheet.wording import EMPTY, day
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
OLDER = f" Se muestran las {RECORDS} más recientes."
UNUSABLE = "Sin mediciones utilizables"


@dataclass(frozen=True, slots=True)
class _Record:
    """A calibration or a verification."""

    date: date | None
    number: str | None  # of its certificate
    measurements: str | None


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


def confirmations(flow: Flow, calibrations: Sequence[Calibration]) -> list[str]:
    """Charts of the latest calibrations; returns notes on what could not be drawn."""
    records = [_Record(c.date, c.certificate_number, c.measurements) for c in calibrations]
    return _measured(flow, "Confirmaciones metrológicas", ("Calibración", "Calibraciones"), records, bars=True, after=0)


def verifications(flow: Flow, verifications: Sequence[Verification], after: float) -> list[str]:
    """The same of verifications; the next `after` points go on the page of the last chart, if there is such a page."""
    records = [_Record(v.date, v.consecutive, v.measurements) for v in verifications]
    titles = ("Comprobación", "Comprobaciones")
    return _measured(flow, "Comprobaciones metrológicas", titles, records, bars=False, after=after)


def _measured(
    flow: Flow, title: str, what: tuple[str, str], records: Sequence[_Record], *, bars: bool, after: float
) -> list[str]:
    """`records` are in chronological order, `what` names one of them and several."""
    latest, skipped, is_older = _latest(records[::-1])
    remarks = _remarks(*what, skipped)
    remark_lines = [line for remark in remarks for line in wrap(one_line(remark), REGULAR, 7.5, WIDTH)]
    after += REMARK_HEIGHT * len(remark_lines)
    if latest:
        caption = CAPTION + (BARS if bars else "") + (OLDER if is_older else "")
        caption_lines = wrap(caption, REGULAR, 7.5, WIDTH)
        head = REMARK_HEIGHT * len(caption_lines) + 4
        *charts, last = (Chart(*key, series, bars) for key, series in _by_magnitude(latest).items())
        after = after if head + last.height + after < TALLEST else 0
        flow.section(title, keep=head + (charts[0].height if charts else last.height + after))
        flow.remark(caption_lines)
        flow.y -= 4
        for chart in charts:
            chart.draw(flow)
        last.draw(flow, after)
    else:
        nothing(flow, title, UNUSABLE if remarks else EMPTY, after if after < TALLEST else 0)
    flow.remark(tuple(remark_lines))
    return remarks


def _latest(newest_first: Sequence[_Record]) -> tuple[dict[str, tuple[Magnitude, ...]], dict[str, str], bool]:
    """Magnitudes of the latest records with usable ones by label, what was skipped by name; whether there are more."""
    latest: dict[str, tuple[Magnitude, ...]] = {}
    skipped: dict[str, str] = {}
    for (label, name), record in zip(_labels(newest_first), newest_first, strict=True):
        found = parse(record.measurements)
        if found and len(latest) == RECORDS:
            return latest, skipped, True
        if found:
            latest[label] = found.magnitudes
        if found.skipped:
            skipped[name] = "; ".join(found.skipped)
    return latest, skipped, False


def _labels(records: Sequence[_Record]) -> list[tuple[str, str]]:
    """Each record's label in a legend, and its name where there is room: its date; with the certificate's number (its
    ends, in a legend) where several share one. No two are alike."""
    dates = [day(record.date) if record.date else "sin fecha" for record in records]
    labels, names = [], []
    shared = Counter(dates)
    for written, record in zip(dates, records, strict=True):
        number = one_line(record.number) if shared[written] > 1 else ""
        name = f"{written} · {number}" if number else written
        names.append(name)
        labels.append(fit_ends(name, REGULAR, 7, LEGEND_LABEL) if number else name)
    return list(zip(_told_apart(labels), _told_apart(names), strict=True))


def _told_apart(words: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    apart = []
    for word in words:
        seen[word] += 1
        apart.append(word if seen[word] == 1 else f"{word} ({seen[word]})")
    return apart


def _remarks(one: str, several: str, skipped: dict[str, str]) -> list[str]:
    """One remark for all records that lack the same."""
    alike: dict[str, list[str]] = {}
    for label, phrase in skipped.items():
        alike.setdefault(phrase, []).append(label)
    return [
        f"{one} {labels[0]}: {phrase}" if len(labels) == 1 else f"{several} {named(labels)}, en cada una: {phrase}"
        for phrase, labels in alike.items()
    ]


def _by_magnitude(records: dict[str, tuple[Magnitude, ...]]) -> dict[tuple[str, str], tuple[Series, ...]]:
    """Series of each magnitude, newest first; a magnitude named twice in a record is one series.

    Capitals make no difference to a name, whose newest spelling is the title. To a unit they do: mPa is no MPa. In it,
    the ordinal sign of a Spanish keyboard stands for a degree.
    """
    charts: dict[tuple[str, str], tuple[Series, ...]] = {}
    titles: dict[tuple[str, str], tuple[str, str]] = {}
    for label, magnitudes in records.items():
        points: dict[tuple[str, str], list[Point]] = {}
        for magnitude in magnitudes:
            name, unit = one_line(magnitude.name), one_line(magnitude.unit).replace("º", "°")
            title = titles.setdefault((name.casefold(), unit), (name, unit))
            points.setdefault(title, []).extend(magnitude.points)
        for key, own in points.items():
            ordered = tuple(sorted(own, key=lambda point: point.nominal))
            charts[key] = (*charts.get(key, ()), Series(label, ordered))
    return charts
