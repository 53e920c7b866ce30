"""Users of channels who sign in by the channel's platform; limits of a channel.

Revision ID: 0044
Revises: 0043
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0044"
down_revision: str | None = "0043"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("channel", sa.Column("identity_by", sa.Text(), nullable=True))
    op.add_column("channel", sa.Column("identity_options", sa.LargeBinary(), nullable=True))
    op.add_column("channel", sa.Column("requests_per_minute", sa.Integer(), nullable=True))
    op.add_column("channel", sa.Column("enrolments_per_day", sa.Integer(), nullable=True))
    op.create_table(
        "channel_login",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("subject_hmac", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.SmallInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channel.name"], name=op.f("fk_channel_login_channel")),
        sa.PrimaryKeyConstraint("bucket", "channel", "subject_hmac", name=op.f("pk_channel_login")),
        info={"dist": "bucket"},
    )
    op.create_table(
        "channel_tie",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("login_bucket", sa.Integer(), nullable=False),
        sa.Column("tied_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["bucket", "account_id"], ["account.bucket", "account.id"], name=op.f("fk_channel_tie_bucket_account_id")
        ),
        sa.ForeignKeyConstraint(["channel"], ["channel.name"], name=op.f("fk_channel_tie_channel")),
        sa.PrimaryKeyConstraint("bucket", "account_id", "channel", name=op.f("pk_channel_tie")),
        info={"dist": "bucket"},
    )


def downgrade() -> None:
    op.drop_table("channel_tie")
    op.drop_table("channel_login")
    for column in ("identity_by", "identity_options", "requests_per_minute", "enrolments_per_day"):
        op.drop_column("channel", column)
