"""Consents given in person: at which office, before whom, by which card that was read.

Revision ID: 0051
Revises: 0050
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0051"
down_revision: str | None = "0050"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_GIVEN_BY = (
    "(account_id IS NULL) = (device_id IS NULL) AND (account_id IS NULL) = (operator_id IS NOT NULL)"
    " AND (operator_id IS NULL) = (office_id IS NULL) AND (operator_id IS NULL) = (card_read_id IS NULL)"
)


def upgrade() -> None:
    op.add_column("agreement", sa.Column("operator_id", sa.Uuid(), nullable=True))
    op.add_column("agreement", sa.Column("office_id", sa.Text(), nullable=True))
    op.add_column("agreement", sa.Column("card_read_id", sa.Uuid(), nullable=True))
    op.alter_column("agreement", "account_id", nullable=True)
    op.alter_column("agreement", "device_id", nullable=True)
    op.create_check_constraint(op.f("ck_agreement_given_by"), "agreement", _GIVEN_BY)


def downgrade() -> None:
    op.execute("DELETE FROM agreement WHERE operator_id IS NOT NULL")
    op.drop_constraint(op.f("ck_agreement_given_by"), "agreement")
    op.alter_column("agreement", "device_id", nullable=False)
    op.alter_column("agreement", "account_id", nullable=False)
    op.drop_column("agreement", "card_read_id")
    op.drop_column("agreement", "office_id")
    op.drop_column("agreement", "operator_id")
