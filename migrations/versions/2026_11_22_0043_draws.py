"""Draws out of personal accounts, what each account gave, months of shared ones, and the rules of all that.

Revision ID: 0043
Revises: 0042
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0043"
down_revision: str | None = "0042"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_AGREES = "bucket = get_byte(uuid_send({0}), 0) * 256 + get_byte(uuid_send({0}), 1)"
_RULES = '{"redeemed_minutes": 60, "reversal_days": 30, "most": "20000.00", "partial": true}'
_TABLES = ("sharing_month", "draw_order", "draw_reversal", "draw_share", "draw_part", "draw")


def upgrade() -> None:
    _create_draws()
    _create_shares()
    op.create_table(
        "draw_order",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Uuid(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        _moment("ordered_at"),
        sa.ForeignKeyConstraint(
            ["bucket", "terminal_id"],
            ["terminal.bucket", "terminal.id"],
            name=op.f("fk_draw_order_bucket_terminal_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "terminal_id", "order_number", name=op.f("pk_draw_order")),
        info={"dist": "bucket"},
    )
    op.execute("REVOKE UPDATE, DELETE ON draw, draw_part, draw_reversal, draw_order FROM escard_app")
    op.execute("REVOKE DELETE ON draw_share, sharing_month FROM escard_app")
    op.execute(
        f"INSERT INTO policy (code, region, valid_from, value) VALUES ('draws', '000000', '2026-01-01', '{_RULES}')"  # noqa: S608 - ours
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'draws'")
    for table in _TABLES:
        op.drop_table(table)


def _create_draws() -> None:
    op.create_table(
        "draw",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("spender_id", sa.Uuid(), nullable=False),
        sa.Column("code_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column(
            "purpose",
            sa.Enum(
                "identify",
                "medical",
                "pay",
                name="showingpurpose",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("terminal_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Text(), nullable=False),
        sa.Column("order_number", sa.Text(), nullable=False),
        _money("amount"),
        _money("covered"),
        sa.Column("is_partial_allowed", sa.Boolean(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        _moment("drawn_at"),
        sa.CheckConstraint(_AGREES.format("id"), name=op.f("ck_draw_bucket_agrees")),
        sa.CheckConstraint("covered > 0 AND covered <= amount", name=op.f("ck_draw_covered")),
        _at_home("draw", "spender_id"),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_draw")),
        sa.UniqueConstraint("bucket", "code_id", name=op.f("uq_draw_bucket_code_id")),
        info={"dist": "bucket"},
    )
    op.create_index("ix_draw_spender", "draw", ["bucket", "spender_id", "drawn_at"])
    op.create_table(
        "draw_part",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("payer_id", sa.Uuid(), nullable=False),
        sa.Column("spender_id", sa.Uuid(), nullable=False),
        sa.Column("binding_id", sa.Uuid(), nullable=True),
        _money("amount"),
        sa.CheckConstraint("amount > 0", name=op.f("ck_draw_part_gives_something")),
        _of_draw("draw_part"),
        sa.PrimaryKeyConstraint("bucket", "draw_id", "payer_id", name=op.f("pk_draw_part")),
        info={"dist": "bucket"},
    )
    op.create_table(
        "draw_reversal",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("spender_id", sa.Uuid(), nullable=False),
        sa.Column("movement_id", sa.Uuid(), nullable=False),
        sa.Column("terminal_id", sa.Uuid(), nullable=False),
        _moment("reversed_at"),
        _of_draw("draw_reversal"),
        sa.PrimaryKeyConstraint("bucket", "draw_id", name=op.f("pk_draw_reversal")),
        info={"dist": "bucket"},
    )


def _create_shares() -> None:
    op.create_table(
        "draw_share",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("payer_id", sa.Uuid(), nullable=False),
        sa.Column("draw_id", sa.Uuid(), nullable=False),
        sa.Column("spender_id", sa.Uuid(), nullable=False),
        sa.Column("binding_id", sa.Uuid(), nullable=False),
        _money("amount"),
        sa.Column("month", sa.Date(), nullable=False),
        _moment("drawn_at"),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(_AGREES.format("payer_id"), name=op.f("ck_draw_share_bucket_agrees")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_draw_share_gives_something")),
        _at_home("draw_share", "payer_id"),
        sa.PrimaryKeyConstraint("bucket", "payer_id", "draw_id", name=op.f("pk_draw_share")),
        info={"dist": "bucket"},
    )
    op.create_index("ix_draw_share_payer", "draw_share", ["bucket", "payer_id", "drawn_at"])
    op.create_table(
        "sharing_month",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("binding_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        _money("drawn"),
        sa.Column("cap", sa.Numeric(14, 2), nullable=True),
        sa.CheckConstraint(_AGREES.format("owner_id"), name=op.f("ck_sharing_month_bucket_agrees")),
        sa.CheckConstraint("drawn >= 0", name=op.f("ck_sharing_month_never_below_zero")),
        sa.CheckConstraint("drawn <= cap", name=op.f("ck_sharing_month_never_above_cap")),
        _at_home("sharing_month", "owner_id"),
        sa.PrimaryKeyConstraint("bucket", "owner_id", "binding_id", "month", name=op.f("pk_sharing_month")),
        info={"dist": "bucket"},
    )


def _money(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Numeric(14, 2), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _at_home(table: str, whose: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["bucket", whose], ["home.bucket", "home.id"], name=op.f(f"fk_{table}_bucket_{whose}")
    )


def _of_draw(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["bucket", "draw_id"], ["draw.bucket", "draw.id"], name=op.f(f"fk_{table}_bucket_draw_id")
    )
