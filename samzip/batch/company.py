"""One company in one pass: a snapshot of it, and what was found of its documents."""

from __future__ import annotations

import secrets
import shutil
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from samzip.archive.part import PartJob
from samzip.archive.prepare import PrepareJob
from samzip.archive.spool import Spool
from samzip.archive.survey import Survey, SurveyJob, company_folder
from samzip.batch.context import Context
from samzip.catalog.model import CompanyRecords, Equipment
from samzip.catalog.read import read_equipment, read_records
from samzip.dossier.contents import PartRange
from samzip.dossier.moments import in_zone
from samzip.dossier.parts import Cut
from samzip.errors import StorageFailed
from samzip.events import CompanyPlanned, RequestRejected
from samzip.requests import runs, work
from samzip.requests.line import asked
from samzip.requests.reconcile import reconcile
from samzip.requests.shown import read_warnings
from samzip.settings import Settings
from samzip.storage import MissingFile
from samzip.threads import Abandoned


class SnapshotFailed(Exception):
    """There is no room for a company's snapshot: others may be smaller."""

    def __init__(self, error: StorageFailed) -> None:
        super().__init__(str(error))
        self.error = error


@dataclass(slots=True)
class CompanyPass:
    """Changes as its parts are begun; everything else stays as the snapshot saw it."""

    key: str  # of this opening: what an earlier one left behind in the same run may still write
    settings: Settings
    records: CompanyRecords
    spool: Spool
    cut: Cut
    parts: deque[int]  # those to begin
    waiting: Mapping[int, Sequence[int]]  # by part: the requests that the snapshot serves
    known: dict[str, runs.KnownArchive]  # by fingerprint
    generated: datetime
    survey: Survey | None = None
    open: set[int] = field(default_factory=set)  # parts not yet ended

    def survey_job(self) -> SurveyJob:
        settings = self.settings
        day = in_zone(self.generated, ZoneInfo(settings.timezone)).date()
        return SurveyJob(self.spool, self.cut.parts, settings.media_root, settings.archive_root, settings.timezone, day)

    def end_survey(self, survey: Survey) -> None:
        """Sizes are known now: the part that takes longest begins first, so that none is left to a single worker."""
        self.survey = survey
        self.parts = deque(sorted(self.parts, key=lambda part: -survey.bytes[part - 1]))

    def prepare_job(self) -> PrepareJob:
        return PrepareJob(self.spool, self.cut.parts, self.settings.media_root, self.generated, self.settings.timezone)

    def part_job(self, part: int, temporary: str) -> PartJob:
        survey = self._surveyed()
        folders, documents = self.spool.documents(part)
        return PartJob(
            records=self.records,
            top=company_folder(self.records.company),
            equipment=tuple(self.spool.equipment(part)),
            folders=tuple(folders),
            documents=tuple(tuple(owner) for owner in documents),
            part=part,
            ranges=survey.ranges,
            spool=self.spool,
            generated=self.generated,
            timezone=self.settings.timezone,
            media_url=self.settings.media_root,
            archive_url=self.settings.archive_root,
            temporary=temporary,
            cache_dir=str(self.settings.cache_dir),
            logo_identity=survey.logo_identity,
        )

    def must_build(self) -> bool:
        """Whether any part that is yet to begin is not there already."""
        return any(self.reusable(part) is None for part in self.parts)

    def reusable(self, part: int) -> runs.KnownArchive | None:
        return self.known.get(self.fingerprint(part))

    def fingerprint(self, part: int) -> str:
        return self._surveyed().fingerprints[part - 1]

    def range(self, part: int) -> PartRange:
        return self._surveyed().ranges[part - 1]

    def bytes(self, part: int) -> int:
        return self._surveyed().bytes[part - 1]

    def leave(self, part: int) -> None:
        """The part is done with; the last one takes the snapshot away."""
        self.open.discard(part)
        if not self.open:
            self.close()

    def close(self) -> None:
        shutil.rmtree(self.spool.folder, ignore_errors=True)

    def _surveyed(self) -> Survey:
        if self.survey is None:
            raise RuntimeError("a part was asked for before its company was surveyed")
        return self.survey


def open_company(context: Context, company_id: int) -> CompanyPass | None:
    """Takes the snapshot of this pass and fits the requests to it. None: nothing is left to build.

    Raises SnapshotFailed, StorageFailed, LockBusy, Abandoned.
    """
    settings, database = context.settings, context.database
    key = f"{company_id}-{secrets.token_hex(4)}"
    spool = Spool(settings.temporary_dir / context.run_id / key)
    with database.read() as connection:
        records = read_records(connection, company_id)
        seen = asked(connection, company_id)
        cut = None
        if records is not None:
            batches = _unless_asked_to_end(context, read_equipment(connection, company_id, settings.part_size))
            try:
                cut = spool.write_snapshot(records, batches)
            except StorageFailed as error:
                shutil.rmtree(spool.folder, ignore_errors=True)
                raise SnapshotFailed(error) from error
    with context.alone(lock_s=context.waits.seconds) as (connection, now):
        fitted = reconcile(
            connection,
            now,
            company_id=company_id,
            cut=cut,
            seen=seen,
            part_size=settings.part_size,
            ttl=settings.ttl,
        )
        due = {item.part for item in work.waiting(connection, now, company_id)}
        known = runs.reusable(connection, now, company_id)
    for request_id in fitted.rejected:
        context.tally["rejected"] += 1
        context.publish(RequestRejected(request_id, fitted.reason))
    parts = sorted(due & fitted.waiting.keys())
    if records is None or cut is None or not parts:
        shutil.rmtree(spool.folder, ignore_errors=True)
        return None
    name = records.company.name
    changes = (fitted.inserted, fitted.cancelled, fitted.recut)
    context.publish(CompanyPlanned(company_id, name, cut.equipment, cut.parts, *changes))
    return CompanyPass(
        key=key,
        settings=settings,
        records=records,
        spool=spool,
        cut=cut,
        parts=deque(parts),
        waiting=fitted.waiting,
        known={archive.fingerprint: archive for archive in known if _is_sound(context, archive)},
        generated=now,
        open=set(parts),
    )


def _unless_asked_to_end(context: Context, batches: Iterator[list[Equipment]]) -> Iterator[list[Equipment]]:
    for batch in batches:
        if context.stop:
            raise Abandoned
        yield batch


def _is_sound(context: Context, archive: runs.KnownArchive) -> bool:
    """Whether it can be given again: what it lacks is known, and its file is there."""
    if not archive.fingerprint or not (archive.warnings == "[]" or read_warnings(archive.warnings)):
        return False
    try:
        return context.archives.stat(archive.path).size == archive.size
    except MissingFile:
        return False
