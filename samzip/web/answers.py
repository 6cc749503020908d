"""The JSON of the API, as described by openapi.json."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from samzip.dossier.missing import tally
from samzip.requests.pulse import Pulse
from samzip.requests.watched import Watched

WARNINGS = 200  # of one part; FALTANTES.txt in the archive has them all
POLL_WORKING_S = 2
POLL_WAITING_S = 5

_WORKING = ("pending", "processing")


def moment(value: datetime | None) -> str | None:
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if value else None


def part(watched: Watched, download_url: str | None) -> dict[str, Any]:
    """One request."""
    found = tally(watched.warnings)
    return {
        "id": watched.id,
        "part": watched.part,
        "parts": watched.parts,
        "status": watched.status,
        "step": watched.step,
        "percent": min(100, max(0, watched.percent)),
        "equipment": {"done": watched.done, "total": watched.total},
        "position": watched.position,
        "attempt": watched.attempt,
        "created": moment(watched.created),
        "started": moment(watched.started),
        "estimated": moment(watched.estimated),
        "retry_at": moment(watched.retry_at),
        "completed": moment(watched.completed),
        "expires": moment(watched.expires),
        "error": watched.error,
        "file_name": watched.download_name,
        "size": watched.size,
        "sha256": watched.sha256,
        "missing": found.missing,
        "doubtful": found.observations,
        "warnings": watched.warnings[:WARNINGS],
        "download_url": download_url,
    }


def request(watched: Watched, download_url: str | None) -> dict[str, Any]:
    """One request as a service sees it."""
    company = {"id": watched.company_id, "name": watched.company}
    return {**part(watched, download_url), "user": watched.user, "company": company}


def status(
    watched: Sequence[Watched], now: datetime, links: dict[str, str], download_url: Callable[[Watched], str | None]
) -> dict[str, Any]:
    """All that a status link names. A part that the inventory lost is among `parts`, and counted nowhere."""
    parts = [part(one, download_url(one)) for one in watched]
    counted = [one for one in parts if not is_surplus(one, parts)]
    states = [one["status"] for one in counted]
    working = any(state in _WORKING for state in states)
    poll = POLL_WORKING_S if "processing" in states else POLL_WAITING_S
    return {
        "company": watched[0].company,
        "user": watched[0].user,
        "now": moment(now),
        "percent": sum(100 if one["status"] == "completed" else one["percent"] for one in counted) // len(counted),
        "ready": states.count("completed"),
        "total": len(counted),
        "working": working,
        "can_cancel": working,
        "can_retry": any(state in ("failed", "expired") for state in states),
        "poll_after": poll if working else None,
        "parts": parts,
        **links,
    }


def is_surplus(one: dict[str, Any], parts: Sequence[dict[str, Any]]) -> bool:
    """Whether the inventory lost it between the click and the build: those that stayed know how many there are now."""
    return bool(one["status"] == "cancelled" and one["part"] > min(other["parts"] for other in parts))


def health(pulse: Pulse | None, *, database: bool, archives: bool) -> dict[str, Any]:
    alive = pulse is not None and pulse.is_alive
    finished = pulse.finished if pulse else None
    return {
        "status": "ok" if database and archives and alive else "failing",
        "database": "ok" if database else "unreachable",
        "archives": "ok" if archives else "unreachable",
        "runs": "unknown" if pulse is None else "ok" if alive else "stopped",
        "waiting": pulse.waiting if pulse else None,
        "last_run": moment(finished),
        "last_run_age": int((pulse.now - finished).total_seconds()) if pulse and finished else None,
    }
