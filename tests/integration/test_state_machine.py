"""Any sequence of clicks, runs, kills, cancellations, purges and clock jumps, on two hosts: nothing is ever lost.

A kill ends a run as SIGKILL does: from that moment it writes nothing, neither to the database nor to a store, and what
it would have tidied stays. It strikes at any step of a run that leaves a trace: within and after each transaction,
before and after each file that is published or deleted, and while a part is built.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zipfile import ZipFile

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import Connection, delete, insert, select, update

from samzip.archive.part import PartJob
from samzip.archive.verify import verify_zip
from samzip.batch.context import Context, Stop
from samzip.batch.run import Mode, run
from samzip.database import tables
from samzip.dossier.keys import is_temporary
from samzip.errors import LockBusy, RequestRefused, StorageFailed, UsageProblem
from samzip.events import RunFinished
from samzip.executors import WorkerDied
from samzip.housekeeping.items import Options
from samzip.housekeeping.purge import Purge
from samzip.housekeeping.verify import DAMAGED, Verifier
from samzip.idle import rest
from samzip.requests import reconcile, single
from samzip.requests.expire import expire_early
from samzip.requests.insert import pending_row
from samzip.requests.integrity import take_back
from samzip.requests.states import ENDED, LIVE, PENDING, Move
from tests.support.fragile import FragileDatabase, FragileExecutor, FragileStore, Fuse, Killed, StillDatabase
from tests.support.moves import TABLE, moves_made, note_moves
from tests.support.world import ShiftedDatabase, World, make_world, new_postgres_database

RUNS_MAKE = (Move.CLAIM, Move.PUBLISH, Move.PUT_BACK, Move.FAIL, Move.CANCEL, Move.EXPIRE)
STATED = {(source, move.target) for move in Move for source in move.sources}
HISTORY = timedelta(days=7)
NEVER = timedelta(days=365)
USERS = ("ana", "luz", "bob")  # the first two are of one company
MAX_EQUIPMENT = 6


def reachable(state: str, moves: tuple[Move, ...] = RUNS_MAKE) -> set[str]:
    """What a request may have become since it was looked at, if nobody but runs changed it."""
    found = {state}
    while more := {move.target for move in moves if found & set(move.sources)} - found:
        found |= more
    return found


@dataclass
class Record:
    """What the ledger knows of a request."""

    status: str
    ended: datetime | None = None
    completions: int = 0  # allowed ones: the click, and each retry


@dataclass(frozen=True)
class Click:
    """One for all parts of a company."""

    company: int
    ids: tuple[int, ...]
    inventory: int  # the company's inventories that were before it


class Queue(RuleBasedStateMachine):
    """The machine; a subclass says in which world."""

    make: Callable[[Path], World]

    def __init__(self) -> None:
        super().__init__()
        ShiftedDatabase.shift = timedelta(0)
        self.folder = Path(tempfile.mkdtemp(prefix="samzip-machine-"))
        first = type(self).make(self.folder)
        StillDatabase.began = datetime.now(UTC)
        first.database = StillDatabase(first.database.engine, first.database.url)
        second_state = self.folder / "second"
        second_state.mkdir()
        self.hosts = [
            replace(first, host="first"),
            replace(first, host="second", settings=replace(first.settings, state_dir=second_state)),
        ]
        self.world = first
        self.companies = [
            first.company("Uno S.A.S.", equipment=3, user="ana"),
            first.company("Dos Ltda", equipment=1, user="bob"),
        ]
        with first.database.write() as connection:
            first.user(connection, "luz", self.companies[0])
        self.changes = 0
        self.ledger: dict[int, Record] = {}
        self.verified: dict[tuple[str, int], str] = {}  # (path, mtime) -> SHA-256 of a sound archive
        self.packed: dict[str, list[str]] = {}  # by path: instruments of an archive
        self.inventories = {company: [self.codes(company)] for company in self.companies}
        self.clicks: list[Click] = []
        self.recut: set[int] = set()  # requests that a run may have put back, since it found another inventory
        take_back = reconcile.take_back_other_cuts

        def noted(*arguments: Any) -> list[int]:
            taken = take_back(*arguments)
            for number in taken:
                self.recut.add(number)
                self.ledger.setdefault(number, Record("completed", None, 1)).completions += 1
            return taken

        self.patched = patch("samzip.requests.reconcile.take_back_other_cuts", noted)
        self.patched.start()

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # what failed before is told, not what followed from it
                self.everything_comes_to_rest()
        finally:
            self.close()

    def everything_comes_to_rest(self) -> None:
        """However it went: undisturbed runs bring every request to an end, with an archive or a reason."""
        self.world.later(seconds=61)
        while True:
            assert self.begin(0, Mode())
            self.check_that_all_is_tidy()
            self.no_request_is_lost_and_its_state_is_one_that_may_be()
            self.what_may_be_downloaded_is_there_and_sound()
            if not any(row.status in LIVE for row in self.world.requests()):
                return
            self.world.later(minutes=15)

    def close(self) -> None:
        self.patched.stop()
        ShiftedDatabase.shift = timedelta(0)
        self.world.database.close()
        shutil.rmtree(self.folder)

    # What people do.

    @initialize(user=st.sampled_from(USERS))
    def first_click(self, user: str) -> None:
        self.click(user)

    @rule(user=st.sampled_from(USERS))
    def click(self, user: str) -> None:
        try:
            done = self.world.click(user)
            before = len(self.inventories[done.company_id]) - 1
            self.clicks.append(Click(done.company_id, done.request_ids, before))
        except RequestRefused:
            assert self.equipment(self.companies[user == "bob"]) == [] or self.is_deleted(user == "bob")

    @rule(which=st.integers(0, 1), part=st.integers(1, 4), parts=st.integers(0, 4), bare=st.booleans())
    def another_application_asks_for_one_part(self, which: int, part: int, parts: int, bare: bool) -> None:
        self.world.later(milliseconds=1)  # nothing would tell it from a click of the very same microsecond
        with self.world.database.write() as connection:
            row = pending_row(
                user_id=1,
                company_id=self.companies[which],
                part=part,
                parts=parts,
                first=1,
                last=2,
                now=self.world.database.now(connection),
                position=1,
            )
            row |= {"status": ("queued", "pending")[parts % 2]}
            if bare:  # as docs/adopting.md writes rows: the columns that may be empty are
                row |= dict.fromkeys(("total_equipos", "rango_equipos_inicio", "rango_equipos_fin"))
            connection.execute(insert(tables.ziprequest).values(row))
        self.world.later(milliseconds=1)

    @rule(pick=st.integers(0, 30))
    def cancel(self, pick: int) -> None:
        row = self.pick(pick)
        if row is None:
            return
        if self.operate(row, lambda connection, now: single.cancel(connection, now, row.id), row.status in LIVE):
            assert self.request(row.id).status == "cancelled"

    @rule(pick=st.integers(0, 30))
    def retry(self, pick: int) -> None:
        row = self.pick(pick)
        if row is None:
            return
        may = row.status in ENDED or (row.status in PENDING and self.is_delayed(row))
        if self.operate(row, lambda connection, now: single.retry(connection, now, row.id), may):
            assert self.request(row.id).status in PENDING
            assert not self.is_delayed(row)
            self.ledger[row.id].completions += row.status in ENDED

    @rule(pick=st.integers(0, 30))
    def ask_again(self, pick: int) -> None:
        """As the status page does, where an archive is over as soon as its time is."""

        def change(connection: Connection, now: datetime) -> None:
            expire_early(connection, now, self.world.settings.ttl, [row.id])
            single.retry(connection, now, row.id)

        row = self.pick(pick)
        if row is None or row.status not in ("completed", "expired"):
            return
        if self.operate(row, change, row.status == "expired" or row.expires_at <= self.now()):
            self.ledger[row.id].completions += 1

    def operate(self, row: Any, change: Callable[[Connection, datetime], object], may: bool) -> bool:
        """Whether it was done: what may not be is refused, and nothing else is."""
        self.no_request_is_lost_and_its_state_is_one_that_may_be()  # the ledger knows what was before
        try:
            with self.world.database.write() as connection:
                change(connection, self.world.database.now(connection))
        except UsageProblem:
            assert not may, f"#{row.id} is {row.status}, and it was refused"
            return False
        assert may, f"#{row.id} is {row.status}, and it was done"
        changed = self.request(row.id)
        self.ledger[row.id].status, self.ledger[row.id].ended = changed.status, changed.completed_at
        return True

    @rule(kind=st.sampled_from(["add", "remove", "rename", "delete the company"]), which=st.integers(0, 1))
    def the_inventory_changes(self, kind: str, which: int) -> None:
        company, ids = self.companies[which], self.equipment(self.companies[which])
        self.changes += 1
        with self.world.database.write() as connection:
            if kind == "add" and len(ids) < MAX_EQUIPMENT:
                self.world.equipment(connection, company, f"EQ-{100 + self.changes}")
            elif kind == "remove" and ids:
                gone = tables.equipo.c.id == ids[self.changes % len(ids)]
                connection.execute(delete(tables.equipo).where(gone))
            elif kind == "rename":
                connection.execute(update(tables.equipo).values(nombre=("Balanza", "Termómetro")[self.changes % 2]))
            elif kind == "delete the company":  # or bring it back
                it = tables.empresa.c.id == self.companies[1]
                connection.execute(update(tables.empresa).where(it).values(is_deleted=~tables.empresa.c.is_deleted))
        self.inventories[company].append(self.codes(company))

    @rule(
        by=st.sampled_from([{"seconds": 30}, {"seconds": 61}, {"minutes": 6}, {"hours": 3}, {"hours": 6}, {"days": 8}])
    )
    def time_passes(self, by: dict[str, int]) -> None:
        self.world.later(**by)

    # What runs do.

    @rule(host=st.integers(0, 1))
    def run(self, host: int) -> None:
        if self.begin(host, Mode()):
            self.check_that_all_is_tidy()

    @rule(host=st.integers(0, 1))
    def rest(self, host: int) -> None:
        """Where a run takes its ease, a whole one finds nothing either."""
        world = self.hosts[host]
        if rest(world.settings, self.now()) is not None:
            assert self.begin(host, Mode())
            assert world.seen(RunFinished)[-1].outcome == "nothing"

    @rule(host=st.integers(0, 1), steps=st.integers(0, 45))
    def run_and_be_killed(self, host: int, steps: int) -> None:
        if not any(row.status in LIVE for row in self.world.requests()):
            self.click("ana")
        self.begin(host, Mode(), fuse=Fuse(steps))

    @rule(host=st.integers(0, 1), part=st.integers(1, 2), kind=st.sampled_from([StorageFailed, WorkerDied, ValueError]))
    def run_while_a_part_fails(self, host: int, part: int, kind: type[Exception]) -> None:
        def fail(job: Any) -> None:
            if isinstance(job, PartJob) and job.part == part:
                raise kind("así falló")

        self.begin(host, Mode(), before=fail)

    @rule(host=st.integers(0, 1), part=st.integers(1, 2), kind=st.sampled_from(["add", "remove", "rename"]))
    def the_inventory_changes_between_two_parts(self, host: int, part: int, kind: str) -> None:
        self.click("ana")
        self.run_while_a_part_fails(host, part, StorageFailed)
        self.the_inventory_changes(kind, 0)
        self.world.later(seconds=61)
        self.run(host)

    @rule(
        host=st.integers(0, 1),
        job=st.integers(0, 3),
        what=st.sampled_from(
            [
                "SIGTERM",
                "click",
                "cancel everything",
                "freeze while another host runs",
                "freeze while it purges and runs",
            ]
        ),
        once=st.booleans(),
    )
    def run_and_be_disturbed(self, host: int, job: int, what: str, once: bool) -> None:
        if not any(row.status in LIVE for row in self.world.requests()):
            self.click("luz")
        stop = Stop()

        def disturb() -> None:
            if what == "SIGTERM":
                stop.signal = what
            elif what == "click":
                self.click("ana")
                self.click("bob")
            elif what == "cancel everything":
                for pick in range(len(self.world.requests())):
                    self.cancel(pick)
            else:
                self.world.later(seconds=61)
                if "purges" in what:
                    self.clear(1 - host, None)
                self.begin(1 - host, Mode())

        self.begin(host, Mode(once=once), before=at_job(job, disturb), stop=stop)

    @rule(
        host=st.integers(0, 1),
        stuck=st.sampled_from([None, None, "fail", "retry", "delete"]),
        all_archives=st.booleans(),
        steps=st.none() | st.integers(0, 20),
    )
    def purge(self, host: int, stuck: str | None, all_archives: bool, steps: int | None) -> None:
        self.clear(host, stuck, all_archives=all_archives, steps=steps)

    def clear(self, host: int, stuck: str | None, *, all_archives: bool = False, steps: int | None = None) -> bool:
        """Whether the purge began; it did not beside another host's living lease, and only then."""
        fuse, world, held_by = Fuse(steps), self.hosts[host], self.lease_holder()
        database, archives = FragileDatabase(world.database, fuse), FragileStore(world.archives, fuse)
        options = Options(stuck_after=timedelta(hours=1), stuck=stuck, all_archives=all_archives)
        waited = {row.id for row in self.world.requests() if row.status in LIVE}
        try:
            Purge(world.settings, database, archives, options, world.host).run(wait=0)
        except LockBusy:
            assert held_by not in (None, world.host), "only another host's living lease keeps a purge away"
            return False
        except Killed:
            assert steps is not None
            if held_by not in (None, world.host):
                assert self.lease_holder() == held_by, "a purge that was refused as it died took the lease all the same"
                return False
        assert held_by in (None, world.host), "a purge began beside another host's run"
        if stuck == "delete":
            for number in waited - {row.id for row in self.world.requests()}:
                self.ledger.pop(number, None)
        return True

    @rule(pick=st.integers(0, 30), host=st.integers(0, 1), remedy=st.sampled_from(["purge", "verify", "download"]))
    def an_archive_goes_bad(self, pick: int, host: int, remedy: str) -> None:
        """And is noticed before anybody else comes."""
        now, world = self.now(), self.hosts[host]
        served = [row for row in self.world.requests() if row.status == "completed" and row.expires_at > now]
        if not served:
            return
        path = served[pick % len(served)].file_path
        file = self.world.media / path
        good = file.read_bytes()
        if remedy == "purge":
            file.unlink()
            if not self.clear(host, None):
                file.write_bytes(good)
                return
        else:
            file.write_bytes(good[:-30])
        if remedy == "download":
            with self.world.database.write() as connection:
                take_back(connection, now, world.settings.ttl, path)
        if remedy == "verify":
            verifier = Verifier(world.settings, world.database, world.archives, world.host)
            damaged = [verdict for verdict in verifier.verify(verifier.find(None)) if verdict.state == DAMAGED]
            try:
                list(verifier.repair(damaged, wait=0))
            except LockBusy:  # another host's run, or one that died there: it is left as it is
                file.write_bytes(good)
                return
        for row in served:
            if row.file_path == path:
                changed, record = self.request(row.id), self.ledger[row.id]
                assert changed.status == ("failed" if remedy == "purge" else "pending")
                record.status, record.ended = changed.status, changed.completed_at
                record.completions += changed.status == "pending"

    def begin(
        self,
        host: int,
        mode: Mode,
        *,
        fuse: Fuse | None = None,
        before: Callable[[Any], None] = lambda job: None,
        stop: Stop | None = None,
    ) -> bool:
        """Whether the run came to its end."""
        world, fuse = self.hosts[host], fuse or Fuse(None)
        world.later(seconds=1)  # no two runs begin in the same second
        held_by = self.lease_holder()
        context: Context = world.context(
            database=FragileDatabase(world.database, fuse),
            archives=FragileStore(world.archives, fuse),
            make_executor=lambda: FragileExecutor(fuse, before),
            stop=stop or Stop(),
        )
        tidy = shutil.rmtree

        def rmtree(*arguments: Any, **options: Any) -> None:
            if not fuse.is_blown:
                tidy(*arguments, **options)

        try:
            with patch("shutil.rmtree", rmtree), patch("samzip.requests.lease.HEARTBEAT", NEVER):
                run(context, mode)
        except Killed:
            return False
        except LockBusy:
            assert held_by not in (None, world.host), "only another host's living lease keeps a run away"
            return False
        assert held_by in (None, world.host), "a run began beside another host's"
        return not context.stop

    # What must hold.

    @invariant()
    def no_request_is_lost_and_its_state_is_one_that_may_be(self) -> None:
        rows = {row.id: row for row in self.world.requests()}
        now = self.now()
        for number, record in list(self.ledger.items()):
            if number not in rows:
                assert record.status in (*ENDED, "completed"), f"#{number} vanished while {record.status}"
                assert record.ended is not None
                assert record.ended < now - HISTORY
                del self.ledger[number]
        notices: dict[int, int] = {}
        for notice in self.world.rows(tables.notificacionzip):
            assert notice.zip_request_id in rows
            notices[notice.zip_request_id] = notices.get(notice.zip_request_id, 0) + (notice.tipo == "zip_ready")
        for number, row in rows.items():
            status = "pending" if row.status == "queued" else row.status
            record = self.ledger.setdefault(number, Record(status, None, 1))
            moves = (*RUNS_MAKE, Move.REBUILD) if number in self.recut else RUNS_MAKE
            assert status in reachable(record.status, moves), f"#{number}: {record.status} -> {status}"
            if status in ("failed", "cancelled"):
                assert row.error_message, f"#{number} is {status} and nobody knows why"
            if status in (*ENDED, "completed"):
                assert row.completed_at is not None
            if status == "completed":
                assert row.progress_percentage == 100
                assert row.expires_at is not None
                assert notices.get(number, 0) >= 1, f"#{number}: its user was not told"
            assert notices.get(number, 0) <= record.completions, f"#{number}: its user was told twice"
            record.status, record.ended = status, row.completed_at

    @invariant()
    def no_status_ever_changed_but_as_it_may(self) -> None:
        assert moves_made(self.world) <= STATED

    @invariant()
    def what_may_be_downloaded_is_there_and_sound(self) -> None:
        now = self.now()
        archives = {row.path: row for row in self.world.rows(tables.archive)}
        for row in self.world.requests():
            if row.status == "completed" and row.expires_at > now:
                archive = archives[row.file_path]
                assert not archive.deleting
                assert archive.expires_at >= row.expires_at
                assert (archive.company_id, archive.part, archive.size) == (
                    row.empresa_id,
                    row.parte_numero,
                    row.file_size,
                )
                assert self.digest(row.file_path, archive.size) == archive.sha256

    @invariant()
    def what_a_click_got_is_one_inventory(self) -> None:
        """Every instrument once, as it was when somebody clicked, or at some moment since."""
        now = self.now()
        archives = {row.path: row for row in self.world.rows(tables.archive)}
        requests = {row.id: row for row in self.world.requests()}
        served = {
            number: archives[row.file_path]
            for number, row in requests.items()
            if row.status == "completed" and row.expires_at > now
        }
        for click in self.clicks:
            moments = {(row.user_id, row.created_at) for number in click.ids if (row := requests.get(number))}
            # Those that the inventory gained since, too.
            ids = [number for number, row in requests.items() if (row.user_id, row.created_at) in moments]
            found = {
                served[number].part: served[number] for number in ids if number in served
            }  # those gained since too
            total = max((archive.parts for archive in found.values()), default=0)
            if set(range(1, total + 1)) - found.keys():
                continue  # it is not complete yet, or any more
            assert len({(archive.parts, archive.cut) for archive in found.values()}) <= 1, "of two inventories"
            codes = [code for archive in found.values() for code in self.instruments(archive.path)]
            assert len(codes) == len(set(codes)), "an instrument is in two parts"
            assert not found or set(codes) in self.inventories[click.company][click.inventory :]

    def instruments(self, path: str) -> list[str]:
        if path not in self.packed:
            with ZipFile(self.world.media / path) as archive:
                names = "\n".join(archive.namelist())
            self.packed[path] = re.findall(r"/Equipos/([^/]+)/Hoja_de_vida\.pdf", names)
        return self.packed[path]

    def digest(self, name: str, size: int) -> str:
        path = self.world.media / name
        found = path.stat()
        assert found.st_size == size
        key = (name, found.st_mtime_ns)
        if key not in self.verified:
            with path.open("rb") as file:
                verify_zip(file)
                file.seek(0)
                self.verified[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return self.verified[key]

    @invariant()
    def no_content_is_kept_twice(self) -> None:
        now = self.now()
        live = [
            (row.company_id, row.fingerprint)
            for row in self.world.rows(tables.archive)
            if row.fingerprint and not row.deleting and row.expires_at > now
        ]
        assert len(live) == len(set(live))

    @invariant()
    def work_is_there_only_for_live_requests(self) -> None:
        wanted = {(row.empresa_id, row.parte_numero) for row in self.world.requests() if row.status in LIVE}
        for row in self.world.rows(tables.work):
            is_claimed = row.token is not None  # by a dead run: the next one drops it
            assert (row.company_id, row.part) in wanted or is_claimed
            assert 0 <= row.attempts <= self.world.settings.max_attempts

    def check_that_all_is_tidy(self) -> None:
        """After a run that was not disturbed."""
        now = self.now()
        assert self.world.rows(tables.lease) == []
        assert [row.id for row in self.world.rows(tables.run) if row.finished_at is None] == []
        work = self.world.rows(tables.work)
        assert [row for row in work if row.token is not None] == []
        assert [row for row in work if row.not_before is None or row.not_before <= now] == []
        waiting = {(row.company_id, row.part) for row in work}
        for row in self.world.requests():
            assert row.status != "processing"
            if row.status in LIVE:
                assert (row.empresa_id, row.parte_numero) in waiting
            if row.status == "completed":
                assert row.expires_at > now
        files = self.world.files()
        assert [name for name in files if is_temporary(name)] == []
        assert files == sorted(row.path for row in self.world.rows(tables.archive)), "a file that nobody knows, or none"

    # Looking.

    def now(self) -> datetime:
        with self.world.database.read() as connection:
            return self.world.database.now(connection)

    def lease_holder(self) -> str | None:
        now = self.now()
        held = [row.host for row in self.world.rows(tables.lease) if row.expires_at > now]
        return held[0] if held else None

    def equipment(self, company: int) -> list[int]:
        with self.world.database.read() as connection:
            ids = select(tables.equipo.c.id).where(tables.equipo.c.empresa_id == company).order_by(tables.equipo.c.id)
            return list(connection.execute(ids).scalars())

    def codes(self, company: int) -> set[str]:
        with self.world.database.read() as connection:
            codes = select(tables.equipo.c.codigo_interno).where(tables.equipo.c.empresa_id == company)
            return set(connection.execute(codes).scalars())

    def pick(self, number: int) -> Any:
        """One request, or None where there is none."""
        rows = self.world.requests()
        return rows[number % len(rows)] if rows else None

    def request(self, number: int) -> Any:
        return next(row for row in self.world.requests() if row.id == number)

    def is_delayed(self, request: Any) -> bool:
        """Whether its part waits after an attempt that was spent."""
        part = (request.empresa_id, request.parte_numero)
        rows = [row for row in self.world.rows(tables.work) if (row.company_id, row.part) == part]
        return any(row.token is None and row.attempts > 0 for row in rows)

    def is_deleted(self, which: int) -> bool:
        with self.world.database.read() as connection:
            one = select(tables.empresa.c.is_deleted).where(tables.empresa.c.id == self.companies[which])
            return bool(connection.execute(one).scalar_one())


def at_job(number: int, act: Callable[[], None]) -> Callable[[Any], None]:
    """Acts before the job of this number, counted from 0."""
    begun = iter(range(1000))

    def before(_job: Any) -> None:
        if next(begun) == number:
            act()

    return before


def play(make: Callable[[Path], World], examples: int, steps: int) -> None:
    class Bound(Queue):
        pass

    Bound.make = staticmethod(make)
    run_state_machine_as_test(Bound, settings=settings(max_examples=examples, stateful_step_count=steps))


def on_sqlite() -> Callable[[Path], World]:
    """Each example has its own file."""

    def make(folder: Path) -> World:
        world = make_world(folder)
        note_moves(world)
        return world

    return make


def on_postgres(server: str) -> Callable[[Path], World]:
    """The examples share a database, emptied for each."""
    url = new_postgres_database(server)
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder), url)
        note_moves(world)
        world.database.close()

    def make(folder: Path) -> World:
        world = make_world(folder, url)
        names = ", ".join([*tables.sam.tables, *tables.own.tables, TABLE])
        with world.database.write() as connection:
            connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
        return world

    return make


def test_no_sequence_of_events_loses_a_request_or_leaves_a_trace_on_sqlite() -> None:
    play(on_sqlite(), examples=8, steps=20)


def test_no_sequence_of_events_loses_a_request_or_leaves_a_trace_on_postgresql(postgres_server: str) -> None:
    play(on_postgres(postgres_server), examples=6, steps=20)


@pytest.mark.sweep
def test_many_sequences_of_events_on_sqlite() -> None:
    play(on_sqlite(), examples=600, steps=50)


@pytest.mark.sweep
def test_many_sequences_of_events_on_postgresql(postgres_server: str) -> None:
    play(on_postgres(postgres_server), examples=150, steps=50)
