"""Tells a watch that a run began, went well or failed, in the way of Healthchecks.io: the watch raises the alarm when
nothing comes any more, which a host that is down cannot do itself."""

from __future__ import annotations

import logging
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from datetime import tzinfo
from urllib.parse import unquote, urlsplit

from samzip import __version__
from samzip import events as e
from samzip.errors import LockBusy
from samzip.report.outbox import NotSent, Outbox, Parcel
from samzip.report.trouble import is_trouble
from samzip.report.wording import lines

TIMEOUT_S = 5
BODY_LIMIT = 10_000  # bytes; what a Healthchecks server keeps of a body
LINES = 40
EVERY_S = 60.0  # of a run that keeps going
QUIET = (LockBusy.exit_code, 129, 130, 143)  # nothing ran, or somebody wanted it to end: neither good nor bad


class Pings:
    """A listener. `url` without a slash at its end."""

    def __init__(self, url: str, outbox: Outbox, zone: tzinfo, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._outbox = outbox
        self._zone = zone
        self._clock = clock
        self._lines: deque[str] = deque(maxlen=LINES)
        self._loops = False
        self._failed = False  # since the last ping
        self._next = 0.0  # when a run that keeps going pings again

    def __call__(self, event: e.Event) -> None:
        self._failed |= is_trouble(event)
        if isinstance(event, e.RunStarted):
            self._loops = event.interval is not None
            self._ping("/start", "start", "")
        self._remember(event)
        match event:
            case e.QueueEmpty() if self._loops and self._clock() >= self._next:
                self._next = self._clock() + EVERY_S
                self._conclude(failed=self._failed)
            case e.RunEnded() if event.exit_code not in QUIET:
                self._conclude(failed=event.exit_code != 0, code=event.exit_code)

    def _remember(self, event: e.Event) -> None:
        if isinstance(event, e.PartProgressed):  # hundreds of them would leave no room for what went wrong
            return
        for line in lines(event, self._zone):
            if line.level >= logging.INFO or isinstance(event, e.RunEnded):
                self._lines.append(line.text)

    def _conclude(self, *, failed: bool, code: int | None = None) -> None:
        about = ("fail" if failed else "success") + (f", exit code {code}" if code else "")
        self._ping("/fail" if failed else "", about, "\n".join(self._lines))
        self._failed = False

    def _ping(self, path: str, about: str, text: str) -> None:
        body = text.encode("utf-8", "replace")[-BODY_LIMIT:]
        self._outbox.put(Parcel("ping", about, lambda: post(self._url + path, body)))


def post(url: str, body: bytes) -> None:
    """Raises NotSent. The reason never has the address, which is a secret. A name and a password in it are sent as HTTP
    has it (Basic)."""
    headers = {"User-Agent": f"samzip/{__version__}", "Content-Type": "text/plain; charset=utf-8"}
    parts = urlsplit(url)
    who, at, host = parts.netloc.rpartition("@")
    url = parts._replace(netloc=host).geturl()
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 -- settings allow http alone
    if at:
        name, _, password = who.partition(":")
        told = b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {told}")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # noqa: S310
            pass
    except urllib.error.HTTPError as error:
        with error:
            raise NotSent(f"the server answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise NotSent(str(error.reason)) from error
    except OSError as error:
        raise NotSent(str(error)) from error
