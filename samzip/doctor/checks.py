"""Judges what the probes saw. Pure: the same facts are always the same finding."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from samzip.doctor.facts import Clock, Documents, Extras, Holder, Largest, Letters, Room, Waiting
from samzip.doctor.findings import Finding, ok, problem, warning
from samzip.requests.shown import RunShown
from samzip.units import count, is_bucket, show_duration, show_size

CLOCK_WARNING = timedelta(seconds=5)
CLOCK_PROBLEM = timedelta(minutes=5)
TIMER_LATE = timedelta(minutes=10)  # a timer of every minute that has not begun a run for so long is none
HEARTBEAT_LATE = timedelta(minutes=2)  # a run at work shows every ten seconds that it lives
WAITING_LONG = timedelta(hours=1)
ARCHIVE_ROOM = 16 * 2**20  # bytes: life sheets and workbooks, beside the documents
STATE_ROOM = 256 * 2**20  # bytes: snapshots, cache, embedded database
MAKE_ROOM = "make room: samzip purge --dry-run shows what samzip can give back"
BUCKET = "correct the bucket's name, the keys, their rights or the endpoint: docs/operations.md, S3"
START_TIMER = "systemctl enable --now samzip.timer (samzip install-units puts it there); by hand: samzip run"


def settings(shown: Mapping[str, Mapping[str, str]]) -> Finding:
    """`shown`: value and source of every setting, secrets hidden."""
    given = [f"{name} = {it['value']} ({it['source']})" for name, it in shown.items() if it["source"] != "default"]
    told = f"{len(given)} of {len(shown)} given"
    return ok("settings", f"{told}: {', '.join(given)}" if given else f"{told}; all are defaults")


def variables(strange: Mapping[str, str]) -> Finding | None:
    """SAMZIP_ variables that are no settings, with a hint each. None: there are none."""
    if not strange:
        return None
    told = "; ".join(f"{name} is no setting and does nothing, {hint}" for name, hint in strange.items())
    return warning("variables", told, "correct the name, or remove it where the service gets its environment")


def user(uid: int, owner: int | None) -> Finding | None:
    """`owner` of the state folder. None: nothing to say."""
    if uid == 0 and owner not in (None, 0):
        return warning(
            "user",
            f"this is root, the state folder is user {owner}'s: root may do what samzip may not",
            f"run it as the service does: runuser -u '#{owner}' -- samzip doctor, or sudo -u '#{owner}' samzip doctor",
        )
    return None


def files(missing: Sequence[str]) -> Finding | None:
    """What a run does with a SQLite file and its folder, and this user may not. None: nothing."""
    if not missing:
        return None
    told = f"no run can work as this user, who has no right {' and '.join(missing)}"
    return problem("rights", told, "run it as the user that samzip runs as, or give that one file and folder (chown)")


def rights(missing: Sequence[str]) -> Finding | None:
    """What a run needs and this login lacks. None: nothing."""
    if not missing:
        return None
    remedy = "as the tables' owner: samzip init --roles, and GRANT samzip_runner TO the login that runs samzip"
    return warning("rights", f"this login may look, but no run can work with it: it lacks {'; '.join(missing)}", remedy)


def clock(found: Clock) -> Finding:
    if found.is_own:
        return ok("clock", "this host's own: SQLite has no other")
    ahead = found.host - found.database
    distance = abs(ahead)
    if distance < CLOCK_WARNING:
        return ok("clock", f"agrees with the database's to {max(distance.total_seconds(), 0.1):.1f} s")
    told = f"{show_duration(distance)} {'ahead of' if ahead > timedelta(0) else 'behind'} the database's"
    remedy = "samzip goes by the database's clock, SAM by its host's: let NTP set both (timedatectl)"
    return (problem if distance >= CLOCK_PROBLEM else warning)("clock", told, remedy)


def documents(found: Documents) -> Finding:
    if found.error:
        folder = "mount the volume, or correct media_root; it must be readable by this user"
        return problem("media", found.error, BUCKET if is_bucket(found.root) else folder)
    if found.is_empty and found.equipment:
        told = f"{found.root} is empty, though the database has {count(found.equipment, 'instrument')}"
        return warning("media", told, "is the volume mounted? The line documents tells whether any should be there")
    return ok("media", f"{found.root} is readable")


def reading(root: str, found: Largest) -> Finding:
    """Of the documents of a company that has some."""
    if found.is_all_missing:
        return problem(
            "documents",
            f"of {found.name} not one that the database knows is in {root}",
            "correct media_root, or mount the volume; while it is empty, every run that has work ends with 12",
        )
    if found.unread:
        folder = "this user must be able to read what SAM writes: give it SAM's group, or ask who mounted the volume"
        return problem("documents", found.unread, BUCKET if is_bucket(root) else folder)
    return ok("documents", f"those of {found.name} were looked at, and one was read" if found.bytes else "none yet")


def archives(root: str, error: str | None, is_new: bool, *, is_root_new: bool = False) -> Finding:
    """`is_new`: the first run will make the folder; `is_root_new`: the one above it, too."""
    if error and any(os.strerror(number) in error for number in (errno.ENOSPC, errno.EDQUOT)):
        remedy = "make room: samzip purge --dry-run shows what samzip can give back; samzip retry ID for what waits"
        return problem("archives", error, remedy)
    if error:
        folder = "correct archive_root, or let this user write there; it needs space, and fsync that works"
        return problem("archives", error, BUCKET if is_bucket(root) else folder)
    if is_root_new:
        remedy = "is that the right archive_root, and its volume mounted?"
        return warning("archives", f"{root} is not there yet; the first run makes it", remedy)
    if is_new:
        return ok("archives", f"{root} is writable; zip_requests/ is made by the first run")
    return ok("archives", f"{root}/zip_requests: written, synced, renamed, read back, removed")


def known_archives(root: str, known: Sequence[str], absent: Sequence[str]) -> Finding | None:
    """`known`: the newest that people may download; `absent`: those of them that are gone. None: nothing to say."""
    if not absent:
        return None
    told = (
        f"of the newest {count(len(known), 'archive')} that can be downloaded, {len(absent)} not in {root}: {absent[0]}"
    )
    if len(absent) == len(known):
        return problem("downloads", told, "is that the right archive_root, and its volume mounted? samzip config show")
    return warning("downloads", told, "samzip verify --all --repair builds again what is gone")


def executor(address: str, workers: int, error: str | None) -> Finding:
    if error:
        remedy = "mend that (docs/scaling.md, A cluster), or correct executor; until then runs end with 14"
        return problem("executor", error, remedy)
    if not workers:
        return warning("executor", f"{address} answers and has no workers", "start some: docs/scaling.md, A cluster")
    return ok("executor", f"{address} has {count(workers, 'worker')}: versions, threads, stores and state folder fit")


def executor_unseen() -> Finding:
    told = "not asked: workers are tried with files in the state folder and in zip_requests, which are not there yet"
    return warning("executor", told, "samzip init makes the one, the first run the other (docs/operations.md, Install)")


def state(folder: Path, error: str | None, is_new: bool) -> Finding:
    if error:
        remedy = "give this user that folder, or set state_dir; it must take a lock (flock)"
        return problem("state", error, MAKE_ROOM if os.strerror(errno.ENOSPC) in error else remedy)
    if is_new:
        return warning("state", f"{folder} is not there yet", "samzip init or the first run makes it")
    return ok("state", f"{folder}: written, renamed, locked")


def log_file(path: str, *, writable: bool) -> Finding:
    if writable:
        return ok("log file", f"{path} may be written")
    remedy = "make its folder and give it to this user; until then the log goes to standard error"
    return warning("log file", f"{path} may not be written", remedy)


def metrics_file(path: str, error: str | None) -> Finding:
    if not error:
        return ok("metrics file", f"{path} may be replaced")
    remedy = "make its folder and give it to this user (under systemd: ReadWritePaths, samzip install-units)"
    is_full = os.strerror(errno.ENOSPC) in error
    return warning("metrics file", f"{path} cannot be replaced: {error}", MAKE_ROOM if is_full else remedy)


def room(check: str, found: Room, needed: int, what: str) -> Finding:
    """`needed` bytes for `what`."""
    told = f"{show_size(found.free)} free on {found.path}, {what}: {show_size(needed)}"
    if found.files == 0:
        return problem(check, f"no file can be made any more on {found.path}", "free inodes: df -i, samzip purge")
    if found.free < needed:
        return problem(check, told, MAKE_ROOM)
    if found.free < 2 * needed:
        return warning(check, told, "there is room for one, not for two: make room before it is needed")
    return ok(check, told)


def lock(found: Holder, now: datetime) -> Finding:
    if found.is_held is None:
        return warning("lock", f"{found.path} may not be looked at", "run it as the user that samzip runs as")
    if not found.is_held:
        is_leased = bool(found.lease_expires and found.lease_expires > now)
        if is_leased and found.lease_host != found.own_host:
            return ok("lock", f"free here; host {found.lease_host} works on this queue")
        if found.heartbeat:
            told = f"free, but a run that has not ended last showed life {show_duration(now - found.heartbeat)} ago"
            why = "journalctl -u samzip, and dmesg for a lack of memory, may tell why"
            return warning("lock", f"{told}: it died", f"nothing is lost, the next run takes its parts back; {why}")
        return ok("lock", "free")
    who = f"held by process {found.pid} on {found.host} since {found.since}"
    if found.heartbeat and now - found.heartbeat > HEARTBEAT_LATE:
        remedy = f"it seems to hang: kill -TERM {found.pid}; the next run takes its parts back"
        return problem("lock", f"{who}; its last sign of life is {show_duration(now - found.heartbeat)} old", remedy)
    return ok("lock", who)


def last_run(found: RunShown | None, now: datetime) -> Finding:
    """`found`: the one that finished last."""
    if found is None or found.finished is None:
        return warning("last run", "none has finished yet", f"start one: {START_TIMER}")
    told = f"{found.outcome or 'unknown'}, {show_duration(now - found.finished)} ago on {found.host}"
    if found.outcome in ("error", "crashed"):
        why = f": {found.error}" if found.error else ""
        return problem("last run", told + why, "the log tells more: journalctl -u samzip; samzip run repeats it")
    if found.outcome in ("problems", "waiting"):
        return warning("last run", told, "samzip status names what failed or is missing")
    return ok("last run", told)


def timer(started: Sequence[datetime], waiting: Waiting, now: datetime) -> Finding:
    """`started`: when the last runs began, newest first."""
    if waiting.heartbeat and now - waiting.heartbeat <= HEARTBEAT_LATE:
        return ok("timer", "a run works at this moment")
    if not started:
        told, remedy = "nothing has started a run yet", f"start the timer: {START_TIMER}"
    elif now - started[0] <= TIMER_LATE:
        return ok("timer", _pace(started, now))
    else:
        told, remedy = f"no run has begun for {show_duration(now - started[0])}", f"is it running? {START_TIMER}"
    if waiting.pending and waiting.oldest and now - waiting.oldest > TIMER_LATE:
        wait = "wait" if waiting.pending > 1 else "waits"
        return problem("timer", f"{told}, and {count(waiting.pending, 'request')} {wait}", remedy)
    return warning("timer", told, remedy)


def queue(found: Waiting, now: datetime) -> Finding:
    if not found.pending:
        return ok("queue", "nobody waits")
    age = now - found.oldest if found.oldest else timedelta(0)
    told = f"{count(found.pending, 'request')} pending, the oldest for {show_duration(age)}"
    if found.retrying:
        told += f"; {count(found.retrying, 'part')} failed before and will be tried again: {found.last_error}"
        return warning("queue", told, "samzip status shows which, and when; samzip show ID tells the story")
    if age > WAITING_LONG:
        return warning("queue", told, "samzip status shows whether a run works on it")
    return ok("queue", told)


def skipped(names: Sequence[str]) -> Finding:
    """What could not be looked at without the database."""
    return warning("not seen", ", ".join(names), "they need the database: mend that first, then look again")


def extras(found: Extras) -> Finding | None:
    """What a setting asks for and is not installed. None: nothing."""
    if not found.missing:
        return None
    told = ", ".join(f"{name} (for {', '.join(wanted)})" for name, wanted in found.missing.items())
    return problem("extras", f"not installed: {told}", f"pip install 'samzip[{','.join(sorted(found.missing))}]'")


def letters(found: Letters) -> Finding:
    """Whether Apprise would know where to send them; nothing is sent."""
    if not found.unknown:
        return ok("letters", f"Apprise understands all that are given ({found.known}); none was tried")
    told = ", ".join(f"{scheme}:// of {setting}" for setting, scheme in found.unknown)
    remedy = "the service or a part of its address is wrong: https://appriseit.com lists how each is written"
    return problem("letters", f"Apprise takes no such address: {told}", remedy)


def versions(found: Mapping[str, str]) -> Finding:
    return ok("versions", ", ".join(f"{name} {version}" for name, version in found.items()))


def _pace(started: Sequence[datetime], now: datetime) -> str:
    gaps = sorted((later - earlier for later, earlier in pairwise(started)), key=abs)
    if not gaps:
        return f"the only run that is known began {show_duration(now - started[0])} ago"
    return f"a run begins every {show_duration(max(gaps[len(gaps) // 2], timedelta(seconds=1)))} or so"
