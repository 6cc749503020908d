"""What a doctor says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

OK = "ok"
WARNING = "warning"  # it works, but somebody should look
PROBLEM = "problem"  # archives are not built, or not for long


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    check: str
    state: str  # OK, WARNING, PROBLEM
    told: str  # what was found
    remedy: str = ""  # what to do; "" when it is OK


def ok(check: str, told: str) -> Finding:
    return Finding(check, OK, told)


def warning(check: str, told: str, remedy: str) -> Finding:
    return Finding(check, WARNING, told, remedy)


def problem(check: str, told: str, remedy: str) -> Finding:
    return Finding(check, PROBLEM, told, remedy)


def has_problem(findings: Iterable[Finding]) -> bool:
    return any(finding.state == PROBLEM for finding in findings)
