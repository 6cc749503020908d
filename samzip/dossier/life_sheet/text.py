"""Breaking clean text into lines that fit a width."""

from __future__ import annotations

from functools import lru_cache

from samzip.dossier.life_sheet.fonts import Face

ELLIPSIS = "…"
MEASURED = 400  # characters of a word without end: more than any line holds


def wrap(text: str, face: Face, size: float, width: float) -> tuple[str, ...]:
    """Lines at most `width` points wide (a single character may be wider); words too long are cut.

    `text` is clean (glyphs.clean). Newlines are kept; the result of an empty text is one empty line.
    """
    if len(text) <= 120:
        return _remembered(text, face, size, width)
    return _wrap(text, face, size, width)


def _wrap(text: str, face: Face, size: float, width: float) -> tuple[str, ...]:
    widths = face.widths
    limit = width / size + 1e-6  # in ems
    if "\n" not in text and _ems(text, widths) <= limit:
        return (text,)
    space = widths[" "]
    lines: list[str] = []
    for paragraph in text.split("\n"):
        words: list[str] = []
        taken = -space
        for word in paragraph.split(" "):
            needed = _ems(word, widths)
            if taken + space + needed <= limit:
                words.append(word)
                taken += space + needed
                continue
            if words:
                lines.append(" ".join(words))
            rest = word
            while needed > limit and len(rest) > 1:
                head = _head(rest, widths, limit)
                lines.append(rest[:head])
                rest = rest[head:]
                needed = _ems(rest[:MEASURED], widths)
            words, taken = [rest], needed
        lines.append(" ".join(words))
    return tuple(lines)


_remembered = lru_cache(maxsize=8192)(_wrap)


def _ems(text: str, widths: dict[str, float]) -> float:
    return sum(map(widths.__getitem__, text))


def _head(word: str, widths: dict[str, float], limit: float) -> int:
    """How many characters of a word fit, at least one."""
    taken = 0.0
    for index, character in enumerate(word):
        taken += widths[character]
        if taken > limit:
            return max(index, 1)
    return len(word)


def fit(text: str, face: Face, size: float, width: float, lines: int = 1) -> tuple[str, ...]:
    """At most so many lines; what does not fit ends in an ellipsis."""
    wrapped = wrap(text, face, size, width)
    if len(wrapped) <= lines:
        return wrapped
    last = " ".join(wrapped[lines - 1 :])[:MEASURED]  # of a word that does not fit, too, the beginning is shown
    while last and face.width(last + ELLIPSIS, size) > width:
        last = last[:-1]
    return (*wrapped[: lines - 1], last.rstrip() + ELLIPSIS)


def fit_ends(text: str, face: Face, size: float, width: float) -> str:
    """One line that keeps its beginning and its end, where numbers differ; an ellipsis stands for what has no room."""
    if face.width(text, size) <= width:
        return text
    half = (width / size - face.widths[ELLIPSIS]) / 2
    head, tail = _head(text, face.widths, half), _head(text[::-1], face.widths, half)
    return text[:head].rstrip() + ELLIPSIS + text[-tail:].lstrip()
