"""Names the code that shapes archives: what other code made is neither given again nor put into a new archive."""

from __future__ import annotations

import hashlib
from importlib import metadata
from pathlib import Path

from samzip import __version__

_SHAPING = ("archive", "catalog", "dossier")  # packages of samzip
LIBRARIES = ("isal", "lxml", "openpyxl", "pillow", "reportlab")  # another version may write other bytes


def _digest() -> str:
    """Of the sources themselves, so that nobody has to remember to raise a number."""
    digest = hashlib.sha256(__version__.encode())
    root = Path(__file__).parent.parent
    for package in _SHAPING:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.read_bytes())
    for library in LIBRARIES:
        digest.update(f"{library} {_version(library)}".encode())
    return digest.hexdigest()


def _version(library: str) -> str | None:
    """None: it is not installed."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


CODE = _digest()
