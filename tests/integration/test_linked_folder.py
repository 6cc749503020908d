"""`zip_requests` is a link to another volume: nothing is listed through it, nothing changed, and everybody is told."""

from __future__ import annotations

import pytest

from samzip.app import ready_database
from samzip.doctor.examine import examine
from samzip.errors import StorageFailed
from samzip.housekeeping.items import Options
from samzip.housekeeping.purge import Purge
from samzip.housekeeping.verify import Verifier
from tests.support.world import World

TOLD = r"through a link, .*name that folder zip_requests and set archive_root to the one above it"


@pytest.fixture
def linked(world: World) -> World:
    """Two archives were published before the folder moved."""
    world.company(equipment=3)
    world.click()
    world.run()
    folder, elsewhere = world.media / "zip_requests", world.settings.state_dir / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    return world


@pytest.mark.parametrize("options", [Options(), Options(all_archives=True)])
def test_a_purge_sees_and_changes_nothing_through_the_link(linked: World, options: Options) -> None:
    before = linked.requests(), sorted((linked.settings.state_dir / "elsewhere").rglob("*"))
    purge = Purge(linked.settings, linked.database, linked.archives, options, linked.host)
    for act in (purge.find, lambda: purge.run(wait=0)):
        with pytest.raises(StorageFailed, match=TOLD):
            act()
    assert (linked.requests(), sorted((linked.settings.state_dir / "elsewhere").rglob("*"))) == before


def test_a_run_a_verification_and_the_doctor_say_what_to_do(linked: World) -> None:
    linked.later(days=1)
    linked.click()
    with pytest.raises(StorageFailed, match=TOLD):
        linked.run()
    linked.later(days=-1)
    verifier = Verifier(linked.settings, linked.database, linked.archives, linked.host)
    with pytest.raises(StorageFailed, match=TOLD):
        list(verifier.verify(verifier.find(None)))
    told = {finding.check: finding for finding in examine(linked.settings, ready_database)}
    assert told["archives"].state == "problem"
    assert "name that folder zip_requests" in told["archives"].told


def test_a_link_within_the_root_is_as_good_as_a_folder(world: World) -> None:
    world.company(equipment=1)
    (world.media / "here").mkdir()
    (world.media / "zip_requests").symlink_to(world.media / "here")
    world.click()
    assert world.run().counts.published == 1
    purge = Purge(world.settings, world.database, world.archives, Options(all_archives=True), world.host)
    purge.run(wait=0)
    assert list((world.media / "here").rglob("*.zip")) == []
