"""Changes of a card password are known again when they come a second time.

Revision ID: 0011
Revises: 0010
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("card_password", sa.Column("change_hmac", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("card_password", "change_hmac")
