"""Settings: where they come from, which of them wins, and what is said about a wrong one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from samzip import cli
from samzip.database.engine import parse_url, shown_url
from samzip.doctor.values import shown_with_problems
from samzip.errors import BadSetting
from samzip.options import OPTIONS
from samzip.settings import Settings, load, look_up

SECRET = "s3cr3t-word"

BAD = {
    "database_url": "not a url",
    "media_root": "ftp://host/folder",
    "archive_root": "http://host/folder",
    "state_dir": "ftp://x",
    "part_size": "thirty-five",
    "ttl": "soon",
    "history": "0h",
    "max_attempts": "0",
    "timezone": "America/Macondo",
    "log_format": "xml",
    "log_level": "loud",
    "log_file": "/",
    "jobs": "-1",
    "executor": "threads",
    "cache_size": "big",
    "web_url": "ftp://sam.example.com",
    "web_rate": "0",
    "web_sendfile": "sideways",
    "web_counters": "memcached://host",
    "metrics_file": "/var/lib/samzip.txt",
    "ping_url": "gopher://host",
    "notify_operators": "operators@example.com",
    "notify_requesters": "mailtos://sam:pass@example.com",
}
SECRETS = {option.name for option in OPTIONS if option.secret}


def read(folder: Path, *, flags: Mapping[str, str] | None = None, toml: str | None = None, **environ: str) -> Settings:
    """Settings as a command in `folder` reads them; `environ` without the prefix SAMZIP_."""
    return read_with(folder, environ, flags, toml)


def read_with(
    folder: Path, environ: Mapping[str, str], flags: Mapping[str, str] | None = None, toml: str | None = None
) -> Settings:
    if toml is not None:
        (folder / "samzip.toml").write_text(toml, encoding="utf-8")
    variables = {"HOME": str(folder / "home")} | {f"SAMZIP_{name.upper()}": value for name, value in environ.items()}
    return load(flags or {}, variables, cwd=folder)


def config(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["config", *args])
    printed = capsys.readouterr()
    code = stopped.value.code
    return (code if isinstance(code, int) else 0), printed.out, printed.err


def test_every_setting_has_a_default_that_is_allowed(tmp_path: Path) -> None:
    settings = read(tmp_path)
    assert set(settings.sources.values()) == {"default"}
    assert set(settings.sources) == {option.name for option in OPTIONS}
    assert (settings.part_size, settings.ttl, settings.history) == (35, timedelta(hours=6), timedelta(days=7))
    assert (settings.max_attempts, settings.timezone, settings.executor) == (3, "America/Bogota", "local")
    assert settings.cache_size == 2**30
    assert settings.jobs >= 1


def test_folders_follow_the_state_folder(tmp_path: Path) -> None:
    settings = read(tmp_path, state_dir=str(tmp_path / "here"))
    assert settings.state_dir == tmp_path / "here"
    assert settings.media_root == settings.archive_root == str(tmp_path / "here/media")
    assert settings.database_url == f"sqlite:///{tmp_path}/here/samzip.sqlite3"
    assert settings.lock_path == tmp_path / "here/samzip.lock"


def test_archives_go_where_the_documents_lie_unless_told_otherwise(tmp_path: Path) -> None:
    assert read(tmp_path, media_root="/srv/media").archive_root == "/srv/media"
    assert read(tmp_path, media_root="/srv/media", archive_root="/srv/zips").archive_root == "/srv/zips"


def test_the_state_folder_is_systemds_or_that_of_the_desktop(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert load({}, home, cwd=tmp_path).state_dir == tmp_path / ".local/state/samzip"
    assert load({}, home | {"XDG_STATE_HOME": "/xdg"}, cwd=tmp_path).state_dir == Path("/xdg/samzip")
    systemd = home | {"XDG_STATE_HOME": "/xdg", "STATE_DIRECTORY": "/var/lib/samzip:/var/lib/other"}
    assert load({}, systemd, cwd=tmp_path).state_dir == Path("/var/lib/samzip")


def test_a_state_folder_may_have_any_name_that_an_address_can_hold(tmp_path: Path) -> None:
    """An address says %41 for A."""
    settings = load({"state_dir": str(tmp_path / "a%41b c")}, {"HOME": str(tmp_path)})
    assert parse_url(settings.database_url).database == str(tmp_path / "a%41b c" / "samzip.sqlite3")


def test_a_flag_beats_a_variable_which_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    file = tmp_path / "samzip.toml"
    seen = [
        read(tmp_path),
        read(tmp_path, toml="part_size = 10"),
        read(tmp_path, part_size="20"),
        read(tmp_path, part_size="20", flags={"part_size": "30"}),
    ]
    assert [settings.part_size for settings in seen] == [35, 10, 20, 30]
    sources = [settings.sources["part_size"] for settings in seen]
    assert sources == ["default", str(file), "SAMZIP_PART_SIZE", "--part-size"]


def test_the_platforms_database_url_counts_only_if_nobody_says_more(tmp_path: Path) -> None:
    platform = {"HOME": str(tmp_path), "DATABASE_URL": "postgres://platform/sam"}
    settings = load({}, platform, cwd=tmp_path)
    assert (settings.database_url, settings.sources["database_url"]) == ("postgres://platform/sam", "DATABASE_URL")
    own = platform | {"SAMZIP_DATABASE_URL": "postgres://own/sam"}
    assert load({}, own, cwd=tmp_path).database_url == "postgres://own/sam"
    (tmp_path / "samzip.toml").write_text('database_url = "postgres://file/sam"')
    assert load({}, platform, cwd=tmp_path).database_url == "postgres://file/sam"


def test_an_empty_variable_is_no_setting(tmp_path: Path) -> None:
    assert read(tmp_path, part_size="").sources["part_size"] == "default"


def test_the_settings_file_is_the_one_that_is_named_else_the_nearest(tmp_path: Path) -> None:
    named = tmp_path / "named.toml"
    named.write_text("part_size = 1")
    users = tmp_path / "home/.config/samzip/samzip.toml"
    users.parent.mkdir(parents=True)
    users.write_text("part_size = 2")
    home = {"HOME": str(tmp_path / "home")}
    assert load({}, home, cwd=tmp_path).part_size == 2
    (tmp_path / "samzip.toml").write_text("part_size = 3")
    assert load({}, home, cwd=tmp_path).part_size == 3
    assert load({}, home | {"SAMZIP_CONFIG": str(named)}, cwd=tmp_path).part_size == 1
    assert load({}, home, config=str(named), cwd=tmp_path).part_size == 1


def test_a_named_settings_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"there is no readable file /nowhere/samzip\.toml"):
        load({}, {}, config="/nowhere/samzip.toml", cwd=tmp_path)


@pytest.mark.parametrize("name", sorted(set(BAD) - SECRETS))
def test_a_bad_value_is_named_with_its_setting_its_source_and_what_is_allowed(tmp_path: Path, name: str) -> None:
    option = next(option for option in OPTIONS if option.name == name)
    with pytest.raises(BadSetting) as error:
        read_with(tmp_path, {name: BAD[name]})
    assert str(error.value) == (
        f"{name} (from SAMZIP_{name.upper()}): {BAD[name]!r} is not allowed; allowed: {option.allowed}"
    )
    with pytest.raises(BadSetting, match=rf"^{name} \(from {option.flag}\)"):
        read(tmp_path, flags={name: BAD[name]})


def test_every_setting_but_the_free_texts_has_a_bad_value_in_these_tests() -> None:
    assert {option.name for option in OPTIONS} - set(BAD) == {"web_tokens", "web_secret"}


@pytest.mark.parametrize(
    "toml", ["part_size = true", "part_size = [1]", "part_size = 2026-01-01", "[part_size]\nx = 1"]
)
def test_a_value_of_a_wrong_kind_in_the_file_is_refused(tmp_path: Path, toml: str) -> None:
    with pytest.raises(BadSetting, match=r"part_size in .*samzip\.toml: .* is not allowed; allowed: 1 to 10000"):
        read(tmp_path, toml=toml)


def test_an_unknown_key_in_the_file_suggests_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        BadSetting, match=r"part_sise in .*samzip\.toml: there is no such setting; did you mean part_size\?"
    ):
        read(tmp_path, toml="part_sise = 10")


def test_an_unknown_key_that_is_near_to_none_lists_all(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="known: database_url, media_root"):
        read(tmp_path, toml="xyzzy = 10")


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"samzip\.toml"):
        read(tmp_path, toml="part_size: 10")


@pytest.mark.parametrize("name", ["web_secret", "web_tokens", "database_url"])
def test_a_secret_is_read_from_the_file_that_a_variable_names(tmp_path: Path, name: str) -> None:
    secret = f"postgresql://u:{SECRET}@h/d" if name == "database_url" else SECRET
    (tmp_path / "secret").write_text(f"{secret}\n", encoding="utf-8")
    settings = read_with(tmp_path, {f"{name}_file": str(tmp_path / "secret")})
    assert getattr(settings, name) == (secret if name == "database_url" else (secret,))
    assert settings.sources[name] == f"SAMZIP_{name.upper()}_FILE"


def test_a_secret_in_a_variable_beats_the_one_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("old")
    assert read(tmp_path, web_secret="new", web_secret_file=str(tmp_path / "secret")).web_secret == ("new",)


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="SAMZIP_WEB_SECRET_FILE: cannot read /nowhere/secret"):
        read(tmp_path, web_secret_file="/nowhere/secret")


def test_what_is_no_secret_is_not_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "size").write_text("10")
    assert read(tmp_path, part_size_file=str(tmp_path / "size")).part_size == 35


def test_several_tokens_are_told_apart(tmp_path: Path) -> None:
    assert read(tmp_path, web_tokens="one, two three").web_tokens == ("one", "two", "three")
    assert read(tmp_path, toml='web_tokens = ["one", "two"]').web_tokens == ("one", "two")


def test_a_new_web_secret_comes_before_the_old_one(tmp_path: Path) -> None:
    assert read(tmp_path, web_secret="new old").web_secret == ("new", "old")
    assert read(tmp_path, toml='web_secret = ["new", "old"]').web_secret == ("new", "old")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("web_url", "https://sam.example.com/zip/", "https://sam.example.com/zip"),
        ("web_sendfile", "/protected/", "/protected"),
        ("web_sendfile", "x-sendfile", "x-sendfile"),
        ("web_counters", "redis://host:6379/0", "redis://host:6379/0"),
    ],
)
def test_settings_of_the_web_hook(tmp_path: Path, name: str, given: str, expected: str) -> None:
    assert getattr(read_with(tmp_path, {name: given}), name) == expected


@pytest.mark.parametrize("name", ["web_url", "web_sendfile"])
@pytest.mark.parametrize("given", ["ñ", "https://", "x\ny", "/a?b\n"])
def test_what_would_make_a_wrong_header_is_no_setting(tmp_path: Path, name: str, given: str) -> None:
    with pytest.raises(BadSetting, match=name):
        read_with(tmp_path, {name: given})


@pytest.mark.parametrize("as_json", [False, True])
def test_config_shows_every_setting_but_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAMZIP_DATABASE_URL", f"postgresql://samzip:{SECRET}@db.example.com/sam")
    monkeypatch.setenv("SAMZIP_WEB_SECRET", SECRET)
    (tmp_path / "tokens").write_text(SECRET)
    monkeypatch.setenv("SAMZIP_WEB_TOKENS_FILE", str(tmp_path / "tokens"))
    code, out, err = config(capsys, "--ttl", "90m", *(["--json"] if as_json else []))
    assert (code, err) == (0, "")
    assert SECRET not in out
    assert all(option.name in out for option in OPTIONS)
    if as_json:
        shown = json.loads(out)
        assert shown["ttl"] == {"value": "1h 30m", "source": "--ttl"}
        assert shown["web_secret"] == {"value": "(hidden)", "source": "SAMZIP_WEB_SECRET"}
    else:
        lines = {line.split()[0]: line for line in out.splitlines()}
        assert "db.example.com" in lines["database_url"]
        assert lines["web_tokens"].endswith("(hidden)  (SAMZIP_WEB_TOKENS_FILE)")
        assert lines["part_size"].endswith("35  (default)")


@pytest.mark.parametrize("name", ["web_secret", "database_url"])
def test_an_error_about_a_secret_hides_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadSetting) as error:
        read(tmp_path, flags={name: f"{SECRET}\0"})
    assert SECRET not in str(error.value)
    assert "(hidden) is not allowed" in str(error.value)


def test_passwords_that_libpq_takes_as_parameters_are_hidden_too(capsys: pytest.CaptureFixture[str]) -> None:
    url = "postgresql://u@127.0.0.1:1/x?password=GEHEIM&sslpassword=GEHEIM&sslmode=require"
    shown = shown_url(parse_url(url))
    assert "GEHEIM" not in shown
    assert "sslmode=require" in shown
    assert "GEHEIM" not in shown_url(parse_url("postgresql://u@h/x?passwd=GEHEIM&options=-c%20a.b%3DGEHEIM"))
    for command in ("config", "doctor", "status"):
        with pytest.raises(SystemExit):
            cli.main([command, "--database-url", url])
        out, err = capsys.readouterr()
        assert "GEHEIM" not in out + err
        assert "password=" in out + err


@pytest.mark.parametrize("command", ["config", "init"])
def test_a_database_url_that_cannot_be_understood_exits_78(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--database-url", BAD["database_url"]])
    assert stopped.value.code == 78
    err = capsys.readouterr().err
    assert "database_url (from --database-url): (hidden) is not allowed; allowed: sqlite:////absolute/path" in err


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://u@127.0.0.1:1/x?passwd=GEHEIM", "there is no such parameter; did you mean password?"),
        ("postgresql://u@127.0.0.1:1/x?PASSWORD=GEHEIM", "did you mean password?"),
        ("postgresql://u@127.0.0.1:1/x?GEHEIM", "a parameter after the ? has no value"),
        ("postgresql://u@127.0.0.1:1/x?sslmode=require;password=GEHEIM", "the value of sslmode has ; or = or ? in it"),
        ("postgresql://u@127.0.0.1:1/x?sslmode=require,password=GEHEIM", "the value of sslmode has ; or = or ? in it"),
        ("postgresql://u@127.0.0.1:1/x%20password=GEHEIM", "the database's name has ;"),
        ("postgresql://u@127.0.0.1/x?port=29x", "port is no number"),
        ("postgresql://u@127.0.0.1:1/x;password=GEHEIM", "the database's name has ; or = or ? in it"),
        ("postgresql://u:S3cr@GEHEIM@127.0.0.1:1/x", "elsewhere it is written %40"),
        ("postgresql://u:123/GEHEIM@127.0.0.1:1/x", "elsewhere it is written %40; in a password also / is %2F"),
        ("postgresql://u:S3cr/GEHEIM@127.0.0.1:1/x", "elsewhere it is written %40; in a password also / is %2F"),
        ("postgresql://u:12?GEHEIM=x@127.0.0.1:1/x", "elsewhere it is written %40; in a password also / is %2F"),
        (
            "postgresql://u:12#GEHEIM@127.0.0.1:1/x",
            "elsewhere it is written %40; in a password also / is %2F, ? is %3F, # is %23",
        ),
        ("postgresql://u@127.0.0.1:1/x?password=ab&GEHEIM=t0p", "stands a name that is no parameter"),
        ("postgresql://u@127.0.0.1:1/x?host=a&port=1,2", "hosts and ports do not fit together"),
        ("postgresql://u@/x?host=a,b&port=1", "hosts and ports do not fit together"),
        ("postgresql://u:GEHEIM@127.0.0.1:/x", "after the host's : stands no port"),
        ("sqlite://var/lib/GEHEIM.sqlite3", "the path stands behind three slashes"),
        ("sqlite:////x.sqlite3?password=GEHEIM", "after the path of a SQLite file nothing else is said"),
    ],
)
@pytest.mark.parametrize("command", ["run", "doctor", "config"])
def test_a_parameter_that_there_is_not_is_a_wrong_setting(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    url: str,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        cli.main([command, "--database-url", url])
    out, err = capsys.readouterr()
    assert stopped.value.code == 78
    assert told in err
    assert "GEHEIM" not in out + err


def test_a_secret_that_stands_where_its_files_path_belongs_is_not_told() -> None:
    for secret in ("postgresql://samzip:GEHEIM@db/sam", "GEHEIM"):
        with pytest.raises(BadSetting, match=r"SAMZIP_DATABASE_URL_FILE: cannot read \(hidden; the path") as told:
            load({"state_dir": "/tmp"}, {"SAMZIP_DATABASE_URL_FILE": secret})  # noqa: S108 -- nothing is written
        assert "GEHEIM" not in str(told.value)


def test_an_unknown_key_exits_78(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samzip.toml").write_text("tll = '6h'")
    code, out, err = config(capsys)
    assert (code, len(out.splitlines())) == (78, len(OPTIONS) + 1)
    assert out.splitlines()[-1].endswith("<- not allowed")
    assert "did you mean ttl?" in err
    code, out, err = config(capsys, "--json")
    assert code == 78
    assert json.loads(err)["exit"] == 78
    assert json.loads(out)["tll"]["source"] == str(tmp_path / "samzip.toml")


def test_a_file_that_cannot_be_parsed_hides_nothing_else_that_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "samzip.toml").write_text("ttl = \n")
    monkeypatch.setenv("SAMZIP_JOBS", "abc")
    code, out, err = config(capsys)
    assert (code, out) == (78, "")  # what the file would have said is not known
    told, other, _advice = err.splitlines()
    assert f"{tmp_path / 'samzip.toml'}: Invalid value" in told
    assert other.startswith("samzip: jobs (from SAMZIP_JOBS)")


def test_scripts_are_told_all_that_is_wrong_and_what_does_nothing_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAMZIP_JOBS", "abc")
    monkeypatch.setenv("SAMZIP_JOBZ", "2")
    code, out, _ = config(capsys, "validate", "--json")
    told = json.loads(out)
    assert (code, told["valid"], set(told["problems"])) == (78, False, {"jobs"})
    assert told["unknown"] == {"SAMZIP_JOBZ": "did you mean SAMZIP_JOBS?"}
    code, out, err = config(capsys, "validate")
    assert (code, out) == (78, "")
    assert "SAMZIP_JOBZ is no setting" in err


@pytest.mark.parametrize("toml", ["ttl = [1]", "part_size = true", "web_secret = {a = 1}"])
def test_a_value_of_the_wrong_kind_comes_from_where_it_was_given(tmp_path: Path, toml: str) -> None:
    file = tmp_path / "samzip.toml"
    file.write_text(toml)
    found = look_up({}, {"HOME": str(tmp_path)}, config=str(file))
    (name,) = found.wrong
    assert found.sources[name] == str(file)


def test_what_follows_from_a_folder_that_nobody_named_is_not_made_up() -> None:
    found = look_up({}, {})
    assert "state_dir" in found.wrong
    entries = shown_with_problems(found)
    for name in ("database_url", "media_root", "archive_root"):
        assert entries[name]["value"] == "(follows from what is wrong)"


def test_sams_own_bucket_is_the_media_root_unless_somebody_says_more(tmp_path: Path) -> None:
    sams = {"HOME": str(tmp_path), "AWS_STORAGE_BUCKET_NAME": "sam-files"}
    settings = load({}, sams, cwd=tmp_path)
    assert settings.media_root == settings.archive_root == "s3://sam-files/media"
    assert settings.sources["media_root"] == "AWS_STORAGE_BUCKET_NAME"
    assert load({"media_root": str(tmp_path)}, sams, cwd=tmp_path).media_root == str(tmp_path)


@pytest.mark.parametrize(
    "root", ["s3://", "s3:/b/x", "s3:b", "s3:///media", "s3://b/..", "s3://b/a//c", "s3://b ucket/x", "s3://b/a\nb"]
)
def test_a_bucket_or_a_prefix_that_cannot_be_is_refused(tmp_path: Path, root: str) -> None:
    with pytest.raises(BadSetting, match="allowed: a folder, or s3://bucket/prefix"):
        read(tmp_path, media_root=root)


def test_a_root_in_a_bucket_has_no_slash_at_its_end(tmp_path: Path) -> None:
    assert read(tmp_path, media_root="s3://sam-files/media/").media_root == "s3://sam-files/media"
    assert read(tmp_path, media_root="s3://sam-files").archive_root == "s3://sam-files"


def test_everything_that_is_wrong_is_told_at_once_and_can_be_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "samzip.toml"
    file.write_text('part_sise = 3\nttl = "xx"\njobs = true\n')
    environ = {"HOME": str(tmp_path), "SAMZIP_PART_SIZE": "0", "SAMZIP_WEB_TOKENS_FILE": str(tmp_path / "none")}
    with pytest.raises(BadSetting) as told:
        load({}, environ, config=str(file))
    for name in ("part_sise", "part_size", "ttl", "jobs", "SAMZIP_WEB_TOKENS_FILE"):
        assert name in str(told.value)
    found = look_up({}, environ, config=str(file))
    assert set(found.wrong) == {"part_sise", "part_size", "ttl", "jobs", "web_tokens"}
    assert (found.texts["part_size"], found.sources["part_size"]) == ("0", "SAMZIP_PART_SIZE")
    assert found.values["max_attempts"] == 3


def test_a_service_without_a_home_is_told_to_name_its_folder_and_all_else_that_is_wrong() -> None:
    found = look_up({"part_size": "0"}, {})
    assert set(found.wrong) == {"state_dir", "part_size"}
    assert "HOME is not set" in str(found.wrong["state_dir"])


def test_a_state_folder_is_no_bucket(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"state_dir .*allowed: a folder"):
        read(tmp_path, state_dir="s3://bucket/state")


def test_a_secret_of_the_wrong_kind_in_the_file_is_hidden(tmp_path: Path) -> None:
    toml = """
        notify_requesters = ["mailtos://user:GEHEIM@example.com"]
        ping_url = ["https://hc-ping.com/GEHEIM"]
        database_url = ["postgresql://u:GEHEIM@h/d"]
        web_secret = {a = "GEHEIM"}
    """
    with pytest.raises(BadSetting) as told:
        read(tmp_path, toml=toml)
    assert "GEHEIM" not in str(told.value)
    assert str(told.value).count("(hidden) is not allowed") == 4


@pytest.mark.parametrize(
    "url",
    ["mysql://u:GEHEIM@h/db", "postgres//u:GEHEIM@h/db", "postgresql://u:GEHEIM@h:abc/db", "what", "/a/b.sqlite3"],
)
def test_a_database_that_no_command_could_open_is_a_wrong_setting_beside_others(tmp_path: Path, url: str) -> None:
    with pytest.raises(BadSetting) as told:
        read(tmp_path, database_url=url, jobs="abc")
    assert "database_url (from SAMZIP_DATABASE_URL): (hidden) is not allowed" in str(told.value)
    assert "jobs (from SAMZIP_JOBS)" in str(told.value)
    assert "GEHEIM" not in str(told.value)
