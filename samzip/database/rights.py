"""The least that each part of samzip needs of a PostgreSQL database, and the script that grants it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from samzip.database import setup, tables

S, SI, SD, SU = ("SELECT",), ("SELECT", "INSERT"), ("SELECT", "DELETE"), ("SELECT", "UPDATE")
SIU, SID, SUD = ("SELECT", "INSERT", "UPDATE"), ("SELECT", "INSERT", "DELETE"), ("SELECT", "UPDATE", "DELETE")
ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")

SERIAL = ("core_notificacionzip", "core_ziprequest")  # SAM's tables whose new rows are numbered by a sequence
# Of a table with secrets, the hashes of passwords, what samzip reads and nothing else.
COLUMNS = {"core_customuser": tuple(column.name for column in tables.customuser.columns)}
Rights = Mapping[str, tuple[str, ...]]  # of tables

HOOK: Rights = {
    "core_customuser": S,
    "core_empresa": S,
    "core_equipo": S,
    "core_ziprequest": SIU,
    "samzip_archive": SIU,
    "samzip_run": S,
    "samzip_version": S,
    "samzip_web_key": ALL,
    "samzip_work": ALL,
}
RUNNER: Rights = {
    **dict.fromkeys(tables.sam.tables, S),
    "core_notificacionzip": SID,
    "core_ziprequest": ALL,
    "samzip_archive": ALL,
    "samzip_attempt": ALL,
    "samzip_lease": ALL,
    "samzip_run": ALL,
    "samzip_version": S,
    "samzip_work": ALL,
}
PURGE: Rights = {
    "core_customuser": S,
    "core_empresa": S,
    "core_notificacionzip": SID,
    "core_ziprequest": SUD,
    "samzip_archive": ALL,
    "samzip_attempt": SUD,
    "samzip_lease": ALL,
    "samzip_run": SD,
    "samzip_version": S,
    "samzip_work": ALL,
}
READER: Rights = dict.fromkeys((*tables.sam.tables, *tables.own.tables, setup.VERSION_TABLE), S)

ROLES = {  # name -> (its rights, what it is for)
    "samzip_hook": (HOOK, "samzip serve"),
    "samzip_runner": (RUNNER, "samzip run, request, cancel, retry, verify"),
    "samzip_purge": (PURGE, "samzip purge"),
    "samzip_reader": (READER, "samzip status, show, doctor, verify without --repair, and all --dry-run"),
}


def script() -> str:
    """SQL for the owner of the database. Whoever executes it again, after an upgrade say, gets the rights of then."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "-- What samzip needs of SAM's database, by what runs. Execute it as the owner of the tables, after"
    yield "-- `samzip init`, and after each upgrade. Then give each login its role: GRANT samzip_hook TO zip_web;"
    yield "BEGIN;"
    for role, (rights, purpose) in ROLES.items():
        yield f"\n-- {purpose}"
        # Asked first: who may make no roles may still grant to one that is there.
        exists = f"SELECT FROM pg_roles WHERE rolname = '{role}'"
        yield f"DO $$ BEGIN IF NOT EXISTS ({exists}) THEN CREATE ROLE {role} NOLOGIN; END IF; END $$;"
        yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};"
        yield f"GRANT USAGE ON SCHEMA public TO {role};"
        for table, granted in sorted(rights.items()):
            columns = f" ({', '.join(COLUMNS[table])})" if table in COLUMNS else ""
            yield f"GRANT {', '.join(granted)}{columns} ON {table} TO {role};"
            if "INSERT" in granted and table in SERIAL:
                yield f"GRANT USAGE ON SEQUENCE {table}_id_seq TO {role};"
    yield "COMMIT;"
