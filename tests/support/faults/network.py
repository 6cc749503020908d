"""A host with a network of its own, which it can lose: `unshare -n python network.py SOCKET FOLDER COMMAND...`.

The command finds PostgreSQL at 127.0.0.1:5432, on which this program passes on what is said to the socket. When the
file `lose` appears in the folder, the network is down: no packet arrives any more, and nobody is told. `lost` tells it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

PORT = 5432
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1  # netdevice(7): SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP


UNSHARE = ("unshare", "-n" if os.geteuid() == 0 else "-rn")  # who is not root may be so in a namespace


def command(socket_path: str, folder: Path) -> tuple[str, ...]:
    """What to put before a command."""
    return (*UNSHARE, sys.executable, str(Path(__file__)), socket_path, str(folder))


def switch(*, on: bool) -> None:
    """This network namespace's only device."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        told = fcntl.ioctl(any_socket, GET_FLAGS, struct.pack("16sh14x", b"lo", 0))
        name, flags = struct.unpack("16sh14x", told)
        flags = flags | UP if on else flags & ~UP
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh14x", name, flags))


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):  # either side hung up
        while block := await reader.read(1 << 16):
            writer.write(block)
            await writer.drain()
    writer.close()


async def main(path: str, folder: Path, words: list[str]) -> int:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(path)
        await asyncio.gather(pass_on(reader, back), pass_on(there, writer))

    switch(on=True)
    await asyncio.start_server(serve, "127.0.0.1", PORT)
    process = subprocess.Popen(words)
    lost = False
    while process.poll() is None:
        if not lost and (folder / "lose").exists():
            switch(on=False)
            lost = True
            (folder / "lost").touch()
        await asyncio.sleep(0.05)
    return process.returncode


if __name__ == "__main__":
    os._exit(asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])))  # whatever hangs on a dead line
