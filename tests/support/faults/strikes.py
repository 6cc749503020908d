"""One fault, the runs after it, and what the ledger says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TypeVar

from tests.support.faults.ledger import LEFT, LOST, TORN, TWICE, WRONG, Violation, judge, look, settle
from tests.support.faults.points import SOCKET_CALLS, Point, has_failed, strike_options
from tests.support.faults.proxy import Cut, Proxy
from tests.support.faults.stage import RUN, Stage
from tests.support.faults.warm import Ended
from tests.support.faults.worlds import Ledger, Template

PURGE = ("purge", "--yes", "--stuck", "fail", "--json")
REQUEST = ("request", "--user", "CERTIBOY", "--times", "2", "--json")
PARTS_OF_A_CLICK = 2
KILLED = 9
PROBLEMS = 3
CODES = (0, PROBLEMS, 10, 12)
REASONS = (
    "SELECT error_message AS reason FROM core_ziprequest UNION SELECT last_error FROM samzip_work"
    " UNION SELECT error FROM samzip_attempt"
)
ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EACCES")
UNCLEAR = ("inesperado", "unexpected:", "Error:", "Errno", "Traceback")  # words that help no operator

T = TypeVar("T")
R = TypeVar("R")
Strike = Callable[[Stage, Point], "Outcome"]


@dataclass(frozen=True)
class Outcome:
    """Of one point."""

    where: str
    reached: bool  # whether the fault struck at all
    violations: tuple[Violation, ...]
    note: str = ""  # the exit code and the reason


@dataclass
class Report:
    """Of many points."""

    name: str
    outcomes: list[Outcome] = field(default_factory=list)
    fault: str = ""  # what kind: sweeps of one kind are summed up

    @property
    def reached(self) -> int:
        return sum(outcome.reached for outcome in self.outcomes)

    def complaints(self) -> list[str]:
        return [
            f"{self.name}: {outcome.where}: {violation.kind}: {violation.what}"
            for outcome in self.outcomes
            for violation in outcome.violations
        ]

    def counts(self) -> dict[str, int]:
        kinds = Counter(violation.kind for outcome in self.outcomes for violation in outcome.violations)
        faults = {"points": len(self.outcomes), "reached": self.reached}
        return faults | {kind: kinds[kind] for kind in (LOST, TORN, TWICE, LEFT, WRONG)}

    def check(self, least: int) -> None:
        """Nothing was broken, and the faults did strike."""
        complaints = self.complaints()
        assert not complaints, f"{len(complaints)} broken promises, among them:\n" + "\n".join(complaints[:8])
        assert self.reached >= least, f"{self.name}: only {self.reached} of {len(self.outcomes)} faults struck"


def on_all(stages: Sequence[Stage], work: Sequence[T], do: Callable[[Stage, T], R]) -> list[R]:
    """Each piece of work once, as many at a time as there are stages."""
    free: SimpleQueue[Stage] = SimpleQueue()
    for stage in stages:
        free.put(stage)

    def one(piece: T) -> R:
        stage = free.get()
        try:
            return do(stage, piece)
        finally:
            free.put(stage)

    with ThreadPoolExecutor(len(stages)) as threads:
        return list(threads.map(one, work))


def kill_run(template: Template) -> Strike:
    """A run killed once; the next one mends everything."""

    def strike(stage: Stage, point: Point) -> Outcome:
        stage.put_back(template)
        ended = stage.strike(RUN, point.kill())
        seen = look(stage)
        wrong = settle(stage)
        return _outcome(point, ended.signal == KILLED, [*wrong, *judge(stage, template.ledger, seen)])

    return strike


def abandon_run(template: Template) -> Strike:
    """A run killed once, and everybody who waits cancels: the next run has nothing to build, and clears away all the
    same."""

    def strike(stage: Stage, point: Point) -> Outcome:
        stage.put_back(template)
        ended = stage.strike(RUN, point.kill())
        seen = look(stage)
        live = "('pending', 'processing', 'queued')"
        stage.change(f"UPDATE core_ziprequest SET status = 'cancelled' WHERE status IN {live}")
        before = {row["id"]: row["status"] for row in stage.rows("SELECT id, status FROM core_ziprequest")}
        wrong = settle(stage)
        ends = {request_id: template.ledger.ends.get(request_id, end) for request_id, end in before.items()}
        ends |= {request_id: "cancelled" for request_id, end in before.items() if end == "cancelled"}
        return _outcome(point, ended.signal == KILLED, [*wrong, *judge(stage, Ledger(ends), seen)])

    return strike


def kill_purge(template: Template) -> Strike:
    """A purge killed once; the next purge and the next run mend everything."""

    def strike(stage: Stage, point: Point) -> Outcome:
        stage.put_back(template)
        ended = stage.strike(PURGE, point.kill())
        seen = look(stage)
        found = []
        again = stage.run(PURGE)
        if again.code != 0:
            found.append(Violation(WRONG, f"the next purge ended with {again}: {stage.output()[-2000:]}"))
        found += settle(stage)
        return _outcome(point, ended.signal == KILLED, [*found, *judge(stage, template.ledger, seen)])

    return strike


def kill_request(template: Template) -> Strike:
    """Two clicks in one command, killed once: each click is there with all its parts, or not at all."""

    def strike(stage: Stage, point: Point) -> Outcome:
        stage.put_back(template)
        ended = stage.strike(REQUEST, point.kill())
        ledger = Ledger({row["id"]: "completed" for row in stage.rows("SELECT id FROM core_ziprequest")})
        found = []
        if len(ledger.ends) % PARTS_OF_A_CLICK:
            found.append(Violation(TORN, f"{len(ledger.ends)} requests of clicks with {PARTS_OF_A_CLICK} parts each"))
        if ended.code == 0 and len(ledger.ends) != 2 * PARTS_OF_A_CLICK:
            found.append(Violation(LOST, f"both clicks were accepted, {len(ledger.ends)} requests are there"))
        seen = look(stage)
        if ledger.ends:
            found += settle(stage)
        return _outcome(point, ended.signal == KILLED, [*found, *judge(stage, ledger, seen)])

    return strike


def kill_recovery(
    template: Template, choose: Callable[[list[Point]], Sequence[Point]]
) -> Callable[[Stage, Point], list[Outcome]]:
    """A run killed at `first`, and the run that recovers from that killed at each point that `choose` takes of its own
    calls; then the third mends everything."""

    def strike(stage: Stage, first: Point) -> list[Outcome]:
        stage.put_back(template)
        stage.strike(RUN, first.kill())
        seen = look(stage)
        snapshot = stage.save()
        outcomes = []
        for second in choose(stage.points()):
            stage.put_back(template, snapshot)
            ended = stage.strike(RUN, second.kill())
            later = look(stage)
            wrong = settle(stage)
            found = [*seen.violations, *wrong, *judge(stage, template.ledger, later)]
            outcomes.append(Outcome(f"{first}, then {second}", ended.signal == KILLED, tuple(found)))
        return outcomes

    return strike


def kill_pool(template: Template) -> Strike:
    """The command as users start it, with its pool, one of its processes killed: the leader, or a worker, which costs
    its part an attempt."""

    def strike(stage: Stage, point: Point) -> Outcome:
        stage.put_back(template)
        code = stage.run_cold(RUN, strike_options(point.kill()))
        found = []
        if code not in (-KILLED, 0, PROBLEMS):
            found.append(Violation(WRONG, f"exit code {code}: {stage.output()[-2000:]}"))
        seen = look(stage)
        found += settle(stage, patient=True)
        return _outcome(point, code != 0, [*found, *judge(stage, template.ledger, seen)], note=str(code))

    return strike


@dataclass(frozen=True)
class Failing:
    """A call that fails: once, or from then on."""

    point: Point
    error: str  # errno's name
    ever_after: bool

    def __str__(self) -> str:
        return f"{self.error} {'from' if self.ever_after else 'at'} {self.point}"


def failures_of(points: Sequence[Point]) -> list[Failing]:
    """One for each point, the errors in turn, every third of them lasting.

    Sockets are left to the proxy: a real one that cannot send cannot receive either, and libpq relies on that.
    """
    return [
        Failing(point, ERRORS[index % len(ERRORS)], index % 3 == 2)
        for index, point in enumerate(point for point in points if point.call not in SOCKET_CALLS)
    ]


def fail_run(template: Template, argv: Sequence[str] = RUN) -> Callable[[Stage, Failing], Outcome]:
    """A command one of whose calls fails. It ends with a code that tells, and a reason that tells; once the trouble is
    over, the next runs deliver everything."""

    def strike(stage: Stage, failing: Failing) -> Outcome:
        stage.put_back(template)
        ended = stage.strike(argv, failing.point.error(failing.error, ever_after=failing.ever_after))
        struck = has_failed(stage.trace)
        found = complaints_of(stage, ended)
        seen = look(stage)
        if argv[0] == "purge":
            again = stage.run(argv)
            if again.code != 0:
                found.append(Violation(WRONG, f"the next purge ended with {again}: {stage.output()[-2000:]}"))
        found += settle(stage, patient=True)
        found += judge(stage, template.ledger, seen)
        return Outcome(str(failing), struck, tuple(found), note=str(ended.code))

    return strike


def cut_line(template: Template, argv: Sequence[str] = RUN) -> Callable[[Stage, tuple[Proxy, Cut]], Outcome]:
    """A command that loses its database at one message; it may come back at once, or not before the next run."""

    def strike(stage: Stage, piece: tuple[Proxy, Cut]) -> Outcome:
        proxy, cut = piece
        stage.put_back(template)
        stage.line = proxy.url(stage.database_url)
        proxy.arm(cut)
        try:
            ended = stage.run(argv)
        finally:
            stage.line = ""
        struck = proxy.struck
        found = complaints_of(stage, ended)
        seen = look(stage)
        if argv[0] == "purge":
            stage.run(argv)
        found += settle(stage, patient=True)
        found += judge(stage, template.ledger, seen)
        return Outcome(str(cut), struck, tuple(found), note=str(ended.code))

    return strike


def complaints_of(stage: Stage, ended: Ended) -> list[Violation]:
    """About how a command ended that met an error."""
    output = stage.output()
    found = []
    if ended.code not in CODES:
        found.append(Violation(WRONG, f"exit code {ended.code}, signal {ended.signal}: {output[-1500:]}"))
    told = [output, *(row["reason"] for row in stage.rows(REASONS) if row["reason"])]
    found += [Violation(WRONG, f"told {text[-1500:]!r}") for text in told if any(word in text for word in UNCLEAR)]
    return found


def _outcome(point: Point, reached: bool, found: Sequence[Violation], note: str = "") -> Outcome:
    return Outcome(str(point), reached, tuple(found), note)
