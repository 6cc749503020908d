"""What all commands share: settings as flags, JSON or text, errors as advice."""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from samzip.errors import BadSetting, SamzipError
from samzip.options import OPTIONS
from samzip.settings import Found, Settings, look_up

F = TypeVar("F", bound=Callable[..., Any])

JSON_FLAG = "--json"


def takes_settings(*shown: str) -> Callable[[F], F]:
    """Every setting as a flag of this command; those that `shown` names appear in its help.

    The command receives them in one dict, to be given to `read_settings`.
    """

    def decorate(function: F) -> F:
        for option in reversed(OPTIONS):
            function = click.option(
                option.flag,
                f"setting_{option.name}",
                metavar="VALUE",
                help=f"{option.help}{f' Default: {option.default}.' if option.default else ''}",
                hidden=option.name not in shown,
            )(function)
        return click.option("--config", "setting_config", metavar="FILE", help="Read settings from this samzip.toml.")(
            function
        )

    return decorate


def read_settings(given: dict[str, Any]) -> Settings:
    """Settings from a command's keyword arguments, the environment and samzip.toml. Raises BadSetting."""
    return look_up_settings(given).settings()


def look_up_settings(given: dict[str, Any]) -> Found:
    """The same, right or wrong."""
    flags = {name.removeprefix("setting_"): value for name, value in given.items() if name.startswith("setting_")}
    return look_up(flags, os.environ, config=flags.pop("config", None))


class RequestNumber(click.IntRange):
    """A request's id, as databases can have them."""

    name = "request number (samzip status shows them)"  # click's words: 'x' is not a valid ...

    def __init__(self) -> None:
        super().__init__(1, 2**63 - 1)


def json_option(function: F) -> F:
    """--json: one object on stdout, and a fatal error as one object on stderr."""
    return click.option(JSON_FLAG, "as_json", is_flag=True, help="Print one JSON object.")(function)


@contextmanager
def importing() -> Iterator[None]:
    """What imports make stays: to look through it for garbage, again and again, takes a tenth of an idle run."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def wants_json(arguments: Sequence[str]) -> bool:
    return JSON_FLAG in arguments


def print_json(value: object) -> None:
    """Dataclasses, datetimes (ISO 8601, UTC) and paths included."""
    click.echo(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def tell(line: str, *, indent: int = 2, err: bool = False) -> None:
    """Prints a line of text; on a terminal it is broken between words, and goes on `indent` columns in."""
    if (sys.stderr if err else sys.stdout).isatty():
        width = max(shutil.get_terminal_size().columns, 2 * indent)
        line = textwrap.fill(
            line, width, subsequent_indent=" " * indent, break_on_hyphens=False, break_long_words=False
        )
    click.echo(line, err=err)


def fail(error: SamzipError, *, as_json: bool) -> NoReturn:
    """Prints what happened and what to do about it; exits with the error's code."""
    what: dict[str, object] = {"error": type(error).__name__, "message": str(error)}
    if isinstance(error, BadSetting):
        what["problems"] = error.problems
    what |= {"advice": error.advice, "exit": error.exit_code}
    with suppress(OSError):
        if as_json:
            click.echo(json.dumps(what, ensure_ascii=False), err=True)
        else:
            told = error.problems if isinstance(error, BadSetting) else (str(error),)
            for line in (*(f"samzip: {_one_line(problem)}" for problem in told), *error.advice.splitlines()):
                tell(line, err=True)
    _forget_unwritable()
    sys.exit(error.exit_code)


def open_streams() -> None:
    """Whoever closed them (`2>&-`) wants to hear nothing; Python has None in their place."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 -- the process closes it


def _forget_unwritable() -> None:
    """Output that nobody can take must not change the exit code to 120, which the interpreter makes of it."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except (OSError, ValueError):
            setattr(sys, name, None)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, bytes):  # SQLite keeps whatever it is given in any column
        return value.decode("utf-8", "replace")
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
