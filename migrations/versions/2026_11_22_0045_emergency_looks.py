"""Looks without a card in an emergency, and the places of who makes them until they are reviewed.

Revision ID: 0045
Revises: 0044
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0045"
down_revision: str | None = "0044"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BUCKET_OF = "bucket = get_byte(uuid_send({0}), 0) * 256 + get_byte(uuid_send({0}), 1)"
_RULES = '{"emergency_looks": 3, "emergency_review_hours": 72}'
_REASONS = ("unconscious", "confused", "child_alone", "card_not_at_hand")
_REVIEWED = "(reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) = (finding IS NULL)"


def upgrade() -> None:
    op.create_table(
        "emergency_look",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("terminal_id", sa.Uuid(), nullable=False),
        sa.Column("reason", _words("emergencyreason", *_REASONS), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.Uuid(), nullable=True),
        sa.Column("finding", _words("emergencyfinding", "justified", "not_justified"), nullable=True),
        sa.CheckConstraint(_BUCKET_OF.format("id"), name=op.f("ck_emergency_look_bucket_agrees")),
        sa.CheckConstraint(_REVIEWED, name=op.f("ck_emergency_look_reviewed")),
        sa.ForeignKeyConstraint(
            ["bucket", "person_id"], ["home.bucket", "home.id"], name=op.f("fk_emergency_look_bucket_person_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_emergency_look")),
        info={"dist": "bucket"},
    )
    op.create_index(
        "ix_emergency_look_due",
        "emergency_look",
        ["due_at", "id"],
        postgresql_where=sa.text("reviewed_at IS NULL"),
    )
    op.create_table(
        "emergency_slot",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("slot_no", sa.SmallInteger(), nullable=False),
        sa.Column("look_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(_BUCKET_OF.format("operator_id"), name=op.f("ck_emergency_slot_bucket_agrees")),
        sa.CheckConstraint("slot_no BETWEEN 1 AND 64", name=op.f("ck_emergency_slot_slot_no")),
        sa.ForeignKeyConstraint(
            ["bucket", "operator_id"],
            ["operator.bucket", "operator.id"],
            name=op.f("fk_emergency_slot_bucket_operator_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "operator_id", "slot_no", name=op.f("pk_emergency_slot")),
        info={"dist": "bucket"},
    )
    op.execute("REVOKE DELETE ON emergency_look FROM escard_app")
    op.execute(f"UPDATE policy SET value = CAST(value AS jsonb) || '{_RULES}' WHERE code = 'counters'")  # noqa: S608 - ours


def downgrade() -> None:
    op.execute(
        "UPDATE policy SET value = CAST(value AS jsonb) - 'emergency_looks' - 'emergency_review_hours'"
        " WHERE code = 'counters'"
    )
    op.drop_table("emergency_slot")
    op.drop_table("emergency_look")


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)
