"""How near a machine finds the face of a case to the register's portrait.

Revision ID: 0013
Revises: 0012
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("review_case", sa.Column("face_hint", sa.String(length=32), nullable=True))
    op.create_check_constraint(
        op.f("ck_review_case_scoreband"), "review_case", "face_hint IN ('low', 'medium', 'high')"
    )


def downgrade() -> None:
    op.drop_column("review_case", "face_hint")
