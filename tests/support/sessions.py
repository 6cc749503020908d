"""Records what each command shows on a terminal: `bin/sessions` runs this and writes docs/sessions/."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pyte

from tests.support.listening import web_server

ROWS = 60
WIDTHS = (80, 120)
PLACE = Path("/tmp/samzip-sessions")  # noqa: S108 -- as it stands in what is recorded; nobody else's, and removed
KEY = "no-secret-but-an-example-0123456789"
STEPS = (  # what is typed; what begins with "!" is done by a shell
    "init --check",
    "init",
    "demo-data",
    "request --user CERTIBOY --times 3",
    "run --dry-run",
    "run",
    "status",
    "show 1",
    "verify --all",
    "request --user andino",
    "cancel 7",
    "show 7",
    "request --user CERTIBOY",
    "! mv media away",
    "run",
    "status",
    "status --watch",
    "doctor",
    "purge --stuck retry --stuck-after 1s --dry-run",
    "! mv away media; rm media/zip_requests/1/*parte_1*",
    "purge --dry-run",
    "purge --yes",
    "verify --all",
    "status",
    "retry 1",
    "run",
    "retry 1",
    "cancel 1",
    "request --user nobody",
    "config validate",
    "config",
    "config show --json",
    "install-units --dry-run --executable /usr/bin/samzip",
    "install-units --root package --prefix /usr --executable /usr/bin/samzip",
    "selftest --kills 3",
    f"export SAMZIP_WEB_TOKENS={KEY}",
    f"export SAMZIP_WEB_SECRET={KEY}",
    "serve --port 8765",
    "completion bash",
    "man",
    "--version --json",
    "run --help",
    "statsu",
)
LIVE = ("run", "status --watch")  # of these a picture from the middle is told, too
WATCHED_S = 4  # of what goes on until somebody ends it
ENDLESS = ("--watch", "serve")
SHORT = ("completion bash", "man", "config show --json", "install-units --dry-run")  # of these the first lines
LINES = 24
DISK = "disk"  # below PLACE
DAY = (  # on which it is full
    "purge --all-archives --yes",
    "request --user CERTIBOY",
    f"! head -c $(($(stat -f -c '%a * %S' {DISK}) - 65536)) /dev/zero > {DISK}/somebody-elses",
    "run",
    "status",
    "doctor",
    "! grep -E '^samzip_(last_run_exit|runs|parts|requests.*pending|last_success)' samzip.prom",
    f"! rm {DISK}/somebody-elses",
    "retry 10",
    "retry 11",
    "run",
    "doctor",
    "! grep -E '^samzip_(last_run_exit|runs|parts|requests.*pending|last_success)' samzip.prom",
)


class Terminal:
    """A screen of some width, and the process that draws on it."""

    def __init__(self, width: int, folder: Path) -> None:
        self.width, self.folder = width, folder
        self.settings: dict[str, str] = {}

    def run(self, words: str) -> tuple[str, list[str], int]:
        """The screen at the end, each that was seen before, if that is told, and the exit code."""
        screen = pyte.Screen(self.width, 40 * ROWS)  # so that nothing scrolls away
        stream = pyte.ByteStream(screen)
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, self.width, 0, 0))
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "NO_COLOR": "1", "LANG": "C.UTF-8"}
        process = subprocess.Popen(
            [sys.executable, "-m", "samzip", *words.split()],
            stdin=follower,
            stdout=follower,
            stderr=follower,
            cwd=self.folder,
            env={**environment, "HOME": str(self.folder), "SAMZIP_STATE_DIR": str(self.folder), **self.settings},
        )
        os.close(follower)
        seen: list[str] = []
        ends: float | None = None
        is_endless = any(word in words for word in ENDLESS)
        while True:
            if ends and time.monotonic() > ends:
                process.send_signal(signal.SIGINT)
                ends = None
            if not select.select([leader], [], [], 0.1)[0]:
                continue
            try:
                stream.feed(os.read(leader, 65536))
            except OSError:  # the last writer has gone
                break
            if is_endless:
                ends, is_endless = time.monotonic() + WATCHED_S, False
            if words in LIVE:
                seen.append(self._text(screen))
        os.close(leader)
        return self._text(screen), seen, process.wait()

    def _text(self, screen: pyte.Screen) -> str:
        return "\n".join(line.rstrip() for line in screen.display).rstrip()


def record(width: int, tell: Callable[[str], None]) -> None:
    PLACE.mkdir()
    try:
        terminal = Terminal(width, PLACE)
        for words in STEPS:
            _step(terminal, words, tell)
        _full_disk(terminal, tell)
    finally:
        shutil.rmtree(PLACE)


def _step(terminal: Terminal, words: str, tell: Callable[[str], None]) -> None:
    if words.startswith("!"):
        done = subprocess.run(["sh", "-c", words[1:]], check=True, cwd=PLACE, capture_output=True, text=True)
        tell(f"${words[1:]}\n{done.stdout}")
        return
    if words.startswith("export "):
        name, _, value = words.removeprefix("export ").partition("=")
        terminal.settings[name] = value
        tell(f"$ {words}\n")
        return
    end, seen, code = terminal.run(words)
    tell(f"$ samzip {words}")
    if words in LIVE:
        middle = [text for text in seen if "%" in text or "Queue" in text] or seen
        tell(middle[len(middle) // 2])
        tell("    (a moment from its middle; then:)")
    lines = end.splitlines()
    if words.startswith(SHORT) and len(lines) > LINES:
        lines = [*lines[:LINES], f"    (and {len(lines) - LINES} lines more)"]
    tell("\n".join([*lines, *([f"    (exit code {code})"] if code else [])]) + "\n")


def _full_disk(terminal: Terminal, tell: Callable[[str], None]) -> None:
    """A day on which the archives' disk is full: what everybody says who may be asked."""
    (PLACE / DISK).mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=192m", "none", str(PLACE / DISK)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        tell("(Here nothing may be mounted: the day on which the disk is full was left out.)")
        return
    try:
        terminal.settings.clear()
        with web_server() as watch:
            for setting in (
                f"SAMZIP_ARCHIVE_ROOT={PLACE / DISK}",
                f"SAMZIP_METRICS_FILE={PLACE / 'samzip.prom'}",
                f"SAMZIP_PING_URL={watch.url}",
            ):
                _step(terminal, f"export {setting}", tell)
            (PLACE / DISK / "zip_requests").mkdir()
            for words in DAY:
                _step(terminal, words, tell)
                if words == "run":
                    called = ", ".join(path for path, _ in watch.calls[-2:])
                    tell(f"    (the watch was called at {called})\n")
    finally:
        subprocess.run(["umount", str(PLACE / DISK)], check=True)


def main(folder: Path) -> None:
    for width in WIDTHS:
        with (folder / f"{width}.txt").open("w", encoding="utf-8") as file:
            record(width, lambda text, file=file: print(text, file=file))  # type: ignore[misc]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
