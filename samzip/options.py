"""The table of settings: one name each, as a flag, an environment variable and a key of samzip.toml."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from samzip.units import parse_duration, parse_size


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: its key in samzip.toml; --with-dashes is its flag and SAMZIP_UPPER its variable."""

    name: str
    default: str  # as a person would write it; "" is computed
    allowed: str
    parse: Callable[[str], Any]
    help: str
    secret: bool = False  # hidden when shown; also read from the file that SAMZIP_..._FILE names

    @property
    def variable(self) -> str:
        return "SAMZIP_" + self.name.upper()

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


def _count(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not minimum <= value <= maximum:
            raise ValueError(f"{value} is out of range")
        return value

    return parse


def _duration(text: str) -> timedelta:
    if text.strip().isdigit():
        raise ValueError(f"{text!r} has no unit")
    value = parse_duration(text)
    if value <= timedelta(0) or value > timedelta(days=3650):
        raise ValueError(f"{text!r} is out of range")
    return value


def _choice(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"{text!r} is none of these")
        return text.lower()

    return parse


def _timezone(text: str) -> str:
    ZoneInfo(text)  # raises KeyError (ZoneInfoNotFoundError), ValueError, IsADirectoryError for what is no zone
    return text


def _executor(text: str) -> str:
    if text != "local":
        raise ValueError(f"{text!r} is not an executor of this version")
    return text


def _root(text: str) -> str:
    if text.startswith("s3://"):
        raise ValueError("S3 is not part of this version")
    if "://" in text:
        raise ValueError(f"{text!r} is not a folder")
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError(f"{text!r} is not a folder")
    return str(path)


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(token for token in text.replace(",", " ").split() if token)


OPTIONS = (
    Option(
        "database_url",
        "",
        "sqlite:////absolute/path.sqlite3 or postgresql://user:password@host/database",
        str,
        "Database; default DATABASE_URL, else SQLite in the state folder.",
        secret=True,
    ),
    Option(
        "media_root",
        "",
        "a folder",
        _root,
        "Where SAM's documents lie; read only. Default: media/ in the state folder.",
    ),
    Option("archive_root", "", "a folder", _root, "Archives go under zip_requests/ here. Default: the media root."),
    Option(
        "state_dir",
        "",
        "a folder",
        _root,
        "Lock, cache, temporary files, embedded database. Default: $STATE_DIRECTORY, else the XDG state folder.",
    ),
    Option("part_size", "35", "1 to 10000 instruments", _count(1, 10_000), "Instruments in one part."),
    Option("ttl", "6h", "a duration such as 90m, 6h, 2d", _duration, "How long an archive can be downloaded."),
    Option("history", "7d", "a duration such as 12h, 7d", _duration, "How long finished requests are kept."),
    Option("max_attempts", "3", "1 to 100", _count(1, 100), "Attempts at one part before its requests fail."),
    Option("timezone", "America/Bogota", "an IANA zone such as America/Bogota", _timezone, "Local time of customers."),
    Option(
        "log_format",
        "auto",
        "auto, text or json",
        _choice("auto", "text", "json"),
        "auto: text on a terminal, JSON elsewhere.",
    ),
    Option(
        "log_level",
        "info",
        "debug, info, warning or error",
        _choice("debug", "info", "warning", "error"),
        "Least level that is logged.",
    ),
    Option("jobs", "", "1 to 256", _count(1, 256), "Parts built at the same time. Default: the cores."),
    Option("executor", "local", "local", _executor, "Where parts are built."),
    Option("cache_size", "1GiB", "a size such as 500M or 1GiB", parse_size, "Limit of the life-sheet cache."),
    Option(
        "web_tokens",
        "",
        "tokens separated by spaces or commas",
        _tokens,
        "Tokens of the services that may call the web hook.",
        secret=True,
    ),
    Option("web_secret", "", "a text of your own", str, "Key of the signed links.", secret=True),
)
BY_NAME = {option.name: option for option in OPTIONS}
