"""When an archive is certainly not there, when it is a volume that is away instead, and when nobody can tell."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from samzip.dossier.keys import FOLDER
from samzip.errors import BucketFailed, StorageFailed, StoreAway
from samzip.requests import runs
from samzip.storage import ABSENT as ABSENT
from samzip.storage import FORBIDDEN, NO_FILE, OUTSIDE, Store
from samzip.threads import Abandoned, awaited, in_thread

if TYPE_CHECKING:
    from sqlalchemy import Connection

ANSWER_S = 30  # for a store of whose documents one job waited in vain already

ODD = {  # why an archive cannot be read, for operators: customers never meet these
    NO_FILE: "what lies there is no file",
    OUTSIDE: "what lies there is a link that leads out of archive_root",
    FORBIDDEN: "there is no right to read it",
}
MEND_ODD = (
    "samzip touches nothing of the kind. Move away what lies there, or mend its rights; then "
    "samzip verify --all --repair has it built again."
)


def require_folder(archives: Store) -> None:
    """A volume that is not mounted looks like archives that are gone: nobody's request suffers for that.

    Raises StoreAway; StorageFailed when the folder leads elsewhere.
    """
    root = archives.url
    if not archives.has_folder(FOLDER):
        raise StoreAway(
            f"{root} has no folder {FOLDER}, though the database knows archives in it: is that the right archive_root "
            "(samzip config), and is the volume mounted? If they were deleted on purpose, make the folder"
        )


def require_place(connection: Connection, archives: Store) -> None:
    """To be asked before anything is put there or thought gone: where archives were made, a company's folder is there
    unless the volume is away; where some were only begun, there is at least the folder of all.

    Raises as `require_folder` does.
    """
    if runs.were_archives(connection):
        require_folder(archives)
        if is_bare(archives):
            raise StoreAway(
                f"{archives.url}/{FOLDER} is empty, though archives were made: is the volume mounted? If they were "
                "deleted on purpose, put any file there"
            )
    elif runs.are_begun(connection):
        require_folder(archives)


def is_bare(archives: Store) -> bool:
    """Whether nothing at all is in the folder, not even a company's, as in one where a volume is mounted otherwise."""
    return "://" not in archives.url and not any(Path(archives.url, FOLDER).iterdir())


def require_answer(root: str, ask: Callable[[], object], is_over: Callable[[], bool]) -> None:
    """Raises what `ask` raises; StorageFailed when it does not come back, as from a file server that is away;
    Abandoned once `is_over`."""
    until = time.monotonic() + ANSWER_S
    try:
        awaited(in_thread(ask, "answer"), lambda: is_over() or time.monotonic() > until)
    except Abandoned as error:
        if is_over():
            raise
        failed = BucketFailed if "://" in root else StorageFailed
        raise failed(f"{root} has not answered for {ANSWER_S} s: is its file server or bucket there?") from error
