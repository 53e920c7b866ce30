"""Medical personal accounts and the book behind them.

Revision ID: 0037
Revises: 0036
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0037"
down_revision: str | None = "0036"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_AGREES = "bucket = get_byte(uuid_send({0}), 0) * 256 + get_byte(uuid_send({0}), 1)"
_MONEY = sa.Numeric(14, 2)
_MOVEMENTS = ("credit", "draw", "reversal", "return")


def upgrade() -> None:
    op.create_table(
        "medical_account",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("balance", _MONEY, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_AGREES.format("person_id"), name=op.f("ck_medical_account_bucket_agrees")),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_medical_account_never_below_zero")),
        sa.ForeignKeyConstraint(
            ["bucket", "person_id"], ["home.bucket", "home.id"], name=op.f("fk_medical_account_bucket_person_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "person_id", name=op.f("pk_medical_account")),
        info={"dist": "bucket"},
    )
    op.create_table(
        "ledger_entry",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("movement_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*_MOVEMENTS, name="movement", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("amount", _MONEY, nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_AGREES.format("account_id"), name=op.f("ck_ledger_entry_bucket_agrees")),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_ledger_entry_moves_something")),
        sa.PrimaryKeyConstraint("bucket", "account_id", "movement_id", name=op.f("pk_ledger_entry")),
        info={"dist": "bucket"},
    )
    op.create_index("ix_ledger_entry_movement", "ledger_entry", ["movement_id"])
    op.create_table(
        "medical_credit",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("movement_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("amount", _MONEY, nullable=False),
        sa.Column("credited_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_medical_credit_gives_something")),
        sa.PrimaryKeyConstraint("bucket", "reference", name=op.f("pk_medical_credit")),
        info={"dist": "bucket"},
    )
    op.execute("REVOKE DELETE ON medical_account FROM escard_app")
    op.execute("REVOKE UPDATE, DELETE ON ledger_entry, medical_credit FROM escard_app")


def downgrade() -> None:
    for table in ("medical_credit", "ledger_entry", "medical_account"):
        op.drop_table(table)
