"""What the web hook remembers, and how often an archive was downloaded."""

import sqlalchemy as sa
from alembic import op

from samzip.database.types import UtcDateTime, Words

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "samzip_web_key",
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("uses", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("value", Words()),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
    op.create_index("samzip_web_key_expires", "samzip_web_key", ["expires_at"])
    op.add_column("samzip_archive", sa.Column("downloads", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("samzip_archive", sa.Column("downloaded_at", UtcDateTime()))
