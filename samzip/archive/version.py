"""Names the code that shapes archives: what other code made is neither given again nor put into a new archive."""

from __future__ import annotations

import hashlib
from pathlib import Path

from samzip import __version__

_SHAPING = ("archive", "catalog", "dossier")  # packages of samzip


def _digest() -> str:
    """Of the sources themselves, so that nobody has to remember to raise a number."""
    digest = hashlib.sha256(__version__.encode())
    root = Path(__file__).parent.parent
    for package in _SHAPING:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


CODE = _digest()
