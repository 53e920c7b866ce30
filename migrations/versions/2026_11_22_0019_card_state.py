"""What a card allows by its status, whether it is suspended or closed, and when the register is asked about it.

Revision ID: 0019
Revises: 0018
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ALLOWS = (
    '{"query": ["1", "2", "4", "none"], "show_code": ["1"],'
    ' "certify": ["1", "none"], "file": ["1", "none"], "order": ["1", "2", "4", "9", "none"], "pay": ["1"],'
    ' "history": ["0", "1", "2", "3", "4", "9", "none", "died"],'
    ' "suspended": ["view", "query", "certify", "history"]}'
)
_NEW = ("query", "certify", "file", "order", "pay", "history", "suspended")


def upgrade() -> None:
    for column in ("suspended_at", "closed_at", "asked_at", "ask_due_at"):
        op.add_column("card", sa.Column(column, sa.DateTime(timezone=True), nullable=True))
    op.add_column("card", sa.Column("suspended_by", sa.Uuid(), nullable=True))
    # Those that are there are asked about within a day of their issue, so not all at once if they are new.
    op.execute("UPDATE card SET ask_due_at = issued_at + bucket / 65536.0 * interval '24 hours'")
    op.alter_column("card", "ask_due_at", existing_type=sa.DateTime(timezone=True), nullable=False)
    op.create_check_constraint(op.f("ck_card_suspended"), "card", "(suspended_at IS NULL) = (suspended_by IS NULL)")
    op.create_index("ix_card_ask_due", "card", ["ask_due_at"])
    op.execute(
        "UPDATE policy SET value = jsonb_set(CAST(value AS jsonb), '{view}', value -> 'view' || '[\"none\"]')"  # noqa: S608 - ours
        f" || '{_ALLOWS}' WHERE code = 'card_status'"
    )
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value) VALUES ('card_checks', '000000', '2026-01-01',"
        " '{\"every_hours\": 24}')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'card_checks'")
    for name in _NEW:
        op.execute(f"UPDATE policy SET value = CAST(value AS jsonb) - '{name}' WHERE code = 'card_status'")  # noqa: S608 - ours
    op.execute(
        "UPDATE policy SET value = jsonb_set(CAST(value AS jsonb), '{view}', (value -> 'view') - 'none')"
        " WHERE code = 'card_status'"
    )
    op.drop_index("ix_card_ask_due", table_name="card")
    op.drop_constraint(op.f("ck_card_suspended"), "card")
    for column in ("suspended_by", "ask_due_at", "asked_at", "closed_at", "suspended_at"):
        op.drop_column("card", column)
