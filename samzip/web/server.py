"""gunicorn, started from Python: the application is made once, then workers are forked."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from shlex import quote
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from samzip.errors import BadSetting

STUCK_MS = 300_000  # a client that takes no byte for so long is dropped; it can go on where it was
LINE_LENGTH = 8190  # bytes, gunicorn's most: the longest link has to fit in
GRACE_S = 30  # for answers that are under way when the server is asked to end
BACKLOG = 2048  # calls that no worker has taken yet; gunicorn's default

_WHY_NOT = {
    errno.EADDRINUSE: "another program listens there, which `ss -ltnp` names; end it, or choose another port",
    errno.EADDRNOTAVAIL: "no address of this machine; 127.0.0.1 is for itself alone, 0.0.0.0 for all that reach it",
    errno.EACCES: "only the administrator may listen below port 1024; choose a port above it",
    socket.EAI_NONAME: "no such name; give an address",
}


class Server(BaseApplication):  # type: ignore[misc]
    """Serves one application on one address. Raises BadSetting where it cannot have that."""

    def __init__(
        self, app: Flask, *, host: str, port: int, workers: int, threads: int, ready: Callable[[int], None]
    ) -> None:
        self._app = app
        self._options: dict[str, Any] = {
            "bind": f"fd://{_listen(host, port)}",
            "workers": workers,
            "threads": threads,
            "worker_class": "gthread",  # a slow download holds a thread, not a worker
            "preload_app": True,
            "limit_request_line": LINE_LENGTH,
            "forwarder_headers": "",  # a client's SCRIPT_NAME must not make another address of the one that it asks for
            "graceful_timeout": GRACE_S,
            "control_socket_disable": True,
            "when_ready": lambda server: _when_ready(server, ready),
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


def _listen(host: str, port: int) -> int:
    """The descriptor of a socket that listens. gunicorn's own attempts last 5 seconds and end with a log of them."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # by what ended a moment ago
        try:
            if not host:  # it would be every address
                raise socket.gaierror(socket.EAI_NONAME, "no name")
            listener.bind((host, port))
            listener.listen(BACKLOG)
        except (OSError, TypeError) as error:  # TypeError: of what cannot be a name
            number = getattr(error, "errno", socket.EAI_NONAME)
            raise BadSetting(f"--host {quote(host)} --port {port}: {_WHY_NOT.get(number, error)}") from error
        return listener.detach()


def _when_ready(server: Any, ready: Callable[[int], None]) -> None:
    for listener in server.LISTENERS:  # what is accepted inherits it
        listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MS)
    ready(server.LISTENERS[0].sock.getsockname()[1])
