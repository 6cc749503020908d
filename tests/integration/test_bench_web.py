"""`bin/bench web`, with so little load that nothing can be said of speed: everything is measured all the same."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from samzip.database import open_database, tables
from tests.bench import web, web_table
from tests.bench.company import make_company
from tests.bench.stage import BenchFailed
from tests.bench.web_load import Limits, ask
from tests.bench.web_server import Server, new_copy

TINY = replace(
    web.QUICK_WEB,
    workers=1,
    instruments=70,  # more than a moment's work
    calls=Limits(at_once=2, count=4, seconds=60),
    downloads=2,
    archive=1_000_000,
    seconds=1,
)


@pytest.mark.sweep  # six processes one after the other
def test_the_hook_is_measured_during_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "postgres", nowhere)
    report = web.WebBench(TINY, tmp_path, lambda _: None).measure_all()
    (clicks,), (statuses,), (downloads,) = (
        measured[web.SQLITE] for measured in (report.clicks, report.statuses, report.downloads)
    )
    assert (clicks.count, statuses.count) == (4, 4)
    assert 0 < clicks.median_s <= clicks.p99_s
    assert 1 <= downloads.at_once <= 2  # a second is short on a slow machine
    assert downloads.bytes > 0
    assert 0 < downloads.begun <= downloads.peak
    assert [one.goal.what for one in web_table.judge(report) if not one.values] == []


@contextmanager
def nowhere() -> Iterator[None]:
    """No PostgreSQL."""
    yield None


def test_postgresql_gets_the_same_rows_and_goes_on_from_the_last_id(tmp_path: Path, postgres_server: str) -> None:
    sample = make_company(tmp_path / "company", 2, small=True).sample
    source = open_database(f"sqlite:///{sample.database}")
    copied = open_database(new_copy(sample.database, postgres_server, "copied"))
    with copied.write() as there, source.read() as here:
        for one in tables.sam.sorted_tables:
            count = select(func.count()).select_from(one)
            assert there.execute(count).scalar_one() == here.execute(count).scalar_one(), one.name
        new = tables.empresa.insert().values(nombre="Otra", is_deleted=False).returning(tables.empresa.c.id)
        highest = here.execute(select(func.max(tables.empresa.c.id))).scalar_one()
        assert there.execute(new).scalar_one() == highest + 1
    copied.close()
    source.close()


def test_another_answer_than_expected_ends_the_bench() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as nothing:  # 501 to everything
        threading.Thread(target=nothing.serve_forever).start()
        me: Any = SimpleNamespace(pid=os.getpid())
        with pytest.raises(BenchFailed, match="501"):
            ask(Server(me, nothing.server_port), ["/status/x"], Limits(at_once=1, count=1, seconds=60))
        nothing.shutdown()
