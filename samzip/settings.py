"""Frozen settings: a flag beats an environment variable, which beats samzip.toml, which beats the default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from samzip import address
from samzip.address import Explained
from samzip.errors import BadSetting
from samzip.options import BY_NAME, OPTIONS, Option

LISTS = ("web_tokens", "web_secret", "notify_operators")  # in samzip.toml they may be arrays
SAMS_BUCKET, SAMS_PREFIX = "AWS_STORAGE_BUCKET_NAME", "media"  # where SAM keeps its documents in production
FILE = "samzip.toml"  # among what is wrong: the file itself
OTHER_VARIABLES = ("SAMZIP_CONFIG",)  # read, and no setting
SYSTEM_CONFIG = Path("/etc/samzip/samzip.toml")


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
    log_file: str  # "": standard error
    jobs: int
    executor: str
    cache_size: int  # bytes
    web_tokens: tuple[str, ...]
    web_secret: tuple[str, ...]  # the first signs, all of them verify
    web_url: str  # without a slash at its end; "": as called
    web_rate: int  # clicks a minute
    web_counters: str  # "database" or a Redis URL
    web_sendfile: str  # "", "x-sendfile", or a path for X-Accel-Redirect
    metrics_file: str  # "": none
    ping_url: str  # without a slash at its end; "": none
    notify_operators: tuple[str, ...]  # Apprise addresses
    notify_requesters: str  # an Apprise address with {email} in it; "": nobody
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


@dataclass(frozen=True, slots=True)
class Found:
    """Every setting as it was given or follows from others, right or wrong."""

    texts: Mapping[str, str]
    sources: Mapping[str, str]  # where each came from
    values: Mapping[str, Any]  # of those that are allowed
    wrong: Mapping[str, BadSetting]  # by setting, or by what is none

    def settings(self) -> Settings:
        """Raises BadSetting naming everything that is wrong at once: nobody wants to learn of it one by one."""
        if self.wrong:
            raise BadSetting(*map(str, self.wrong.values())) from next(iter(self.wrong.values()))
        return Settings(**self.values, sources=self.sources)


def load(
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    *,
    config: str | None = None,
    cwd: Path | None = None,
) -> Settings:
    """Raises BadSetting naming each wrong setting, where it came from, its value and what is allowed."""
    return look_up(flags, environ, config=config, cwd=cwd).settings()


def look_up(
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    *,
    config: str | None = None,
    cwd: Path | None = None,
) -> Found:
    """The same without complaint. A file that cannot be read is wrong under the name FILE."""
    file: Mapping[str, Any] = {}
    wrong: dict[str, BadSetting] = {}
    path = _config_file(config or environ.get("SAMZIP_CONFIG"), environ, cwd or Path.cwd())
    try:
        file = _read(path) if path else {}
    except BadSetting as error:
        wrong[FILE] = error
    wrong |= {key: BadSetting(f"{key} in {path}: {why}") for key, why in _unknown_keys(file).items()}
    raw: dict[str, str] = {}
    sources = dict.fromkeys(wrong, str(path))
    for option in OPTIONS:
        given, sources[option.name] = _find(option, flags, environ, file, path)
        try:
            raw[option.name] = _text(option, given, sources[option.name])
        except BadSetting as error:
            raw[option.name], wrong[option.name] = str(given), error
    return _build(raw, sources, environ, wrong)


def _unknown_keys(file: Mapping[str, Any]) -> dict[str, str]:
    """Keys of samzip.toml that are no settings, and what may be meant."""
    unknown = {}
    for key in file.keys() - BY_NAME.keys():
        import difflib  # for a mistake only

        near = difflib.get_close_matches(key, BY_NAME, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(BY_NAME)}"
        unknown[key] = f"there is no such setting; {hint}"
    return dict(sorted(unknown.items()))


def unknown_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """SAMZIP_ variables that no setting reads, each with what was meant, as far as it can be guessed.

    No error: others may share the prefix.
    """
    known = {option.variable: option for option in OPTIONS}
    known |= {f"{option.variable}_FILE": option for option in OPTIONS if option.secret}
    strange = {}
    for name in sorted(environ):
        if name.startswith("SAMZIP_") and name not in known and name not in OTHER_VARIABLES:
            import difflib  # for a mistake only

            near = difflib.get_close_matches(name, known, 1)
            strange[name] = f"did you mean {near[0]}?" if near else "samzip config lists the settings"
    return strange


def _find(
    option: Option,
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    file: Mapping[str, Any],
    path: Path | None,
) -> tuple[object, str]:
    """What is given, a secret's file as a Path, and where it comes from."""
    given = flags.get(option.name)
    if given is not None:
        return given, option.flag
    if environ.get(option.variable):
        return environ[option.variable], option.variable
    secret_file = environ.get(option.variable + "_FILE") if option.secret else None
    if secret_file:
        return Path(secret_file), option.variable + "_FILE"
    if option.name in file:
        return file[option.name], str(path)
    if option.name == "database_url" and environ.get("DATABASE_URL"):
        return environ["DATABASE_URL"], "DATABASE_URL"
    if option.name == "media_root" and environ.get(SAMS_BUCKET):
        return f"s3://{environ[SAMS_BUCKET]}/{SAMS_PREFIX}", SAMS_BUCKET
    return option.default, "default"


def _text(option: Option, given: object, source: str) -> str:
    """Raises BadSetting for a value that is no text, number or list where lists are allowed, and for a file."""
    if isinstance(given, Path):
        try:
            text = given.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no text"
            # What is no whole path may be the secret itself, written where the path of its file belongs.
            shown = str(given) if given.is_absolute() else "(hidden; the path of a file is wanted, from / on)"
            raise BadSetting(f"{source}: cannot read {shown}: {why}") from error
        if option.name not in LISTS and len(text.splitlines()) > 1:
            raise BadSetting(f"{source}: {given} has several lines; it must hold {option.name} and nothing else")
        return text
    if isinstance(given, list) and option.name in LISTS:
        return " ".join(map(str, given))
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        shown = "(hidden)" if option.secret else repr(given)
        raise BadSetting(f"{option.name} in {source}: {shown} is not allowed; allowed: {option.allowed}")
    return str(given)


def _config_file(given: str | None, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """What is given is the one, whether it is there or not."""
    if given:
        return Path(given)
    candidates = [cwd / "samzip.toml", *_own_config(environ), SYSTEM_CONFIG]
    return next((candidate for candidate in candidates if _is_there(candidate)), None)


def _read(path: Path) -> Mapping[str, Any]:
    if not _is_there(path):
        raise BadSetting(f"config: there is no readable file {path}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSetting(f"{path}: {error}") from error


def _own_config(environ: Mapping[str, str]) -> list[Path]:
    """A person's own file; a service without a home has none."""
    base, home = environ.get("XDG_CONFIG_HOME"), environ.get("HOME")
    folders = [Path(base)] if base else [Path(home, ".config")] if home else []
    return [folder / "samzip" / "samzip.toml" for folder in folders]


def _is_there(path: Path) -> bool:
    """Also when it is a folder or a dead link: reading it tells so, where passing it over would hide a mistake."""
    return os.path.lexists(path) if os.access(path.parent, os.X_OK) else False


def _build(
    raw: Mapping[str, str], sources: Mapping[str, str], environ: Mapping[str, str], wrong: dict[str, BadSetting]
) -> Found:
    values: dict[str, Any] = {}

    def take(name: str, text: str) -> None:
        if name in wrong:
            return
        try:
            values[name] = _parse(name, text, sources)
        except BadSetting as error:
            if sources[name] != "default" or not wrong:  # a default that follows from another setting is wrong with it
                wrong[name] = error

    state = raw["state_dir"] or environ.get("STATE_DIRECTORY", "").split(":")[0] or _xdg_state(environ)
    if not state:
        wrong["state_dir"] = BadSetting(
            "state_dir (from default): HOME is not set, so there is no default; give SAMZIP_STATE_DIR"
        )
    take("state_dir", state)
    state_dir = values.get("state_dir")
    media = raw["media_root"] or (f"{state_dir}/media" if state_dir else "")
    texts = {
        **raw,
        "state_dir": str(state_dir or state),
        "database_url": raw["database_url"] or (address.of_file(f"{state_dir}/samzip.sqlite3") if state_dir else ""),
        "media_root": media,
        "archive_root": raw["archive_root"] or media,
        "jobs": raw["jobs"] or str(len(os.sched_getaffinity(0))),
    }
    for name, text in texts.items():
        if name != "state_dir":
            take(name, text)
    if "state_dir" in values:
        values["state_dir"] = Path(values["state_dir"])
    return Found(texts, sources, values, wrong)


def _xdg_state(environ: Mapping[str, str]) -> str:
    """Empty for a service without a home."""
    base, home = environ.get("XDG_STATE_HOME"), environ.get("HOME")
    return str(Path(base or Path(home or "", ".local", "state"), "samzip")) if base or home else ""


def _parse(name: str, text: str, sources: Mapping[str, str]) -> Any:
    option = BY_NAME[name]
    try:
        if "\0" in text:
            raise ValueError("NUL is not allowed")
        return option.parse(text)
    except (ValueError, KeyError, OSError) as error:
        shown = "(hidden)" if option.secret or "@" in text else repr(text)  # before an @ stands a password
        why = f": {error}" if isinstance(error, Explained) else f"; allowed: {option.allowed}"
        raise BadSetting(f"{name} (from {sources[name]}): {shown} is not allowed{why}") from error
