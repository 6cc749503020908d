"""What may be told to those who asked: who has now got all of it, and where it is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, select

from samzip.database.tables import archive, customuser, empresa, ziprequest
from samzip.requests.line import IMPOSSIBLE_PART, is_whole
from samzip.requests.shown import DeliveredPart, Delivery, Owner, read_warnings
from samzip.requests.states import LIVE


def deliveries(connection: Connection, now: datetime, company_id: int, part: int) -> list[Delivery]:
    """One for each active user whose request for this part just ended and who waits for no other of that company.

    It lists every part that they can download now, and those that failed at last.
    """
    ended = (
        (ziprequest.c.empresa_id == company_id)
        & (ziprequest.c.parte_numero == part)
        & ziprequest.c.status.in_(("completed", "failed"))
    )
    last = select(func.max(ziprequest.c.completed_at)).where(ended).scalar_subquery()
    users = connection.execute(
        select(customuser.c.id, customuser.c.username, customuser.c.email, empresa.c.nombre)
        .join(ziprequest, ziprequest.c.user_id == customuser.c.id)
        .join(empresa, empresa.c.id == ziprequest.c.empresa_id)
        .where(ended, ziprequest.c.completed_at == last, customuser.c.is_active)
        .distinct()
        .order_by(customuser.c.id)
    ).all()
    found = []
    for user_id, name, email, company in users:
        theirs = (ziprequest.c.user_id == user_id) & (ziprequest.c.empresa_id == company_id)
        if connection.execute(select(ziprequest.c.id).where(theirs, ziprequest.c.status.in_(LIVE)).limit(1)).first():
            continue
        rows = connection.execute(
            select(ziprequest, archive.c.size, archive.c.warnings, archive.c.expires_at.label("until"))
            .outerjoin(archive, archive.c.path == ziprequest.c.file_path)
            .where(theirs, ziprequest.c.status.in_(("completed", "failed")), ~IMPOSSIBLE_PART)
            .where(is_whole(ziprequest.c.total_partes))
            .order_by(ziprequest.c.id)
        ).all()
        newest = {row.parte_numero: row for row in rows if row.parte_numero <= rows[-1].total_partes}
        parts = tuple(
            DeliveredPart(
                request_id=row.id,
                part=row.parte_numero,
                parts=rows[-1].total_partes,
                size=row.size or row.file_size or 0,
                expires=row.expires_at or row.until,
                warnings=read_warnings(row.warnings),
                error=(row.error_message or "") if row.status == "failed" else None,
            )
            for _, row in sorted(newest.items())
            if row.status == "failed" or ((row.expires_at or row.until) and (row.expires_at or row.until) > now)
        )
        if parts:
            found.append(Delivery(Owner(user_id, company_id), name, email or "", company, parts))
    return found
