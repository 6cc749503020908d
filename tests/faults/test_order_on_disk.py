"""The order of things on the disk, read from traces of real runs: what makes a power cut as harmless as a kill.

The name is noted in the database before a byte is written; the file is read again and fsynced before it gets its name;
the folder is fsynced before the database hears that the archive is complete; and that, too, is on the disk before the
run goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

import pytest

from tests.support.faults.arena import Arena
from tests.support.faults.ledger import judge, look
from tests.support.faults.points import KILL_CALLS, Step, read_steps, trace_options
from tests.support.faults.stage import RUN
from tests.support.faults.worlds import busy_day

CALLS = (*KILL_CALLS, "read", "pread64")
COMPLETED = "ZIP completado y listo para descarga"
_traces: dict[str, tuple[list[Step], dict[str, str]]] = {}  # by the arena's kind
_RENAME = re.compile(r'"(?P<old>[^"]+\.samzip-part)", "(?P<new>[^"]+\.zip)"')

pytestmark = pytest.mark.parametrize("arena", ["wal", "journal", "postgres"], indirect=True)


def trace(arena: Arena) -> tuple[list[Step], dict[str, str]]:
    """A run's calls, and its publications: temporary file -> archive."""
    if arena.kind in _traces:
        return _traces[arena.kind]
    stage, template = arena.stages[0], arena.template(busy_day)
    stage.put_back(template)
    output = stage.folder / "order"
    assert stage.run(RUN, trace_options(output, CALLS)).code == 0
    assert judge(stage, template.ledger, look(stage)) == []
    steps = read_steps(output)
    renames = [match for step in steps if step.call == "rename" and (match := _RENAME.match(step.text))]
    published = {match["old"]: match["new"] for match in renames}
    assert len(published) == 2
    _traces[arena.kind] = steps, published
    return steps, published


def indices(steps: list[Step], fits: Callable[[Step], bool]) -> list[int]:
    return [index for index, step in enumerate(steps) if fits(step)]


def on(step: Step, path: str) -> bool:
    """Whether the call's descriptor is that file."""
    return re.match(rf"\d+<{re.escape(path)}>", step.text) is not None


def is_told(step: Step, *words: str) -> bool:
    """Whether the database is told these words."""
    is_database = step.call == "sendto" or (step.call == "pwrite64" and "samzip.sqlite3" in step.text[:300])
    return is_database and all(word in step.text for word in words)


def test_no_final_name_appears_before_its_data_is_verified_and_on_the_disk(arena: Arena) -> None:
    steps, published = trace(arena)
    for temporary, final in published.items():
        (named,) = indices(steps, lambda step, name=temporary: step.call == "rename" and f'"{name}"' in step.text)
        written = indices(steps, lambda step, name=temporary: step.call in ("write", "pwrite64") and on(step, name))
        read = indices(steps, lambda step, name=temporary: step.call in ("read", "pread64") and on(step, name))
        (synced,) = indices(steps, lambda step, name=temporary: step.call == "fsync" and on(step, name))
        assert written[-1] < read[-1] < synced < named
        assert not indices(steps, lambda step, name=final: "O_CREAT" in step.text and f'"{name}"' in step.text)


def test_completed_is_committed_only_after_the_name_and_its_folder_are_on_the_disk(arena: Arena) -> None:
    steps, published = trace(arena)
    for temporary, final in published.items():
        name, folder = PurePosixPath(final).name, str(PurePosixPath(final).parent)
        (named,) = indices(steps, lambda step, name=temporary: step.call == "rename" and f'"{name}"' in step.text)
        synced = next(index for index in range(named, len(steps)) if _syncs(steps[index], folder))
        told = indices(steps, lambda step, name=name: is_told(step, name, COMPLETED))
        assert told
        assert named < synced < told[0]


def test_the_archives_name_is_noted_before_a_byte_of_it_is_written(arena: Arena) -> None:
    steps, published = trace(arena)
    for temporary, final in published.items():
        name = PurePosixPath(final).name
        noted = indices(steps, lambda step, name=name: is_told(step, name))
        created = indices(steps, lambda step, name=temporary: "O_CREAT" in step.text and f'"{name}"' in step.text)
        assert noted[0] < created[0]
        if arena.server:
            committed = indices(steps, lambda step: step.call == "sendto" and "COMMIT" in step.text)
        else:
            committed = indices(steps, lambda step: step.call in ("fsync", "fdatasync") and "sqlite3" in step.text)
        assert any(noted[0] < index < created[0] for index in committed)


def test_a_new_folder_is_on_the_disk_before_an_archive_is_in_it(arena: Arena) -> None:
    steps, published = trace(arena)
    first = min(indices(steps, lambda step: step.call == "rename" and ".samzip-part" in step.text))
    made = indices(steps, lambda step: step.call == "mkdir" and "/zip_requests" in step.text and "= 0" in step.text)
    for index in made:
        parent = str(PurePosixPath(steps[index].text.split('"')[1]).parent)
        assert any(_syncs(step, parent) for step in steps[index:first])
    assert published


def _syncs(step: Step, path: str) -> bool:
    return step.call == "fsync" and on(step, path)
