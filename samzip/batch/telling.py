"""What is told of a company and its parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from samzip.archive.part import FailedSheet, Progress
from samzip.archive.zipwriter import DEFLATE_LEVEL
from samzip.batch.company import CompanyPass
from samzip.batch.in_work import InWork
from samzip.dossier import missing
from samzip.events import (
    CompanyPreparing,
    DocumentMissing,
    DocumentNoted,
    Event,
    LifeSheetFailed,
    PartProgressed,
    PartPublished,
    PartRef,
    PartStarted,
)
from samzip.requests import work


@dataclass(frozen=True, slots=True)
class Served:
    """Who got the archive, until when, and how long that took."""

    requests: int
    expires: datetime
    seconds: float


def of_preparing(company: CompanyPass) -> CompanyPreparing:
    identity = company.records.company
    return CompanyPreparing(identity.id, identity.name, company.cut.equipment, len(company.records.procedures))


def of_start(item: InWork) -> PartStarted:
    return PartStarted(
        ref=item.ref,
        requests=item.held.requests,
        equipment=item.company.range(item.held.part).equipment,
        company_equipment=item.company.cut.equipment,
        level=DEFLATE_LEVEL,
        attempt=item.held.attempt,
    )


def of_progress(item: InWork, progress: Progress) -> PartProgressed:
    return PartProgressed(
        item.ref,
        progress.done,
        item.company.range(item.held.part).equipment,
        progress.code,
        progress.percent,
        progress.step,
        progress.bytes,
        item.company.bytes(item.held.part),
    )


def of_content(ref: PartRef, failed: Iterable[FailedSheet], warnings: Iterable[dict[str, str]]) -> Iterator[Event]:
    """What the archive lacks, and what is odd about the rest; `warnings` are those of its row."""
    for sheet in failed:
        yield LifeSheetFailed(ref, sheet.equipment, sheet.reason, sheet.traceback)
    for warning in warnings:
        where = (ref, warning["equipment"], warning["document"], warning["path"], warning["reason"])
        if warning["kind"] == missing.MISSING:
            yield DocumentMissing(*where)
        else:
            yield DocumentNoted(*where, is_damaged=warning["kind"] == missing.DAMAGED)


def of_archive(
    ref: PartRef, published: work.Published, served: Served, found: missing.Tally, *, entries: int | None
) -> PartPublished:
    """`entries` of an archive that was built; None for one that was there and is given again."""
    return PartPublished(
        ref=ref,
        path=published.path,
        size=published.size,
        sha256=published.sha256,
        entries=entries or 0,
        reused=entries is None,
        **asdict(served),
        **asdict(found),
    )
