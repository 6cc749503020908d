"""The samples of cron/ as one host needs them. Pure.

The samples are written for one plain host (samzip at /usr/local/bin, SAM's documents in /srv/sam/media ...), so that
they can be read, tested and copied as they are; what is another way on this host is replaced.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from samzip.options import OPTIONS
from samzip.units import is_bucket

STATE_ROOT = PurePosixPath("/var/lib")  # where systemd makes a StateDirectory
CONFIG_DIR = PurePosixPath("/etc/samzip")
ENV_FILE = CONFIG_DIR / "samzip.env"
LOG_DIR = PurePosixPath("/var/log/samzip")
FAILURE_HOOK = "/usr/local/libexec/samzip-failed"
HOMES = tuple(map(PurePosixPath, ("/home", "/root", "/run/user")))  # what ProtectHome= hides
PLAIN = re.compile(r"[\w./@+:,=~-]+")  # what units, crontabs and shells take as it is


@dataclass(frozen=True, slots=True)
class Host:
    """What is where. The defaults are those that the samples are written for."""

    executable: str = "/usr/local/bin/samzip"
    python: str = "/usr/bin/python3"  # for the failure hook, which needs no samzip
    failure_hook: str = FAILURE_HOOK
    user: str = "samzip"  # and its group
    state_dir: str = "/var/lib/samzip"
    media_root: str = "/srv/sam/media"
    archive_root: str = "/srv/sam/media"
    database_dir: str | None = None  # of a SQLite file outside the state folder
    metrics_dir: str | None = None
    log_dir: str | None = None  # of the log file
    credentials: frozenset[str] = frozenset()  # secrets that are files of /etc/samzip: names of settings

    def not_plain(self) -> list[str]:
        """Paths and names that would need quotes, which units, crontabs and shells set in three ways."""
        used = (
            self.executable,
            self.user,
            self.state_dir,
            self.archive_root,
            self.database_dir,
            self.metrics_dir,
            self.log_dir,
        )
        return [text for text in used if text is not None and not PLAIN.fullmatch(text)]

    @property
    def is_below_home(self) -> bool:
        """Whether anything that samzip reads or writes would be hidden from it."""
        paths = (self.executable, self.state_dir, self.media_root, self.archive_root, self.database_dir)
        return any(PurePosixPath(path).is_relative_to(home) for path in paths if path for home in HOMES)


def render(sample: str, host: Host) -> str:
    """Text of a unit, crontab, logrotate file or hook for this host."""
    text = _without_recipe(sample)
    if is_bucket(host.archive_root):  # no folder that may be written
        text = text.replace("\nReadWritePaths=-/srv/sam/media/zip_requests\n", "\n")
    for plain, here in (
        ("/usr/local/bin/samzip", host.executable),
        (FAILURE_HOOK, host.failure_hook),
        ("#!/usr/bin/python3", f"#!{host.python}"),
        ("/srv/sam/media/zip_requests", f"{host.archive_root.rstrip('/')}/zip_requests"),
        ("\nSAMZIP_STATE_DIR=/var/lib/samzip\n", f"\nSAMZIP_STATE_DIR={host.state_dir}\n"),
        ("\nStateDirectory=samzip\nStateDirectoryMode=0750\n", _state(host.state_dir)),
        ("\nUser=samzip\nGroup=samzip\n", f"\nUser={host.user}\nGroup={host.user}\n"),
        (" * samzip umask ", f" * {host.user} umask "),  # a crontab's job
        (" samzip adm\n", f" {host.user} adm\n"),  # logrotate
    ):
        text = text.replace(plain, here)
    if host.is_below_home:
        text = text.replace("\nProtectHome=yes\n", "\nProtectHome=read-only\n")
    if host.database_dir:
        text = text.replace("\n#ReadWritePaths=/srv/sam/database\n", f"\nReadWritePaths={host.database_dir}\n")
    if host.metrics_dir:
        sample_dir = "\n#ReadWritePaths=/var/lib/prometheus/node-exporter\n"
        text = text.replace(sample_dir, f"\nReadWritePaths={host.metrics_dir}\n")
    if host.log_dir:
        text = text.replace("\n#ReadWritePaths=/var/log/samzip\n", f"\nReadWritePaths={host.log_dir}\n")
    for name in host.credentials:
        for line in (f"LoadCredential={name}:", f"Environment=SAMZIP_{name.upper()}_FILE="):
            text = text.replace(f"\n#{line}", f"\n{line}")
    return text


def render_settings(sample: str, given: Mapping[str, str], files: Collection[str] = ()) -> str:
    """The settings file, with what is `given` (value as a person writes it) and the secrets that are `files`."""
    text = sample
    for option in OPTIONS:
        if option.name in given:
            text = _set(text, option.variable, given[option.name])
        if option.name in files:
            text = _set(text, f"{option.variable}_FILE", str(CONFIG_DIR / option.name))
    return text


def _set(text: str, variable: str, value: str) -> str:
    line = f"{variable}={shlex.quote(value)}"
    return re.sub(rf"(?m)^#{variable}=.*$", lambda _: line, text)


def _state(state_dir: str) -> str:
    folder = PurePosixPath(state_dir)
    if folder.is_relative_to(STATE_ROOT) and folder != STATE_ROOT:
        return f"\nStateDirectory={folder.relative_to(STATE_ROOT)}\nStateDirectoryMode=0750\n"
    return f"\nEnvironment=SAMZIP_STATE_DIR={folder}\nReadWritePaths={folder}\n"


def _without_recipe(sample: str) -> str:
    """A file that is in place needs not say how to put it there: head paragraphs on that go."""
    head, blank, rest = sample.partition("\n\n")
    paragraphs = head.split("\n#\n")
    kept = [it for it in paragraphs if "`samzip install-units" not in it and not it.startswith("#   ")]
    return "\n#\n".join(kept) + blank + rest
