"""Work, archives, runs and the lease."""

import sqlalchemy as sa
from alembic import op

from samzip.database.types import Flag, UtcDateTime, Words

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "samzip_work",
        sa.Column("company_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("part", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("queued_at", UtcDateTime(), nullable=False),
        sa.Column("token", sa.String(32)),
        sa.Column("run_id", sa.String(32)),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("deaths", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("not_before", UtcDateTime()),
        sa.Column("path", sa.String(500)),
        sa.Column("last_error", Words()),
    )
    op.create_table(
        "samzip_archive",
        sa.Column("path", sa.String(500), primary_key=True),
        sa.Column("company_id", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("download_name", sa.String(255), nullable=False),
        sa.Column("warnings", Words(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("deleting", Flag(), nullable=False),
    )
    op.create_index("samzip_archive_company", "samzip_archive", ["company_id", "fingerprint"])
    op.create_table(
        "samzip_run",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("heartbeat_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("outcome", sa.String(20)),
        sa.Column("counts", Words()),
        sa.Column("error", Words()),
    )
    op.create_index("samzip_run_started", "samzip_run", ["started_at"])
    op.create_table(
        "samzip_lease",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("run_id", sa.String(32), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
    )
