"""How an inventory is cut into parts, and in which turn parts are built."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class Cut:
    """An inventory in parts, each instrument in exactly one."""

    equipment: int
    parts: int
    digest: str  # SHA-256 of which instruments are in which part: archives of one digest are a whole


def part_slices(equipment: int, part_size: int) -> list[range]:
    """The instruments of each part, as positions from 0; nothing for no instruments."""
    return [range(start, min(start + part_size, equipment)) for start in range(0, equipment, part_size)]


class HasCompany(Protocol):
    """Anything that belongs to a company."""

    @property
    def company_id(self) -> int: ...


T = TypeVar("T", bound=HasCompany)


def round_robin(parts: Iterable[T]) -> list[T]:
    """One part of each company in turn, companies in the order in which they first appear.

    With the oldest request first in the input, 300 parts of one company cost another's single part one turn.
    """
    by_company: dict[int, deque[T]] = defaultdict(deque)
    for part in parts:
        by_company[part.company_id].append(part)
    turns = deque(by_company.values())
    ordered = []
    while turns:
        queue = turns.popleft()
        ordered.append(queue.popleft())
        if queue:
            turns.append(queue)
    return ordered
