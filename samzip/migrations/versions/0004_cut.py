"""From which cut of its company's inventory an archive is."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("samzip_archive", sa.Column("cut", sa.String(64), nullable=False, server_default=""))
