"""Letters through apprise: to operators when a run or a part fails, to who asked when all of it is there."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Sequence
from datetime import timedelta, tzinfo
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from samzip import events as e
from samzip.errors import LockBusy
from samzip.report.letters import Letter, Link, to_operators, to_requester
from samzip.report.outbox import NotSent, Outbox, Parcel
from samzip.report.wording import lines
from samzip.requests.shown import Delivery

QUIET = (0, 3, LockBusy.exit_code, 129, 130, 143)  # exit codes of runs that no error ended
MEMORY_BYTES = 80
AGAIN_AFTER = timedelta(hours=1)  # a timer meets the same error every minute
_EMAIL = re.compile(r"""[^\s@,;<>"']+@[^\s@,;<>"']+\.[^\s@,;<>"']+""")
SERVERS = {"mailto", "json", "xml", "form", "gotify", "mmost", "rocket", "mqtt"}  # elsewhere keys stand
_ITS_MASK = re.compile(r"(?<=URL: )\S+")  # Apprise leaves the ends of each word
_PIECE_LENGTH = 5  # of an address: shorter ones tell no secret, and masking them would spoil the reason


class Operators:
    """A listener: one letter for all parts that failed for good in a pass, one for an error that ended a run.

    `memory` is the file that tells the next run which error was written of, so that it is not written of every minute.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        outbox: Outbox,
        memory: Path,
        host: str,
        zone: tzinfo,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._addresses = addresses
        self._outbox = outbox
        self._memory = memory
        self._host = host
        self._zone = zone
        self._clock = clock
        self._problems: list[str] = []

    def __call__(self, event: e.Event) -> None:
        match event:
            case e.PartFailed() if event.retry_at is None:
                self._problems += [line.text for line in lines(event, self._zone)]
            case e.QueueEmpty() if self._problems:
                self._write(None, "")
            case e.RunEnded():
                self._end(event)

    def _end(self, event: e.RunEnded) -> None:
        fatal = event.exit_code not in QUIET
        if fatal and self._is_known(event.exit_code):
            fatal = False
        if not fatal and not self._problems:
            if event.exit_code in (0, 3) and self._last()[0] != 0:
                self._remember(0)
            return
        self._write(event.exit_code, event.reason if fatal else "")
        if fatal:
            self._remember(event.exit_code)

    def _remember(self, exit_code: int) -> None:
        """In a file that is always there and always as long: a full disk takes it, too."""
        told = json.dumps({"exit_code": exit_code, "at": self._clock()}).ljust(MEMORY_BYTES)
        self._memory.parent.mkdir(parents=True, exist_ok=True)
        with self._memory.open("r+" if self._memory.exists() else "w", encoding="utf-8") as file:
            file.write(told)
            file.truncate()

    def _is_known(self, exit_code: int) -> bool:
        last, age = self._last()
        return last == exit_code and 0 <= age < AGAIN_AFTER.total_seconds()

    def _last(self) -> tuple[int, float]:
        """The exit code that was written of, 0 since all was well again, and how many seconds ago."""
        try:
            told = json.loads(self._memory.read_text(encoding="utf-8"))
            return int(told["exit_code"]), self._clock() - float(told["at"])
        except (OSError, ValueError, TypeError, KeyError):  # nothing that can be read: better told twice than never
            return -1, 0.0

    def _write(self, exit_code: int | None, reason: str) -> None:
        letter = to_operators(self._host, self._problems, exit_code, reason)
        for address in self._addresses:
            self._outbox.put(_parcel("operators", urlsplit(address).scheme, address, letter))
        self._problems = []


class Requesters:
    """A listener: a letter to whoever has now got the last part that they waited for.

    `find` takes company and part and raises SamzipError; `link` makes an address of the web hook.
    """

    def __init__(
        self,
        template: str,
        outbox: Outbox,
        find: Callable[[int, int], Sequence[Delivery]],
        link: Link | None,
        zone: tzinfo,
    ) -> None:
        self._template = template
        self._outbox = outbox
        self._find = find
        self._link = link
        self._zone = zone

    def __call__(self, event: e.Event) -> None:
        if not (isinstance(event, e.PartPublished) or (isinstance(event, e.PartFailed) and event.retry_at is None)):
            return
        for delivery in self._find(event.ref.company_id, event.ref.part):
            if _EMAIL.fullmatch(delivery.email):  # a list of addresses in SAM's field would be a letter to strangers
                address = self._template.replace("{email}", quote(delivery.email, safe=""))
                letter = to_requester(delivery, self._zone, self._link)
                self._outbox.put(_parcel("requester", delivery.user, address, letter))


def send(address: str, letter: Letter) -> None:
    """Through apprise. Raises NotSent, ModuleNotFoundError without the extra."""
    import apprise

    with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:  # type: ignore[no-untyped-call]
        messenger = apprise.Apprise()
        sent = messenger.add(address) and messenger.notify(
            title=letter.title,
            body=letter.text,
            body_format=apprise.NotifyFormat.TEXT,
            notify_type=apprise.NotifyType.FAILURE if letter.is_bad else apprise.NotifyType.INFO,
        )
        reason = said.getvalue()
    if not sent:
        reason = _ITS_MASK.sub("***", " ".join(reason.split()))
        raise NotSent(masked(reason or "apprise could not send it", address))


def masked(text: str, address: str) -> str:
    """`text` without the words of an address, any of which may be a password or a token; a server's name stays."""
    parts = urlsplit(address)
    host = (parts.hostname or "") if parts.scheme.rstrip("s") in SERVERS else ""
    pieces = re.split(r"[/:@?&=]+", address)
    for piece in sorted({*pieces, *map(unquote, pieces)}, key=len, reverse=True):
        if len(piece) >= _PIECE_LENGTH and piece.lower() not in host:
            text = text.replace(piece, "***")
    return text


def _parcel(channel: str, about: str, address: str, letter: Letter) -> Parcel:
    return Parcel(channel, about, lambda: send(address, letter))
