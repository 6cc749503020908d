"""SHA256SUMS: the list that `sha256sum -c` of GNU coreutils and `shasum -a 256 -c` of macOS check."""

from __future__ import annotations

from collections.abc import Iterable

# GNU coreutils manual, "md5sum invocation": a name with one of these is escaped and its line starts with a backslash.
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r"})


def sha256sums(entries: Iterable[tuple[str, str]]) -> str:
    """One line per (path, hexadecimal SHA-256), in the given order; to be written in UTF-8 without a mark.

    A path is relative to the folder of SHA256SUMS. Lines end in LF on every system: a CR would belong to the name.
    """
    return "".join(map(_line, entries))


def _line(entry: tuple[str, str]) -> str:
    path, digest = entry
    escaped = path.translate(_ESCAPES)
    mark = "\\" if escaped != path else ""
    return f"{mark}{digest.lower()}  {escaped}\n"
