"""PgBouncer in front of a test server: on TCP, in transaction mode, with fewer connections than those that want one."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

from tests.support.live_runs import wait_until

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
SETTINGS = """
[databases]
* = host={socket} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
"""
TLS = """
client_tls_sslmode = require
client_tls_cert_file = {folder}/server.crt
client_tls_key_file = {folder}/server.key
"""


@contextmanager
def pooled(database_url: str, certificate: tuple[Path, Path] | None = None, size: int = 3) -> Iterator[URL]:
    """The same database through it, with `size` connections to the server. With a certificate and its key it speaks TLS
    and nothing else."""
    if PROGRAM is None:
        pytest.skip("pgbouncer is not here")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    url = make_url(database_url)
    owner = Path(str(url.query["host"])).owner()
    folder = Path(tempfile.mkdtemp(prefix="samzip-pool-"))
    folder.chmod(0o755)  # it does not work as root
    text = SETTINGS.format(socket=url.query["host"], port=port, size=size)
    if certificate:
        text += TLS.format(folder=folder)
        for source, name in zip(certificate, ("server.crt", "server.key"), strict=True):
            shutil.copy(source, folder / name)
            shutil.chown(folder / name, owner)
    (folder / "pool.ini").write_text(text)
    user = ["-u", owner] if Path("/proc/self").owner() == "root" else []
    with subprocess.Popen([PROGRAM, "-q", *user, folder / "pool.ini"], stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _answers(port))
            yield url.set(host="127.0.0.1", port=port, query={}, username="samzip")
        finally:
            process.terminate()
    shutil.rmtree(folder)


def _answers(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0
