"""The errors that an operator meets. A class's docstring is the advice printed under its message."""

from __future__ import annotations

import errno
import inspect


class SamzipError(Exception):
    """Base of all of them; nobody raises it as such."""

    exit_code = 1

    @property
    def advice(self) -> str:
        """What the operator can do about it, one line."""
        return " ".join(inspect.cleandoc(type(self).__doc__ or "").split())


class Unexpected(SamzipError):
    """This is a mistake in samzip: run the same command with --log-level debug and report what it prints."""


class BadSetting(SamzipError):
    """Correct it where the message says that it comes from. `samzip config` shows all settings and their sources."""

    exit_code = 78

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class RequestRefused(SamzipError):
    """Nothing was requested."""

    exit_code = 2

    def __init__(self, message: str, code: str = "not_allowed") -> None:
        super().__init__(message)
        self.code = code  # for programs: what samzip/web/problems.py words


class UsageProblem(SamzipError):
    """Nothing was changed."""

    exit_code = 2


class DatabaseUnreachable(SamzipError):
    """Check SAMZIP_DATABASE_URL and that the server answers, then run the command again."""

    exit_code = 10


class StatementCut(DatabaseUnreachable):
    """Nothing is lost: run the command again. If it comes again, somebody holds a lock for long, or statement_timeout
    (in the database's address, or of its role or server) is too short."""


class RowLocked(DatabaseUnreachable):
    """Nothing is lost: the next run goes on. Somebody changed a row and has not ended their transaction:
    SELECT * FROM pg_stat_activity WHERE state <> 'idle' shows who."""


class Deadlock(RowLocked):
    """Nothing is lost: the next run goes on. Two transactions waited for each other, and the server ended this one; its
    own log names both."""


class DatabaseReadOnly(DatabaseUnreachable):
    """Nothing is lost, and nothing can be written: is this address a standby, is default_transaction_read_only set, or
    may this user not write the SQLite file and its folder?"""


class DatabaseDiskFails(DatabaseUnreachable):
    """Nothing is lost: look at the disk that the database lies on (df -h, dmesg). samzip makes no room while it cannot
    write there; free some by other means, then run the command again."""


class DatabaseDamaged(DatabaseUnreachable):
    """Stop the timer, keep the file aside, put the last copy back, then samzip init and samzip purge --dry-run
    (docs/operations.md, Back up). `sqlite3 FILE .recover` may save clicks that are newer than the copy."""


class DatabaseNotReady(SamzipError):
    """Run `samzip init` once: it creates what is missing and leaves SAM's tables as they are."""

    exit_code = 10


class NewerSchema(DatabaseNotReady):
    """Install the samzip that last worked with this database, or a newer one. Nothing was changed."""


class RightMissing(DatabaseNotReady):
    """The owner of the database grants it: `samzip init --roles` prints what each command needs."""


class ForeignDatabase(SamzipError):
    """Point SAMZIP_DATABASE_URL at SAM's database or at an empty one. Nothing was changed."""

    exit_code = 10


class StorageFailed(SamzipError):
    """Check that the folder is there, has space, and may be used by this user; then run the command again."""

    exit_code = 12


class StoreAway(StorageFailed):
    """Mount the volume, or correct media_root or archive_root; then run the command again. Nothing is lost."""


class BucketFailed(StorageFailed):
    """Check the bucket's name, the keys and their rights, and that the endpoint answers: docs/operations.md, S3."""


class BucketAway(BucketFailed, StoreAway):
    """Check the bucket's name, its prefix and the keys: docs/operations.md, S3. Nothing is lost."""


class ClusterFailed(SamzipError):
    """Nothing is lost: parts in work wait again. Mend the cluster, or build here with --executor local."""

    exit_code = 14


class DamagedArchive(SamzipError):
    """Run `samzip verify --all --repair`: it removes damaged archives and has the next run build them again."""

    exit_code = 13


class LockBusy(SamzipError):
    """Another run is working; that is normal under cron. `samzip status` shows it, --wait 5m waits for it."""

    exit_code = 75


class WorkTakenOver(SamzipError):
    """Another host took this part over; it publishes it, this one drops it."""


def as_told(error: Exception) -> SamzipError:
    """Any exception as its operator is told of it, and with it the exit code of the command that it ends."""
    if isinstance(error, SamzipError):
        return error
    if isinstance(error, OSError) and error.errno != errno.EPIPE:  # the system's trouble: a full disk, say
        return StorageFailed(f"{error.filename or 'output'}: {error.strerror or error}")
    return Unexpected(f"unexpected: {type(error).__name__}: {words(error)}")


def words(error: BaseException) -> str:
    """What it says; of a database's, what the driver says: the statement and its values are nobody's advice."""
    return str(getattr(error, "orig", None) or error)
