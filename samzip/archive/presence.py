"""Documents that are not there, and a volume that is not: an archive full of absences would help nobody."""

from __future__ import annotations

from pathlib import Path

from samzip.dossier.keys import FOLDER
from samzip.errors import BucketAway, StoreAway
from samzip.storage import Store


def require_documents(media: Store) -> None:
    """To be asked when a document is not there. Raises StoreAway when nothing else is there either."""
    if media.is_empty(FOLDER):
        failed = BucketAway if "://" in media.url else StoreAway
        raise failed(
            f"{media.url} is empty, though the database knows documents in it: is that the right media_root "
            "(samzip config), and is the volume mounted? If they were deleted on purpose, put any file there"
        )


def require_seen(media: Store, path: str) -> None:
    """To be asked when a document cannot be read that was there a moment ago. Raises StoreAway when nothing else is
    there either: in the whole store, or in the folder that it is in, which may be a volume of its own."""
    require_documents(media)
    folder, _, file = path.partition("/")
    top = Path(media.url, folder)
    if file and "://" not in media.url and not (top.is_dir() and any(top.iterdir())):
        raise StoreAway(f"{top} is empty, and a moment ago documents were in it: is its volume mounted?")
