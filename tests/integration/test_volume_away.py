"""A volume that goes away at any moment, as when it is unmounted or its server restarts.

Nobody gets an archive that lacks what is there again tomorrow, nobody's attempt is spent, and no file is forgotten.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from samzip.archive.part import PartJob
from samzip.batch.run import Mode
from samzip.database import tables
from samzip.errors import StorageFailed, StoreAway
from samzip.events import DeletionFailed
from samzip.housekeeping.items import Options
from samzip.housekeeping.purge import Purge
from samzip.storage import Stat
from samzip.storage.local import LocalStore
from tests.support.fragile import Killed
from tests.support.world import World

OPENED = 8  # documents of four instruments: each is opened for its name, and for the archive


class Volume:
    """A folder that can be unmounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.elsewhere = folder.with_name(f"{folder.name}-unmounted")

    def go(self, *, leaves_mount_point: bool = True) -> None:
        self.folder.rename(self.elsewhere)
        if leaves_mount_point:
            self.folder.mkdir()

    def come_back(self) -> None:
        if self.folder.exists():
            assert list(self.folder.iterdir()) == []  # nothing was put there meanwhile
            self.folder.rmdir()
        self.elsewhere.rename(self.folder)

    @contextmanager
    def away(self) -> Iterator[None]:
        self.go()
        try:
            yield
        finally:
            self.come_back()


@pytest.fixture
def archives(world: World, tmp_path: Path) -> Volume:
    """That of the archives, beside the one of the documents."""
    folder = tmp_path / "archives"
    folder.mkdir()
    world.settings = replace(world.settings, archive_root=str(folder))
    return Volume(folder)


def at_job(number: int, act: Callable[[], object]) -> Callable[[Any], None]:
    """Before a run builds its n-th part, counted from 0."""
    parts = iter(range(number + 1))

    def before(job: Any) -> None:
        if isinstance(job, PartJob) and next(parts, None) == number:
            act()

    return before


def attempts(world: World) -> set[int]:
    return {row.attempts for row in world.rows(tables.work)}


@pytest.mark.parametrize("leaves_mount_point", [True, False])
@pytest.mark.parametrize("moment", range(OPENED))
def test_documents_that_go_while_archives_are_built_are_nobodys_attempt(
    world: World, archives: Volume, monkeypatch: pytest.MonkeyPatch, moment: int, leaves_mount_point: bool
) -> None:
    world.company(equipment=4)
    world.click()
    documents, opened = Volume(world.media), iter(range(OPENED))
    undisturbed = LocalStore.open

    def open_or_go(store: LocalStore, name: str) -> BinaryIO:
        if name.startswith("documentos/") and next(opened, None) == moment:
            documents.go(leaves_mount_point=leaves_mount_point)
        return undisturbed(store, name)

    monkeypatch.setattr(LocalStore, "open", open_or_go)
    with pytest.raises(StorageFailed, match=r"is empty, though|No such file"):
        world.run()
    assert attempts(world) == {0}
    served = [row.status for row in world.requests()]
    assert served == ["completed", "pending"] if moment >= OPENED - 2 else ["pending", "pending"]
    documents.come_back()
    finished = world.run()
    assert (finished.outcome, finished.counts.missing) == ("done", 0)
    assert {row.warnings for row in world.rows(tables.archive)} == {"[]"}
    assert len(world.files()) == 2


@pytest.mark.parametrize("number", [0, 1])
def test_an_archive_volume_that_goes_while_archives_are_built_is_nobodys_attempt(
    world: World, archives: Volume, number: int
) -> None:
    world.company(equipment=4)
    world.click()
    world.executor.before = at_job(number, archives.go)
    with pytest.raises(StorageFailed, match="is the volume mounted"):
        world.run()
    assert attempts(world) == {0}
    archives.come_back()
    assert world.run().outcome == "done"
    assert len(world.files()) == 2


def test_an_archive_volume_that_goes_as_an_archive_gets_its_name_is_nobodys_attempt(
    world: World, archives: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=2)
    world.click()
    undisturbed = LocalStore.publish

    def go(store: LocalStore, temporary: str, name: str) -> None:
        archives.go()
        undisturbed(store, temporary, name)

    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "publish", go)
        with pytest.raises(StorageFailed, match="is the volume mounted"):
            world.run()
    assert attempts(world) == {0}
    archives.come_back()
    assert world.run().outcome == "done"
    assert len(world.files()) == 1


def test_what_a_killed_run_left_is_remembered_until_its_volume_is_back(world: World, archives: Volume) -> None:
    world.company(equipment=2)
    world.click()

    def die(job: Any) -> None:
        if isinstance(job, PartJob):
            with world.archives.create(job.temporary) as file:
                file.write(b"half")
            raise Killed

    world.executor.before = die
    with pytest.raises(Killed):
        world.run()
    world.executor.before = lambda job: None
    with archives.away(), pytest.raises(StorageFailed, match="is the volume mounted"):
        world.run()
    world.run()
    assert len(world.files()) == 1
    assert {row.status for row in world.requests()} == {"completed"}


def test_what_expires_is_remembered_until_its_volume_is_back(world: World, archives: Volume) -> None:
    world.company(equipment=2)
    world.click()
    world.run()
    world.later(hours=7)
    with archives.away():
        assert world.run().outcome == "problems"
        assert "is the volume mounted" in world.seen(DeletionFailed)[0].reason
        assert [row.deleting for row in world.rows(tables.archive)] == [True]
        assert [row.status for row in world.requests()] == ["expired"]
    assert world.run().counts.expired == 1
    assert (world.files(), world.rows(tables.archive)) == ([], [])


def test_a_purge_forgets_nothing_that_its_volume_may_hold(world: World, archives: Volume) -> None:
    world.company(equipment=2)
    world.click()
    world.run()
    world.later(hours=7)

    def purge() -> list[str]:
        _, done = Purge(world.settings, world.database, world.archives, Options(), world.host).run(wait=0)
        return [problem.why for problem in done.problems]

    with archives.away():
        assert "is the volume mounted" in purge()[0]
        assert [row.deleting for row in world.rows(tables.archive)] == [True]
    assert purge() == []
    assert (world.files(), world.rows(tables.archive)) == ([], [])


def test_the_first_click_of_a_day_is_not_served_below_a_bare_mount_point(world: World, archives: Volume) -> None:
    """No archive is left then that could be missed."""
    world.company(equipment=2)
    world.click()
    world.run()
    world.later(hours=7)
    world.run()
    assert world.rows(tables.archive) == []
    world.click()
    with archives.away():
        with pytest.raises(StorageFailed, match="is the volume mounted"):
            world.run(Mode(once=True))
        assert attempts(world) == {0}
    assert world.run().counts.published == 1


@pytest.mark.parametrize("moment", range(OPENED))
def test_documents_that_are_away_for_a_moment_are_not_missing(
    world: World, archives: Volume, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    world.company(equipment=4)
    world.click()
    documents, opened = Volume(world.media), iter(range(OPENED))
    undisturbed = LocalStore.open

    def blink(store: LocalStore, name: str) -> BinaryIO:
        if name.startswith("documentos/") and next(opened, None) == moment:
            with documents.away():
                return undisturbed(store, name)
        return undisturbed(store, name)

    monkeypatch.setattr(LocalStore, "open", blink)
    assert world.run().counts.missing == 0
    assert next(opened, None) is None


def test_documents_that_are_away_while_they_are_looked_at_are_not_missing(
    world: World, archives: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.company(equipment=4)
    world.click()
    documents, looks = Volume(world.media), iter(range(1))
    undisturbed = LocalStore.stat_many

    def blink(store: LocalStore, names: Sequence[str]) -> list[Stat | str]:
        if next(looks, None) is None:
            return undisturbed(store, names)
        with documents.away():
            return undisturbed(store, names)

    monkeypatch.setattr(LocalStore, "stat_many", blink)
    assert world.run().counts.missing == 0
    assert next(looks, None) is None


def test_a_document_that_was_the_last_of_its_folder_is_missing_and_no_volume_is_away(
    world: World, archives: Volume
) -> None:
    """Somebody deleted it meanwhile."""
    company = world.company(equipment=4)
    world.put("logos/a.png", b"x")
    world.click()
    world.executor.before = at_job(0, lambda: shutil.rmtree(world.media / "documentos" / str(company)))
    finished = world.run()
    assert (finished.counts.published, finished.counts.missing) == (2, 4)


def test_the_folder_of_archives_may_be_a_volume_of_its_own(world: World, archives: Volume) -> None:
    world.company(equipment=2)
    world.click()
    world.run()
    world.later(hours=7)
    its = Volume(archives.folder / "zip_requests")
    world.click()
    with its.away(), pytest.raises(StorageFailed, match="is the volume mounted"):
        world.run()
    assert world.run().counts.published == 1
    assert len(world.files()) == 1


def test_a_volume_that_was_away_for_a_worker_only_is_nobodys_attempt(world: World) -> None:
    """It is back when the run looks itself."""
    world.company(equipment=2)
    world.click()

    def be_away() -> None:
        raise StoreAway("the volume")

    world.executor.before = at_job(0, be_away)
    with pytest.raises(StoreAway):
        world.run()
    assert attempts(world) == {0}
    assert world.run().counts.published == 1


def test_archives_of_sams_own_that_lay_elsewhere_are_no_volume_that_is_away(world: World, archives: Volume) -> None:
    """The first run has nothing to do but to expire one."""
    company = world.company(equipment=2)
    world.click()
    path = f"zip_requests/{company}/20240301_101500_parte_1_req_1.zip"
    world.set_request(1, status="completed", file_path=path, expires_at=datetime(2024, 3, 2, tzinfo=UTC))
    finished = world.run()
    assert finished.counts.unremoved == 0
    assert world.rows(tables.archive) == []
    assert not (archives.folder / "zip_requests").exists()
    world.click()
    assert world.run().counts.published == 1


def test_nobody_looks_through_all_archives_to_see_that_their_folder_is_there(
    world: World, archives: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One company's folder that nobody may list would stop all of them."""
    world.company(equipment=2)
    world.click()
    world.run()
    world.later(hours=7)

    def refuse(_store: LocalStore, prefix: str) -> Iterator[tuple[str, Stat]]:
        raise StorageFailed(f"{prefix}/1: Permission denied")

    world.click()
    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "list", refuse)
        finished = world.run()
    assert (finished.counts.published, finished.counts.expired) == (1, 1)
