"""Documents that are not there, and a volume that is not: an archive full of absences would help nobody."""

from __future__ import annotations

from samzip.dossier.keys import FOLDER
from samzip.errors import BucketAway, StoreAway
from samzip.storage import Store


def require_documents(media: Store) -> None:
    """To be asked when a document is not there, or cannot be read any more. Raises StoreAway when nothing else is there
    either."""
    if media.is_empty(FOLDER):
        failed = BucketAway if "://" in media.url else StoreAway
        raise failed(
            f"{media.url} is empty, though the database knows documents in it: is that the right media_root "
            "(samzip config), and is the volume mounted? If they were deleted on purpose, put any file there"
        )
