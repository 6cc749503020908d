"""What install-units makes of the samples, and what it does with files that are there."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from samzip.deploy.place import closed_to_others, read_variables, sample
from samzip.deploy.plan import (
    CHANGED,
    EDITED,
    NEW,
    SAME,
    SERVICES,
    SETTINGS,
    TIMERS,
    YOURS,
    Seen,
    Target,
    is_as_put,
    judge,
    next_steps,
    stamped,
    targets,
)
from samzip.deploy.render import Host, render, render_settings
from samzip.options import OPTIONS

CRON = Path(__file__).parents[2] / "cron"
UNIT = Target("samzip.timer", PurePosixPath("/etc/systemd/system/samzip.timer"))
ELSEWHERE = Host(
    executable="/opt/zip/bin/samzip",
    python="/opt/zip/bin/python",
    failure_hook="/usr/libexec/told",
    user="archivos",
    state_dir="/data/zip",
    media_root="/home/sam/media",
    archive_root="/data/out",
    database_dir="/data/db",
    metrics_dir="/data/prom",
    log_dir="/data/log",
    credentials=frozenset({"database_url", "ping_url"}),
)
SAMPLES = sorted(path.name for path in CRON.iterdir() if path.name != SETTINGS)
SEEN = Seen(
    user_is_new=True, folder_is_new=True, settings_are_new=True, secrets=("database_url",), keys=("web_secret",)
)


def test_the_package_brings_the_files_of_cron_along() -> None:
    for path in CRON.iterdir():
        assert sample(path.name) == path.read_text()


@pytest.mark.parametrize("name", SAMPLES)
def test_for_the_plain_host_only_the_recipe_goes(name: str) -> None:
    rendered, lines = render(sample(name), Host()).splitlines(), sample(name).splitlines()
    gone = [line for line in lines if line not in rendered]
    assert [line for line in gone if not line.startswith("#")] == []
    assert "install -D" not in "\n".join(rendered)
    assert [line for line in rendered if line not in lines] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_for_another_host_nothing_of_the_plain_one_is_left(name: str) -> None:
    rendered = "\n".join(line for line in render(sample(name), ELSEWHERE).splitlines() if not line.startswith("#"))
    for plain in (
        "/usr/local/bin/samzip",
        "/usr/local/libexec",
        "/srv/sam",
        "/var/lib/samzip",
        "=samzip\n",
        "samzip adm",
        "* samzip ",
    ):
        assert plain not in rendered


def test_a_service_follows_the_host() -> None:
    lines = render(sample("samzip.service"), ELSEWHERE).splitlines()
    for line in (
        "ExecStart=/opt/zip/bin/samzip run --wait 45s",
        "User=archivos",
        "Group=archivos",
        "Environment=SAMZIP_STATE_DIR=/data/zip",
        "ReadWritePaths=/data/zip",
        "ReadWritePaths=-/data/out/zip_requests",
        "ReadWritePaths=/data/db",
        "ReadWritePaths=/data/prom",
        "ReadWritePaths=/data/log",
        "ProtectHome=read-only",
        "LoadCredential=database_url:/etc/samzip/database_url",
        "Environment=SAMZIP_DATABASE_URL_FILE=%d/database_url",
        "LoadCredential=ping_url:/etc/samzip/ping_url",
        "#LoadCredential=web_secret:/etc/samzip/web_secret",
    ):
        assert lines.count(line) == 1, line


def test_a_bucket_is_no_folder_that_a_service_may_write() -> None:
    in_bucket = replace(ELSEWHERE, archive_root="s3://sam-files/archives")
    for name in ("samzip.service", "samzip-purge.service", "samzip-verify.service"):
        assert "s3:" not in render(sample(name), in_bucket)
    assert not [
        step for step in next_steps(in_bucket, SEEN, web=False, cron=False) if "install -d" in step and "s3:" in step
    ]


def test_a_state_folder_below_var_lib_is_made_by_systemd() -> None:
    rendered = render(sample("samzip.service"), Host(state_dir="/var/lib/sam/zip"))
    assert "\nStateDirectory=sam/zip\nStateDirectoryMode=0750\n" in rendered


def test_the_settings_file_is_set_to_what_is_given() -> None:
    text = render_settings(sample(SETTINGS), {"media_root": "/srv/mis documentos", "part_size": "20"}, ["database_url"])
    lines = [line for line in text.splitlines() if not line.startswith("#") and line]
    assert lines == [
        "SAMZIP_DATABASE_URL_FILE=/etc/samzip/database_url",
        "SAMZIP_MEDIA_ROOT='/srv/mis documentos'",
        "SAMZIP_PART_SIZE=20",
    ]


def test_every_setting_can_be_set_in_the_settings_file(tmp_path: Path) -> None:
    given = {option.name: f"value of {option.name}" for option in OPTIONS}
    path = tmp_path / "samzip.env"
    path.write_text(render_settings(sample(SETTINGS), given))
    assert read_variables(path) == {option.variable: f"value of {option.name}" for option in OPTIONS}


@pytest.mark.parametrize("text", ["/srv/a b", "/srv/100%", "/srv/a'b", "/srv/$HOME", "/srv/a\nUser=root"])
def test_a_path_that_would_need_quotes_is_told(text: str) -> None:
    assert Host(archive_root=text).not_plain() == [text]
    assert Host().not_plain() == ELSEWHERE.not_plain() == Host(archive_root="/srv/año/médicos").not_plain() == []


def test_a_file_knows_whether_somebody_edited_it() -> None:
    text = stamped("[Unit]\n")
    assert is_as_put(text)
    assert not is_as_put(text.replace("Unit", "Tinu"))
    assert not is_as_put(text + "#\n")
    assert not is_as_put("[Unit]\n")


@pytest.mark.parametrize(
    ("there", "state"),
    [
        (None, NEW),
        (stamped("new\n"), SAME),
        (stamped("old\n"), CHANGED),
        ("new\n", CHANGED),  # copied by hand, as it is: it gets its checksum
        ("old\n", EDITED),
        (stamped("old\n").replace("old", "mine"), EDITED),
    ],
)
def test_what_becomes_of_a_file(there: str | None, state: str) -> None:
    change = judge(UNIT, "new\n", there)
    assert (change.state, change.text) == (state, stamped("new\n"))
    assert bool(change.diff) == (state != SAME)
    if there:
        assert state == SAME or change.diff.startswith(f"--- {UNIT.path}\n+++ {UNIT.path}\n")


def test_settings_that_are_there_are_never_touched() -> None:
    target = Target(SETTINGS, PurePosixPath("/etc/samzip/samzip.env"))
    assert judge(target, "new\n", "mine\n").state == YOURS
    assert judge(target, "new\n", None).text == "new\n"


def test_everything_of_cron_goes_somewhere() -> None:
    placed = {it.sample for cron in (False, True) for it in targets(Host(), "/x", web=not cron, cron=cron)}
    assert placed == {path.name for path in CRON.iterdir()}
    assert set(SERVICES) | set(TIMERS) | {"samzip-web.service"} == {
        path.name for path in CRON.iterdir() if path.suffix in (".service", ".timer")
    }


def test_the_next_steps_depend_on_what_is_there() -> None:
    first = "\n".join(next_steps(Host(), SEEN, web=True, cron=False))
    for step in (
        "adduser --system --group --home /var/lib/samzip samzip && chmod 750 /var/lib/samzip\n",
        "editor /etc/samzip/samzip.env ",
        "install -m 600 /dev/stdin /etc/samzip/database_url ",
        "token_urlsafe(32))' >/etc/samzip/web_secret)\n",
        "samzip install-units --web ",
        "install -d -o samzip -g www-data -m 2750 /srv/sam/media/zip_requests ",
        "runuser -u samzip -- /usr/local/bin/samzip init)\n",
        "systemctl enable --now samzip.timer samzip-purge.timer samzip-verify.timer samzip-web.service\n",
    ):
        assert step in first
    again = next_steps(Host(), Seen(False, False, False), web=False, cron=False)
    assert [step.split()[0] for step in again] == ["chgrp", "(set", "systemctl", "(set"]


def test_on_a_host_with_cron_nothing_of_systemd_is_next() -> None:
    steps = "\n".join(next_steps(Host(), SEEN, web=False, cron=True))
    assert "systemctl" not in steps
    assert "install -d -o samzip -g adm -m 2750 /var/log/samzip\n" in steps
    assert "install -m 640 -g samzip /dev/stdin /etc/samzip/database_url " in steps  # cron is not root


def test_a_command_by_hand_gets_the_secret_that_only_root_may_read() -> None:
    step = next_steps(ELSEWHERE, Seen(False, False, False), web=False, cron=False)[1]
    assert re.search(r"SAMZIP_DATABASE_URL=\$\(cat /etc/samzip/database_url\) .*runuser -u archivos ", step)


def test_a_program_below_a_closed_folder_is_seen() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed themselves
        folder = Path(name).resolve()
        folder.chmod(0o711)
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        (closed / "samzip").touch()
        link = folder / "samzip"
        link.symlink_to(closed / "samzip")
        assert closed_to_others(folder / "other") is None
        assert closed_to_others(closed / "samzip") == closed_to_others(link) == closed
