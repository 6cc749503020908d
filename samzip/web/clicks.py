"""A click: who may is asked, it is counted, and its requests are inserted, all in one transaction."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from samzip.catalog import people
from samzip.requests import web_keys
from samzip.requests.insert import insert_for
from samzip.web.problems import Problem
from samzip.web.rates import Rates

if TYPE_CHECKING:
    from sqlalchemy import Connection

ANSWER_LIFE = timedelta(hours=24)  # of what an Idempotency-Key gave

Accepted = dict[str, Any]  # kept as JSON with an Idempotency-Key: ids, company, user, user_id, equipment, expires


@dataclass(frozen=True, slots=True)
class Clicks:
    """How they are taken here."""

    rates: Rates
    part_size: int
    history: timedelta  # how long its requests are kept

    def accept(
        self, connection: Connection, now: datetime, user: str, company_id: int | None, key: str | None
    ) -> Accepted:
        """Inserts requests, or gives what the same click with the same `key` gave before. Raises Problem,
        RequestRefused."""
        if key is None:
            return self._insert(connection, now, user, company_id)
        asked = [user, company_id]
        if web_keys.remember(connection, now, web_keys.ANSWER, key, ANSWER_LIFE):
            accepted = self._insert(connection, now, user, company_id)
            web_keys.set_value(connection, web_keys.ANSWER, key, json.dumps({"asked": asked, "answer": accepted}))
            return accepted
        known: dict[str, Any] = json.loads(web_keys.get_value(connection, web_keys.ANSWER, key) or "{}")
        if known.get("asked") != asked:
            raise Problem("key_reused")
        answer: Accepted = known["answer"]
        return answer

    def _insert(self, connection: Connection, now: datetime, user: str, company_id: int | None) -> Accepted:
        requester = people.authorise(connection, user, company_id)
        self.rates.count(connection, requester.user_id, requester.company_id)
        inserted = insert_for(connection, now, requester, self.part_size)
        return {
            "ids": list(inserted.request_ids),
            "company": {"id": inserted.company_id, "name": inserted.company},
            "user": inserted.user,
            "user_id": requester.user_id,
            "equipment": inserted.equipment,
            "expires": (now + self.history).isoformat(),
        }


def own_key(caller: str, key: str) -> str:
    """Each service has its own Idempotency-Keys."""
    return hashlib.sha256(f"{caller}\n{key}".encode()).hexdigest()
