"""Runs revisions on the connection that `samzip init` hands over."""

from alembic import context

from samzip.database import tables
from samzip.database.setup import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.own,
    version_table=VERSION_TABLE,
    transactional_ddl=False,  # the caller's transaction holds all of it
)
context.run_migrations()
