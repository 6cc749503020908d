"""Stands between samzip and PostgreSQL, and cuts the line at any message."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url

BLOCK = 1 << 16  # bytes; a message of these tests is shorter


@dataclass(frozen=True)
class Cut:
    """Where the line breaks."""

    message: int  # from the client, from 1
    answered: bool  # the server has done what it was told; only its answer is lost
    lasting: bool  # nobody can connect any more

    def __str__(self) -> str:
        which = "the answer to" if self.answered else "before"
        return f"{which} message {self.message}{', for good' if self.lasting else ''}"


class Proxy:
    """A server socket in a folder. It counts what clients say since `arm`."""

    def __init__(self, folder: Path, server_url: str) -> None:
        folder.mkdir()
        self._server = f"{make_url(server_url).query['host']}/.s.PGSQL.5432"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen(16)
        self._lock = threading.Lock()
        self._cut: Cut | None = None
        self._lines: set[socket.socket] = set()
        self._open = True
        self._url = make_url(server_url).set(query={"host": str(folder)})
        self.messages = 0
        self.struck = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def url(self, database_url: str) -> str:
        """Of the same database, through here."""
        return self._url.set(database=make_url(database_url).database).render_as_string(hide_password=False)

    def arm(self, cut: Cut | None) -> None:
        with self._lock:
            self._cut, self.messages, self.struck = cut, 0, False

    def sever(self) -> None:
        """Now, wherever everybody is, and for good."""
        with self._lock:
            self._cut, self.struck = Cut(0, answered=False, lasting=True), True
            for line in self._lines:
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._open = False
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=5)

    def _accept(self) -> None:
        while self._open:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(self._server)
            if not self._begin(client):
                return
            try:
                with suppress(OSError):  # either side hung up
                    self._pass_on(client, server)
            finally:
                with self._lock:
                    self._lines.discard(client)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        """Until someone hangs up, or the line is cut."""
        deaf = False  # the next answer is the lost one; what was asked may need further blocks
        while True:
            ready, _, _ = select.select([client, server], [], [])
            if server in ready:
                block = server.recv(BLOCK)
                if deaf or not block:
                    return
                client.sendall(block)
                continue
            block = client.recv(BLOCK)
            if not block:
                return
            if not deaf and self._strikes():
                deaf = self._cut is not None and self._cut.answered
                if not deaf:
                    return
            server.sendall(block)

    def _strikes(self) -> bool:
        with self._lock:
            self.messages += 1
            if self._cut is None:
                return False
            if self.messages == self._cut.message:
                self.struck = True
                return True
            return self.struck and self._cut.lasting

    def _begin(self, client: socket.socket) -> bool:
        """False: nobody can connect any more."""
        with self._lock:
            if self.struck and self._cut is not None and self._cut.lasting:
                return False
            self._lines.add(client)
            return True
