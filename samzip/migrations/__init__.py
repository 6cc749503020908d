"""Alembic revisions of samzip's own tables. SAM's tables are SAM's to migrate."""
