"""gunicorn, started from Python: the application is made once, then workers are forked."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

STUCK_MS = 300_000  # a client that takes no byte for so long is dropped; it can go on where it was
LINE_LENGTH = 8190  # bytes, gunicorn's most: the longest link has to fit in
GRACE_S = 30  # for answers that are under way when the server is asked to end


class Server(BaseApplication):  # type: ignore[misc]
    """Serves one application on one address."""

    def __init__(
        self, app: Flask, *, host: str, port: int, workers: int, threads: int, ready: Callable[[int], None]
    ) -> None:
        self._app = app
        self._options: dict[str, Any] = {
            "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "workers": workers,
            "threads": threads,
            "worker_class": "gthread",  # a slow download holds a thread, not a worker
            "preload_app": True,
            "limit_request_line": LINE_LENGTH,
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


def _when_ready(server: Any, ready: Callable[[int], None]) -> None:
    for listener in server.LISTENERS:  # what is accepted inherits it
        listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MS)
    ready(server.LISTENERS[0].sock.getsockname()[1])
