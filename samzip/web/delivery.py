"""Sends a published archive: from its store with constant memory, or by the web server in front."""

from __future__ import annotations

import io
import logging
import unicodedata
from collections.abc import Callable
from typing import IO, BinaryIO, cast
from urllib.parse import quote

from flask import Request, Response
from werkzeug.http import quote_etag
from werkzeug.wsgi import wrap_file

from samzip.dossier.keys import parse_key
from samzip.errors import DatabaseUnreachable, StorageFailed
from samzip.housekeeping.absence import ABSENT, require_folder
from samzip.requests import runs
from samzip.requests.integrity import take_back
from samzip.requests.watched import Watched, watch
from samzip.storage import MissingFile
from samzip.web.hook import Hook
from samzip.web.problems import Problem
from samzip.web.ranges import Piece, Unsatisfiable, choose

TYPE = "application/zip"
ADDRESS_S = 900  # of a store's own address: a download that goes on after that asks here again

log = logging.getLogger("samzip.web")

_WHY_NOT = {
    "pending": "not_ready",
    "processing": "not_ready",
    "cancelled": "cancelled",
    "failed": "archive_failed",
    "expired": "archive_expired",
    "completed": "archive_failed",  # under a name that samzip does not give
}


class Slice:
    """A piece of an open file, for wsgi.file_wrapper. A server that knows `fileno` has the kernel send it; it has no
    `seek`, since nobody may leave the piece."""

    def __init__(self, file: BinaryIO, piece: Piece, when_closed: Callable[[], None]) -> None:
        file.seek(piece.start)
        self._file = file
        self._left = piece.length
        self._when_closed = when_closed

    def fileno(self) -> int:
        return self._file.fileno()

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(block)
        return block

    def close(self) -> None:
        if not self._file.closed:
            self._file.close()
            self._when_closed()


def deliver(hook: Hook, token: str, request: Request) -> Response:
    """The answer to a download. Raises Problem; the expiry is enforced at this moment, not by the sweeper alone."""
    watched = _due(hook, token)
    file = _open(hook, watched)
    path = watched.path or ""
    try:
        etag = watched.sha256 or hook.archives.stat(path).etag
        response = Response(status=200, content_type=TYPE)
        response.headers["Content-Disposition"] = disposition(watched.download_name or path.rpartition("/")[2])
        response.headers["Cache-Control"] = "private, no-cache"  # kept only to be asked about: links expire
        response.headers["Accept-Ranges"] = "bytes"
        if hook.settings.web_sendfile and "://" not in hook.archives.url:
            _hand_over(hook, path, response)
            file.close()
            if request.method == "GET" and "Range" not in request.headers:
                _count(hook, path)
            return response
        response.headers["ETag"] = quote_etag(etag)
        if "If-Match" in request.headers and not request.if_match.contains(etag):
            raise Problem("changed")
        if request.if_none_match.contains_weak(etag):
            response.status_code = 304
            file.close()
            return response
        if request.method == "GET" and (address := _address(hook, path, response)):
            file.close()
            if "Range" not in request.headers:
                _count(hook, path)
            response.status_code, response.headers["Location"] = 302, address
            response.headers["Cache-Control"] = "no-store"
            return response
        piece = _piece(request, etag, file.seek(0, io.SEEK_END))
        response.headers["Content-Length"] = str(piece.length)
        if piece.is_range:
            response.status_code = 206
            response.headers["Content-Range"] = piece.content_range
        if request.method == "HEAD":
            file.close()
            return response
        begins = piece.start == 0  # a download that goes on was counted when it began
        sent = Slice(file, piece, lambda: _count(hook, path) if begins else None)
        response.response = wrap_file(request.environ, cast(IO[bytes], sent))
        response.direct_passthrough = True
        return response
    except BaseException:
        file.close()
        raise


def disposition(name: str) -> str:
    """Content-Disposition as in RFC 6266: a name that every client understands, and the real one."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii")
    plain = "".join(c if c.isalnum() or c in " ._-()" else "_" for c in plain)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _due(hook: Hook, token: str) -> Watched:
    """The request that a link names, if its archive may be downloaded at this moment."""
    with hook.database.read() as connection:
        now = hook.database.now(connection)
        link = hook.links.read_download(token, now)
        found = watch(connection, now, hook.settings.ttl, [link.request])
    if not found or found[0].owner != link.owner:
        raise Problem("archive_expired")  # its row went with the history
    watched = found[0]
    if not watched.may:
        raise Problem("not_allowed")
    if watched.path is None or parse_key(watched.path) is None:  # no other file is ever sent
        raise Problem(_WHY_NOT[watched.status])
    return watched


def _open(hook: Hook, watched: Watched) -> BinaryIO:
    """The file as it was published. One that is gone or has another size goes back into the queue. Raises Problem,
    StorageFailed."""
    path = watched.path or ""
    try:
        file = hook.archives.open(path)
    except MissingFile as missing:
        if missing.reason != ABSENT:  # a permission, a disk: no new archive would mend that
            raise StorageFailed(f"{path}: {missing.reason}") from missing
        require_folder(hook.archives)
        raise _taken_back(hook, path, "the file is gone") from missing
    size = file.seek(0, io.SEEK_END)
    if watched.size and size != watched.size:
        file.close()
        raise _taken_back(hook, path, f"has {size} bytes and should have {watched.size}")
    return file


def _taken_back(hook: Hook, path: str, why: str) -> Problem:
    waiting = hook.writes.do(lambda connection, now: take_back(connection, now, hook.settings.ttl, path))
    log.error("%s: %s; requests that wait again: %d", path, why, waiting)
    return Problem("archive_gone")


def _hand_over(hook: Hook, path: str, response: Response) -> None:
    """The web server in front knows ranges and conditions itself."""
    setting = hook.settings.web_sendfile
    if setting == "x-sendfile":
        response.headers["X-Sendfile"] = quote(f"{hook.archives.url}/{path}")
    else:
        response.headers["X-Accel-Redirect"] = quote(f"{setting.rstrip('/')}/{path}")


def _address(hook: Hook, path: str, response: Response) -> str | None:
    """Where the store itself sends it, under the same name."""
    return hook.archives.address(path, ADDRESS_S, response.headers["Content-Disposition"])


def _piece(request: Request, etag: str, size: int) -> Piece:
    wanted = (
        request.headers.get("Range") if request.method == "GET" else None
    )  # nothing else has ranges: RFC 9110, 14.2
    try:
        return choose(wanted, request.headers.get("If-Range"), etag, size)
    except Unsatisfiable as error:
        raise Problem("range_not_satisfiable", headers={"Content-Range": f"bytes */{size}"}) from error


def _count(hook: Hook, path: str) -> None:
    """Never at a download's cost: a database that is busy leaves one uncounted."""
    try:
        hook.writes.do(lambda connection, now: runs.count_download(connection, now, path))
    except DatabaseUnreachable as error:
        log.warning("a download of %s was not counted: %s", path, error)
