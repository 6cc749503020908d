"""Characters that no document for people shows: one rule for the workbook and the life sheet."""

from __future__ import annotations

import re

_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_DROPPED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def legible(text: str) -> str:
    """Without control characters, lone surrogates and what XML 1.0 forbids (2.2); whatever ends a line is LF.

    Tabs stay.
    """
    if text.isprintable():
        return text
    return _DROPPED.sub("", _BREAKS.sub("\n", text))
