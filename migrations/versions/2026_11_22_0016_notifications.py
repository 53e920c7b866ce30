"""What people were told, and how they wish to be told.

Revision ID: 0016
Revises: 0015
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "notification",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("parameters", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sms_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("push_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)",
            name=op.f("ck_notification_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "home_id"], ["home.bucket", "home.id"], name=op.f("fk_notification_bucket_home_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_notification")),
        sa.UniqueConstraint("bucket", "home_id", "event_id", name=op.f("uq_notification_bucket_home_id_event_id")),
        info={"dist": "bucket"},
    )
    op.create_index("ix_notification_newest", "notification", ["bucket", "home_id", "created_at", "id"])
    op.create_table(
        "notification_wish",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("switched_off", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(account_id), 0) * 256 + get_byte(uuid_send(account_id), 1)",
            name=op.f("ck_notification_wish_bucket_agrees"),
        ),
        sa.CheckConstraint("language IN ('zh-CN', 'en', 'es')", name=op.f("ck_notification_wish_language")),
        sa.ForeignKeyConstraint(
            ["bucket", "account_id"],
            ["account.bucket", "account.id"],
            name=op.f("fk_notification_wish_bucket_account_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "account_id", name=op.f("pk_notification_wish")),
        info={"dist": "bucket"},
    )
    op.add_column("device", sa.Column("push_address", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("device", "push_address")
    op.drop_table("notification_wish")
    op.drop_table("notification")
