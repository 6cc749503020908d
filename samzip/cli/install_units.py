"""samzip install-units"""

from __future__ import annotations

import os
import pwd
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from samzip.cli.frame import json_option, print_json, takes_settings
from samzip.errors import UsageProblem
from samzip.options import BY_NAME, OPTIONS
from samzip.settings import Settings, load

if TYPE_CHECKING:
    from samzip.deploy.plan import Change, Seen
    from samzip.deploy.render import Host

KEPT = 3
STATE_DIR = "/var/lib/samzip"
PYTHON = "/usr/bin/python3"  # better than samzip's own: that may be what is broken
WEB_KEYS = ("web_tokens", "web_secret")
WIDTH = 9  # of a state, so that the paths stand below each other


@click.command("install-units")
@click.option("--dry-run", is_flag=True, help="Show what would be written; touch nothing.")
@click.option("--force", is_flag=True, help="Overwrite edited files too; each stays beside the new one as NAME~.")
@click.option("--web", is_flag=True, help="The web hook's service too.")
@click.option("--cron", is_flag=True, help="A crontab instead of units, for hosts without systemd.")
@click.option("--user", default="samzip", show_default=True, help="Who samzip runs as; its group has the same name.")
@click.option("--executable", metavar="PATH", help="The samzip to start. Default: the one that runs now.")
@click.option("--root", metavar="DIR", default="/", help="Write below DIR, as packagers do; paths in files stay.")
@click.option(
    "--prefix", metavar="DIR", help="Units below DIR/lib/systemd/system, as in a package. Default: /etc/systemd/system."
)
@takes_settings("database_url", "media_root", "archive_root", "state_dir")
@json_option
def command(
    dry_run: bool,
    force: bool,
    web: bool,
    cron: bool,
    user: str,
    executable: str | None,
    root: str,
    prefix: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Put services, timers and settings into place, with the paths of this host, and say what is next.

    Units in /etc/systemd/system (a run every minute, a purge and a verification every night, a hook that tells of
    failures), a logrotate file, and /etc/samzip/samzip.env with the settings that are given now. Once that file is
    there it is never written again, and the units follow it: change it, then run this again. So does an upgrade. What
    a person has edited is kept. A secret that is a file of root's, such as /etc/samzip/database_url, is handed to the
    services as a credential.

    Exit codes: 0 done, 3 an edited file was kept, 12 something could not be written, 78 bad setting.

    \b
    Examples:
      samzip install-units --dry-run --media-root /srv/sam/media
      samzip install-units --media-root /srv/sam/media --web
      samzip install-units --root pkg --prefix /usr --executable /usr/bin/samzip
    """
    if web and cron:
        raise UsageProblem("--web and --cron exclude each other: a crontab keeps no server running")
    from samzip.deploy.place import look, put
    from samzip.deploy.plan import EDITED, next_steps, targets

    base = Path(root).absolute()
    settings, placed = _settings(given, base)
    secrets = _given_secrets(settings, base)
    host = _host(settings, base, user, executable, prefix)
    units_dir = f"{prefix.rstrip('/')}/lib/systemd/system" if prefix else "/etc/systemd/system"
    plain, files = _plain(settings), (secrets if cron else ())
    changes = [look(target, base, host, plain, files) for target in targets(host, units_dir, web=web, cron=cron)]
    written = [change for change in changes if not dry_run and put(change, base, force=force)]
    steps = next_steps(host, _seen(host, base, placed, secrets, web=web), web=web, cron=cron)
    code = KEPT if any(change.state == EDITED for change in changes) and not force else 0
    if as_json:
        entries = [
            {"path": str(it.target.path), "state": it.state, "written": it in written, "diff": it.diff}
            for it in changes
        ]
        print_json({"dry_run": dry_run, "files": entries, "next": steps, "exit": code})
    else:
        for change in changes:
            _show(change, written=change in written, dry_run=dry_run, force=force)
        click.echo("Nothing was written: this was a dry run." if dry_run else "Next, as root:")
        for step in [] if dry_run else steps:
            click.echo(f"  {step}")
    sys.exit(code)


def _settings(given: Mapping[str, Any], root: Path) -> tuple[Settings, bool]:
    """As the services will have them, and whether they are in place: then that file is all that counts."""
    from samzip.deploy.place import below, read_variables
    from samzip.deploy.render import CONFIG_DIR, ENV_FILE

    placed = read_variables(below(root, ENV_FILE))
    flags = {name.removeprefix("setting_"): value for name, value in given.items() if name.startswith("setting_")}
    config = flags.pop("config", None)
    for name, value in flags.items():
        if placed is not None and value is not None and placed.get(BY_NAME[name].variable) != value:
            variable = BY_NAME[name].variable
            raise UsageProblem(
                f"{ENV_FILE} is there and stays as it is: set {variable} in it, not {BY_NAME[name].flag}"
            )
    if placed is None:
        environ = {name: os.environ[name] for name in os.environ if name not in ("HOME", "XDG_CONFIG_HOME")}
    else:
        environ = placed
    environ["STATE_DIRECTORY"] = STATE_DIR  # the default of a service, not that of whoever types this
    apart = below(root, CONFIG_DIR / "database_url")
    if "SAMZIP_DATABASE_URL" not in environ and os.access(apart, os.R_OK):
        environ["SAMZIP_DATABASE_URL_FILE"] = str(apart)
    return load(flags, environ, config=config, cwd=Path("/")), placed is not None


def _plain(settings: Settings) -> dict[str, str]:
    """What was given and is no secret, as it goes into the settings file."""
    from samzip.doctor.values import shown

    entries = shown(settings)
    return {
        option.name: entries[option.name]["value"]
        for option in OPTIONS
        if not option.secret and settings.sources[option.name] != "default"
    }


def _given_secrets(settings: Settings, root: Path) -> tuple[str, ...]:
    """Those that are given in a way that no service would see."""
    from samzip.deploy.place import below
    from samzip.deploy.render import CONFIG_DIR

    return tuple(
        option.name
        for option in OPTIONS
        if option.secret
        and settings.sources[option.name] not in ("default", f"{option.variable}_FILE")
        and not below(root, CONFIG_DIR / option.name).exists()
    )


def _host(settings: Settings, root: Path, user: str, executable: str | None, prefix: str | None) -> Host:
    from samzip.deploy.place import below
    from samzip.deploy.render import CONFIG_DIR, FAILURE_HOOK, Host

    state = str(settings.state_dir)
    metrics = str(Path(settings.metrics_file).parent) if settings.metrics_file else None
    host = Host(
        executable=executable or _executable(user),
        python=PYTHON if Path(PYTHON).exists() else sys.executable,
        failure_hook=f"{prefix.rstrip('/')}/libexec/samzip-failed" if prefix else FAILURE_HOOK,
        user=user,
        state_dir=state,
        media_root=settings.media_root,
        archive_root=settings.archive_root,
        database_dir=_database_dir(settings.database_url, state),
        metrics_dir=metrics,
        log_dir=str(Path(settings.log_file).parent) if settings.log_file else None,
        credentials=frozenset(it.name for it in OPTIONS if it.secret and below(root, CONFIG_DIR / it.name).exists()),
    )
    if wrong := host.not_plain():
        raise UsageProblem(f"{wrong[0]!r}: units and crontabs want paths and names of letters, digits and ./@+:,=~_-")
    return host


def _database_dir(url: str, state_dir: str) -> str | None:
    from samzip.database.engine import parse_url

    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    folder = Path(parsed.database).absolute().parent
    return None if folder.is_relative_to(state_dir) else str(folder)


def _executable(user: str) -> str:
    """The samzip that runs; by its name on PATH where that leads to the same, since such a link outlives upgrades."""
    from samzip.deploy.place import closed_to_others

    script = Path(sysconfig.get_path("scripts"), "samzip")
    on_path = shutil.which("samzip")
    found = Path(on_path) if on_path and Path(on_path).resolve() == script.resolve() else script
    for path in (found, Path(sys.executable)):
        if folder := closed_to_others(path):
            raise UsageProblem(
                f"{path} is behind {folder}, where the user {user} may not go: install samzip where everybody may, "
                "such as /opt/samzip (docs/operations.md), or name it with --executable"
            )
    return str(found)


def _seen(host: Host, root: Path, placed: bool, secrets: tuple[str, ...], *, web: bool) -> Seen:
    from samzip.deploy.plan import Seen

    try:
        pwd.getpwnam(host.user)
        user_is_new = False
    except KeyError:
        user_is_new = True
    return Seen(
        user_is_new=user_is_new,
        folder_is_new=not Path(host.archive_root, "zip_requests").exists(),
        settings_are_new=not placed,
        secrets=tuple(name for name in secrets if not (web and name in WEB_KEYS)),
        keys=tuple(name for name in WEB_KEYS if web and name not in host.credentials),
    )


def _show(change: Change, *, written: bool, dry_run: bool, force: bool) -> None:
    from samzip.deploy.plan import EDITED, YOURS

    told = {EDITED: "overwritten" if force else "kept; --force overwrites it", YOURS: "kept"}.get(change.state, "")
    click.echo(f"{'wrote' if written else change.state:<{WIDTH}}{change.target.path}{f': {told}' if told else ''}")
    if change.diff and (dry_run or (change.state == EDITED and not written)):
        click.echo(change.diff, nl=False)
