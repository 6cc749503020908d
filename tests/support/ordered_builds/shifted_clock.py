"""CLOCK_SHIFT_S in the environment: what Python tells of the time is so many seconds apart from the truth.

To be imported before whatever takes the names from `datetime`.
"""

from __future__ import annotations

import datetime
import os
import time
from typing import Any

shift = float(os.environ.get("CLOCK_SHIFT_S", "0"))
true_datetime, true_time = datetime.datetime, time.time


class Kind(type):
    """Moments that others make are moments, too."""

    def __instancecheck__(cls, thing: Any) -> bool:
        return isinstance(thing, true_datetime)


class Shifted(true_datetime, metaclass=Kind):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return super().now(tz) + datetime.timedelta(seconds=shift)


if shift:
    datetime.datetime = Shifted  # type: ignore[misc]
    time.time = lambda: true_time() + shift
