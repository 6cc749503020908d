"""samzip doctor"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from samzip.cli.frame import json_option, print_json, read_settings, takes_settings, tell
from samzip.units import count

if TYPE_CHECKING:
    from samzip.doctor.findings import Finding

PROBLEM = 3
INDENT = 22  # of what was found, so that it stands in one column


@click.command("doctor")
@takes_settings("database_url", "media_root", "archive_root", "state_dir")
@json_option
def command(as_json: bool, **given: Any) -> None:
    """Tell what may keep samzip from working here, and what to do about it.

    It tries what a run does: writes, syncs and renames a small file where archives and state go, and looks at every
    document of the largest company. What it writes, it removes; nothing else is changed. Run it as the user that runs
    samzip, with the same settings.

    Exit codes: 0 no problem (there may be warnings), 3 a problem, 78 bad setting.

    \b
    Examples:
      samzip doctor
      samzip doctor --json
    """
    from samzip.app import ready_database
    from samzip.doctor.examine import examine
    from samzip.doctor.findings import has_problem

    settings = read_settings(given)
    findings = []
    for finding in examine(settings, ready_database):
        findings.append(finding)
        if not as_json:
            _show(finding)
    code = PROBLEM if has_problem(findings) else 0
    if as_json:
        from samzip.doctor.values import shown

        print_json({"findings": findings, "settings": shown(settings), "exit": code})
    else:
        states = Counter(finding.state for finding in findings)
        click.echo(f"{count(states['problem'], 'problem')}, {count(states['warning'], 'warning')}, {states['ok']} ok.")
    sys.exit(code)


def _show(finding: Finding) -> None:
    from samzip.report.wording import printable

    told = f"{finding.state:<9}{finding.check:<{INDENT - 9}}{printable(finding.told)}"
    lines = [told, *([f"{'':<{INDENT}}-> {finding.remedy}"] if finding.remedy else [])]
    for line in lines:
        tell(line, indent=INDENT)
