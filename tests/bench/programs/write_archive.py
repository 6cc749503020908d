"""One way to put documents into one ZIP, in a process of its own.

    python write_archive.py HOW MEDIA LIST TARGET    prints the seconds from opening the target until it is on the disk

LIST names documents, NUL after each; entries are named relative to MEDIA. Starting Python and importing do not count.
"""

from __future__ import annotations

import json
import os
import sys
import time
import zipfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

Entries = list[tuple[str, Path]]


def ours() -> Callable[[BinaryIO, Entries], None]:
    from samzip.archive.zipwriter import ZipWriter

    def write(file: BinaryIO, entries: Entries) -> None:
        with ZipWriter(file) as archive:
            for name, path in entries:
                with path.open("rb", buffering=0) as source:
                    state = os.fstat(source.fileno())
                    modified = datetime.fromtimestamp(state.st_mtime, UTC).replace(tzinfo=None)
                    archive.add_stream(name, source, modified, size_hint=state.st_size)

    return write


def stdlib(method: int, level: int | None) -> Callable[[BinaryIO, Entries], None]:
    def write(file: BinaryIO, entries: Entries) -> None:
        with zipfile.ZipFile(file, "w", method, compresslevel=level) as archive:
            for name, path in entries:
                archive.write(path, name)

    return write


def zipstream_ng() -> Callable[[BinaryIO, Entries], None]:
    import zipstream

    def write(file: BinaryIO, entries: Entries) -> None:
        stream = zipstream.ZipStream(compress_type=zipstream.ZIP_STORED)
        for name, path in entries:
            stream.add_path(path, name)
        chunks: Iterable[bytes] = stream
        for chunk in chunks:
            file.write(chunk)

    return write


HOW = {
    "documents": ours,
    "zipfile": lambda: stdlib(zipfile.ZIP_STORED, None),
    "zipfile-3": lambda: stdlib(zipfile.ZIP_DEFLATED, 3),
    "zipstream": zipstream_ng,
}


def opened(target: Path, how: str) -> BinaryIO:
    """As samzip opens an archive, or plainly."""
    if how != "documents":
        return target.open("w+b")
    from samzip.storage.local import LocalStore

    return LocalStore(str(target.parent)).create(target.name)


def main(how: str, media: str, listed: str, target: str) -> None:
    write = HOW[how]()
    paths = [Path(os.fsdecode(raw)) for raw in Path(listed).read_bytes().split(b"\0") if raw]
    entries = [(path.relative_to(media).as_posix(), path) for path in paths]
    wall, cpu = time.monotonic(), time.process_time()
    with opened(Path(target), how) as file:
        write(file, entries)
        file.flush()
        os.fsync(file.fileno())
    print(json.dumps({"wall_s": time.monotonic() - wall, "cpu_s": time.process_time() - cpu}))


if __name__ == "__main__":
    main(*sys.argv[1:])
