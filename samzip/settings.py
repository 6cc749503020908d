"""Frozen settings: a flag beats an environment variable, which beats samzip.toml, which beats the default."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from samzip.errors import BadSetting
from samzip.options import BY_NAME, OPTIONS, Option


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, parsed and checked."""

    database_url: str
    media_root: str
    archive_root: str
    state_dir: Path
    part_size: int  # instruments
    ttl: timedelta
    history: timedelta
    max_attempts: int
    timezone: str  # IANA
    log_format: str
    log_level: str
    jobs: int
    executor: str
    cache_size: int  # bytes
    web_tokens: tuple[str, ...]
    web_secret: str
    sources: Mapping[str, str] = field(default_factory=dict)  # setting -> where its value came from

    @property
    def temporary_dir(self) -> Path:
        return self.state_dir / "tmp"

    @property
    def cache_dir(self) -> Path:
        return self.state_dir / "cache" / "life_sheets"

    @property
    def lock_path(self) -> Path:
        return self.state_dir / "samzip.lock"


def load(
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    *,
    config: str | None = None,
    cwd: Path | None = None,
) -> Settings:
    """Raises BadSetting naming the setting, where it came from, its value and what is allowed."""
    file, path = _config_file(config or environ.get("SAMZIP_CONFIG"), environ, cwd or Path.cwd())
    raw: dict[str, str] = {}
    sources: dict[str, str] = {}
    for option in OPTIONS:
        text, source = _find(option, flags, environ, file, path)
        raw[option.name], sources[option.name] = text, source
    return _build(raw, sources, environ)


def _find(
    option: Option,
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    file: Mapping[str, Any],
    path: Path | None,
) -> tuple[str, str]:
    given = flags.get(option.name)
    if given is not None:
        return given, option.flag
    if environ.get(option.variable):
        return environ[option.variable], option.variable
    secret_file = environ.get(option.variable + "_FILE") if option.secret else None
    if secret_file:
        try:
            return Path(secret_file).read_text(encoding="utf-8").strip(), option.variable + "_FILE"
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetting(f"{option.variable}_FILE: cannot read {secret_file}: {error}") from error
    if option.name in file:
        value = file[option.name]
        if isinstance(value, list) and option.name == "web_tokens":
            value = " ".join(str(item) for item in value)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise BadSetting(f"{option.name} in {path}: {value!r} is not allowed; allowed: {option.allowed}")
        return str(value), str(path)
    if option.name == "database_url" and environ.get("DATABASE_URL"):
        return environ["DATABASE_URL"], "DATABASE_URL"
    return option.default, "default"


def _config_file(given: str | None, environ: Mapping[str, str], cwd: Path) -> tuple[Mapping[str, Any], Path | None]:
    home = Path(environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "/")) / ".config")
    candidates = (
        [Path(given)]
        if given
        else [cwd / "samzip.toml", home / "samzip" / "samzip.toml", Path("/etc/samzip/samzip.toml")]
    )
    path = next((candidate for candidate in candidates if _is_readable(candidate)), None)
    if path is None:
        if given:
            raise BadSetting(f"config: there is no readable file {given}")
        return {}, None
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSetting(f"{path}: {error}") from error
    for key in values:
        if key not in BY_NAME:
            near = difflib.get_close_matches(key, BY_NAME, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(BY_NAME)}"
            raise BadSetting(f"{key} in {path}: there is no such setting; {hint}")
    return values, path


def _is_readable(path: Path) -> bool:
    return path.is_file() if os.access(path.parent, os.X_OK) else False


def _build(raw: Mapping[str, str], sources: Mapping[str, str], environ: Mapping[str, str]) -> Settings:
    state = raw["state_dir"] or environ.get("STATE_DIRECTORY", "").split(":")[0] or _xdg_state(environ)
    state_dir = Path(_parse("state_dir", state, sources))
    media = raw["media_root"] or str(state_dir / "media")
    texts = {
        **raw,
        "state_dir": str(state_dir),
        "database_url": raw["database_url"] or f"sqlite:///{state_dir / 'samzip.sqlite3'}",
        "media_root": media,
        "archive_root": raw["archive_root"] or media,
        "jobs": raw["jobs"] or str(len(os.sched_getaffinity(0))),
    }
    values: dict[str, Any] = {name: _parse(name, text, sources) for name, text in texts.items()}
    return Settings(**{**values, "state_dir": state_dir}, sources=sources)


def _xdg_state(environ: Mapping[str, str]) -> str:
    base = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME", "/")) / ".local" / "state")
    return str(Path(base) / "samzip")


def _parse(name: str, text: str, sources: Mapping[str, str]) -> Any:
    option = BY_NAME[name]
    try:
        if "\0" in text:
            raise ValueError("NUL is not allowed")
        return option.parse(text)
    except (ValueError, KeyError, OSError) as error:
        shown = "(hidden)" if option.secret else repr(text)
        raise BadSetting(f"{name} (from {sources[name]}): {shown} is not allowed; allowed: {option.allowed}") from error
