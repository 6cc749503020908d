"""Clicks, kills, and a look at what is left."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import select

from samzip.database.tables import attempt
from samzip.errors import StorageFailed
from samzip.selftest.arena import Arena
from samzip.selftest.ledger import Broken, Ledger, judge_settled, judge_visible
from samzip.selftest.sample import USERS

IN_A_ROW = (1, 1, 2)  # kills before a run may finish; a third would use up the attempts of a part
CHANGED = 0.7  # of the rounds find other content than the one before; the rest may be given the same files


@dataclass(frozen=True, slots=True)
class Killed:
    """One kill, as it is told."""

    number: int  # from 1
    kills: int  # in all
    after: float  # seconds since the run was started
    broken: Broken  # by what could be seen right then, and by the runs before


@dataclass(slots=True)
class Result:
    """What a whole self-test found."""

    seed: int
    kills: int = 0
    missed: int = 0  # runs that had ended before their kill
    rounds: int = 0
    requests: Counter[str] = field(default_factory=Counter)  # delivered, waiting, failed, lost
    undisturbed: float = 0.0  # seconds of a run
    broken: Broken = field(default_factory=Broken)

    @property
    def undelivered(self) -> int:
        """Requests that the last run, which nobody killed, left without an archive."""
        return self.requests.total() - self.requests["delivered"]


def run_rounds(arena: Arena, kills: int, seed: int, tell: Callable[[Killed], None]) -> Result:
    """Kills real runs `kills` times. Raises Unexpected when a run ends as none should; StorageFailed also when one that
    nobody kills cannot deliver: where nothing is made, nothing is torn."""
    dice = random.Random(seed)  # noqa: S311 -- to repeat a test, not to keep a secret
    ledger, result = Ledger(), Result(seed)
    _click(arena, dice, ledger, result)
    arena.run()  # fills the caches of the machine
    _click(arena, dice, ledger, result, changed=True)
    result.undisturbed = arena.run()
    _require_delivery(arena)
    moments = _moments(kills, dice)
    while result.kills < kills:
        _click(arena, dice, ledger, result)
        row = dice.choice(IN_A_ROW)
        while row and result.kills < kills:
            after = result.undisturbed * moments[-1]
            if not arena.kill(after):
                result.missed += 1
                moments[-1] *= 0.9
                break
            moments.pop()
            row -= 1
            result.kills += 1
            result.broken.add(judge_visible(arena.archives))
            tell(Killed(result.kills, kills, after, result.broken))
        arena.run()
        with arena.database.read() as connection:
            broken, result.requests = judge_settled(connection, arena.archives, arena.spools, ledger)
        result.broken.add(broken)
    return result


def _require_delivery(arena: Arena) -> None:
    with arena.database.read() as connection:
        why = connection.execute(select(attempt.c.error).where(attempt.c.error.is_not(None))).scalars().all()
    if why:
        raise StorageFailed(f"without any kill, {len(why)} of the parts could not be built: {why[0]}")


def _moments(kills: int, dice: random.Random) -> list[float]:
    """As shares of an undisturbed run, one in each of `kills` equal spans, in any order."""
    moments = [(span + dice.random()) / kills for span in range(kills)]
    dice.shuffle(moments)
    return moments


def _click(arena: Arena, dice: random.Random, ledger: Ledger, result: Result, *, changed: bool = False) -> None:
    result.rounds += 1
    if changed or dice.random() < CHANGED:
        arena.change(str(result.rounds))
    for user in USERS:
        for _ in range(dice.randint(1, 3)):
            ledger.accept(arena.click(user), result.rounds)
