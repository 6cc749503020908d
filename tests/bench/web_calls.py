"""Calls a server over and over, in a process of its own.

    python web_calls.py < JOB        one JSON object in, one out

`calls` are made by `at_once` threads, each with a connection of its own for every call, as SAM's view and a web server
in front make them; until `count` or `seconds` are reached. With `rate` (calls a second) a call is due at its time and
its latency counts from there, so that a server that stands still is seen by everybody who would have come meanwhile.
`downloads` are begun all at once and read slowly: `block` bytes, ten times a second, for `seconds`.

The standard library alone, and no client library: what measures is to take as little of the processors as it can.
"""

from __future__ import annotations

import itertools
import json
import socket
import sys
import threading
import time
from collections import Counter
from typing import Any

PATIENCE_S = 30
BLOCK = 1 << 16
BUFFER = 1 << 14  # bytes that the kernel may receive ahead of a slow reader
PAUSE_S = 0.1


def request(call: dict[str, Any]) -> bytes:
    """The bytes of one call: `method`, `path`, `headers`, `body`."""
    body = call.get("body", "").encode()
    lines = [f"{call['method']} {call['path']} HTTP/1.1", "Host: localhost", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in call.get("headers", {}).items()]
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def call_many(job: dict[str, Any]) -> dict[str, Any]:
    """Returns `latencies` (seconds, in the order of their ends), `codes` and `wall_s`."""
    requests = [request(call) for call in job["calls"]]
    numbers = itertools.count()
    latencies: list[float] = []
    codes: Counter[str] = Counter()
    started = time.monotonic()

    def caller() -> None:
        while (number := next(numbers)) < job["count"]:
            due = started + number / job["rate"] if job.get("rate") else time.monotonic()
            if due >= started + job["seconds"]:
                return
            time.sleep(max(0.0, due - time.monotonic()))
            code = call_once(job["port"], requests[number % len(requests)])
            latencies.append(time.monotonic() - due)
            codes[code] += 1

    in_threads([caller] * job["at_once"])
    return {"latencies": latencies, "codes": codes, "wall_s": time.monotonic() - started}


def call_once(port: int, content: bytes) -> str:
    """The answer's code, or the name of what went wrong."""
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as connection:
            connection.sendall(content)
            answer = bytearray()
            while block := connection.recv(BLOCK):
                answer += block
    except OSError as error:
        return type(error).__name__
    return code_of(answer)


def code_of(answer: bytes) -> str:
    """Of a whole answer: one with fewer bytes than it promised is "broken"."""
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next((line.partition(":")[2] for line in lines if line.startswith("content-length:")), "0")
    return lines[0].split(" ")[1] if len(body) == int(length) and " " in lines[0] else "broken"


def download_many(job: dict[str, Any]) -> dict[str, Any]:
    """Returns `codes`, `bytes`, and how many downloads were under way at one time, at the most."""
    content = request(job["call"])
    codes: Counter[str] = Counter()
    spans: list[tuple[float, float]] = []
    received: list[int] = []
    until = time.monotonic() + job["seconds"]

    def download() -> None:
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            connection.settimeout(PATIENCE_S)
            connection.connect(("127.0.0.1", job["port"]))
            connection.sendall(content)
            block = connection.recv(job["block"])
            begun = time.monotonic()
            codes[block.split(b" ", 2)[1].decode("latin-1") if b" " in block else "broken"] += 1
            total = len(block)
            while block and time.monotonic() < until:
                time.sleep(PAUSE_S)
                block = connection.recv(job["block"])
                total += len(block)
            spans.append((begun, time.monotonic()))
            received.append(total)

    in_threads([download] * job["count"])
    return {"codes": codes, "bytes": sum(received), "at_once": most_at_once(spans)}


def most_at_once(spans: list[tuple[float, float]]) -> int:
    edges = sorted([(begin, 1) for begin, _ in spans] + [(end, -1) for _, end in spans])
    return max(itertools.accumulate(step for _, step in edges), default=0)


def in_threads(functions: list[Any]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    task = json.load(sys.stdin)
    json.dump(download_many(task) if "call" in task else call_many(task), sys.stdout)
