"""The promise, checked from outside: nothing lost, nothing torn, nothing twice, nothing left over."""

from __future__ import annotations

import hashlib
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from samzip.archive.verify import verify_zip
from samzip.dossier.keys import parse_key
from tests.support.faults.stage import Stage
from tests.support.faults.worlds import Ledger

LOST, TORN, TWICE, LEFT, WRONG = "lost", "torn", "twice", "left over", "wrong end"


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not kept."""

    kind: str
    what: str


@dataclass
class Seen:
    """What anyone could see in one moment."""

    delivered: dict[int, tuple[str, int, str]] = field(default_factory=dict)  # request -> path, inode, digest
    violations: list[Violation] = field(default_factory=list)


def look(stage: Stage) -> Seen:
    """Right after a fault, before anything is mended: whatever has a final name is whole, and whatever is offered is
    there, with the digest that its row tells."""
    seen = Seen()
    for name in stage.files():
        if parse_key(name) is not None:
            seen.violations += [Violation(TORN, f"{name}: {why}") for why in _damage(stage.archives / name)]
    archives = {row["path"]: row for row in stage.rows("SELECT * FROM samzip_archive")}
    lost = _lost_before(stage)
    for row in stage.rows("SELECT * FROM core_ziprequest WHERE status = 'completed'"):
        path, known = row["file_path"], archives.get(row["file_path"])
        if known is None or known["deleting"] or not (stage.archives / path).is_file():
            if row["id"] not in lost:
                seen.violations.append(Violation(TORN, f"request {row['id']} is offered {path}, which is not there"))
            continue
        digest = hashlib.sha256((stage.archives / path).read_bytes()).hexdigest()
        if digest != known["sha256"]:
            seen.violations.append(Violation(TORN, f"{path} has another digest than its row"))
        seen.delivered[row["id"]] = (path, (stage.archives / path).stat().st_ino, digest)
    return seen


def settle(stage: Stage, *, patient: bool = False) -> list[Violation]:
    """Runs until nothing waits. After a kill one run does it; `patient` lets backoffs pass first, as after errors."""
    for _ in range(4 if patient else 1):
        if patient:
            stage.change("UPDATE samzip_work SET not_before = NULL")
        ended = stage.run()
        if ended.code not in ((0, 3) if patient else (0,)):
            return [Violation(WRONG, f"the next run ended with {ended}: {stage.output()[-2000:]}")]
        if not stage.rows("SELECT 1 AS x FROM core_ziprequest WHERE status IN ('pending', 'processing', 'queued')"):
            return []
    return [Violation(LOST, "requests still wait after the next run")]


def judge(stage: Stage, ledger: Ledger, before: Seen) -> list[Violation]:
    """When all is quiet again: every request ended as the ledger says, once, and nothing lies about."""
    after = look(stage)
    found = [*before.violations, *after.violations]
    rows = {row["id"]: row for row in stage.rows("SELECT * FROM core_ziprequest")}
    for request_id, end in ledger.ends.items():
        row = rows.pop(request_id, None)
        status = row["status"] if row else "gone"
        if status != end:
            found.append(Violation(LOST, f"request {request_id} is {status}, not {end}"))
        elif end == "failed" and row and not row["error_message"]:
            found.append(Violation(LOST, f"request {request_id} failed without a reason"))
        elif end == "completed" and before.delivered.get(request_id) not in (None, after.delivered.get(request_id)):
            found.append(Violation(TWICE, f"request {request_id} was served already, and then once more"))
    found += [Violation(TWICE, f"request {request_id} was never made by anyone") for request_id in rows]
    archives = stage.rows("SELECT * FROM samzip_archive")
    parts = Counter((row["company_id"], row["part"]) for row in archives)
    prints = Counter(row["fingerprint"] for row in archives if row["fingerprint"])  # without: it is not given again
    found += [Violation(TWICE, f"part {key} has {count} archives") for key, count in parts.items() if count > 1]
    found += [Violation(TWICE, f"{count} archives of one content") for count in prints.values() if count > 1]
    found += _left(stage, {row["path"] for row in archives}, {path for path, *_ in after.delivered.values()})
    return found


def _left(stage: Stage, archives: set[str], delivered: set[str]) -> list[Violation]:
    found = [f"file {name}" for name in stage.files() if name not in archives]
    found += [f"archive {name}, which nobody is offered" for name in archives - delivered]
    found += [f"row of {name} without a file" for name in archives if not (stage.archives / name).is_file()]
    for table in ("samzip_work", "samzip_lease"):
        found += [f"{table}: {row}" for row in stage.rows(f"SELECT * FROM {table}")]
    found += [f"open run {row['id']}" for row in stage.rows("SELECT id FROM samzip_run WHERE finished_at IS NULL")]
    found += [f"{path.relative_to(stage.folder)}" for path in (stage.state / "tmp").rglob("*")]
    found += [f"{path.relative_to(stage.folder)}" for path in (stage.folder / "tmp").rglob("*") if not _is_probe(path)]
    found += [f"{path.relative_to(stage.folder)}" for path in (stage.state / "cache").rglob("*.tmp")]
    found += [f"empty {path.name}" for path in stage.state.glob("host-id") if not path.read_text().strip()]
    found += [f"{path.name}" for path in stage.state.glob("host-id.*")]
    return [Violation(LEFT, what) for what in found]


def _is_probe(path: Path) -> bool:
    """Python's tempfile tries a folder with a file of at most four bytes; no program can know the name of that."""
    return path.is_file() and b"blat".startswith(path.read_bytes())


def _damage(path: Path) -> list[str]:
    """By samzip's own reader and by Python's."""
    try:
        with path.open("rb", buffering=0) as file:
            verify_zip(file)
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
    return [f"damaged entry {bad}"] if bad else []


def _lost_before(stage: Stage) -> set[int]:
    """Requests whose files the template itself had lost."""
    assert stage.template is not None
    return {request_id for request_id, end in stage.template.ledger.ends.items() if end == "failed"}
