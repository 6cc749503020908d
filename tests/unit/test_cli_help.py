"""Every command explains itself, takes every setting, and turns an error into advice."""

from __future__ import annotations

import hashlib
import importlib
import json
import sqlite3
from pathlib import Path

import click
import pytest

from samzip import __version__, cli
from samzip.cli import COMMANDS
from samzip.database.setup import initialise
from samzip.options import OPTIONS

WITHOUT_SETTINGS = {"completion", "man"}
WITH_SETTINGS = sorted(set(COMMANDS) - WITHOUT_SETTINGS)
NEEDS_A_DATABASE = sorted(set(WITH_SETTINGS) - {"init", "config", "doctor", "install-units", "selftest"})
ARGUMENTS = {
    "request": ["--user", "CERTIBOY"],
    "show": ["1"],
    "cancel": ["1"],
    "retry": ["1"],
    "verify": ["--all"],
    "purge": ["--dry-run"],
}

Result = tuple[int, str, str]  # exit code, stdout, stderr


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setenv("SAMZIP_STATE_DIR", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def samzip(capsys: pytest.CaptureFixture[str], *args: str) -> Result:
    with pytest.raises(SystemExit) as stopped:
        cli.main(list(args))
    printed = capsys.readouterr()
    code = stopped.value.code
    return (code if isinstance(code, int) else 0), printed.out, printed.err


def command(name: str) -> click.Command:
    found: click.Command = importlib.import_module(f"samzip.cli.{name.replace('-', '_')}").command
    return found


def one_object(text: str) -> dict[str, object]:
    assert text.count("\n") == 1, text
    value = json.loads(text)
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_under_its_own_name(name: str) -> None:
    assert command(name).name == name


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps_with_an_example(name: str, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = samzip(capsys, name, flag)
    assert (code, err) == (0, "")
    assert "Example" in out
    assert f"samzip {name}" in out.split("Example")[1]


@pytest.mark.parametrize("name", WITH_SETTINGS)
def test_every_command_takes_every_setting_and_a_settings_file(name: str) -> None:
    flags = {flag for parameter in command(name).params for flag in parameter.opts}
    assert {option.flag for option in OPTIONS} | {"--config"} <= flags


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_help_shows_is_explained(name: str) -> None:
    shown = [it for it in command(name).params if isinstance(it, click.Option) and not it.hidden]
    assert shown or name in WITHOUT_SETTINGS
    assert all(option.help for option in shown)


@pytest.mark.parametrize("args", [["--help"], ["-h"]])
def test_help_lists_every_command_with_a_sentence(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = samzip(capsys, *args)
    assert code == 0
    for name, sentence in COMMANDS.items():
        assert f"  {name} " in out
        assert sentence.endswith(".")


def test_help_imports_no_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is imported for help")

    monkeypatch.setattr("importlib.import_module", refuse)
    assert samzip(capsys, "--help")[0] == 0


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert samzip(capsys, "--version") == (0, f"samzip {__version__}\n", "")


def test_an_unknown_command_suggests_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = samzip(capsys, "statsu")
    assert (code, out) == (2, "")
    assert "There is no command 'statsu'. Did you mean 'status'?" in err


def test_an_unknown_command_that_is_near_to_none_is_just_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = samzip(capsys, "xyzzy")
    assert code == 2
    assert "There is no command 'xyzzy'." in err
    assert "Did you mean" not in err


@pytest.mark.parametrize("args", [["statsu"], ["status", "--limit", "0"], ["status", "--limt", "3"], ["show"]])
def test_a_usage_error_is_text_or_with_json_one_object(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = samzip(capsys, *args)
    assert (code, out) == (2, "")
    assert err.startswith("Usage: samzip")
    code, out, err = samzip(capsys, *args, "--json")
    assert (code, out) == (2, "")
    told = one_object(err)
    assert told["exit"] == 2
    assert str(told["message"]) in samzip(capsys, *args)[2]


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("name", WITH_SETTINGS)
def test_a_bad_setting_exits_78_and_names_setting_value_and_what_is_allowed(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ARGUMENTS.get(name, [])
    code, out, err = samzip(capsys, name, *arguments, "--part-size", "0")
    assert (code, bool(out)) == (78, name == "config")  # which shows all of them
    message, advice = err.splitlines()
    assert message == "samzip: part_size (from --part-size): '0' is not allowed; allowed: 1 to 10000 instruments"
    assert advice.startswith("Correct it where")
    code, out, err = samzip(capsys, name, *arguments, "--part-size", "0", "--json")
    assert (code, bool(out)) == (78, name == "config")
    assert one_object(err) == {
        "error": "BadSetting",
        "message": message.removeprefix("samzip: "),
        "problems": [message.removeprefix("samzip: ")],
        "advice": advice,
        "exit": 78,
    }


@pytest.mark.parametrize("name", NEEDS_A_DATABASE)
def test_a_missing_database_exits_10_with_advice_and_makes_no_file(
    name: str, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = samzip(capsys, name, *ARGUMENTS.get(name, []))
    assert (code, out) == (10, "")
    assert f"there is no database yet at {state}/samzip.sqlite3" in err
    assert "Run `samzip init` once" in err
    assert not (state / "samzip.sqlite3").exists()
    code, out, err = samzip(capsys, name, *ARGUMENTS.get(name, []), "--json")
    assert (code, out) == (10, "")
    assert one_object(err)["error"] == "DatabaseNotReady"


@pytest.mark.parametrize("name", NEEDS_A_DATABASE)
def test_another_applications_database_exits_10(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = foreign_database(tmp_path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    code, _, err = samzip(capsys, name, *ARGUMENTS.get(name, []), "--database-url", f"sqlite:///{path}")
    assert code == 10
    assert "holds tables of another application (posts)" in err
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


@pytest.mark.usefixtures("state")
def test_init_refuses_another_applications_database_and_leaves_every_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = foreign_database(tmp_path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    code, out, err = samzip(capsys, "init", "--database-url", f"sqlite:///{path}")
    assert (code, out) == (10, "")
    assert "another application (posts)" in err
    assert "Nothing was changed." in err
    code, _, err = samzip(capsys, "init", "--database-url", f"sqlite:///{path}", "--json")
    assert code == 10
    assert one_object(err)["error"] == "ForeignDatabase"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert sorted(it.name for it in tmp_path.iterdir() if it.is_file()) == ["blog.sqlite3"]


def test_a_database_of_another_schema_exits_10(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = state / "samzip.sqlite3"
    state.mkdir()
    initialise(f"sqlite:///{path}")
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE samzip_version SET version_num = '9999'")
    connection.close()
    code, _, err = samzip(capsys, "status")
    assert code == 10
    assert "its schema is 9999" in err


def test_what_is_no_database_exits_10(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state.mkdir()
    (state / "samzip.sqlite3").write_bytes(b"not a database, " * 100)
    code, out, err = samzip(capsys, "status", "--json")
    assert (code, out) == (10, "")
    assert one_object(err)["error"] == "DatabaseDamaged"


def foreign_database(folder: Path) -> Path:
    path = folder / "blog.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE posts (id integer PRIMARY KEY, title text)")
        connection.execute("INSERT INTO posts (title) VALUES ('hola')")
    connection.close()
    return path
