"""Documents that are not there, and a volume that is not: an archive full of absences would help nobody."""

from __future__ import annotations

from samzip.dossier.keys import FOLDER
from samzip.errors import BucketFailed, StorageFailed
from samzip.storage import Store


def require_documents(media: Store) -> None:
    """To be asked when a document that was there cannot be read, or not one of a company's is there.

    Raises StorageFailed when nothing else is there either.
    """
    if media.is_empty(FOLDER):
        failed = BucketFailed if "://" in media.url else StorageFailed
        raise failed(
            f"{media.url} is empty, though the database knows documents in it: is that the right media_root "
            "(samzip config), and is the volume mounted? If they were deleted on purpose, put any file there"
        )
