"""The docs name every command, option, setting, exit code, metric and alert that is there, and none that is not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest
import yaml

from samzip.cli import COMMANDS, group
from samzip.cli.run import PROBLEMS, SIGNALS
from samzip.errors import SamzipError
from samzip.options import OPTIONS
from samzip.report.metrics import METRICS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MONITORING = DOCS / "monitoring"
README = (ROOT / "README.md").read_text()
OPERATIONS = (DOCS / "operations.md").read_text()
NAMES = {metric.name for metric in METRICS}
EXIT_CODES = {0, 1, 2, PROBLEMS, *SIGNALS.values(), *(error.exit_code for error in SamzipError.__subclasses__())}


def section(text: str, title: str) -> str:
    """A chapter of a Markdown page."""
    return text.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> list[str]:
    """The first cells of a chapter's tables."""
    lines = [re.split(r"(?<!\\)\|", line)[1].strip() for line in text.splitlines() if line.startswith("| ")]
    return [cell for cell in lines if set(cell) - set("-")]


def own_options(name: str) -> set[str]:
    """A command's options beside the settings and --json, which all have."""
    command = group.get_command(click.Context(group, **group.context_settings), name)
    assert command is not None
    options = [
        it for it in command.params if isinstance(it, click.Option) and not (it.name or "").startswith("setting_")
    ]
    return {flag for option in options for flag in (*option.opts, *option.secondary_opts)} - {"--json"}


def commands_table() -> dict[str, str]:
    lines = [line for line in (DOCS / "commands.md").read_text().splitlines() if line.startswith("| `samzip ")]
    return {line.split("`")[1].split()[1]: line for line in lines}


def test_the_page_of_commands_has_every_command() -> None:
    assert set(commands_table()) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_of_commands_has_every_option(name: str) -> None:
    named = set(re.findall(r"`(--[a-z-]+)", commands_table()[name]))
    assert own_options(name) <= named
    assert named - own_options(name) <= {"--interval", "--wait"}


def test_the_readme_names_every_command() -> None:
    named = set(re.findall(r"`samzip ([a-z-]+)", section(README, "Day to day")))
    assert named == set(COMMANDS)


def test_the_readme_has_every_setting_once() -> None:
    settings = [name for cell in rows(section(README, "Settings"))[1:] for name in cell.split(", ")]
    assert sorted(settings) == sorted(option.name for option in OPTIONS)


def test_the_exit_codes_are_all_told() -> None:
    told = section(README, "Exit codes")
    assert {int(code) for code in re.findall(r"\b\d{1,3}\b", told)} == EXIT_CODES
    cells = rows(section(OPERATIONS, "Exit codes"))[1:]
    assert {int(code) for cell in cells for code in cell.split(", ")} == EXIT_CODES


def test_the_metrics_are_all_told() -> None:
    told = section(OPERATIONS, "Metrics")
    assert set(re.findall(r"`(samzip_\w+)", told)) == NAMES
    labels = {metric.name: metric.label for metric in METRICS}
    for name, label in re.findall(r"`(samzip_\w+)\{(\w+)\}`", told):
        assert labels[name] == label


def test_dashboard_and_alerts_know_only_metrics_that_there_are() -> None:
    used = {name for path in MONITORING.iterdir() for name in re.findall(r"\bsamzip_\w+", path.read_text())}
    assert used == NAMES


def test_the_dashboard_is_one() -> None:
    dashboard = json.loads((MONITORING / "grafana.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(target["expr"] for panel in panels for target in panel["targets"])
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24


def test_every_alert_is_complete_and_told() -> None:
    (rules,) = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    names = [rule["alert"] for rule in rules["rules"]]
    assert sorted(names) == sorted(cell for cell in rows(section(OPERATIONS, "Metrics")) if cell.startswith("Samzip"))
    for rule in rules["rules"]:
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert {"summary", "description"} == set(rule["annotations"])


def test_the_failing_alert_spares_the_exit_codes_that_need_nobody() -> None:
    (rules,) = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    (failing,) = [rule["expr"] for rule in rules["rules"] if rule["alert"] == "SamzipRunFails"]
    spared = {int(code) for code in re.findall(r"[!=]= (\d+)", failing)}
    assert spared == {0, PROBLEMS, 75, *SIGNALS.values()}


def test_every_page_that_is_linked_is_there() -> None:
    for page in (ROOT / "README.md", *DOCS.glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
