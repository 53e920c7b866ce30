"""How many statements of rights are made for one person a day.

Revision ID: 0031
Revises: 0030
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute("UPDATE policy SET value = CAST(value AS jsonb) || '{\"statements_a_day\": 20}' WHERE code = 'rights'")


def downgrade() -> None:
    op.execute("UPDATE policy SET value = CAST(value AS jsonb) - 'statements_a_day' WHERE code = 'rights'")
