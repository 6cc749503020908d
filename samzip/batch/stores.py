"""Whether the stores are there and answer this run, once a job failed or waited in vain for one of them."""

from __future__ import annotations

from functools import partial

from samzip.batch.context import Context
from samzip.dossier.keys import FOLDER
from samzip.errors import StorageFailed, StoreAway
from samzip.executors import WorkerSilent
from samzip.housekeeping.absence import require_answer, require_folder
from samzip.storage import Store
from samzip.threads import Abandoned


class Stores:
    """Those of one pass."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.is_away = False  # the archives'

    def require(self, error: BaseException) -> None:
        """What failed for want of a store that is away is nobody's attempt: StorageFailed then."""
        if isinstance(error, StoreAway):  # it may be back already
            raise error
        if isinstance(error, StorageFailed):
            require_folder(self._context.archives)
            self._context.media.check_readable()

    def answer(self, error: BaseException) -> bool:
        """A silent job is the attempt of nobody when a store does not answer the leader either: StorageFailed. False
        when the run was asked to end before that was known."""
        if not isinstance(error, WorkerSilent):
            return True
        media, archives, is_over = self._context.media, self._context.archives, self._context.stop.__bool__
        try:
            self.is_away = True
            require_answer(archives.url, partial(_check, archives), is_over)
            self.is_away = False
            require_answer(media.url, media.check_readable, is_over)
        except Abandoned:
            return False
        return True


def _check(archives: Store) -> None:
    require_folder(archives)
    archives.check_writable(FOLDER)
