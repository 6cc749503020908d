"""A company of which nothing can be built now: each of its waiting parts has spent an attempt."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from samzip.database.tables import empresa, ziprequest
from samzip.requests import wording, work
from samzip.requests.line import asked, is_whole
from samzip.requests.states import LIVE, NO_COMPANY


@dataclass(frozen=True, slots=True)
class GivenUp:
    """One part's attempt."""

    company: str
    held: work.Claim
    parts: int
    failed: work.Failed


def give_up(
    connection: Connection,
    now: datetime,
    company_id: int,
    *,
    run_id: str,
    reason: str,
    told: str,
    max_attempts: int,
    worker_died: bool = False,
) -> list[GivenUp]:
    """Claims and fails whatever of the company waits, by what its rows say: its records may be what cannot be read.

    `reason` and `told` as in `work.fail`.
    """
    company = connection.execute(select(empresa.c.nombre).where(empresa.c.id == company_id)).scalar() or NO_COMPANY
    most = select(func.max(ziprequest.c.total_partes)).where(
        ziprequest.c.empresa_id == company_id, ziprequest.c.status.in_(LIVE), is_whole(ziprequest.c.total_partes)
    )
    parts = connection.execute(most).scalar() or 1
    given_up = []
    for part in sorted(item.part for item in work.waiting(connection, now, company_id)):
        token = secrets.token_hex(16)
        held = work.claim(
            connection,
            now,
            company_id=company_id,
            part=part,
            token=token,
            run_id=run_id,
            requests=asked(connection, company_id, part),
        )
        if held is not None:
            notice = wording.failed(company, part, parts, told)
            failed = work.fail(
                connection,
                now,
                held,
                reason=reason,
                told=told,
                max_attempts=max_attempts,
                notice=notice,
                worker_died=worker_died,
            )
            given_up.append(GivenUp(company, held, parts, failed))
    return given_up
