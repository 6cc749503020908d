"""A real S3 server for tests, and a proxy in front of it that can be slow, refuse, or go away."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import obstore
import pytest

from samzip.storage.s3 import client

PATIENCE_S = 60
KEYS = ("AKIDTESTS", "SECRETOFTESTS")
BUCKET = "sam"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Proxy:
    """Between samzip and a server, on loopback."""

    target: int  # port
    port: int = 0
    delay: float = 0  # seconds before each request goes on
    down: bool = False  # it takes no connection
    refuse: Callable[[str], bool] = lambda line: False  # request lines that get 503
    slow: Callable[[str], bool] = lambda line: False  # those that never get an answer
    requests: list[str] = field(default_factory=list)  # their first lines
    busy: int = 0
    most: int = 0  # requests under way at once
    _tasks: set[asyncio.Task[None] | None] = field(default_factory=set)  # nobody else keeps one whose sides are silent

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        try:
            if self.down:
                return
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            try:
                while await self._one(reader, writer, there, back):
                    pass
            finally:
                back.transport.abort()
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side went away, as they may
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            writer.close()
            self._tasks.discard(asyncio.current_task())

    async def _one(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        there: asyncio.StreamReader,
        back: asyncio.StreamWriter,
    ) -> bool:
        """One request and its answer; whether the connection goes on."""
        head = await reader.readuntil(b"\r\n\r\n")
        line = head.split(b"\r\n", 1)[0].decode()
        self.requests.append(line)
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            await asyncio.sleep(self.delay)
            while self.slow(line):
                await asyncio.sleep(0.05)
            if self.down or self.refuse(line):
                writer.write(b"" if self.down else REFUSED)
                await writer.drain()
                return False
            if _header(head, b"expect"):
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            back.write(b"\r\n".join(part for part in head.split(b"\r\n") if not part.lower().startswith(b"expect:")))
            await _body(head, reader, back)
            answer = await there.readuntil(b"\r\n\r\n")
            if _header(answer, b"content-range"):
                answer = answer.replace(b"HTTP/1.1 200", b"HTTP/1.1 206", 1)  # which rclone forgets
            writer.write(answer)
            if not line.startswith("HEAD "):
                await _body(answer, there, writer)
            await writer.drain()
            return (_header(answer, b"connection") or b"").lower() != b"close"
        finally:
            self.busy -= 1


def _header(head: bytes, name: bytes) -> bytes | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip()
    return None


async def _body(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if (_header(head, b"transfer-encoding") or b"").lower() == b"chunked":
        while True:
            size = await reader.readuntil(b"\r\n")
            writer.write(size + await reader.readexactly(int(size.split(b";")[0], 16) + 2))
            await writer.drain()
            if int(size.split(b";")[0], 16) == 0:
                return
    left = int(_header(head, b"content-length") or 0)
    while left:
        data = await reader.read(min(left, 1 << 20))
        if not data:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(data)
        writer.write(data)
        await writer.drain()


@contextmanager
def proxied(target: int) -> Iterator[Proxy]:
    """A proxy to a port of this host."""
    proxy, ready = Proxy(target), threading.Event()
    over: list[Callable[[], object]] = []

    async def serve() -> None:
        server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0, limit=1 << 22)
        proxy.port = server.sockets[0].getsockname()[1]
        ended, loop = asyncio.Event(), asyncio.get_running_loop()
        over.append(lambda: loop.call_soon_threadsafe(ended.set))
        ready.set()
        await ended.wait()
        server.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0.01)  # in which closed connections end

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield proxy
    finally:
        over[0]()
        thread.join()


@dataclass
class Bucket:
    """A bucket of a running server."""

    server: str  # rclone or moto
    proxy: Proxy
    folder: Path | None  # where rclone keeps its objects

    @property
    def environment(self) -> dict[str, str]:
        """As AWS' tools take it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.proxy.port}",
            "AWS_ACCESS_KEY_ID": KEYS[0],
            "AWS_SECRET_ACCESS_KEY": KEYS[1],
            "AWS_REGION": "us-east-1",
        }

    def put(self, name: str, data: bytes) -> None:
        """An object, as SAM puts it there: rclone would not see at once what is put into its folder."""
        obstore.put(client.bucket(BUCKET), name, data)

    def delete(self, name: str) -> None:
        obstore.delete(client.bucket(BUCKET), name)

    def names(self, prefix: str) -> list[str]:
        """Of the objects below a prefix, without it."""
        pages = obstore.list(client.bucket(BUCKET), prefix)
        return sorted(meta["path"].removeprefix(f"{prefix}/") for page in pages for meta in page)

    def ready(self, monkeypatch: pytest.MonkeyPatch) -> Bucket:
        """Nothing wrong with it, and this test's environment leads to it. Nobody waits a minute for a broken one."""
        self.proxy.delay, self.proxy.down, self.proxy.refuse = 0, False, lambda line: False
        self.proxy.slow = lambda line: False
        self.proxy.requests.clear()
        self.proxy.most = 0
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        impatient = {"max_retries": 2, "retry_timeout": timedelta(seconds=5)}
        monkeypatch.setattr(client, "RETRY", {**client.RETRY, **impatient})
        client._bucket.cache_clear()
        return self


@contextmanager
def rclone(folder: Path) -> Iterator[Bucket]:
    """`rclone serve s3`: its buckets are folders below `folder`."""
    (folder / BUCKET).mkdir(parents=True)
    binary = Path(sys.executable).with_name("rclone")
    command = [str(binary), "serve", "s3", "--auth-key", ",".join(KEYS), str(folder)]
    with _server(command, "--addr", folder.parent) as port, proxied(port) as proxy:
        yield Bucket("rclone", proxy, folder / BUCKET)


@contextmanager
def moto(folder: Path) -> Iterator[Bucket]:
    """moto's server: objects in memory, and what rclone does otherwise as AWS does it: the ETag of an upload."""
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1"]
    with _server(command, "-p", folder) as port, proxied(port) as proxy:
        bucket = Bucket("moto", proxy, None)
        with environment(bucket.environment):
            client.boto().create_bucket(Bucket=BUCKET)
        yield bucket


@contextmanager
def private(folder: Path) -> Iterator[tuple[dict[str, str], Path]]:
    """moto's server behind TLS, with a certificate that only its own authority has signed: the environment that leads
    to its bucket, and the authority's file."""
    folder.mkdir(parents=True)
    certificate, key = _self_signed(folder)
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-c", str(certificate)]
    with _server([*command, "-k", str(key)], "-p", folder) as port:
        keys = {"AWS_ACCESS_KEY_ID": KEYS[0], "AWS_SECRET_ACCESS_KEY": KEYS[1], "AWS_REGION": "us-east-1"}
        reached = {**keys, "AWS_ENDPOINT_URL": f"https://127.0.0.1:{port}"}
        with environment(reached | {"AWS_CA_BUNDLE": str(certificate)}):
            client.boto().create_bucket(Bucket=BUCKET)
        yield reached, certificate


def _self_signed(folder: Path) -> tuple[Path, Path]:
    """Files of a certificate for 127.0.0.1, which is its own authority, and of its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "samzip's tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """These variables, for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def _server(command: list[str], address_flag: str, folder: Path) -> Iterator[int]:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    address = f"127.0.0.1:{port}" if address_flag == "--addr" else str(port)
    folder.mkdir(parents=True, exist_ok=True)
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_"))}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([*command, address_flag, address], stdout=log, stderr=log, env=plain)
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        assert process.poll() is None, "the server ended"
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server does not answer")
