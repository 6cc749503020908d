"""Each unit's own command under that unit's restrictions: what is forbidden is nothing that samzip needs."""

from __future__ import annotations

import json
import os
import socket
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from samzip.deploy.place import sample
from samzip.deploy.render import Host, render
from tests.support.sandbox import Unit, needs_sandbox, sandboxed
from tests.support.world import World, make_world

PATIENCE_S = 120
SECRET = "a-secret-of-the-tests"
WEB_SERVER = 33  # www-data

pytestmark = pytest.mark.usefixtures("_sandbox")


@pytest.fixture(scope="module")
def _sandbox() -> None:
    needs_sandbox()


@dataclass
class Installed:
    """The units, as `samzip install-units` would put them into place for this world."""

    world: World
    credentials: Path
    host: Host

    def unit(self, name: str) -> Unit:
        return Unit(render(sample(name), self.host))

    def start(self, name: str, instance: str = "") -> tuple[int, str]:
        """Exit code and output of the unit's command."""
        unit = self.unit(name)
        process = sandboxed(
            unit,
            command=unit.start(instance),
            state=self.world.settings.state_dir,
            readable=[self.world.media, Path(self.host.failure_hook), *self._database_socket()],
            credentials=self.credentials,
            environ={"SAMZIP_MEDIA_ROOT": self.world.settings.media_root, "SAMZIP_PART_SIZE": "2"},
        )
        output, _ = process.communicate(timeout=PATIENCE_S)
        return process.returncode, output

    def _database_socket(self) -> list[Path]:
        host = make_url(self.world.settings.database_url).query.get("host")
        if not isinstance(host, str):
            return []
        Path(host).chmod(0o711)  # a server of the tests keeps its socket where only its own user may go
        return [Path(host)]


@pytest.fixture
def installed(world: World, tmp_path: Path) -> Installed:
    return install(world, tmp_path)


@pytest.fixture
def quickly(tmp_path: Path) -> Iterator[Installed]:
    """The same on SQLite alone."""
    made = make_world(tmp_path, media_root=str(tmp_path / "media"))
    yield install(made, tmp_path)
    made.database.close()


def install(world: World, folder: Path) -> Installed:
    """Archives go where only zip_requests may be written; the database's address is a credential."""
    credentials = folder / "credentials"
    credentials.mkdir()
    (credentials / "database_url").write_text(f"{world.settings.database_url}\n")
    (world.media / "zip_requests").mkdir()
    host = Host(
        executable=str(Path(sysconfig.get_path("scripts"), "samzip")),
        python=sys.executable,
        failure_hook=str(folder / "samzip-failed"),
        state_dir=str(world.settings.state_dir),
        media_root=world.settings.media_root,
        archive_root=world.settings.archive_root,
        credentials=frozenset({"database_url"}),
    )
    hook = Path(host.failure_hook)
    hook.write_text(render(sample("samzip-failed"), host))
    hook.chmod(0o755)
    return Installed(world, credentials, host)


def test_a_run_builds_and_publishes_in_the_services_sandbox(installed: Installed) -> None:
    installed.world.company(equipment=5)
    installed.world.click()
    code, output = installed.start("samzip.service")
    assert code == 0, output
    assert "3 archives published" in output
    assert len(installed.world.files()) == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a folder to another group")
def test_archives_get_the_group_of_their_folder_although_the_sandbox_does_not_know_it(quickly: Installed) -> None:
    folder = quickly.world.media / "zip_requests"
    os.chown(folder, -1, WEB_SERVER)
    folder.chmod(0o2750)
    quickly.world.company(equipment=1)
    quickly.world.click()
    assert quickly.start("samzip.service")[0] == 0
    (name,) = quickly.world.files()
    assert (quickly.world.media / name).stat().st_gid == WEB_SERVER


def test_the_night_repairs_and_purges_in_the_services_sandboxes(quickly: Installed) -> None:
    quickly.world.company(equipment=1)
    quickly.world.click()
    quickly.world.run()
    (name,) = quickly.world.files()
    damaged = quickly.world.media / name
    damaged.write_bytes(b"\0" * damaged.stat().st_size)
    code, output = quickly.start("samzip-verify.service")
    assert (code, "1 request back in the queue" in output) == (13, True), output
    assert not damaged.exists()

    orphan = damaged.with_name("20260101_120000_parte_1_req_999.zip")
    orphan.write_bytes(b"nobody knows it")
    long_ago = time.time() - 7 * 86_400
    os.utime(orphan, (long_ago, long_ago))
    code, output = quickly.start("samzip-purge.service")
    assert (code, "Done: 1 orphan" in output) == (0, True), output
    assert not orphan.exists()


def test_the_failure_hook_tells_the_status_in_its_sandbox(quickly: Installed) -> None:
    code, output = quickly.start("samzip-failed@.service", "samzip.service")
    assert code == 0, output
    assert output.startswith("samzip.service failed on ")
    assert "Nothing yet." in output  # samzip status
    assert "$ journalctl " in output


def test_the_web_hook_takes_a_click_in_its_sandbox_and_tells_systemd_that_it_is_ready(
    quickly: Installed, tmp_path: Path
) -> None:
    quickly.world.company(equipment=1)
    for name in ("web_tokens", "web_secret"):
        (quickly.credentials / name).write_text(SECRET)
    state = quickly.world.settings.state_dir
    unit = quickly.unit("samzip-web.service")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [*unit.start(), "--port", str(port)]  # the last one counts
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(state / "notify"))
        systemd.settimeout(PATIENCE_S)
        process = sandboxed(
            unit,
            command=command,
            state=state,
            readable=[quickly.world.media],
            credentials=quickly.credentials,
            environ={"SAMZIP_MEDIA_ROOT": quickly.world.settings.media_root, "NOTIFY_SOCKET": str(state / "notify")},
            loopback=True,
        )
        try:
            assert b"READY=1" in systemd.recv(4096)
            headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
            click = urllib.request.Request(f"http://127.0.0.1:{port}/requests", b'{"user": "CERTIBOY"}', headers)
            with urllib.request.urlopen(click, timeout=PATIENCE_S) as answer:  # noqa: S310
                assert (answer.status, len(json.load(answer)["requests"])) == (202, 1)
        finally:
            process.kill()  # bubblewrap takes everything in it along
            process.communicate(timeout=PATIENCE_S)


@pytest.mark.parametrize(
    "forbidden",
    [
        "open('/etc/samzip-was-here', 'w')",
        "import mmap; mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
        "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "import os; os.chown('/tmp', 0, 0)",
        "import os; os.chroot('/')",
    ],
)
def test_the_sandbox_is_one(tmp_path: Path, forbidden: str) -> None:
    unit = Unit(sample("samzip.service"))
    process = sandboxed(unit, command=[sys.executable, "-c", forbidden], state=tmp_path)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode != 0
