"""Who has set which rule from the command line.

Revision ID: 0054
Revises: 0053
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0054"
down_revision: str | None = "0053"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "policy_change",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("value", postgresql.JSONB(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("at", "code", "region", "valid_from", name=op.f("pk_policy_change")),
        info={"dist": "reference"},
    )
    op.execute("REVOKE INSERT, UPDATE, DELETE ON policy_change FROM escard_app")


def downgrade() -> None:
    op.drop_table("policy_change")
