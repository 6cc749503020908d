"""What became of each attempt at a part."""

import sqlalchemy as sa
from alembic import op

from samzip.database.types import UtcDateTime, Words

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "samzip_attempt",
        sa.Column("token", sa.String(32), primary_key=True),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.Column("outcome", sa.String(20)),
        sa.Column("error", Words()),
        sa.Column("path", sa.String(500)),
        sa.Column("downloads", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("downloaded_at", UtcDateTime()),
    )
    op.create_index("samzip_attempt_part", "samzip_attempt", ["company_id", "part"])
    op.create_index("samzip_attempt_ended", "samzip_attempt", ["ended_at"])
    op.create_index("samzip_attempt_path", "samzip_attempt", ["path"])
