"""Codes by SMS that are good on one device alone: the one they were asked for on.

Revision ID: 0014
Revises: 0013
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("sms_code", sa.Column("device_hmac", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("sms_code", "device_hmac")
