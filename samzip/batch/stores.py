"""Whether the stores answer this run, once a job waited in vain for one of them."""

from __future__ import annotations

from functools import partial

from samzip.batch.context import Context
from samzip.dossier.keys import FOLDER
from samzip.executors import WorkerSilent
from samzip.housekeeping.absence import require_answer
from samzip.threads import Abandoned


class Stores:
    """Those of one pass."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.is_away = False  # the archives'

    def answer(self, error: BaseException) -> bool:
        """A silent job is the attempt of nobody when a store does not answer the leader either: StorageFailed. False
        when the run was asked to end before that was known."""
        if not isinstance(error, WorkerSilent):
            return True
        media, archives, is_over = self._context.media, self._context.archives, self._context.stop.__bool__
        try:
            self.is_away = True
            require_answer(archives.url, partial(archives.check_writable, FOLDER), is_over)
            self.is_away = False
            require_answer(media.url, media.check_readable, is_over)
        except Abandoned:
            return False
        return True
