"""The table of settings: one name each, as a flag, an environment variable and a key of samzip.toml."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from samzip import address
from samzip.units import is_bucket, parse_bucket, parse_duration, parse_size

DATABASES = ("sqlite:", "postgres:", "postgresql:", "postgresql+psycopg:")  # how the URLs of those that are known begin


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
    if text == "local":
        return text
    parts = urlsplit(text)
    is_scheduler = parts.scheme in ("dask", "dask+tls") and parts.hostname and parts.port and "@" not in text
    if not is_scheduler or parts.path.strip("/"):
        raise ValueError(f"{text!r} is neither local nor a scheduler")
    return text.rstrip("/")


def _root(text: str) -> str:
    if not text:
        raise ValueError("empty")
    if is_bucket(text):
        parse_bucket(text)
        return text.rstrip("/")
    if "://" in text or text.lower().startswith("s3:"):
        raise ValueError(f"{text!r} is not a folder")
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError(f"{text!r} is not a folder")
    return str(path)


def _database(text: str) -> str:
    """As far as it can be told without SQLAlchemy."""
    if not text.startswith(DATABASES):
        raise ValueError("this is no URL of a database that samzip knows")
    check = address.check_file if text.startswith("sqlite") else address.check
    check(text)
    return text


def _folder(text: str) -> str:
    if is_bucket(text):
        raise ValueError(f"{text!r} is not a folder")
    return _root(text)


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(token for token in text.replace(",", " ").split() if token)


def _web_url(text: str) -> str:
    if "@" in urlsplit(text).netloc:
        raise ValueError("people are given this address")
    return _ping_url(text)


def _ping_url(text: str) -> str:
    parts = urlsplit(text)
    _ = parts.port  # raises ValueError
    if text and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
        raise ValueError(f"{text!r} is no address of a site")
    return text.rstrip("/")


def _sendfile(text: str) -> str:
    if text not in ("", "x-sendfile") and not (text.startswith("/") and text.isascii() and text.isprintable()):
        raise ValueError(f"{text!r} is neither a path nor x-sendfile")
    return text.rstrip("/") if text != "/" else text


def _counters(text: str) -> str:
    if text != "database" and urlsplit(text).scheme not in ("redis", "rediss", "redis+sentinel", "redis+cluster"):
        raise ValueError("neither the database nor a Redis URL")
    return text


def _metrics_file(text: str) -> str:
    if text and not text.endswith(".prom"):
        raise ValueError("the collector reads *.prom")
    return str(Path(text).expanduser().absolute()) if text else ""


def _log_file(text: str) -> str:
    path = Path(text).expanduser().absolute()
    if text and path.is_dir():
        raise ValueError(f"{text!r} is a folder")
    return str(path) if text else ""


def _addresses(text: str) -> tuple[str, ...]:
    addresses = tuple(text.split())
    if any("://" not in address for address in addresses):
        raise ValueError("an address has no scheme")
    return addresses


def _letter_box(text: str) -> str:
    if text and (len(_addresses(text)) != 1 or "{email}" not in text):
        raise ValueError("not one address with {email} in it")
    return text.strip()


OPTIONS = (
    Option(
        "database_url",
        "",
        "sqlite:////absolute/path.sqlite3 or postgresql://user:password@host/database",
        _database,
        "Database; default DATABASE_URL, else SQLite in the state folder.",
        secret=True,
    ),
    Option(
        "media_root",
        "",
        "a folder, or s3://bucket/prefix",
        _root,
        "Where SAM's documents lie; read only. Default: s3://AWS_STORAGE_BUCKET_NAME/media, else media/ in the state "
        "folder.",
    ),
    Option(
        "archive_root",
        "",
        "a folder, or s3://bucket/prefix",
        _root,
        "Archives go under zip_requests/ here. Default: the media root.",
    ),
    Option(
        "state_dir",
        "",
        "a folder",
        _folder,
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
    Option(
        "log_file",
        "",
        "a file in a folder that is there",
        _log_file,
        "Where runs append their log, instead of standard error; may be moved away (logrotate). Default: no.",
    ),
    Option("jobs", "", "1 to 256", _count(1, 256), "Parts built at the same time. Default: the cores."),
    Option(
        "executor",
        "local",
        "local, dask://host:8786 or dask+tls://host:8786",
        _executor,
        "Where parts are built: processes here, or a Dask cluster.",
    ),
    Option("cache_size", "1GiB", "a size such as 500M or 1GiB", parse_size, "Limit of the life-sheet cache."),
    Option(
        "web_tokens",
        "",
        "tokens separated by spaces or commas",
        _tokens,
        "Tokens of the services that may call the web hook, 16 characters or more each.",
        secret=True,
    ),
    Option(
        "web_secret",
        "",
        "keys separated by spaces or commas",
        _tokens,
        "Keys of the signed links, 16 characters or more each: the first signs, all of them verify.",
        secret=True,
    ),
    Option(
        "web_url",
        "",
        "an address such as https://sam.example.com/zip",
        _web_url,
        "Where people reach the web hook; links begin with it. Default: the address that was called.",
    ),
    Option("web_rate", "6", "1 to 1000000", _count(1, 1_000_000), "Clicks a minute of one user for one company."),
    Option(
        "web_counters",
        "database",
        "database or redis://host:port/0",
        _counters,
        "Where clicks are counted, for all workers together.",
        secret=True,
    ),
    Option(
        "web_sendfile",
        "",
        "x-sendfile, or a path such as /protected",
        _sendfile,
        "Have the web server in front send archives: a path for nginx (X-Accel-Redirect), or x-sendfile. Default: no.",
    ),
    Option(
        "metrics_file",
        "",
        "a file whose name ends in .prom",
        _metrics_file,
        "Write metrics of each run for Prometheus' textfile collector. Default: no.",
    ),
    Option(
        "ping_url",
        "",
        "an address such as https://hc-ping.com/UUID",
        _ping_url,
        "Tell a watch in the style of Healthchecks.io of every run: start, success, fail. Default: no.",
        secret=True,
    ),
    Option(
        "notify_operators",
        "",
        "Apprise addresses separated by spaces, such as mailtos://user:password@example.com",
        _addresses,
        "Whom to tell of a run or a part that failed. Default: nobody.",
        secret=True,
    ),
    Option(
        "notify_requesters",
        "",
        "an Apprise address with {email} in it, such as mailtos://user:password@example.com?to={email}",
        _letter_box,
        "Mail to who asked, once all of it is ready; {email} is theirs. Default: no.",
        secret=True,
    ),
)
BY_NAME = {option.name: option for option in OPTIONS}
