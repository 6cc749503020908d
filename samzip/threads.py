"""Calls that answer no signal, in threads that hold up nobody's exit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

R = TypeVar("R")

GLANCE_S = 0.2  # between two looks whether anybody still wants the answer: so long a signal waits


class Abandoned(RuntimeError):
    """Nobody wants the answer any more. What was called may happen all the same."""


def in_thread(call: Callable[[], R], name: str) -> Future[R]:
    """What `call` returns or raises."""
    answer: Future[R] = Future()

    def work() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # noqa: BLE001 -- whoever waits for the answer has it
            answer.set_exception(error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return answer


def awaited(answer: Future[R], is_over: Callable[[], bool], meanwhile: Callable[[], object] = lambda: None) -> R:
    """Raises what the call raised; Abandoned once `is_over`. `meanwhile` is called after each glance."""
    while not wait((answer,), GLANCE_S).done:
        if is_over():
            raise Abandoned
        meanwhile()
    return answer.result()
