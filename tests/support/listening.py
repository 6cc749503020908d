"""Real servers that keep what samzip sends them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from aiosmtpd.controller import Controller


@dataclass
class WebServer:
    """Answers every POST with the next of `answers`, then with 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)  # path and body

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.calls]


@contextmanager
def web_server() -> Iterator[WebServer]:
    kept = WebServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept.calls.append((self.path, body.decode("utf-8")))
            self.send_response(kept.answers.pop(0) if kept.answers else 200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's name
            """Nothing: a test's output is the test's."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        kept.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join()


@dataclass
class MailServer:
    """Takes every letter."""

    address: str = ""  # host and port
    letters: list[tuple[list[str], EmailMessage]] = field(default_factory=list)  # recipients and letter


@contextmanager
def mail_server() -> Iterator[MailServer]:
    kept = MailServer()

    class Handler:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 -- aiosmtpd's
            letter = cast(EmailMessage, BytesParser(policy=default).parsebytes(envelope.content))
            kept.letters.append((envelope.rcpt_tos, letter))
            return "250 OK"

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        kept.address = f"127.0.0.1:{port}"
        yield kept
    finally:
        controller.stop()
