"""Looks at every document of a company without opening one: enough to tell whether an archive would differ."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

from samzip.archive.part import Progress, Report
from samzip.archive.presence import require_documents
from samzip.archive.spool import OwnerSurvey, Spool
from samzip.archive.version import CODE
from samzip.catalog.model import Company
from samzip.dossier import keys, names, plan
from samzip.dossier.contents import PartRange, Source
from samzip.storage import ABSENT, Stat, Store, open_store

CHECKING = "Revisando documentos..."
THERE = "está"
DOWNLOAD = "está entre los archivos de descarga, no entre los documentos"


@dataclass(frozen=True, slots=True)
class SurveyJob:
    """A snapshot, and where its documents are."""

    spool: Spool
    parts: int
    media_url: str
    archive_url: str
    timezone: str
    day: date  # of the customers: the workbook tells what is due, and overdue, on it


@dataclass(frozen=True, slots=True)
class Survey:
    """What the leader needs to know; the rest lies in the spool."""

    fingerprints: tuple[str, ...]  # of each part
    ranges: tuple[PartRange, ...]
    bytes: tuple[int, ...]  # of each part's documents
    logo_identity: str | None  # None: it is missing
    is_all_missing: bool  # documents are known, and not one of them is there


def company_folder(company: Company) -> str:
    """The top folder of every archive of a company."""
    return names.NameAllocator().folder("", company.name, limit=names.COMPANY_LIMIT)


def survey_company(job: SurveyJob, report: Report) -> Survey:
    """Tells where it stands after each part. Raises StorageFailed; also when the documents' volume is away."""
    spool, store = job.spool, open_store(job.media_url)
    downloads = tuple(f"{root.place(keys.FOLDER)}/" for root in (store, open_store(job.archive_url)))
    records = spool.records()
    top = company_folder(records.company)
    path = records.company.logo
    (logo,) = _look(store, downloads, [[Source(None, plan.LOGO_TITLE, path, top, "logo")] if path else []])
    digest = hashlib.sha256(
        repr((CODE, job.day, job.timezone, job.parts, records, logo)).encode("utf-8", "surrogatepass")
    )
    ranges, sizes = [], []
    seen = {_seen(it) for _, it in logo}
    folders = plan.equipment_folders(spool.codes(), top)
    done = 0
    for part in range(1, job.parts + 1):
        equipment = spool.equipment(part)
        own = [folders[item.id] for item in equipment]
        procedures = records.procedures if part == job.parts else ()
        owners = [
            plan.equipment_sources(item, folder, job.timezone) for item, folder in zip(equipment, own, strict=True)
        ]
        owners.append(plan.procedure_sources(procedures, f"{top}/{plan.PROCEDURES}"))
        survey = _look(store, downloads, [list(sources) for sources in owners])
        if part == job.parts:
            survey[-1] += [(source, it) for source, it in logo if isinstance(it, str)]
        digest.update(repr((equipment, survey)).encode("utf-8", "surrogatepass"))
        seen |= {_seen(it) for owner in survey for _, it in owner}
        ranges.append(PartRange(part, equipment[0].code, equipment[-1].code, len(equipment)))
        sizes.append(sum(it.size for owner in survey for _, it in owner if isinstance(it, Stat)))
        spool.write_survey(part, own, survey)
        done += len(equipment)
        report(Progress(done, "", 0, CHECKING, 0))
    fingerprints = tuple(
        hashlib.sha256(f"{digest.hexdigest()} {part}".encode()).hexdigest() for part in range(1, job.parts + 1)
    )
    logo_identity = next((it.etag for _, it in logo if isinstance(it, Stat)), None)
    is_all_missing = ABSENT in seen and THERE not in seen
    return Survey(fingerprints, tuple(ranges), tuple(sizes), logo_identity, is_all_missing)


def _seen(found: Stat | str) -> str:
    return THERE if isinstance(found, Stat) else found


def _look(store: Store, downloads: tuple[str, ...], owners: list[list[Source]]) -> list[OwnerSurvey]:
    """What lies below one of the folders `downloads` is an archive, which may be another company's."""
    paths = {source.path for sources in owners for source in sources}
    archives = {path for path in paths if store.place(path).startswith(downloads)}
    wanted = [source.path for sources in owners for source in sources if source.path not in archives]
    found = iter(_stat_many(store, wanted))
    return [
        [(source, DOWNLOAD if source.path in archives else next(found)) for source in sources] for sources in owners
    ]


def _stat_many(store: Store, names: list[str]) -> list[Stat | str]:
    """What is not in a folder is looked for twice: its volume may be away for a moment. Raises StoreAway when it still
    is."""
    found = store.stat_many(names)
    absent = [index for index, it in enumerate(found) if it == ABSENT]
    if absent:
        require_documents(store)
    if "://" not in store.url:
        for index, again in zip(absent, store.stat_many([names[index] for index in absent]), strict=True):
            found[index] = again
    return found
