"""Until when somebody asks the provider of a face check, so that nobody else does.

Revision ID: 0015
Revises: 0014
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("face_check", sa.Column("asked_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("face_check", "asked_until")
