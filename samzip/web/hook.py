"""What can be asked of the hook. It checks who may, and inserts or reads rows; it never builds, locks or waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from samzip.catalog import people
from samzip.database import Database
from samzip.errors import DatabaseNotReady, DatabaseUnreachable, StorageFailed, UsageProblem
from samzip.housekeeping.absence import require_folder
from samzip.requests import runs, single, web_keys
from samzip.requests.expire import expire_early
from samzip.requests.pulse import pulse
from samzip.requests.shown import Owner
from samzip.requests.watched import Watched, gained, watch
from samzip.settings import Settings
from samzip.storage import Store
from samzip.web import answers
from samzip.web.callers import WINDOW, Caller
from samzip.web.clicks import Clicks, own_key
from samzip.web.links import ClickLink, Links
from samzip.web.problems import Problem
from samzip.web.writes import Writes

if TYPE_CHECKING:
    from sqlalchemy import Connection

CLICK_LINK_LIFE = timedelta(hours=12)  # SAM makes a new one whenever it shows its page

Url = Callable[..., str]  # endpoint, values -> address for people


@dataclass(frozen=True, slots=True)
class Hook:
    """One installation behind one application."""

    settings: Settings
    database: Database
    writes: Writes
    archives: Store
    links: Links
    clicks: Clicks
    url: Url

    def now(self) -> datetime:
        """By the clock that everything else goes by."""
        with self.database.read() as connection:
            return self.database.now(connection)

    # -- for services

    def accept_signature(self, caller: Caller) -> None:
        """Raises Problem when the signature was accepted before, by whichever worker."""
        if caller.signature is None:
            return
        remember = partial(web_keys.remember, kind=web_keys.SIGNATURE, key=caller.signature, life=2 * WINDOW)
        if not self.writes.do(remember):
            raise Problem("replayed")

    def click(self, user: str, company_id: int | None, *, caller: str, key: str | None) -> dict[str, Any]:
        """Inserts requests, or gives what the same call with the same Idempotency-Key gave before. One transaction.

        Raises Problem, RequestRefused, DatabaseUnreachable.
        """
        kept = own_key(caller, key) if key is not None else None
        accepted = self.writes.do(partial(self.clicks.accept, user=user, company_id=company_id, key=kept))
        return self._accepted(accepted)

    def click_link(self, user: str, company_id: int | None) -> dict[str, Any]:
        """The address of a page with a button that clicks in this user's name. Raises RequestRefused."""
        with self.database.read() as connection:
            requester = people.authorise(connection, user, company_id)
            expires = self.database.now(connection) + CLICK_LINK_LIFE
        token = self.links.click(requester.username, requester.company_id, expires)
        return {"page_url": self.url("page.button", token=token), "expires": answers.moment(expires)}

    def request(self, request_id: int, user: str | None) -> dict[str, Any]:
        """One request; with `user`, only if that user made it. Raises Problem."""
        watched, now = self._one(request_id, user)
        return self._with_links(watched, now)

    def cancel_request(self, request_id: int, user: str | None) -> dict[str, Any]:
        self._one(request_id, user)
        self._end([request_id])
        return self.request(request_id, user)

    # -- for people with a link

    def read_click_link(self, token: str) -> ClickLink:
        """Raises Problem."""
        return self.links.read_click(token, self.now())

    def click_by_link(self, token: str, *, key: str | None) -> dict[str, Any]:
        link = self.read_click_link(token)
        return self.click(link.user, link.company_id, caller=token, key=key)

    def status(self, token: str) -> dict[str, Any]:
        """Raises Problem: a link dies when all that it names was cancelled."""
        watched, now = self._followed(token)
        if all(one.status == "cancelled" for one in watched):
            raise Problem("cancelled")
        return self._status(token, watched, now)

    def cancel(self, token: str, request_id: int | None = None) -> dict[str, Any]:
        """Ends what still lives of a link's requests, or one of them."""
        watched = self._chosen(token, request_id)
        self._end([one.id for one in watched if one.status in ("pending", "processing")])
        return self._status(token, *self._followed(token))

    def retry(self, token: str, request_id: int | None = None) -> dict[str, Any]:
        """Asks again for what failed or expired. What was cancelled stays so."""
        watched = [one for one in self._chosen(token, request_id) if one.status in ("failed", "expired")]
        if not watched:
            raise Problem("not_retryable")

        def ask_again(connection: Connection, now: datetime) -> None:
            self.clicks.rates.count(connection, watched[0].user_id, watched[0].company_id)
            expire_early(connection, now, self.settings.ttl, [one.id for one in watched])
            for one in sorted(watched, key=lambda it: it.part):  # in the order in which runs make work of clicks
                with suppress(UsageProblem):  # somebody else asked for it at this moment
                    single.retry(connection, now, one.id)

        self.writes.do(ask_again)
        return self._status(token, *self._followed(token))

    # -- for whoever watches the service

    def health(self) -> dict[str, Any]:
        found, has_archives = None, False
        try:
            with self.database.read() as connection:
                now = self.database.now(connection)
                found, has_archives = pulse(connection, now), runs.has_archives(connection, now)
        except (DatabaseUnreachable, DatabaseNotReady):
            pass
        try:
            self.archives.check_readable()
            if has_archives:
                require_folder(self.archives)
            archives = True
        except StorageFailed:
            archives = False
        return answers.health(found, database=found is not None, archives=archives)

    # -- inside

    def _accepted(self, accepted: dict[str, Any]) -> dict[str, Any]:
        ids = accepted["ids"]
        expires = datetime.fromisoformat(accepted["expires"])
        owner = Owner(accepted["user_id"], accepted["company"]["id"])
        return {
            "company": accepted["company"],
            "user": accepted["user"],
            "equipment": accepted["equipment"],
            "requests": [{"id": number, "part": part, "parts": len(ids)} for part, number in enumerate(ids, 1)],
            **self._links(self.links.status(ids, owner, expires), expires),
        }

    def _links(self, token: str, expires: datetime) -> dict[str, Any]:
        return {
            "status_url": self.url("api.status", token=token),
            "page_url": self.url("page.show", token=token),
            "link_expires": answers.moment(expires),
        }

    def _one(self, request_id: int, user: str | None) -> tuple[Watched, datetime]:
        with self.database.read() as connection:
            now = self.database.now(connection)
            found = watch(connection, now, self.settings.ttl, [request_id])
        if not found or (user is not None and (found[0].user != user or not found[0].may)):
            raise Problem("not_found")
        return found[0], now

    def _with_links(self, watched: Watched, now: datetime) -> dict[str, Any]:
        expires = now + self.settings.history
        shown = answers.request(watched, self._download_url(watched))
        token = self.links.status([watched.id], watched.owner, expires, is_click=False)
        return {**shown, **self._links(token, expires)}

    def _followed(self, token: str) -> tuple[list[Watched], datetime]:
        """What a link names. Raises Problem when that is gone, or its user may not have it any more."""
        with self.database.read() as connection:
            now = self.database.now(connection)
            link = self.links.read_status(token, now)
            watched = watch(connection, now, self.settings.ttl, link.requests)
            watched = [one for one in watched if one.owner == link.owner]
            if link.is_click and watched and (more := gained(connection, watched)):
                watched = watch(connection, now, self.settings.ttl, [*(one.id for one in watched), *more])
        if not watched:
            raise Problem("link_expired")  # the history of requests that ended is kept for a while only
        if not all(one.may for one in watched):
            raise Problem("not_allowed")
        return watched, now

    def _chosen(self, token: str, request_id: int | None) -> Sequence[Watched]:
        watched, _ = self._followed(token)
        if all(one.status == "cancelled" for one in watched):
            raise Problem("cancelled")
        chosen = [one for one in watched if request_id in (None, one.id)]
        if not chosen:
            raise Problem("not_found")
        return chosen

    def _status(self, token: str, watched: Sequence[Watched], now: datetime) -> dict[str, Any]:
        links = {
            "status_url": self.url("api.status", token=token),
            "page_url": self.url("page.show", token=token),
            "cancel_url": self.url("api.cancel", token=token),
            "retry_url": self.url("api.retry", token=token),
        }
        return answers.status(watched, now, links, self._download_url)

    def _download_url(self, watched: Watched) -> str | None:
        if watched.path is None or watched.expires is None or not watched.may:
            return None
        return self.url("api.download", token=self.links.download(watched.id, watched.owner, watched.expires))

    def _end(self, request_ids: Sequence[int]) -> None:
        """Raises Problem when nothing was left to end."""

        def end(connection: Connection, now: datetime) -> int:
            ended = 0
            for request_id in request_ids:
                with suppress(UsageProblem):  # it ended meanwhile
                    single.cancel(connection, now, request_id, single.BY_REQUESTER)
                    ended += 1
            return ended

        if not self.writes.do(end):
            raise Problem("not_cancellable")
