"""Any text, turned into one that the faces can draw. What cannot be drawn stays visible as a box."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from samzip.dossier.characters import legible
from samzip.dossier.life_sheet.fonts import BOLD, NOTDEF, REGULAR
from samzip.dossier.life_sheet.model import NOTHING

MAX_CHARACTERS = 20_000  # of one text; about seven pages
_REPERTOIRE = REGULAR.repertoire & BOLD.repertoire
CUT = " … (texto recortado)"

_LOOK_ALIKES = {
    "\N{GREEK SMALL LETTER MU}": "µ",
    "\N{GREEK CAPITAL LETTER DELTA}": "∆",
    "\N{OHM SIGN}": "Ω",
    "\N{GREEK CAPITAL LETTER SIGMA}": "∑",
    "\N{GREEK CAPITAL LETTER PI}": "∏",
    "→": "->",
    "←": "<-",
    "↔": "<->",
    "⇒": "=>",
    "⇐": "<=",
    "⇔": "<=>",
    "⟶": "->",
    "≦": "≤",
    "≧": "≥",
    "⩽": "≤",
    "⩾": "≥",
    "⁄": "/",
    "∕": "/",
    "∶": ":",
    "⋅": "·",
    "‧": "·",
    "∙": "·",
    "●": "•",
    "◦": "•",
    "▪": "•",
    "■": "•",
    "►": "•",
    "▶": "•",
    "✓": "√",
    "✔": "√",
    "✗": "×",
    "✘": "×",
    "✕": "×",
    "‐": "-",
    "‑": "-",
    "‒": "–",
    "⁻": "-",
    "﹣": "-",
    "′": "'",
    "″": '"',
    "ʼ": "’",
    "ˆ": "^",
    "℮": "e",
    "₱": "$",
}
# Greek letters that the faces lack: capitals that look Latin, the others by their Spanish names.
_LOOK_ALIKES |= dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABEZHIKMNOPTYXo", strict=True))
_LOOK_ALIKES |= dict(
    zip(
        "αβγδεζηθικλνξρσςτυφχψωΓΘΛΞΦΨ",
        ("alfa", "beta", "gamma", "delta", "épsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "ny", "xi",
         "rho", "sigma", "sigma", "tau", "ípsilon", "fi", "ji", "psi", "omega", "Gamma", "Theta", "Lambda", "Xi",
         "Fi", "Psi"),
        strict=True,
    )
)  # fmt: skip
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ", "0123456789+-=()n", strict=True))
_EXPONENT = re.compile("[" + "".join(_RAISED) + "]+")
_BLANK_LINES = re.compile(r"\n(?:[ ]*\n){2,}")
_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]")
_DRAWABLE = re.compile("[" + re.escape("".join(sorted(_REPERTOIRE))) + "\n]*")


def clean(value: str | None) -> str:
    """The text with only characters that both faces have, and newlines; stripped; at most MAX_CHARACTERS.

    Look-alikes replace what the faces lack (μ to µ, → to ->, ⁴ to ^4, ő to o). A box stands for each of the
    others: emoji, other scripts. Control characters, lone surrogates and marks that draw nothing are dropped.
    """
    if not value:
        return ""
    if len(value) > MAX_CHARACTERS:
        return _clean(value[:MAX_CHARACTERS] + CUT)
    return _clean(value) if len(value) > 200 else _remembered(value)


def is_cut(value: str | None) -> bool:
    return value is not None and len(value) > MAX_CHARACTERS


def one_line(value: str | None) -> str:
    """Like clean, with newlines turned into spaces."""
    return " ".join(clean(value).split())


def value_or_dash(value: str | None) -> str:
    """Like clean, with a dash for nothing."""
    return clean(value) or NOTHING


def _clean(text: str) -> str:
    if not _DRAWABLE.fullmatch(text):
        text = legible(text).replace("\t", "    ").replace("\xa0", " ")
        text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
        if not _DRAWABLE.fullmatch(text):
            text = _EXPONENT.sub(_plain_exponent, text)
            text = "".join(c if c in _REPERTOIRE or c == "\n" else _substitute(c) for c in text)
    return _BLANK_LINES.sub("\n\n", text).strip()


_remembered = lru_cache(maxsize=4096)(_clean)  # names of suppliers and people recur from sheet to sheet


def _plain_exponent(match: re.Match[str]) -> str:
    """10⁻³ must not become 10-3: raised characters that the faces lack are written with a circumflex."""
    run = match[0]
    if all(c in _REPERTOIRE for c in run):
        return run
    return "^" + "".join(_RAISED[c] for c in run)


@lru_cache(maxsize=4096)
def _substitute(character: str) -> str:
    """What is drawn for a character that the faces lack; never empty, so that nothing vanishes unseen."""
    if character in _LOOK_ALIKES:
        return _LOOK_ALIKES[character]
    for form in ("NFKC", "NFKD"):
        plain = "".join(_LOOK_ALIKES.get(c, c) for c in unicodedata.normalize(form, character))
        if form == "NFKD":  # a letter with a mark that the faces lack: the letter remains
            plain = "".join(c for c in plain if not unicodedata.combining(c))
        if plain and plain != character and all(c in _REPERTOIRE for c in plain):
            return plain
    return " " if character.isspace() and not unicodedata.category(character).startswith("C") else NOTDEF
