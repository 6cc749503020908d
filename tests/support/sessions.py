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

ROWS = 60
WIDTHS = (80, 120)
PLACE = Path("/tmp/samzip-sessions")  # noqa: S108 -- as it stands in what is recorded; nobody else's, and removed
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
    "statsu",
)
LIVE = ("run", "status --watch")  # of these a picture from the middle is told, too


class Terminal:
    """A screen of some width, and the process that draws on it."""

    def __init__(self, width: int, folder: Path) -> None:
        self.width, self.folder = width, folder

    def run(self, words: str) -> tuple[str, list[str]]:
        """The screen at the end, and each that was seen before."""
        screen = pyte.Screen(self.width, 10 * ROWS)  # so that nothing scrolls away
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
            env={**environment, "HOME": str(self.folder), "SAMZIP_STATE_DIR": str(self.folder)},
        )
        os.close(follower)
        seen: list[str] = []
        ends = time.monotonic() + 4 if "--watch" in words else None
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
            seen.append(self._text(screen))
        os.close(leader)
        process.wait()
        return self._text(screen), seen

    def _text(self, screen: pyte.Screen) -> str:
        return "\n".join(line.rstrip() for line in screen.display).rstrip()


def record(width: int, tell: Callable[[str], None]) -> None:
    PLACE.mkdir()
    try:
        terminal = Terminal(width, PLACE)
        for words in STEPS:
            if words.startswith("!"):
                tell(f"${words[1:]}\n")
                subprocess.run(["sh", "-c", words[1:]], check=True, cwd=PLACE)
                continue
            end, seen = terminal.run(words)
            tell(f"$ samzip {words}")
            if words in LIVE:
                middle = [text for text in seen if "%" in text or "Queue" in text] or seen
                tell(middle[len(middle) // 2])
                tell("    (a moment from its middle; then:)")
            tell(end + "\n")
    finally:
        shutil.rmtree(PLACE)


def main(folder: Path) -> None:
    for width in WIDTHS:
        with (folder / f"{width}.txt").open("w", encoding="utf-8") as file:
            record(width, lambda text, file=file: print(text, file=file))  # type: ignore[misc]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
