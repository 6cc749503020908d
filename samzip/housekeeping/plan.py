"""What a purge would act on: decided from what was found, without touching anything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from samzip.dossier.keys import final_key, is_temporary, parse_key
from samzip.housekeeping.items import (
    CACHE,
    EXPIRED,
    EXPIRED_REQUEST,
    LIST,
    LOST,
    OLD_REQUESTS,
    OLD_RUNS,
    ORPHAN,
    PUBLISHED,
    SPOOL,
    STUCK,
    TEMPORARY,
    Found,
    Item,
    Limits,
    Options,
    Plan,
    Problem,
)
from samzip.requests.purge import CompletedRow, Known
from samzip.storage import Stat
from samzip.units import count

GRACE = timedelta(minutes=5)  # a file that changed since then may be what another host is publishing right now
AHEAD = timedelta(days=1)  # no other host's clock is so far ahead: whoever made the file gave it that date

BLANK = "it remembers none at all; is SAMZIP_DATABASE_URL the right one? --all-archives removes them"


def unlisted(known: Known, files: Mapping[str, Stat]) -> list[str]:
    """Archives that rows name and that the store did not list: somebody has to look for each."""
    paths = {row.path for row in known.archives} | {row.path for row in known.completed}
    return sorted(path for path in paths - files.keys() if parse_key(path) is not None)


def decide(known: Known, found: Found, options: Options, limits: Limits) -> Plan:
    """The items in the order in which they are shown."""
    archives = _Archives(known, found)
    items = [
        *archives.expired(),
        *archives.lost(),
        *(archives.published(options.older_than) if options.all_archives else ()),
        *archives.orphans(options),
        *archives.temporaries(),
        *_history(known, limits),
        *_stuck(known, options),
        *_left_behind(known, found, limits),
    ]
    problems = archives.problems
    return Plan(known.now, tuple(items), tuple(problems), archives.young())


class _Archives:
    """The archives that rows know against those that are there."""

    def __init__(self, known: Known, found: Found) -> None:
        self.known = known
        self.found = found
        self.problems: list[Problem] = []
        self.rows = {row.path: row for row in known.archives}
        self.live: dict[str, list[CompletedRow]] = defaultdict(list)
        self.over: dict[str, list[CompletedRow]] = defaultdict(list)
        for row in known.completed:
            (self.over if is_over(row, known.now) else self.live)[row.path].append(row)
        self.going = {
            row.path
            for row in known.archives
            if (row.deleting or (row.expires and row.expires <= known.now and row.path not in self.live))
            and not is_temporary(row.path)
        }
        marks = {row.path for row in known.archives if is_temporary(row.path)}
        self.dead = marks | {final for mark in marks if (final := final_key(mark))}  # names that dead runs were making
        # SAM's own worker makes no archive row; a run adopts such a file when its request expires.
        self.going |= {
            path for path in self.over if path not in self.rows and path not in self.live and parse_key(path)
        }

    def expired(self) -> Iterator[Item]:
        for path in sorted(self.going):
            if path in self.found.files or path in self.found.gone or parse_key(path) is None:
                row = self.rows.get(path)
                why = "a dead run was deleting it" if row and row.deleting else "its time is over"
                over = self.over.get(path, [])
                since = row.expires if row else over[0].expires
                yield self._item(EXPIRED, path, why, "delete", over, since)
            else:
                self._odd(path)
        for path, requests in self.over.items():
            if path not in self.going:
                for request in requests:
                    yield Item(
                        EXPIRED_REQUEST,
                        f"request #{request.id}",
                        "its time is over",
                        "expire",
                        since=request.expires,
                        requests=(request.id,),
                    )

    def lost(self) -> Iterator[Item]:
        for path in sorted((self.rows.keys() | self.live.keys()) - self.going):
            if path in self.found.gone:
                row = self.rows.get(path)
                published = row.published if row else None
                yield self._item(LOST, path, "its file is gone", "fail", self.live.get(path, []), published)
            elif path in self.found.odd:
                self._odd(path)

    def published(self, older_than: timedelta) -> Iterator[Item]:
        for path in sorted((self.rows.keys() | self.live.keys()) - self.going):
            stat = self.found.files.get(path)
            if stat is None or parse_key(path) is None:
                continue
            row = self.rows.get(path)
            published = row.published if row and row.published else stat.modified
            if published <= self.known.now - older_than:
                why = "--all-archives was given"
                yield self._item(PUBLISHED, path, why, "delete", self.live.get(path, []), published)

    def orphans(self, options: Options) -> Iterator[Item]:
        """To a database that is not the right one every archive is an orphan."""
        names = [name for name in self._unknown(options.older_than) if self._is_orphan(name)]
        if names and self.known.is_blank and not options.all_archives:
            what = f"{count(len(names), 'archive')} that this database does not know"
            self.problems.append(Problem(what, f"not touched: {BLANK}"))
            return
        for name in names:
            why = "no live row knows it"
            yield self._item(ORPHAN, name, why, "delete", [], self.found.files[name].modified)

    def temporaries(self) -> Iterator[Item]:
        for name in self._unknown():
            if is_temporary(name):
                why = "the run that wrote it is dead"
                yield self._item(TEMPORARY, name, why, "delete", [], self.found.files[name].modified)

    def young(self) -> int:
        kept = self.found.files.keys() - self.known.making - set(self._unknown())
        return sum(1 for name in kept if is_temporary(name) or self._is_orphan(name))

    def _is_orphan(self, name: str) -> bool:
        is_known = name in self.rows or name in self.live or name in self.over
        return not is_known and parse_key(name) is not None

    def _unknown(self, older_than: timedelta = timedelta(0)) -> Iterator[str]:
        """Files that no living run is making, as old as that and as may be judged."""
        for name in sorted(self.found.files.keys() - self.known.making):
            age = older_than if name in self.dead else max(GRACE, older_than)
            modified = self.found.files[name].modified
            if modified <= self.known.now - age or (modified > self.known.now + AHEAD and not older_than):
                yield name

    def _odd(self, path: str) -> None:
        why = self.found.odd.get(path, "it lies behind a link")
        self.problems.append(Problem(path, f"not touched: {why}"))

    def _item(
        self, kind: str, path: str, why: str, action: str, requests: list[CompletedRow], since: datetime | None
    ) -> Item:
        stat = self.found.files.get(path) if parse_key(path) or is_temporary(path) else None
        size = stat.size if stat else None
        return Item(kind, path, why, action, size=size, since=since, requests=tuple(row.id for row in requests))


def is_over(row: CompletedRow, now: datetime) -> bool:
    """Whether a run would expire it."""
    return row.expires is not None and row.expires <= now


def _history(known: Known, limits: Limits) -> Iterator[Item]:
    before = known.now - limits.history
    # What expires in this very purge may be older than the history already.
    ending = sum(1 for row in known.completed if is_over(row, known.now) and row.created and row.created < before)
    why = "older than the history"
    if known.old_requests + ending:
        what = "requests, with their notifications"
        yield Item(OLD_REQUESTS, what, why, "delete", count=known.old_requests + ending, since=before)
    if known.old_runs:
        yield Item(OLD_RUNS, "notes of runs", why, "delete", count=known.old_runs, since=before)


def _stuck(known: Known, options: Options) -> Iterator[Item]:
    for row in known.stuck:
        if row.in_work:
            continue
        action, why = options.stuck or LIST, "no run works on it"
        if action == "retry" and row.is_fresh:
            action, why = LIST, "it waits for a run; there is nothing to reset"
        what = f"#{row.id} {row.status}: {row.company}, part {row.part} of {row.parts}"
        yield Item(STUCK, what, why, action, since=row.since, requests=(row.id,))


def _left_behind(known: Known, found: Found, limits: Limits) -> Iterator[Item]:
    for spool in found.spools:
        if spool.path.name not in known.runs and spool.modified <= known.now - GRACE:
            why = "the run that wrote it is dead"
            yield Item(SPOOL, str(spool.path), why, "delete", size=spool.size, since=spool.modified)
    excess = found.cache.size - limits.cache_size
    if excess > 0:
        yield Item(CACHE, str(found.cache.path), "the life sheets exceed SAMZIP_CACHE_SIZE", "trim", size=excess)
