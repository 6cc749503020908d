"""What the address of a database may say, as far as it can be told without a driver."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

SHOWN = {  # libpq's parameters whose values are no secrets
    *("host", "hostaddr", "port", "user", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslnegotiation", "service"),
    *("connect_timeout", "application_name", "target_session_attrs", "load_balance_hosts", "channel_binding"),
    *("keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "gssencmode"),
    *("client_encoding", "fallback_application_name", "sslcompression", "sslcertmode", "sslcrl", "sslcrldir", "sslsni"),
    *("requirepeer", "require_auth", "min_protocol_version", "max_protocol_version", "ssl_min_protocol_version"),
    *("ssl_max_protocol_version", "krbsrvname", "gsslib", "gssdelegation", "replication", "servicefile", "dbname"),
}
HIDDEN = {
    *("password", "passfile", "sslpassword", "options", "sslkeylogfile", "scram_client_key", "scram_server_key"),
    *("oauth_issuer", "oauth_client_id", "oauth_client_secret", "oauth_scope"),
}
ODD = ";=?"  # in no name and no value but by a slip: what comes after them may be a password


class Explained(ValueError):
    """Its text says what is wrong, and is no secret."""


def check(address: str) -> None:
    """Raises Explained, ValueError. The documentation of PostgreSQL, chapter libpq, lists the parameters."""
    parts = urlsplit(address)
    if address.count("@") > parts.netloc.count("@") or parts.netloc.count("@") > 1 or parts.fragment:
        raise Explained(
            "one @ stands before the host, and no other anywhere: elsewhere it is written %40; in a password also / is "
            "%2F, ? is %3F, # is %23"
        )
    _ = parts.port  # raises ValueError
    if any(odd in unquote(parts.path) for odd in ODD):
        raise Explained("the database's name has ; or = or ? in it: parameters come after the first ?, joined by &")
    listed: dict[str, int] = {}
    for piece in filter(None, parts.query.split("&")):
        name, equals, value = piece.partition("=")
        if not equals:
            raise Explained("a parameter after the ? has no value: they are written name=value, joined by &")
        if name not in SHOWN | HIDDEN:
            import difflib  # for a mistake only

            near = difflib.get_close_matches(name.lower(), SHOWN | HIDDEN, 1)
            if near:
                raise Explained(f"there is no such parameter; did you mean {near[0]}?")
            raise Explained(
                "after the ? stands a name that is no parameter: PostgreSQL's documentation (libpq) lists them"
            )
        if name in SHOWN and any(odd in unquote(value) for odd in ODD):
            raise Explained(f"the value of {name} has ; or = or ? in it: parameters are joined by &")
        if name == "port" and not value.replace(",", "").isdigit():
            raise Explained("port is no number")
        listed[name] = listed.get(name, 0) + unquote(value).count(",") + 1
    if "port" in listed and listed["port"] != listed.get("host", 1):
        raise Explained("its hosts and ports do not fit together: there are as many ports as hosts")
    if parts.netloc.endswith(":"):
        raise Explained("after the host's : stands no port")


def of_file(path: Path | str) -> str:
    """That of a SQLite database."""
    return f"sqlite:///{str(path).replace('%', '%25')}"


def check_file(address: str) -> None:
    """Of a SQLite database. Raises Explained."""
    path = address.removeprefix("sqlite:///")
    if path == address:
        raise Explained("the path stands behind three slashes: sqlite:////var/lib/sam/db.sqlite3 has four in a row")
    if "?" in path:
        raise Explained("after the path of a SQLite file nothing else is said, and no ? is in it")
