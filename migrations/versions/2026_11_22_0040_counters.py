"""Counters: terminals that read cards, the cards that were read, people of the embedded register found by their card.

Revision ID: 0040
Revises: 0039
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0040"
down_revision: str | None = "0039"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_RULES = '{"card_read_seconds": 120, "reads_an_hour": 120, "unknown_a_day": 20}'
_PURPOSES = ("enquiry", "treatment", "sharing", "enrolment", "link_ending", "dispute", "password_unlock")


def upgrade() -> None:
    # Those there are read codes alone; what they may is said anew by whoever wants more of them.
    op.add_column("terminal", sa.Column("may_counter", sa.Boolean(), nullable=True))
    op.execute("UPDATE terminal SET may_counter = false")
    op.alter_column("terminal", "may_counter", nullable=False)
    op.add_column("register_person", sa.Column("card_hmac", sa.LargeBinary(), nullable=True))
    op.create_index(op.f("ix_register_person_card_hmac"), "register_person", ["card_hmac"])
    op.create_table(
        "card_read",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Text(), nullable=False),
        sa.Column("terminal_id", sa.Uuid(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(*_PURPOSES, name="purpose", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)",
            name=op.f("ck_card_read_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "person_id"], ["home.bucket", "home.id"], name=op.f("fk_card_read_bucket_person_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_card_read")),
        sa.UniqueConstraint("bucket", "terminal_id", "nonce", name=op.f("uq_card_read_bucket_terminal_id_nonce")),
        info={"dist": "bucket"},
    )
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value)"  # noqa: S608 - ours
        f" VALUES ('counters', '000000', '2026-01-01', '{_RULES}')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'counters'")
    op.drop_table("card_read")
    op.drop_index(op.f("ix_register_person_card_hmac"), "register_person")
    op.drop_column("register_person", "card_hmac")
    op.drop_column("terminal", "may_counter")
