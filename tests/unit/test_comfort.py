"""Small things that people meet at the command line."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TextIO

import pytest

from samzip import __version__, cli
from samzip import events as e
from samzip.batch.context import LEASE_LOST
from samzip.cli import COMMANDS
from samzip.cli.run import _exit_code
from samzip.database.setup import initialise
from samzip.errors import BadSetting, StorageFailed, Unexpected, as_told
from samzip.options import OPTIONS
from samzip.report.progress import ProgressDisplay
from samzip.settings import load


def samzip(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(args))
    printed = capsys.readouterr()
    code = stopped.value.code
    return (code if isinstance(code, int) else 0), printed.out, printed.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = samzip(capsys, "completion", shell)
    assert (code, err) == (0, "")
    assert f"_SAMZIP_COMPLETE={shell}_complete" in out


@pytest.mark.parametrize(("typed", "offered"), [("samzip sta", "status"), ("samzip run --inter", "--interval")])
def test_bash_is_offered_commands_and_options(typed: str, offered: str, tmp_path: Path) -> None:
    script = subprocess.run(
        [sys.executable, "-m", "samzip", "completion", "bash"], capture_output=True, text=True, check=True
    ).stdout
    program = tmp_path / "samzip"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from samzip.cli import main; main()" "$@"\n')
    program.chmod(0o755)
    words = typed.split()
    asked = f"""
        {script}
        COMP_WORDS=({typed}) COMP_CWORD={len(words) - 1}
        _samzip_completion {program}
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", asked], capture_output=True, text=True)
    assert offered in done.stdout.split(), done.stderr


def test_the_manual_page_has_every_command_setting_and_example(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = samzip(capsys, "man")
    assert (code, err) == (0, "")
    for name in COMMANDS:
        assert f".SS samzip {name}" in out
    for option in OPTIONS:
        assert option.variable in out
    assert ".SH EXIT STATUS" in out


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_has_nothing_to_say_about_the_manual_page(capsys: pytest.CaptureFixture[str]) -> None:
    _, page, _ = samzip(capsys, "man")
    groff = ["groff", "-man", "-Tutf8", "-ww", "-Kutf8", "-P-c"]
    done = subprocess.run(groff, input=page, capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "break" not in line]) == (0, [])
    assert "samzip run --interval 5s --log-format json" in done.stdout.replace("−", "-").replace("‐", "-")


@pytest.mark.parametrize("args", [["--version", "--json"], ["--json", "--version"]])
def test_the_versions_are_told_as_json(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = samzip(capsys, *args)
    told = json.loads(out)
    assert (code, told["samzip"]) == (0, __version__)
    assert {"Python", "SQLite", "SQLAlchemy", "reportlab"} <= set(told)


def test_json_before_the_command_is_no_silence(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = samzip(capsys, "--json", "status")
    assert code == 2
    assert "behind the command" in json.loads(err)["message"]


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("width", ["60", "79"])
def test_help_fits_a_narrow_terminal(
    name: str, width: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    _, out, _ = samzip(capsys, name, "--help")
    text, _, _ = out.partition("Example")  # people copy examples: those keep their lines
    options = out.partition("Options:")[2]
    assert all(len(line) <= int(width) for line in (text + options).splitlines())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def colours(stream: TextIO) -> list[str]:
    assert isinstance(stream, io.StringIO)
    return re.findall(r"\x1b\[(?:3|9)\d", stream.getvalue())


@pytest.mark.parametrize("no_color", [False, True])
def test_no_color_takes_the_colours_away(no_color: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    with ProgressDisplay(file=stream) as display:
        display(e.RunFinished("r1", "done", e.Counts(published=1), 1.0))
    assert "1 parte publicada" in stream.getvalue()
    assert bool(colours(stream)) != no_color


def test_config_validate_says_whether_all_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAMZIP_WEB_SECRET", "hide-this-secret")
    code, out, _ = samzip(capsys, "config", "validate", "--ttl", "2h")
    assert (code, out.split()[:3]) == (0, ["Valid:", "2", "settings"])
    code, out, _ = samzip(capsys, "config", "validate", "--json")
    told = {"valid": True, "given": {"web_secret": "SAMZIP_WEB_SECRET"}, "problems": {}, "unknown": {}}
    assert json.loads(out) == told
    code, _, err = samzip(capsys, "config", "validate", "--ttl", "soon", "--jobs", "0")
    assert code == 78
    assert "ttl (from --ttl)" in err
    assert "jobs (from --jobs)" in err


def test_config_shows_all_settings_and_marks_the_wrong_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SAMZIP_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("SAMZIP_PART_SIZE", "0")
    monkeypatch.setenv("SAMZIP_PING_URL", "short")
    for arguments in (["config"], ["config", "--json"]):
        code, out, err = samzip(capsys, *arguments)
        assert code == 78
        assert "short" not in out + err
        if arguments[-1] == "--json":
            shown = json.loads(out)
            assert [name for name, it in shown.items() if "problem" in it] == ["part_size", "ping_url"]
            assert json.loads(err)["exit"] == 78
        else:
            marked = [line.split()[0] for line in out.splitlines() if line.endswith("<- not allowed")]
            assert (marked, len(out.splitlines())) == (["part_size", "ping_url"], len(OPTIONS))
            assert "'0' is not allowed; allowed: 1 to 10000 instruments" in err


def test_config_show_is_what_config_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert samzip(capsys, "config", "show", "--json") == samzip(capsys, "config", "--json")


def test_without_a_home_the_state_folder_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"HOME is not set.*SAMZIP_STATE_DIR"):
        load({}, {}, cwd=tmp_path)
    given = {"SAMZIP_STATE_DIR": str(tmp_path)}
    assert load({}, given, cwd=tmp_path).state_dir == tmp_path
    assert load({}, {"STATE_DIRECTORY": "/var/lib/samzip"}, cwd=tmp_path).state_dir == Path("/var/lib/samzip")


def test_a_settings_file_that_is_a_folder_or_a_dead_link_is_not_passed_over(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path / "home")}
    file = tmp_path / "samzip.toml"
    file.mkdir()
    with pytest.raises(BadSetting, match=r"samzip\.toml: .*Is a directory"):
        load({}, home, cwd=tmp_path)
    file.rmdir()
    file.symlink_to(tmp_path / "nowhere")
    with pytest.raises(BadSetting, match=r"samzip\.toml: .*No such file"):
        load({}, home, cwd=tmp_path)


def test_addresses_of_reports_are_secrets_that_no_error_shows(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    for name, value in (
        ("ping_url", "secret-word"),
        ("notify_operators", "secret-word"),
        ("notify_requesters", "mailtos://sam:secret-word@example.com"),
    ):
        with pytest.raises(BadSetting, match=rf"^{name} .*\(hidden\) is not allowed") as error:
            load({name: value}, environ, cwd=tmp_path)
        assert "secret-word" not in str(error.value)


def test_several_operators_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "samzip.toml").write_text('notify_operators = ["json://a", "json://b"]')
    settings = load({"metrics_file": "m.prom"}, {"HOME": str(tmp_path)}, cwd=tmp_path)
    assert settings.notify_operators == ("json://a", "json://b")
    assert Path(settings.metrics_file).is_absolute()


@pytest.mark.parametrize("option", ["--interval", "--wait"])
def test_a_dry_run_refuses_what_it_would_ignore(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = samzip(capsys, "run", "--dry-run", option, "5s")
    assert (code, out) == (2, "")
    assert "--dry-run looks once" in err


def test_init_says_whose_database_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/own.sqlite3"
    assert [initialise(url).adopted, initialise(url).adopted] == [False, False]


def test_the_exit_code_of_any_error_is_decided_in_one_place() -> None:
    known = BadSetting("x")
    assert as_told(known) is known
    assert isinstance(as_told(OSError(28, "No space left on device")), StorageFailed)
    assert isinstance(as_told(BrokenPipeError(32, "Broken pipe")), Unexpected)  # as click ends it
    assert isinstance(as_told(KeyError("x")), Unexpected)


@pytest.mark.parametrize(
    ("outcome", "stopped_by", "code"),
    [
        ("nothing", None, 0),
        ("done", None, 0),
        ("problems", None, 3),
        ("waiting", None, 3),
        ("interrupted", "SIGINT", 130),
        ("interrupted", "SIGTERM", 143),
        ("interrupted", LEASE_LOST, 75),
    ],
)
def test_a_run_that_lost_its_place_to_another_host_found_the_lock_busy(
    outcome: str, stopped_by: str | None, code: int
) -> None:
    assert _exit_code(e.RunFinished("r1", outcome, e.Counts(), 1.0), stopped_by) == code
