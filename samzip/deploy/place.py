"""Reads what is there and puts files into place."""

from __future__ import annotations

import os
import secrets
import shlex
import stat
from collections.abc import Mapping
from importlib import resources
from pathlib import Path, PurePosixPath

from samzip.deploy.plan import EDITED, SAME, SETTINGS, YOURS, Change, Target, judge
from samzip.deploy.render import Host, render, render_settings


def sample(name: str) -> str:
    """A file of cron/, which the package brings along."""
    return resources.files("samzip.deploy").joinpath("files", name).read_text(encoding="utf-8")


def look(target: Target, root: Path, host: Host, given: Mapping[str, str], files: tuple[str, ...]) -> Change:
    """What would become of one file below `root`. Raises OSError where it cannot be read."""
    is_settings = target.sample == SETTINGS
    text = render_settings(sample(target.sample), given, files) if is_settings else render(sample(target.sample), host)
    path = below(root, target.path)
    there = path.read_text(encoding="utf-8", errors="surrogateescape") if os.path.lexists(path) else None
    return judge(target, text, there)


def put(change: Change, root: Path, *, force: bool) -> bool:
    """Whether it was written. What a person edited stays; with `force` it goes to its name with a ~."""
    if change.state in (SAME, YOURS) or (change.state == EDITED and not force):
        return False
    path = below(root, change.target.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if change.state == EDITED:
        path.with_name(f"{path.name}~").write_bytes(path.read_bytes())
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, change.target.mode)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
            os.fchmod(file.fileno(), change.target.mode)  # whatever the umask
            file.write(change.text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return True


def below(root: Path, path: PurePosixPath) -> Path:
    return root / path.relative_to("/")


def read_variables(path: Path) -> dict[str, str] | None:
    """KEY=value lines of a settings file as a shell reads them; None where there is no file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    words = shlex.split(text, comments=True)
    return {name: value for name, equals, value in (word.partition("=") for word in words) if equals}


def closed_to_others(path: Path) -> Path | None:
    """The first folder on the way to `path`, links followed, that not everybody may pass; None: there is none."""
    for way in (path, path.resolve()):
        for folder in reversed(way.absolute().parents):
            if not folder.stat().st_mode & stat.S_IXOTH:
                return folder
    return None
