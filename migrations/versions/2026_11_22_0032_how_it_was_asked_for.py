"""Events keep by which channel and on which kind of device something was asked for.

Revision ID: 0032
Revises: 0031
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0032"
down_revision: str | None = "0031"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("audit_event", sa.Column("channel", sa.Text(), nullable=True))
    op.add_column("audit_event", sa.Column("platform", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("audit_event", "platform")
    op.drop_column("audit_event", "channel")
