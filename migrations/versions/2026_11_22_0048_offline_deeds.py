"""What terminals did without a connection, each order number once.

Revision ID: 0048
Revises: 0047
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0048"
down_revision: str | None = "0047"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "offline_deed",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(terminal_id), 0) * 256 + get_byte(uuid_send(terminal_id), 1)",
            name=op.f("ck_offline_deed_bucket_agrees"),
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_offline_deed_number")),
        sa.ForeignKeyConstraint(
            ["bucket", "terminal_id"],
            ["terminal.bucket", "terminal.id"],
            name=op.f("fk_offline_deed_bucket_terminal_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "terminal_id", "number", name=op.f("pk_offline_deed")),
        info={"dist": "bucket"},
    )
    op.execute("REVOKE UPDATE, DELETE ON offline_deed FROM escard_app")


def downgrade() -> None:
    op.drop_table("offline_deed")
