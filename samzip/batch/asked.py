"""Tells how far the run is when somebody asks (SIGUSR1)."""

from __future__ import annotations

import time
from collections.abc import Collection

from samzip.batch.context import Context
from samzip.batch.in_work import InWork
from samzip.events import PartStands, RunStands


def answer(context: Context, in_work: Collection[InWork] = (), ready: int = 0) -> None:
    """`ready` parts are known and not begun."""
    context.asked.clear()
    context.publish(RunStands(context.run_id, len(in_work), ready, context.counts()))
    for item in in_work:
        progress = item.progress
        context.publish(
            PartStands(
                ref=item.ref,
                percent=progress.percent if progress else 0,
                step=progress.step if progress else "",
                bytes_done=progress.bytes if progress else 0,
                bytes_total=item.company.bytes(item.held.part),
                seconds=time.monotonic() - item.started,
            )
        )
