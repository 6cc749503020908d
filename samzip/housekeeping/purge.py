"""Looks and acts. Rows change first and files go after that: a kill in between leaves what the next purge finds."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import IntegrityError

from samzip.archive.cache import trim_cache
from samzip.database import Database
from samzip.dossier.keys import FOLDER, is_temporary, parse_key
from samzip.errors import StorageFailed, words
from samzip.housekeeping import items as kinds
from samzip.housekeeping.absence import ABSENT, ODD, is_bare, require_folder, require_place
from samzip.housekeeping.alone import Fleet, Tenure
from samzip.housekeeping.items import Found, Item, Limits, Options, Plan, Problem
from samzip.housekeeping.leftovers import measure_cache, spools
from samzip.housekeeping.plan import decide, unlisted
from samzip.requests import expire as expiry
from samzip.requests import purge as rows
from samzip.settings import Settings
from samzip.storage import MissingFile, Store

MANY = 2  # archives that nobody loses one by one
RUN = "purge"  # names the holder of the locks, as a run's id does


@dataclass(slots=True)
class Done:
    """What a purge did."""

    counts: Counter[str] = field(default_factory=Counter)  # by kind of item
    requests: int = 0  # failed, expired, put back or deleted; old ones not counted
    bytes: int = 0  # freed
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Purge:
    """One purge of one installation."""

    settings: Settings
    database: Database
    archives: Store
    options: Options
    host: str  # as in batch.context.Context

    def find(self) -> Plan:
        """Changes nothing. Raises DatabaseUnreachable, StorageFailed."""
        # Files before rows: what is published in between is then known by its row, and no orphan.
        files = {
            name: stat for name, stat in self.archives.list(FOLDER) if parse_key(name) is not None or is_temporary(name)
        }
        left = spools(self.settings.temporary_dir)
        with self.database.read() as connection:
            known = rows.known(
                connection,
                self.database.now(connection),
                ttl=self.settings.ttl,
                history=self.settings.history,
                stuck_after=self.options.stuck_after,
            )
        gone, odd = self._look_for(unlisted(known, files))
        found = Found(files, gone, odd, tuple(left), measure_cache(self.settings.cache_dir))
        plan = decide(known, found, self.options, Limits(self.settings.history, self.settings.cache_size))
        if lost := len(plan.of(kinds.LOST)):
            require_folder(self.archives)
            paths = {row.path for row in known.archives} | {row.path for row in known.completed}
            if not paths & files.keys() and (lost >= MANY or plan.of(kinds.ORPHAN) or is_bare(self.archives)):
                raise StorageFailed(
                    f"none of the archives that the database knows ({lost}) is in {self.archives.url}: is that the "
                    "right place? If they were deleted on purpose, samzip verify --all --repair has them built again"
                )
        return plan

    def run(self, wait: float, agreed: Plan | None = None) -> tuple[Plan, Done]:
        """Looks again when no run of any host works, then acts; with `agreed`, on nothing but what that showed.

        `wait` in seconds. Raises LockBusy, DatabaseUnreachable, StorageFailed.
        """
        with Fleet(self.database, self.settings.lock_path, self.host, RUN).alone(wait) as tenure:
            plan = self.find()
            if agreed is not None:
                plan = plan.only(agreed)
            done = Done(problems=list(plan.problems))
            # Rows change first; nobody loses an archive that cannot be removed.
            if any(item.size is not None for item in plan.of(kinds.PUBLISHED, kinds.EXPIRED)):
                self.archives.check_writable(FOLDER)
            _Removal(self.settings, self.archives, self.options, tenure, plan, done).act()
        return plan, done

    def _look_for(self, paths: Sequence[str]) -> tuple[frozenset[str], dict[str, str]]:
        gone, odd = set(), {}
        for path in paths:
            try:
                self.archives.stat(path)
            except MissingFile as missing:
                if missing.reason == ABSENT:
                    gone.add(path)
                else:
                    odd[path] = ODD.get(missing.reason, missing.reason)
        return frozenset(gone), odd


@dataclass(frozen=True, slots=True)
class _Removal:
    """What is done, in the order in which it is. Each transaction and each file asks whether it still may."""

    settings: Settings
    archives: Store
    options: Options
    tenure: Tenure
    plan: Plan
    done: Done

    def act(self) -> None:
        self._expire()
        self._delete_history()
        self._lose()
        self._end_stuck()
        self._end_published()
        for item in self.plan.of(kinds.ORPHAN, kinds.TEMPORARY):
            self._remove(item)
        self._clear_state()

    def _expire(self) -> None:
        """As every run does it."""
        archives, requests = self.plan.of(kinds.EXPIRED), self.plan.of(kinds.EXPIRED_REQUEST)
        if not archives and not requests:
            return
        while True:
            with self.tenure.write() as (connection, now):
                ended = expiry.expire(connection, now, self.settings.ttl)
            self.done.requests += sum(item.requests for item in ended)
            if not ended:
                break
        self.done.counts[kinds.EXPIRED_REQUEST] += len(requests)
        self._delete_marked(archives)

    def _delete_history(self) -> None:
        old_requests, old_runs = self.plan.of(kinds.OLD_REQUESTS), self.plan.of(kinds.OLD_RUNS)
        if not old_requests and not old_runs:
            return
        while True:
            try:
                with self.tenure.write() as (connection, now):
                    deleted = expiry.delete_history(connection, now - self.settings.history)
            except IntegrityError as error:
                self.done.problems.append(Problem("old requests", f"another table refers to some: {words(error)}"))
                return
            self.done.counts[kinds.OLD_REQUESTS] += deleted
            if deleted < expiry.BATCH:
                break
        self.done.counts[kinds.OLD_RUNS] += sum(item.count for item in old_runs)

    def _lose(self) -> None:
        for batch in _batches(self.plan.of(kinds.LOST)):
            with self.tenure.write() as (connection, now):
                self.done.requests += rows.lose(connection, now, [item.what for item in batch])
            self.done.counts[kinds.LOST] += len(batch)

    def _end_stuck(self) -> None:
        how = self.options.stuck
        if how is None:
            return
        for batch in _batches(self.plan.of(kinds.STUCK)):
            try:
                with self.tenure.write() as (connection, now):
                    ids = [number for item in batch for number in item.requests]
                    changed = rows.end_stuck(connection, now, ids, how)
            except IntegrityError as error:
                self.done.problems.append(Problem("stuck requests", f"another table refers to some: {words(error)}"))
                continue
            self.done.requests += changed
            self.done.counts[kinds.STUCK] += changed

    def _end_published(self) -> None:
        items = self.plan.of(kinds.PUBLISHED)
        for batch in _batches(items):
            with self.tenure.write() as (connection, now):
                self.done.requests += rows.expire_now(connection, now, [item.what for item in batch])
        self._delete_marked(items)

    def _delete_marked(self, items: Sequence[Item]) -> None:
        """Files, then the rows that remember that they have to go. What expires while somebody holds its request goes
        another time."""
        with self.tenure.write() as (connection, _now):
            going = {path for marked in expiry.deleting(connection) for path in (marked.path, *marked.files)}
        items = [item for item in items if item.what in going]
        if any(item.size is None for item in items):
            items = self._certain(items)
        for batch in _batches(items):
            removed = [item.what for item in batch if self._remove(item)]
            with self.tenure.write() as (connection, _now):
                rows.forget(connection, removed)

    def _certain(self, items: Sequence[Item]) -> list[Item]:
        """Without those whose files are not listed, if that may be because their volume is away."""
        try:
            with self.tenure.database.read() as connection:
                require_place(connection, self.archives)
        except StorageFailed as error:
            self.done.problems.append(Problem(f"{self.archives.url}/{FOLDER}", str(error)))
            return [item for item in items if item.size is not None]
        return list(items)

    def _remove(self, item: Item) -> bool:
        """Only a name that the store listed is ever deleted."""
        self.tenure.check()
        try:
            if item.size is not None:
                self.archives.delete(item.what)
        except StorageFailed as error:
            self.done.problems.append(Problem(item.what, str(error)))
            return False
        self.done.counts[item.kind] += 1
        self.done.bytes += item.size or 0
        return True

    def _clear_state(self) -> None:
        self.tenure.check()
        for item in self.plan.of(kinds.SPOOL):
            try:
                shutil.rmtree(item.what)
            except OSError as error:
                self.done.problems.append(Problem(item.what, error.strerror or str(error)))
            else:
                self.done.counts[kinds.SPOOL] += 1
                self.done.bytes += item.size or 0
        for item in self.plan.of(kinds.CACHE):
            try:
                self.done.bytes += trim_cache(self.settings.cache_dir, self.settings.cache_size)
            except OSError as error:
                self.done.problems.append(Problem(item.what, error.strerror or str(error)))
            else:
                self.done.counts[kinds.CACHE] += 1


def _batches(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), expiry.BATCH):
        yield items[start : start + expiry.BATCH]
