"""What lies in the queue and on the disk before a fault strikes, and what the ledger promises about it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, select, update

from samzip.database import tables
from samzip.dossier.keys import temporary_key
from samzip.requests.insert import Inserted
from tests.support.faults.rows import Rows
from tests.support.world import World, make_world

CRASHED_RUN = "abcdef012345"
CRASHED_TOKEN = "0123456789abcdef" * 2
PUBLISHED_OFTEN = ("ida", "oro")
OLD = timedelta(hours=1)  # of leftovers that a purge may take


@dataclass
class Ledger:
    """What was promised, kept by the test, outside of everything that samzip can write."""

    ends: dict[int, str] = field(default_factory=dict)  # request id -> completed, failed, expired, or gone

    def accept(self, click: Inserted, end: str = "completed") -> tuple[int, ...]:
        self.ends.update(dict.fromkeys(click.request_ids, end))
        return click.request_ids


@dataclass
class Template:
    """Folders and a database to copy from."""

    name: str
    folder: Path
    rows: Rows | None  # of PostgreSQL; SQLite's file lies in the state folder
    ledger: Ledger
    settings: dict[str, str] = field(default_factory=dict)  # environment


Fill = Callable[[World, Ledger], None]


def make_template(fill: Fill, folder: Path, database_url: str = "", journal: str = "", **settings: str) -> Template:
    """One instrument a part; documents in `media`, archives in `archives`, everything else in `state`.

    `journal` is SQLite's journal mode when it is not WAL, as in a database that SAM made.
    """
    world = make_world(
        folder,
        database_url or None,
        media_root=str(folder / "media"),
        archive_root=str(folder / "archives"),
        part_size="1",
    )
    for made in (world.settings.archive_root, folder / "tmp"):
        Path(made).mkdir(exist_ok=True)
    ledger = Ledger()
    fill(world, ledger)
    if journal:
        with world.database.engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql(f"PRAGMA journal_mode={journal}")
    world.database.close()
    return Template(fill.__name__, folder, Rows.of(database_url) if database_url else None, ledger, settings)


def company_that_waits(world: World, ledger: Ledger) -> None:
    """Two clicks wait, for a company of two parts."""
    world.company(equipment=2)
    for _ in range(2):
        ledger.accept(world.click())


def nothing_asked_yet(world: World, ledger: Ledger) -> None:
    """A company of two parts."""
    world.company(equipment=2)


def busy_day(world: World, ledger: Ledger) -> None:
    """All that a run does: parts to build, one to give again, one to expire, history, and a crash to clear."""
    _companies(world)
    failed = _failed_request(world, ledger)
    _publish(world, ledger, *PUBLISHED_OFTEN)
    _expire(world, ledger)
    _grow_old(world, failed)
    for _ in range(2):
        ledger.accept(world.click())
    ledger.accept(world.click("ida"))
    path = "zip_requests/1/20250101_000000_parte_2_req_1.zip"
    _claim_of_a_dead_run(world, path)
    _put(world, path)  # it died between the name and the row
    _put(world, temporary_key(path, CRASHED_TOKEN))
    _spool(world)
    shutil.rmtree(world.settings.cache_dir)


def years_of_neglect(world: World, ledger: Ledger) -> None:
    """All that a purge does: expired, lost, orphaned and half-written files, old and stuck requests."""
    _companies(world)
    failed = _failed_request(world, ledger)
    lost, _ = _publish(world, ledger, "CERTIBOY")
    _publish(world, ledger, *PUBLISHED_OFTEN)
    _expire(world, ledger)
    _grow_old(world, failed)
    ledger.ends[lost] = "failed"
    Path(world.settings.archive_root, world.requests()[lost - 1].file_path).unlink()
    for request_id in ledger.accept(world.click("oro"), "failed"):
        world.set_request(request_id, created_at=datetime.now(UTC) - timedelta(days=2))
    ledger.accept(world.click("ida"))
    path = "zip_requests/1/20250101_000000_parte_2_req_77.zip"
    _put(world, path, OLD)
    _put(world, temporary_key(path, CRASHED_TOKEN), OLD)
    _spool(world, OLD)


def _companies(world: World) -> None:
    world.company(equipment=2)
    for user, name in zip(PUBLISHED_OFTEN, ("Ida Ltda", "Oro SAS"), strict=True):
        world.company(name, equipment=1, user=user)


def _publish(world: World, ledger: Ledger, *users: str) -> list[int]:
    clicks = [ledger.accept(world.click(user)) for user in users]
    world.run()
    return [request_id for ids in clicks for request_id in ids]


def _expire(world: World, ledger: Ledger) -> None:
    """The archive of user oro."""
    past = datetime.now(UTC) - timedelta(minutes=5)
    with world.database.write() as connection:
        user = select(tables.customuser.c.id).where(tables.customuser.c.username == "oro").scalar_subquery()
        mine = (tables.ziprequest.c.user_id == user) & (tables.ziprequest.c.status == "completed")
        request_id, path = connection.execute(
            select(tables.ziprequest.c.id, tables.ziprequest.c.file_path).where(mine)
        ).one()
        connection.execute(
            update(tables.ziprequest).where(tables.ziprequest.c.id == request_id).values(expires_at=past)
        )
        connection.execute(update(tables.archive).where(tables.archive.c.path == path).values(expires_at=past))
    ledger.ends[request_id] = "expired"


def _failed_request(world: World, ledger: Ledger) -> list[int]:
    """Made before all others, as numbers grow with time."""
    ids = ledger.accept(world.click("oro"), "gone")
    for request_id in ids:
        world.set_request(request_id, status="failed", completed_at=datetime.now(UTC))
    return ids


def _grow_old(world: World, ids: list[int]) -> None:
    """Not before the last run of a world's past: it would forget them."""
    long_ago = datetime.now(UTC) - timedelta(days=8)
    for request_id in ids:
        world.set_request(request_id, created_at=long_ago, completed_at=long_ago)


def _claim_of_a_dead_run(world: World, path: str) -> None:
    """Of company 1's second part."""
    request = tables.ziprequest.c
    mine = (request.empresa_id == 1) & (request.parte_numero == 2) & (request.status == "pending")
    with world.database.write() as connection:
        connection.execute(update(tables.ziprequest).where(mine).values(status="processing"))
        connection.execute(
            insert(tables.work).values(
                company_id=1,
                part=2,
                queued_at=datetime.now(UTC),
                token=CRASHED_TOKEN,
                run_id=CRASHED_RUN,
                attempts=1,
                path=path,
            )
        )


def _put(world: World, name: str, age: timedelta = timedelta(0)) -> None:
    """A whole archive under that name: whoever leaves it behind leaves no torn one."""
    target = Path(world.settings.archive_root, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(next(Path(world.settings.archive_root).rglob("*_req_*.zip")), target)
    _age(target, age)


def _spool(world: World, age: timedelta = timedelta(0)) -> None:
    folder = world.settings.temporary_dir / CRASHED_RUN
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "records").write_bytes(b"half")
    for path in (folder / "1" / "records", folder / "1", folder):
        _age(path, age)


def _age(path: Path, age: timedelta) -> None:
    moment = (datetime.now(UTC) - age).timestamp()
    os.utime(path, (moment, moment))
