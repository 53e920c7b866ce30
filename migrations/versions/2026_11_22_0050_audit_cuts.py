"""Where the audit of a home goes on from, once its oldest events are gone.

Revision ID: 0050
Revises: 0049
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0050"
down_revision: str | None = "0049"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "audit_cut",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cut_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(home_id), 0) * 256 + get_byte(uuid_send(home_id), 1)",
            name=op.f("ck_audit_cut_bucket_agrees"),
        ),
        sa.PrimaryKeyConstraint("bucket", "home_id", name=op.f("pk_audit_cut")),
        info={"dist": "bucket"},
    )
    op.execute("REVOKE INSERT, UPDATE, DELETE ON audit_cut FROM escard_app")


def downgrade() -> None:
    op.drop_table("audit_cut")
