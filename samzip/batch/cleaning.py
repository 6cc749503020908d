"""What a run clears away: what dead runs left, what expired, what nobody needs any more."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from sqlalchemy.exc import IntegrityError

from samzip.batch.context import MOMENT_S, Context
from samzip.dossier import keys
from samzip.errors import RowLocked, StorageFailed, words
from samzip.events import ArchiveExpired, CleaningStarted, HistoryDeleted, OrphansRecovered
from samzip.housekeeping.absence import require_place
from samzip.requests import expire as expiry
from samzip.requests.recover import Recovered
from samzip.requests.recover import recover as recover_requests
from samzip.sockets import remove_sockets
from samzip.temporary import folders_of_runs, notes_of_sockets


def recover(context: Context) -> list[Exception]:
    """Rows first, then files, as everything goes: the lease came with the marks of what dead runs were making.

    Returns why a part was left as it is.
    """
    _remove_spools(context)
    left: list[Exception] = []
    try:
        recovered, going = _recover_rows(context)
    except RowLocked as error:
        context.waits.was_in_vain()
        left.append(error)
        recovered, going = Recovered(0, 0, 0), []
        with suppress(RowLocked):  # of a notification's user, say: nothing is recovered then, and others are served
            recovered, going = _recover_rows(context, but_locked=True)
    files = _delete_marked(context, going)
    if recovered.requests or recovered.failed or files:
        context.tally["failed"] += recovered.parts
        context.publish(OrphansRecovered(recovered.requests, recovered.failed, files))
    return left


def _recover_rows(context: Context, *, but_locked: bool = False) -> tuple[Recovered, list[expiry.Going]]:
    with context.alone(lock_s=context.waits.seconds) as (connection, now):
        recovered = recover_requests(connection, now, context.settings.max_attempts, but_locked=but_locked)
        return recovered, expiry.deleting(connection)


def remove_probes(context: Context) -> None:
    """What dead runs may have left where they tried whether the store can be written: no row knows of it."""
    with suppress(StorageFailed):  # nobody knows that there is one; the next run that builds takes it, and a purge
        for name in (keys.WRITE_TEST, keys.CLUSTER_TEST):
            context.archives.delete(name)


def delete_history(context: Context) -> None:
    """Old requests, in batches so that no transaction is long."""
    context.publish(CleaningStarted())
    deleted, batch = 0, expiry.BATCH
    while batch == expiry.BATCH and not context.stop:
        try:
            with context.database.write(lock_s=MOMENT_S) as connection:
                now = context.database.now(connection)
                batch = expiry.delete_history(connection, now - context.settings.history)
        except RowLocked:  # nobody waits for their room
            break
        except IntegrityError as error:
            context.tell_unremoved("solicitudes antiguas", f"otra tabla se refiere a alguna ({words(error)})")
            break
        deleted += batch
    context.publish(HistoryDeleted(deleted))


def expire(context: Context) -> list[Exception]:
    """Rows first, so that nobody is offered a file that is going; the archive row stays until its file is gone.

    Returns why the rest was left to another run.
    """
    ended: dict[str, ArchiveExpired] = {}
    going: Sequence[expiry.Going] = ()
    left: list[Exception] = []
    while not context.stop:
        try:
            with context.database.write(lock_s=context.waits.seconds) as connection:
                now = context.database.now(connection)
                expired = expiry.expire(connection, now, context.settings.ttl)
                going = expiry.deleting(connection)
        except RowLocked as error:  # of a notification's user, say
            context.waits.was_in_vain()
            left.append(error)
            break
        for item in expired:
            before = ended[item.path].requests if item.path in ended else 0
            ended[item.path] = ArchiveExpired(item.path, item.company, before + item.requests)
        if not expired:
            break
    for event in ended.values():
        context.publish(event)
    _delete_marked(context, going)
    return left


def trim(context: Context) -> None:
    """Keeps the life-sheet cache within its size; only a run that built something can have filled it."""
    if context.tally["published"]:
        from samzip.archive.cache import trim_cache  # an idle run never needs it

        try:
            trim_cache(context.settings.cache_dir, context.settings.cache_size)
        except OSError as error:  # somebody else's files in it, say; whoever waited is served
            context.tell_unremoved(error.filename or str(context.settings.cache_dir), error.strerror or str(error))


def _delete_marked(context: Context, going: Sequence[expiry.Going]) -> int:
    """Files, then the rows that remember that they have to go. Returns how many files of dead runs there were."""
    if not going:
        return 0
    try:
        is_there = context.archives.has_folder(keys.FOLDER)
        with context.database.read() as connection:
            require_place(connection, context.archives)
    except StorageFailed as error:  # the rows stay, and the next run tries again
        context.tell_unremoved(f"{context.archives.url}/{keys.FOLDER}", str(error))
        return 0
    files = 0
    for item in going:
        if context.stop:  # its row stays, and the next run goes on
            break
        try:
            deleted = sum(context.archives.delete(name) for name in item.files) if is_there else 0
        except StorageFailed as error:  # its row stays, and the next run tries again
            context.tell_unremoved(item.path, str(error))
            continue
        with context.database.write() as connection:
            expiry.forget(connection, item.path)
        if item.was_published:
            context.tally["expired"] += 1
        else:
            files += deleted
    return files


def _remove_spools(context: Context) -> None:
    """Whatever runs have among the temporary files is left over: who takes the lock has none yet."""
    folder = context.settings.temporary_dir
    try:
        removals = [partial(remove_sockets, note) for note in notes_of_sockets(folder)]
        removals += [partial(shutil.rmtree, spool) for spool in folders_of_runs(folder)]
    except OSError as error:
        context.tell_unremoved(str(folder), error.strerror or str(error))
        return
    for remove in removals:
        try:
            remove()
        except OSError as error:  # it is in nobody's way, and the next run tries again
            context.tell_unremoved(str(remove.args[0]), error.strerror or str(error))
