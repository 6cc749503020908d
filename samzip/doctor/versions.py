"""Versions of what decides how samzip behaves."""

from __future__ import annotations

import platform
import sqlite3
from importlib import metadata
from importlib.util import find_spec

from samzip import __version__
from samzip.settings import Settings
from samzip.units import is_bucket

LIBRARIES = (
    *("SQLAlchemy", "alembic", "psycopg", "isal", "lxml", "openpyxl", "pillow", "reportlab", "rich"),
    *("structlog", "click", "flask", "prometheus-client", "apprise", "distributed", "obstore", "boto3"),
)
# Extra -> the module that shows that it is installed, and the settings that need it.
EXTRAS: dict[str, tuple[str, tuple[str, ...]]] = {
    "dask": ("distributed", ("executor",)),
    "metrics": ("prometheus_client", ("metrics_file",)),
    "notify": ("apprise", ("notify_operators", "notify_requesters")),
    "s3": ("obstore", ("media_root", "archive_root")),
    "web": ("flask", ("web_tokens", "web_secret")),
}


def versions() -> dict[str, str]:
    """By name; a library that is not installed is left out."""
    found = {"samzip": __version__, "Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # an extra that nobody asked for
            continue
    return found


def missing_extras(settings: Settings) -> dict[str, tuple[str, ...]]:
    """Extras that are not installed, each with the settings that ask for it."""
    missing = {}
    for extra, (module, names) in EXTRAS.items():
        wanted = tuple(name for name in names if getattr(settings, name) not in ((), "", "local"))
        if extra == "s3":  # a root may be a folder
            wanted = tuple(name for name in wanted if is_bucket(getattr(settings, name)))
        if wanted and find_spec(module) is None:
            missing[extra] = wanted
    return missing
