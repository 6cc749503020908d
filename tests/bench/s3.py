"""Measures what a bucket costs, each request as it is and 30 ms late. Started by `bin/bench s3`.

First the store alone: documents read in order and an archive written, against obstore's own get and put of the same
bytes, as many requests at a time. Then the whole work in one process: survey, preparation and building of the demo
company, life sheets cached. Server and proxy share the processors with what is measured.
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import Future
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import obstore

from samzip.demo.load import load
from samzip.storage import open_store
from samzip.storage.s3 import client, reading, upload
from tests.support.s3 import BUCKET, Bucket, environment, rclone
from tests.support.world import InlineExecutor, ShiftedDatabase, World, make_world

PREFIX = "media"
LATENCIES_S = (0, 0.03)
DOCUMENTS, DOCUMENT = 200, 256 << 10  # bytes
ARCHIVE = 64 << 20  # bytes
NAMES = [f"documentos/EQ-{number // 20:03}/{number}.pdf" for number in range(DOCUMENTS)]
REPEATS = 3
PARTS: dict[str, int] = {"chunk_size": upload.PART, "max_concurrency": upload.PARTS_UNDER_WAY}


class Timed(InlineExecutor):
    """Tells how long each kind of job took."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: Counter[str] = Counter()

    def submit(self, function: Any, job: Any, key: str) -> Future[Any]:
        began = time.perf_counter()
        future = super().submit(function, job, key)
        self.seconds[function.__name__] += time.perf_counter() - began
        return future


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="samzip-bench-s3-"))
    try:
        with rclone(folder / "rclone" / "data") as bucket, environment(bucket.environment):
            print(f"{DOCUMENTS} documents of {DOCUMENT >> 10} KiB, an archive of {ARCHIVE >> 20} MiB:\n")
            print("| latency | read by obstore | by samzip | share | written by obstore | by samzip | share |")
            print("|---|---|---|---|---|---|---|")
            fill(bucket)
            for latency in LATENCIES_S:
                bucket.proxy.delay = latency
                alone(latency)
            bucket.proxy.delay = 0
            local = make_world(folder / "local", part_size="35")
            load(local.database, local.media, today=date(2026, 11, 1))
            build(local)  # fills the cache of life sheets
            print("\n| where | latency | survey, s | prepare, s | build, s | requests | at once |")
            print("|---|---|---|---|---|---|---|")
            show("folder", 0, build(local), "-", "-")
            for path in sorted(path for path in local.media.rglob("*.*") if "zip_requests" not in path.parts):
                bucket.put(f"{PREFIX}/{path.relative_to(local.media).as_posix()}", path.read_bytes())
            for latency in LATENCIES_S:
                whole(bucket, local, latency)
        print(f"\nLargest resident memory of this process: {peak():.0f} MB.")
    finally:
        shutil.rmtree(folder)


def fill(bucket: Bucket) -> None:
    data = os.urandom(DOCUMENT)
    for name in NAMES:
        bucket.put(f"{PREFIX}/{name}", data)


def alone(latency: float) -> None:
    """Of each, the middle one of three."""
    archive = os.urandom(ARCHIVE)
    times: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        for what, act in (
            ("get", lambda: asyncio.run(got(client.bucket(BUCKET)))),
            ("open", opened),
            ("put", lambda: obstore.put(client.bucket(BUCKET), f"{PREFIX}/plain", archive, **PARTS)),
            ("create", lambda: created(archive)),
        ):
            began = time.perf_counter()
            act()
            times.setdefault(what, []).append(time.perf_counter() - began)
    get, own, put, create = (statistics.median(times[what]) for what in ("get", "open", "put", "create"))
    shares = f"{get:.2f} s | {own:.2f} s | {get / own:.2f} | {put:.2f} s | {create:.2f} s | {put / create:.2f}"
    print(f"| {latency * 1000:.0f} ms | {shares} |", flush=True)


async def got(bucket: Any) -> None:
    free = asyncio.Semaphore(reading.REQUESTS)

    async def get(name: str) -> int:
        async with free:
            return len(await (await obstore.get_async(bucket, f"{PREFIX}/{name}")).bytes_async())

    await asyncio.gather(*map(get, NAMES))


def opened() -> None:
    store = open_store(f"s3://{BUCKET}/{PREFIX}")
    store.expect((name, DOCUMENT, "") for name in NAMES)
    buffer = memoryview(bytearray(1 << 20))
    for name in NAMES:
        with store.open(name) as file:
            while file.readinto(buffer):  # type: ignore[attr-defined]
                pass


def created(archive: bytes) -> None:
    """In blocks, as ZipWriter writes."""
    name = "zip_requests/1/bench.zip.samzip-part"
    store = open_store(f"s3://{BUCKET}/{PREFIX}")
    with store.create(name) as file:
        for begin in range(0, ARCHIVE, DOCUMENT):
            file.write(archive[begin : begin + DOCUMENT])
            file.settle(file.tell())  # type: ignore[attr-defined]


def whole(bucket: Bucket, local: World, latency: float) -> None:
    bucket.proxy.delay = latency
    root = f"s3://{BUCKET}/{PREFIX}"
    world = World(replace(local.settings, media_root=root, archive_root=root), local.database, bucket=bucket)
    build(world)  # connections, and whatever is done once
    bucket.proxy.requests.clear()
    bucket.proxy.most = 0
    seconds = build(world)
    show("bucket", latency, seconds, len(bucket.proxy.requests), bucket.proxy.most)


def build(world: World) -> Counter[str]:
    """Everything built anew."""
    world.later(days=9)
    world.run()
    world.executor = Timed()
    world.events.clear()
    world.click()
    counts = world.run().counts
    if counts.published != 2:
        sys.exit(f"bin/bench s3: {counts}")
    return world.executor.seconds


def show(where: str, latency: float, seconds: Counter[str], requests: object, most: object) -> None:
    steps = " | ".join(f"{seconds[name]:.1f}" for name in ("survey_company", "prepare_company", "build_part"))
    print(f"| {where} | {latency * 1000:.0f} ms | {steps} | {requests} | {most} |", flush=True)


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    ShiftedDatabase.shift = timedelta(0)
    main()
