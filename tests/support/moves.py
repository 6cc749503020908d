"""Which changes of a request's status the database has seen, whoever made them."""

from __future__ import annotations

from samzip.requests.states import GONE, PENDING
from tests.support.world import World

TABLE = "test_moves"
_SQLITE = (
    "CREATE TRIGGER test_moved AFTER UPDATE OF status ON core_ziprequest WHEN OLD.status <> NEW.status "
    f"BEGIN INSERT OR IGNORE INTO {TABLE} VALUES (OLD.status, NEW.status); END",
    "CREATE TRIGGER test_removed AFTER DELETE ON core_ziprequest "
    f"BEGIN INSERT OR IGNORE INTO {TABLE} VALUES (OLD.status, '{GONE}'); END",
)
_POSTGRES = (
    f"""
CREATE FUNCTION test_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO {TABLE} VALUES (OLD.status, '{GONE}') ON CONFLICT DO NOTHING;
    ELSIF OLD.status <> NEW.status THEN
        INSERT INTO {TABLE} VALUES (OLD.status, NEW.status) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER test_moved AFTER UPDATE OF status OR DELETE ON core_ziprequest
FOR EACH ROW EXECUTE FUNCTION test_note();
""",
)


def note_moves(world: World) -> None:
    """From now on."""
    with world.database.write() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {TABLE} (before TEXT, after TEXT, PRIMARY KEY (before, after))")
        for statement in _SQLITE if world.database.is_sqlite else _POSTGRES:
            connection.exec_driver_sql(statement)


def forget_moves(world: World) -> None:
    with world.database.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM {TABLE}")


def moves_made(world: World) -> set[tuple[str, str]]:
    """From which state to which; a row that was removed went to GONE."""
    with world.database.read() as connection:
        rows = connection.exec_driver_sql(f"SELECT before, after FROM {TABLE}").all()
    return {("pending" if before in PENDING else before, after) for before, after in rows}
