"""Presentation codes: devices on which the phone was checked, terminals, redemptions.

Revision ID: 0025
Revises: 0024
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BUCKET_OF = "bucket = get_byte(uuid_send({0}), 0) * 256 + get_byte(uuid_send({0}), 1)"


def upgrade() -> None:
    # Which device a phone was proved on was not kept: each is asked once.
    op.add_column("device", sa.Column("phone_checked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("session", sa.Column("is_phone_checked", sa.Boolean(), nullable=True))
    op.execute("UPDATE session SET is_phone_checked = false")
    op.alter_column("session", "is_phone_checked", nullable=False)
    _allow_homes("person", "account", "operator", "terminal")
    _create_terminals()
    op.create_table(
        "redemption",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("code_id", sa.Uuid(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
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
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(_BUCKET_OF.format("holder_id"), name=op.f("ck_redemption_bucket_agrees")),
        sa.ForeignKeyConstraint(
            ["bucket", "holder_id"], ["card.bucket", "card.person_id"], name=op.f("fk_redemption_bucket_holder_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "code_id", name=op.f("pk_redemption")),
        info={"dist": "bucket"},
    )


def downgrade() -> None:
    op.drop_table("redemption")
    op.drop_table("terminal_request")
    op.drop_table("terminal")
    # When they came and went stays in the audit; a home of theirs fits the older schema no more.
    op.execute("DELETE FROM home WHERE kind = 'terminal'")
    _allow_homes("person", "account", "operator")
    op.drop_column("session", "is_phone_checked")
    op.drop_column("device", "phone_checked_at")


def _create_terminals() -> None:
    op.create_table(
        "terminal",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("office_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("may_identify", sa.Boolean(), nullable=False),
        sa.Column("may_medical", sa.Boolean(), nullable=False),
        sa.Column("may_pay", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(_BUCKET_OF.format("id"), name=op.f("ck_terminal_bucket_agrees")),
        sa.ForeignKeyConstraint(["bucket", "id"], ["home.bucket", "home.id"], name=op.f("fk_terminal_bucket_id")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_terminal_office_id")),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_terminal")),
        sa.UniqueConstraint("bucket", "name", name=op.f("uq_terminal_bucket_name")),
        info={"dist": "bucket"},
    )
    op.create_table(
        "terminal_request",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("terminal_id", sa.Uuid(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["bucket", "terminal_id"],
            ["terminal.bucket", "terminal.id"],
            name=op.f("fk_terminal_request_bucket_terminal_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "terminal_id", "nonce", name=op.f("pk_terminal_request")),
        info={"dist": "bucket"},
    )
    op.execute("REVOKE DELETE ON terminal FROM escard_app")


def _allow_homes(*kinds: str) -> None:
    op.drop_constraint(op.f("ck_home_homekind"), "home")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f("ck_home_homekind"), "home", f"kind IN ({listed})")
