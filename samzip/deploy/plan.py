"""What goes where, and what becomes of what is there already. Pure.

A file that was put into place ends with the checksum of its own text. So an upgrade knows which files a person has
edited since, without a list of its own that could be lost or be wrong.
"""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from samzip.deploy.render import CONFIG_DIR, ENV_FILE, LOG_DIR, Host
from samzip.units import is_bucket

NEW = "new"  # nothing is there yet
SAME = "same"
CHANGED = "changed"  # from an earlier version, or for other paths; nobody edited it
EDITED = "edited"  # by a person: stays, unless forced
YOURS = "yours"  # the settings: never overwritten

STAMP = "# Put here by samzip install-units, which overwrites it as long as nobody edits it: "
SETTINGS = "samzip.env.example"
TIMERS = ("samzip.timer", "samzip-purge.timer", "samzip-verify.timer")
SERVICES = ("samzip.service", "samzip-purge.service", "samzip-verify.service", "samzip-failed@.service")


@dataclass(frozen=True, slots=True)
class Target:
    """A file to put into place."""

    sample: str  # its name in cron/
    path: PurePosixPath
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Change:
    """What would become of one file."""

    target: Target
    state: str  # NEW, SAME, CHANGED, EDITED, YOURS
    text: str  # as it should be
    diff: str  # from what is there; "" where nothing would change


@dataclass(frozen=True, slots=True)
class Seen:
    """What the next steps depend on."""

    user_is_new: bool
    folder_is_new: bool  # zip_requests
    settings_are_new: bool
    secrets: tuple[str, ...] = ()  # given settings that belong into files of their own
    keys: tuple[str, ...] = ()  # such files that the web hook needs and that are not there


def targets(host: Host, units_dir: str, *, web: bool, cron: bool) -> list[Target]:
    """`cron`: a crontab and logrotate, for hosts without systemd; else units."""
    settings = Target(SETTINGS, ENV_FILE, 0o640)
    if cron:
        jobs = Target("samzip.cron", PurePosixPath("/etc/cron.d/samzip"))  # cron passes over a name with a dot
        return [jobs, Target("samzip.logrotate", PurePosixPath("/etc/logrotate.d/samzip")), settings]
    units = [*SERVICES, *TIMERS, *(["samzip-web.service"] if web else [])]
    return [
        *(Target(name, PurePosixPath(units_dir, name)) for name in units),
        Target("samzip-failed", PurePosixPath(host.failure_hook), 0o755),
        Target("samzip.logrotate", PurePosixPath("/etc/logrotate.d/samzip")),
        settings,
    ]


def stamped(text: str) -> str:
    return f"{text}{STAMP}{hashlib.sha256(text.encode()).hexdigest()}\n"


def is_as_put(text: str) -> bool:
    """Whether nobody has edited it since."""
    body, _, checksum = text.rpartition(STAMP)
    return bool(checksum) and stamped(body) == text


def judge(target: Target, text: str, there: str | None) -> Change:
    """`text` as it should be, `there` what is in its place."""
    if target.sample == SETTINGS:
        if there is not None:
            return Change(target, YOURS, there, "")
        return Change(target, NEW, text, _diff(target, "", text))
    wanted = stamped(text)
    if there is None:
        return Change(target, NEW, wanted, _diff(target, "", wanted))
    if there == wanted:
        return Change(target, SAME, wanted, "")
    state = CHANGED if is_as_put(there) or there == text else EDITED
    return Change(target, state, wanted, _diff(target, there, wanted))


def next_steps(host: Host, seen: Seen, *, web: bool, cron: bool) -> list[str]:
    """Commands that an administrator types now, in a root shell."""
    steps = []
    if seen.user_is_new:
        steps.append(f"adduser --system --group --home {host.state_dir} {host.user} && chmod 750 {host.state_dir}")
    steps.append(f"chgrp {host.user} {ENV_FILE}")
    if seen.settings_are_new:
        steps.append(f"editor {ENV_FILE}     # the database, and where SAM's documents lie")
    who = f"-m 640 -g {host.user}" if cron else "-m 600"  # systemd, which is root, gives its services copies
    key = f"{host.python} -c 'import secrets; print(secrets.token_urlsafe(32))'"
    steps += [f"install {who} /dev/stdin {CONFIG_DIR / it}     # type its value, Enter, Ctrl-D" for it in seen.secrets]
    steps += [f"(umask 077; {key} >{CONFIG_DIR / it})" for it in seen.keys]
    if seen.settings_are_new or seen.secrets:
        flags = "".join(flag for flag, wanted in ((" --web", web), (" --cron", cron)) if wanted)
        steps.append(f"{host.executable} install-units{flags}     # once more: the files follow the settings")
    if seen.folder_is_new and not is_bucket(host.archive_root):
        folder = f"{host.archive_root.rstrip('/')}/zip_requests"
        steps.append(f"install -d -o {host.user} -g www-data -m 2750 {folder}     # the web server reads the archives")
    if cron:
        steps.append(f"install -d -o {host.user} -g adm -m 2750 {LOG_DIR}")
    steps.append(by_hand(host, "init"))
    if not cron:
        units = [*TIMERS, *(["samzip-web.service"] if web else [])]
        steps.append(f"systemctl daemon-reload && systemctl enable --now {' '.join(units)}")
    steps.append(by_hand(host, "doctor"))
    return steps


def by_hand(host: Host, command: str) -> str:
    """A command of samzip with the services' settings, for a root shell."""
    kept_apart = "database_url" in host.credentials
    secret = f"SAMZIP_DATABASE_URL=$(cat {CONFIG_DIR / 'database_url'}) " if kept_apart else ""
    start = f"{secret}SAMZIP_STATE_DIR={host.state_dir} runuser -u {host.user} -- {host.executable} {command}"
    return f"(set -a; . {ENV_FILE}; {start})"


def _diff(target: Target, there: str, wanted: str) -> str:
    name = str(target.path)
    lines = difflib.unified_diff(
        there.splitlines(keepends=True), wanted.splitlines(keepends=True), name if there else "/dev/null", name
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)  # a last line without its end
