"""What channels do themselves: their signed messages, heard once, and events told again by hand.

Revision ID: 0041
Revises: 0040
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0041"
down_revision: str | None = "0040"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "channel_message",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "channel", "message", name=op.f("pk_channel_message")),
        info={"dist": "bucket"},
    )
    op.add_column("outbox_event", sa.Column("given_up_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("outbox_event", sa.Column("again_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_outbox_event_channel",
        "outbox_event",
        [sa.text("(facts ->> 'channel')"), "created_at"],
        postgresql_where=sa.text("kind = 'tell_channel'"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_event_channel", table_name="outbox_event")
    op.drop_column("outbox_event", "again_at")
    op.drop_column("outbox_event", "given_up_at")
    op.drop_table("channel_message")
