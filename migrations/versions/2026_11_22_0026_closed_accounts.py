"""Accounts that were closed: homes without a key, and their receipts.

Revision ID: 0026
Revises: 0025
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("home", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "account_closing",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(account_id), 0) * 256 + get_byte(uuid_send(account_id), 1)",
            name=op.f("ck_account_closing_bucket_agrees"),
        ),
        sa.PrimaryKeyConstraint("bucket", "account_id", name=op.f("pk_account_closing")),
        info={"dist": "bucket"},
    )
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value) VALUES ('erasure', '000000', '2026-01-01',"
        ' \'{"record_days": 1096, "audit_days": 183, "backup_days": 35}\')'
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'erasure'")
    op.drop_table("account_closing")
    op.drop_column("home", "erased_at")
