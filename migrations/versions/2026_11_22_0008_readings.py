"""What a machine has read on documents.

Revision ID: 0008
Revises: 0006
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_READINGS = ("name_reading", "number_reading")


def upgrade() -> None:
    for reading in _READINGS:
        op.add_column("document", sa.Column(reading, sa.String(length=32), nullable=True))
        op.create_check_constraint(
            op.f(f"ck_document_{reading}"), "document", f"{reading} IN ('agrees', 'differs', 'unread')"
        )


def downgrade() -> None:
    for reading in _READINGS:
        op.drop_column("document", reading)
