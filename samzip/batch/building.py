"""Builds what waits: companies in turn, as many parts at a time as there are workers."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

from samzip.archive.build import build_part
from samzip.archive.part import Progress
from samzip.archive.prepare import prepare_company
from samzip.archive.survey import Survey, survey_company
from samzip.batch import ending, in_work, telling
from samzip.batch.asked import answer
from samzip.batch.company import CompanyPass, SnapshotFailed, open_company
from samzip.batch.context import Context
from samzip.batch.in_work import InWork
from samzip.batch.stores import Stores
from samzip.errors import DatabaseUnreachable, RowLocked, StatementCut, StorageFailed, Unexpected, as_told
from samzip.events import StopRequested
from samzip.executors import Executor, WorkerSilent
from samzip.requests import runs, work
from samzip.threads import Abandoned

POLL_S = 0.2
WRITE_EVERY_S = 1.0  # at most one progress write a second


Look = Callable[[], Sequence[work.Waiting]]
R = TypeVar("R")


def build_all(context: Context, waiting: Sequence[work.Waiting], look: Look | None = None) -> list[Exception]:
    """Builds every waiting part once. A part that fails never stops its neighbours. Returns why companies were left
    aside, which is for the run to end with.

    With `look`, who clicks meanwhile gets a turn as well: one part of a small company never waits for all parts of
    a large one. That lasts until everybody who waited at the beginning is served, so that every pass ends.
    """
    pool = context.make_executor()
    try:
        return _Crew(context, pool, waiting, look).work()
    finally:
        pool.stop()
        shutil.rmtree(context.settings.temporary_dir / context.run_id, ignore_errors=True)


class _Crew:
    def __init__(self, context: Context, pool: Executor, waiting: Sequence[work.Waiting], look: Look | None) -> None:
        self.context = context
        self.pool = pool
        self.look = look
        self.new = deque(dict.fromkeys(item.company_id for item in waiting))  # companies to open, oldest request first
        self.surveyed: dict[Future[Survey], CompanyPass] = {}
        self.prepared: dict[Future[None], CompanyPass] = {}
        self.turns: deque[CompanyPass] = deque()  # ready, with parts to begin
        self.in_work: dict[str, InWork] = {}  # by token
        self.first = set(self.new)  # companies that waited when the pass began and are not yet served
        self.looked = self.written = time.monotonic()
        self.newest: int | None = None  # request when it last looked
        self.stores = Stores(context)
        self.aside: dict[int, Exception] = {}  # companies without a snapshot, or with rows that cannot be changed: why

    def work(self) -> list[Exception]:
        try:
            self._work()
        except StatementCut:  # one of this run's own, which was asked to end
            if self.context.stop:
                self.context.publish(StopRequested(self.context.stop.signal or ""))
            with suppress(DatabaseUnreachable):
                self._give_back()
            raise
        except DatabaseUnreachable:  # nothing can be given back: the next run recovers it
            raise
        except Exception:  # the installation's trouble, or ours: it costs the parts in work no attempt
            with suppress(RowLocked):
                self._give_back()
            raise
        if self.context.stop:
            self.context.publish(StopRequested(self.context.stop.signal or ""))
            self._give_back()
        return list(self.aside.values())

    def _work(self) -> None:
        while not self.context.stop:
            self._begin_what_fits()
            if not self._busy():
                return
            for key, progress in self.pool.poll(POLL_S):
                self._hear(key, progress)
            self._end_surveys()
            self._end_preparations()
            self._end_parts()
            if self.context.asked:
                known = (*self.surveyed.values(), *self.prepared.values(), *self.turns)
                answer(self.context, self.in_work.values(), sum(len(company.parts) for company in known))
            if time.monotonic() - self.written >= WRITE_EVERY_S:
                self._write_progress()

    def _busy(self) -> int:
        """Jobs that have not ended."""
        return len(self.surveyed) + len(self.prepared) + len(self.in_work)

    def _begin_what_fits(self) -> None:
        while self._busy() < self.context.settings.jobs and not self.context.stop:
            self._welcome()
            # New companies first: whoever waits gets a turn before anybody gets a second one.
            if self.new:
                company_id = self.new.popleft()
                with self._sparing_others(company_id, partial(ending.give_up, self.context, company_id)):
                    self._open(company_id)
            elif self.turns:
                company = self.turns.popleft()
                if company.records.company.id not in self.aside:
                    self._begin(company)
            else:
                return

    def _welcome(self) -> None:
        """Looks who came meanwhile: before a turn if anybody clicked, and now and then in any case."""
        present = {*self.new, *(company.records.company.id for company in self._companies())}
        self.first &= present
        if self.look is None or not self.first or self.new:
            return
        is_due = time.monotonic() - self.looked >= WRITE_EVERY_S
        if not is_due and not self.turns:
            return
        with suppress(DatabaseUnreachable):  # who begins a part meets it again
            with self.context.database.read() as connection:
                newest = work.newest_request(connection)
            if is_due or newest != self.newest:  # a long queue makes it long
                came = dict.fromkeys(item.company_id for item in self.look())
                self.new.extend(company_id for company_id in came if company_id not in present | self.aside.keys())
                self.looked, self.newest = time.monotonic(), newest

    def _companies(self) -> Iterator[CompanyPass]:
        yield from self.surveyed.values()
        yield from self.prepared.values()
        yield from self.turns
        for item in self.in_work.values():
            yield item.company

    def _open(self, company_id: int) -> None:
        try:
            company = open_company(self.context, company_id)
        except SnapshotFailed as failed:
            self.aside[company_id] = failed.error
            return
        except Abandoned:  # the run was asked to end
            return
        if company is not None:
            key = f"survey {company.key}"
            self.surveyed[self.pool.submit_here(survey_company, company.survey_job(), key)] = company
            if not company.known:
                self.pool.start()  # meanwhile, since nothing is there that could be given again

    def _end_surveys(self) -> None:
        for future, company in _ended(self.surveyed):
            try:
                company.end_survey(future.result())
            except Exception as error:  # noqa: BLE001 -- whatever it was, it costs this company an attempt, not the run
                self._fail_company(company, error)
                continue
            if company.must_build():
                self.prepared[self.pool.submit(prepare_company, company.prepare_job(), company.key)] = company
            else:
                self.turns.append(company)

    def _end_preparations(self) -> None:
        for future, company in _ended(self.prepared):
            try:
                future.result()
            except Exception as error:  # noqa: BLE001 -- as above
                self._fail_company(company, error)
            else:
                self.turns.append(company)

    def _begin(self, company: CompanyPass) -> None:
        part = company.parts.popleft()
        if company.parts:
            self.turns.append(company)
        company_id, item, is_begun = company.records.company.id, None, False
        with self._sparing_others(company_id, partial(ending.give_up, self.context, company_id)):
            item = in_work.claim(self.context, company, part)
        if item is None:
            company.leave(part)
            return
        self.in_work[item.held.token] = item
        with self._sparing_others(company_id, partial(ending.fail, self.context, item)):
            is_begun = self._start(company, item)
        if not is_begun:
            self._leave(item)

    def _start(self, company: CompanyPass, item: InWork) -> bool:
        """Gives a claimed part to the pool, or what is there already to its requests: that one has ended then."""
        part = item.held.part
        self.context.publish(telling.of_start(item))
        known = company.reusable(part)
        if known is not None:
            ending.reuse(self.context, item, known)
            return False
        try:
            job = company.part_job(part, item.temporary)
        except StorageFailed as error:  # of the snapshot
            ending.fail(self.context, item, error)
            return False
        item.future = self.pool.submit(build_part, job, item.held.token)
        return True

    def _leave(self, item: InWork) -> None:
        """The part has ended."""
        del self.in_work[item.held.token]
        item.company.leave(item.held.part)

    def _fail_company(self, company: CompanyPass, error: Exception) -> None:
        """Raises StorageFailed when a store is away: that is nobody's attempt."""
        self.stores.require(error)
        company_id = company.records.company.id
        if not self.stores.answer(error):
            company.close()
            return
        self._give_up(company_id, partial(ending.give_up, self.context, company_id), error)
        company.close()

    def _hear(self, key: str, progress: Progress) -> None:
        item = self.in_work.get(key)
        if item is None:
            self._hear_of_company(key, progress)
            return
        item.progress = progress
        self.context.publish(telling.of_progress(item, progress))

    def _hear_of_company(self, key: str, progress: Progress) -> None:
        """What a preparation tells that concerns anybody is that it begins to make the workbook."""
        for company in self.prepared.values():
            if key == company.key and progress.percent:
                self.context.publish(telling.of_preparing(company))

    def _end_parts(self) -> None:
        for item in [item for item in self.in_work.values() if item.future.done()]:
            with self._sparing_others(item.held.company_id, partial(ending.fail, self.context, item)):
                self._end_part(item)
            self._leave(item)

    def _end_part(self, item: InWork) -> None:
        if item.future.cancelled():
            in_work.leave_files(item)  # its worker may live for a moment
            ending.drop(self.context, item, "cancelada mientras se generaba")
            return
        error = item.future.exception()
        if isinstance(error, WorkerSilent):
            in_work.leave_files(item)  # as above
        if error is not None:
            self.stores.require(error)
            if self.stores.answer(error):
                ending.fail(self.context, item, error)
            else:
                ending.release(self.context, item)
            return
        ending.publish(self.context, item, item.future.result())

    def _write_progress(self) -> None:
        self.written = time.monotonic()
        with suppress(DatabaseUnreachable):  # the builders go on; what matters is asked again when a part ends
            for item in self.in_work.values():
                with suppress(RowLocked):  # the others go on
                    if not in_work.write_progress(self.context, item):
                        self.pool.cancel(item.held.token)
            with self.context.database.write() as connection:
                runs.beat(connection, self.context.database.now(connection), self.context.run_id)

    def _give_back(self) -> None:
        self.pool.stop()
        given_back = [item for item in self.in_work.values() if not (item.is_served or item.is_unsure)]
        is_away = self.stores.is_away
        for item in given_back:  # files of all of them first: the database may be away
            if is_away:  # nobody waits for a store again and again who was asked to end
                in_work.leave_files(item)
            else:
                in_work.remove_files(self.context, item)
            is_away = is_away or item.is_stuck
        self.context.grant_time()
        locked: RowLocked | None = None
        for item in given_back:
            try:
                ending.release(self.context, item, is_hurried=True)
            except RowLocked as error:  # the next run recovers that one
                locked = error
        if locked is not None:
            raise locked

    @contextmanager
    def _sparing_others(self, company_id: int, give_up: Callable[[Exception], None]) -> Iterator[None]:
        """What nobody foresaw of one company's rows costs an attempt, and stops no other company. One of which somebody
        else holds a row is left aside."""
        try:
            yield
        except RowLocked as error:
            self.context.waits.was_in_vain()
            self.aside[company_id] = error
        except Exception as error:
            if not isinstance(as_told(error), Unexpected):
                raise
            self._give_up(company_id, give_up, error)

    def _give_up(self, company_id: int, give_up: Callable[[Exception], None], error: Exception) -> None:
        """Where even that cannot be written, the company is left aside."""
        try:
            give_up(error)
        except RowLocked as again:
            self.context.waits.was_in_vain()
            self.aside[company_id] = again
        except Exception as again:
            if not isinstance(as_told(again), Unexpected):
                raise
            self.aside[company_id] = again


def _ended(jobs: dict[Future[R], CompanyPass]) -> Iterator[tuple[Future[R], CompanyPass]]:
    """Takes out those that have ended."""
    for future in [future for future in jobs if future.done()]:
        yield future, jobs.pop(future)
