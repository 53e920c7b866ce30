"""How lately the register must have been asked about a card before a code of it is redeemed.

Revision ID: 0034
Revises: 0033
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0034"
down_revision: str | None = "0033"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute(
        'UPDATE policy SET value = CAST(value AS jsonb) || \'{"redeemed_minutes": 10, "paid_minutes": 1}\''
        " WHERE code = 'card_checks'"
    )


def downgrade() -> None:
    op.execute(
        "UPDATE policy SET value = CAST(value AS jsonb) - 'redeemed_minutes' - 'paid_minutes'"
        " WHERE code = 'card_checks'"
    )
