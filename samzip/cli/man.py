"""samzip man"""

from __future__ import annotations

import inspect
import re

import click

from samzip import __version__
from samzip.errors import SamzipError
from samzip.options import OPTIONS

_VERBATIM = "\b"  # click's mark: the paragraph keeps its lines


@click.command("man")
def command() -> None:
    """Print the manual page, made of every command's help.

    \b
    Examples:
      samzip man | man -l -
      samzip man > /usr/local/share/man/man1/samzip.1
    """
    from samzip.cli import COMMANDS, group

    context = click.Context(group, info_name="samzip", **group.context_settings)
    lines = [
        f'.TH SAMZIP 1 "" "samzip {__version__}"',
        ".SH NAME",
        r"samzip \- build the archives that SAM's users asked for",
        ".SH SYNOPSIS",
        r".B samzip",
        r"\fICOMMAND\fR [\fIOPTIONS\fR]",
        ".SH DESCRIPTION",
        *_text(group.help or ""),
        ".SH COMMANDS",
    ]
    for name in COMMANDS:
        found = group.get_command(context, name)
        if found is not None:
            lines += _command(found, click.Context(found, info_name=name, parent=context))
    lines.append(".SH SETTINGS")
    for option in OPTIONS:
        files = f", \\fB{option.variable}_FILE\\fR" if option.secret else ""
        default = f" Default: {option.default}." if option.default else ""
        lines += [".TP", f"\\fB{_escape(option.flag)}\\fR, \\fB{option.variable}\\fR{files}"]
        lines.append(_escape(f"{option.help}{default} Allowed: {option.allowed}."))
    lines.append(".SH EXIT STATUS")
    for code, names in sorted(_exit_codes().items()):
        lines += [".TP", str(code), _escape(names)]
    lines += [".SH FILES"]
    for path in ("./samzip.toml", "~/.config/samzip/samzip.toml", "/etc/samzip/samzip.toml"):
        lines += [".TP", _escape(path), "Settings; the first that is there is read."]
    click.echo("\n".join(lines))


def _command(found: click.Command, context: click.Context) -> list[str]:
    usage = " ".join(found.collect_usage_pieces(context))
    lines = [f".SS samzip {found.name} {_escape(usage)}", *_text(found.help or "")]
    for parameter in found.params:
        record = parameter.get_help_record(context)
        if record is not None:
            lines += [".TP", f"\\fB{_escape(record[0])}\\fR", _escape(record[1])]
    return lines


def _text(help_text: str) -> list[str]:
    lines: list[str] = []
    for paragraph in inspect.cleandoc(help_text).split("\n\n"):
        lines.append(".PP")
        if paragraph.startswith(_VERBATIM):
            lines += [".nf", *map(_escape, paragraph.removeprefix(_VERBATIM).strip("\n").splitlines()), ".fi"]
        else:
            lines.append(_escape(" ".join(paragraph.split())))
    return lines


def _escape(text: str) -> str:
    """Roff would take a backslash, a hyphen, and a dot or quote at a line's beginning for its own."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"^([.'])", r"\\&\1", escaped)


def _exit_codes() -> dict[int, str]:
    codes = {
        0: "done, or nothing to do",
        1: "unexpected",
        2: "usage",
        3: "done, but something failed or is missing; doctor: a problem",
        129: "interrupted by SIGHUP",
        130: "interrupted by SIGINT",
        143: "interrupted by SIGTERM",
    }
    for error in SamzipError.__subclasses__():
        words = re.sub(r"(?<!^)(?=[A-Z])", " ", error.__name__).lower()
        if error.exit_code not in (1, 2):
            known = codes.get(error.exit_code)
            codes[error.exit_code] = f"{known}, {words}" if known else words
    return codes
