"""Which events make a pass end as `samzip run` does with exit code 3: metrics and pings go by the same."""

from __future__ import annotations

from samzip import events as e


def is_trouble(event: e.Event) -> bool:
    """Something failed, stays, is missing or cannot be opened; or failed in an earlier pass and is to be tried again.

    What an archive lacks counts when it is given again, too.
    """
    match event:
        case e.PartFailed() | e.RequestRejected() | e.DeletionFailed():
            return True
        case e.QueueEmpty():
            return event.waiting > 0
        case e.OrphansRecovered():
            return event.failed > 0
        case e.PartPublished():
            return event.missing + event.damaged > 0
    return False
