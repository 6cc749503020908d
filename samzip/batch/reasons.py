"""Why an attempt failed: in full for operators, and in words for requesters, whom nothing of the inside concerns."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from samzip.errors import SamzipError, StorageFailed, words
from samzip.executors import WorkerDied, WorkerMissing

FULL = "no hay espacio en el servidor"
STORAGE = "falló el almacenamiento del servidor"
UNEXPECTED = "error inesperado en el servidor"

NO_ROOM = tuple(os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


@dataclass(frozen=True, slots=True)
class Reason:
    """Of one failed attempt."""

    full: str  # log, samzip show, metrics
    told: str  # the request's row and notification, its page, letters


def reason(error: BaseException) -> Reason:
    """The text decides, since no cause survives the way from a worker."""
    text = str(error)
    if isinstance(error, StorageFailed):
        return Reason(text, FULL if text.endswith(NO_ROOM) else STORAGE)
    if isinstance(error, SamzipError | WorkerDied | WorkerMissing):
        return Reason(text, text)
    return Reason(f"error inesperado: {type(error).__name__}: {words(error)}", UNEXPECTED)
