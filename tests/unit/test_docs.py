"""The docs name every command, option, setting, exit code, metric and alert that is there, and none that is not."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from samzip.cli import COMMANDS, group
from samzip.cli.run import PROBLEMS, SIGNALS
from samzip.errors import SamzipError
from samzip.options import OPTIONS
from samzip.report.metrics import METRICS
from tests.support.commandline import unknown_words

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
MONITORING = DOCS / "monitoring"
README = (ROOT / "README.md").read_text()
OPERATIONS = (DOCS / "operations.md").read_text()
OPERATIONS_ES = (DOCS / "operacion.md").read_text()
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


def chapters(page: str) -> list[tuple[str, str]]:
    """Heading and text of each chapter, of either level, in order."""
    parts = re.split(r"(?m)^(#{1,3} .*)$", page)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def code(text: str) -> set[str]:
    """What is set as code, whichever way: it is the same in every language."""
    blocks = set(re.findall(r"(?ms)^```$(.*?)^```$", text))
    return blocks | set(re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^```$.*?^```$", "", text)))


def test_the_spanish_page_has_the_same_chapters_with_the_same_commands_and_codes() -> None:
    english, spanish = chapters(OPERATIONS), chapters(OPERATIONS_ES)
    assert [title.split()[0] for title, _ in english] == [title.split()[0] for title, _ in spanish]
    for (title, text), (titulo, texto) in zip(english, spanish, strict=True):
        assert code(title) == code(titulo)
        assert code(text) == code(texto), f"{title} / {titulo}"
        assert [cell for cell in rows(text)[1:] if not cell[:1].islower()] == [
            cell for cell in rows(texto)[1:] if not cell[:1].islower()
        ]  # codes, alerts, code
        assert text.count("\n- ") == texto.count("\n- ")


@pytest.mark.parametrize(
    ("page", "titles"), [(OPERATIONS, ("Commands", "Settings")), (OPERATIONS_ES, ("Comandos", "Ajustes"))]
)
def test_a_page_for_operators_has_every_command_with_its_options_and_every_setting(
    page: str, titles: tuple[str, str]
) -> None:
    commands, settings = (section(page, title) for title in titles)
    table = [line for line in commands.splitlines() if line.startswith("| `samzip ")]
    told = {name: line for line in table for name in re.findall(r"`samzip ([a-z-]+)`", line.split(" | ")[0])}
    assert set(told) == set(COMMANDS)
    for name, line in told.items():
        options = set(re.findall(r"`(--[a-z-]+)`", line))
        mine = own_options(name)
        others = {option for other, same in told.items() if same == line for option in own_options(other)}
        assert mine <= options <= others, name
    cells = [name for cell in rows(settings)[1:] for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(cells) == sorted(option.name for option in OPTIONS)


def test_what_operators_type_is_there() -> None:
    for page in (OPERATIONS, OPERATIONS_ES):
        for words in re.findall(r"(?<![\w/-])samzip ((?:[a-z][a-z-]*)(?: [^`\n;|&)]*)?)", "\n".join(code(page))):
            assert unknown_words(shlex.split(words, comments=True)) == [], words
        units = {path.name for path in (ROOT / "cron").iterdir()}
        assert set(re.findall(r"\bsamzip[a-z-]*@?\.(?:service|timer)", page)) <= units


def test_nginx_adds_to_an_archive_the_headers_that_it_drops_of_the_hooks() -> None:
    recipe = (DOCS / "web.md").read_text().split("location /protected/ {\n", 1)[1].split("}", 1)[0]
    assert "add_header X-Content-Type-Options nosniff;" in recipe
    assert "add_header Referrer-Policy no-referrer;" in recipe


def test_every_page_that_is_linked_is_there() -> None:
    for page in (ROOT / "README.md", *DOCS.glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
