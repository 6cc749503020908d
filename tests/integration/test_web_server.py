"""`samzip serve` with real gunicorn workers, called by a real client."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote
from typing import Any
from unittest.mock import Mock
from urllib.parse import urlsplit

import pytest

from samzip import cli
from samzip.database import tables
from samzip.web import create_app
from samzip.web.callers import SIGNATURE_HEADER, TIMESTAMP_HEADER
from samzip.web.links import LENGTH
from tests.support.web import BEARER, SECRET, TOKEN, Web
from tests.support.world import World

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120


@dataclass
class Served:
    """A server of its own process."""

    process: subprocess.Popen[str]
    address: str

    def call(
        self, method: str, url: str, value: Any = None, **headers: str
    ) -> tuple[int, bytes, http.client.HTTPMessage]:
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=PATIENCE_S)
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        content = None
        if value is not None:
            content, sent["Content-Type"] = json.dumps(value), "application/json"
        try:
            connection.request(method, target, body=content, headers=sent)
            response = connection.getresponse()
            return response.status, response.read(), response.headers
        finally:
            connection.close()


@contextlib.contextmanager
def served(world: World, *arguments: str) -> Iterator[Served]:
    environ = {
        **os.environ,
        "SAMZIP_STATE_DIR": str(world.settings.state_dir),
        "SAMZIP_DATABASE_URL": world.settings.database_url,
        "SAMZIP_WEB_TOKENS": TOKEN,
        "SAMZIP_WEB_SECRET": SECRET,
        "SAMZIP_PART_SIZE": "2",
    }
    command = [sys.executable, "-m", "samzip", "serve", "--port", "0", "--json", *arguments]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        told = "".join(iter(process.stdout.readline, "}\n")) + "}"
        yield Served(process, json.loads(told)["address"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_S)


def test_two_workers_take_three_clicks_show_them_and_send_an_archive_that_broke_off(world: World) -> None:
    world.company(equipment=3)
    with served(world, "--workers", "2") as server:
        assert server.address.startswith("http://127.0.0.1:")
        answers = [server.call("POST", "/requests", {"user": "CERTIBOY"}, **BEARER) for _ in range(3)]
        assert [status for status, _, _ in answers] == [202] * 3
        accepted = [json.loads(content) for _, content, _ in answers]
        assert json.loads(server.call("GET", accepted[0]["status_url"])[1])["working"] is True

        done = world.run()
        assert done.counts.published == 2
        parts = [json.loads(server.call("GET", one["status_url"])[1])["parts"] for one in accepted]
        assert parts[0][0]["sha256"] == parts[1][0]["sha256"] == parts[2][0]["sha256"]

        part = parts[0][0]
        broken = _read_a_little_and_go(server, part["download_url"])
        assert 0 < len(broken) < part["size"]
        wanted = {"Range": f"bytes={len(broken)}-", "If_Range": f'"{part["sha256"]}"'}
        status, rest, headers = server.call("GET", part["download_url"], **wanted)
        assert (status, headers["Content-Range"]) == (206, f"bytes {len(broken)}-{part['size'] - 1}/{part['size']}")
        assert hashlib.sha256(broken + rest).hexdigest() == part["sha256"]
        assert server.call("HEAD", part["download_url"])[1] == b""

        limited = [server.call("POST", "/requests", {"user": "CERTIBOY"}, **BEARER)[0] for _ in range(6)]
        assert limited == [202] * 3 + [429] * 3
        assert server.call("GET", "/healthz")[0] == 200
        assert server.call("POST", "/requests", {"user": "x" * 20_000}, **BEARER)[0] == 413
        assert server.process.poll() is None
    (archive,) = [row for row in world.rows(tables.archive) if row.sha256 == part["sha256"]]
    assert archive.downloads == 1
    assert server.process.returncode == 0


def _read_a_little_and_go(server: Served, url: str) -> bytes:
    """A client that loses its connection."""
    with socket.create_connection((urlsplit(server.address).hostname, urlsplit(server.address).port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(f"GET {urlsplit(url).path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        received = b""
        while b"\r\n\r\n" not in received or len(received.partition(b"\r\n\r\n")[2]) < 100:
            received += connection.recv(1024)
        return received.partition(b"\r\n\r\n")[2]


def test_an_application_that_was_used_before_the_fork_is_used_by_both_sides(world: World) -> None:
    world.company(equipment=1)
    app = create_app(replace(world.settings, web_tokens=(TOKEN,), web_secret=(SECRET,)))
    client = app.test_client()
    assert client.get("/healthz").status_code == 200  # leaves a connection in the pool
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        codes = [client.post("/requests", json={"user": "CERTIBOY"}, headers=BEARER).status_code for _ in range(2)]
        os.write(writer, json.dumps(codes).encode())
        os._exit(0)
    codes = [client.post("/requests", json={"user": "CERTIBOY"}, headers=BEARER).status_code for _ in range(2)]
    assert os.waitpid(child, 0)[1] == 0
    assert codes == json.loads(os.read(reader, 100)) == [202, 202]
    os.close(reader)
    os.close(writer)
    assert len(world.requests()) == 4
    app.extensions["samzip"].database.close()


def test_slow_clients_do_not_keep_others_waiting(quick: Web) -> None:
    with served(quick.world, "--workers", "1", "--threads", "8") as server:
        port = urlsplit(server.address).port
        slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(6)]
        for connection in slow:
            connection.sendall(b"POST /requests HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        answers: list[int] = []
        ask = threading.Thread(target=lambda: answers.append(server.call("GET", "/healthz")[0]))
        ask.start()
        ask.join(PATIENCE_S)
        assert answers == [200]
        for connection in slow:
            connection.close()


def _send(server: Served, content: bytes) -> bytes:
    """The first bytes of what comes back."""
    address = ("127.0.0.1", urlsplit(server.address).port)
    with socket.create_connection(address, PATIENCE_S) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(1024)


def test_broken_bytes_are_answered_and_the_longest_link_is_read(quick: Web) -> None:
    with served(quick.world, "--workers", "1", "--threads", "2") as server:
        lines = ["POST /requests HTTP/1.1", "Host: x", f"Authorization: {BEARER['Authorization']}"]
        kind = "Content-Type: application/json"
        whole = b'{"user": "CERTIBOY"}'
        for framing, content in (
            ("Transfer-Encoding: chunked", b"no number\r\n" + whole),
            ("Content-Length: 100", whole),
        ):
            head = "\r\n".join([*lines, kind, framing, "", ""])
            assert _send(server, head.encode() + content).startswith(b"HTTP/1.1 400 ")
        padded = whole + b" " * 20_000  # and whatever may stand behind what is read
        head = "\r\n".join([*lines, kind, "Transfer-Encoding: chunked", "", ""])
        answer = _send(server, head.encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(padded), padded))
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert quick.world.requests() == []
        for nonsense in (b"<b>nonsense", b"GET /healthz HTTP/1.1\r\nCookie: <b>" + b"x" * 9000):
            answer = _send(server, nonsense + b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 4")
            assert b"<b>" not in answer
        status, content, _ = server.call("POST", f"/status/{'x' * LENGTH}/cancel")
        assert (status, json.loads(content)["code"]) == (404, "unknown_link")
        for header in (b"SCRIPT_NAME: /status", b"SCRIPT_NAME: /evil", b"PATH_INFO: /healthz"):
            answer = _send(server, b"GET /status/requests HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 404 "), header  # what the web server in front let through, and no other
    assert quick.world.requests() == []


@pytest.mark.parametrize("missing", ["SAMZIP_WEB_TOKENS", "SAMZIP_WEB_SECRET"])
def test_it_does_not_start_without_its_secrets(
    missing: str, quick: Web, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAMZIP_DATABASE_URL", quick.world.settings.database_url)
    monkeypatch.setenv("SAMZIP_STATE_DIR", str(quick.world.settings.state_dir))
    for name in {"SAMZIP_WEB_TOKENS", "SAMZIP_WEB_SECRET"}:
        monkeypatch.setenv(name, "short" if name == missing else TOKEN)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["serve", "--port", "0"])
    assert stopped.value.code == 78
    assert missing.removeprefix("SAMZIP_").lower() in capsys.readouterr().err


def test_an_address_that_it_cannot_have_is_told_with_the_way_out(
    quick: Web, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("TOKENS", TOKEN), ("SECRET", SECRET)):
        monkeypatch.setenv(f"SAMZIP_WEB_{name}", value)
    monkeypatch.setenv("SAMZIP_DATABASE_URL", quick.world.settings.database_url)
    monkeypatch.setenv("SAMZIP_STATE_DIR", str(quick.world.settings.state_dir))

    def told(*arguments: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            cli.main(["serve", *arguments])
        assert stopped.value.code == 78
        error = capsys.readouterr().err
        assert "Traceback" not in error
        return error

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert f"--host 127.0.0.1 --port {port}: another program listens there" in told("--port", port)
    elsewhere = "192.0.2.1"  # RFC 5737: nobody's
    assert f"--host {elsewhere} --port 0: no address of this machine" in told("--host", elsewhere, "--port", "0")
    for name in ("nowhere.invalid", "é..x", ""):  # nothing would mean every address
        assert f"--host {quote(name)} --port 0: no such name" in told("--host", name, "--port", "0")
    forbidden = PermissionError(errno.EACCES, "Permission denied")
    with monkeypatch.context() as patch:
        patch.setattr("samzip.web.server.socket.socket.bind", Mock(side_effect=forbidden))
        assert "--port 80: only the administrator may listen below port 1024" in told("--port", "80")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_documentations_signature_is_accepted(quick: Web) -> None:
    text = (ROOT / "docs/web.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```\n(hook=.*?)curl ", text, re.DOTALL)
    script = (
        example.replace("$(cat /etc/samzip/web_tokens)", TOKEN)
        + 'echo "$path"; echo "$body"; echo "$now"; echo "$signature"'
    )
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True)
    path, content, stamp, signature = done.stdout.splitlines()
    headers = {TIMESTAMP_HEADER: stamp, SIGNATURE_HEADER: f"v1={signature}"}
    answer = quick.client.post(path, data=content, headers=headers, content_type="application/json")
    assert answer.status_code == 202, answer.text


def test_it_says_what_is_missing_where_the_extra_is_not_installed(
    quick: Web, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "samzip.web.server", None)
    with pytest.raises(SystemExit) as stopped:
        cli.main(["serve", "--state-dir", str(quick.world.settings.state_dir)])
    assert stopped.value.code == 78
    assert "pip install 'samzip[web]'" in capsys.readouterr().err
