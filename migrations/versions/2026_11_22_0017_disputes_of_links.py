"""Members object to links: a dispute freezes one, and people decide.

Revision ID: 0017
Revises: 0016
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_IS_OPEN = "outcome IS NULL"
_ENDS = ("by_owner", "by_member")
_PURPOSES = ("enrolment", "card_password_reset")
_REASONS = (
    "face_failed",
    "no_reference_portrait",
    "guardianship",
    "other_relative_of_child",
    "many_tries_at_member",
    "asked_for",
)


def upgrade() -> None:
    op.create_table(
        "link_dispute",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column(
            "reason",
            _one_of("linkdisputereason", "owner_unknown", "not_agreed", "pressed", "misused", "other"),
            nullable=False,
        ),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lapses_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", _one_of("disputeoutcome", "upheld", "dismissed", "lapsed", "link_ended"), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)",
            name=op.f("ck_link_dispute_bucket_agrees"),
        ),
        sa.CheckConstraint("(outcome IS NULL) = (closed_at IS NULL)", name=op.f("ck_link_dispute_closed_at")),
        sa.ForeignKeyConstraint(
            ["bucket", "member_id"], ["person.bucket", "person.id"], name=op.f("fk_link_dispute_bucket_member_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_link_dispute")),
        info={"dist": "bucket"},
    )
    op.create_index(
        "uq_link_dispute_open",
        "link_dispute",
        ["bucket", "link_id"],
        unique=True,
        postgresql_where=sa.text(_IS_OPEN),
    )
    op.create_index("ix_link_dispute_due", "link_dispute", ["lapses_at"], postgresql_where=sa.text(_IS_OPEN))
    _allow("family_link", "ended_because", "linkend", *_ENDS, "by_dispute", "by_death", "by_card_cancelled")
    _allow("review_case", "purpose", "casepurpose", *_PURPOSES, "link_dispute")
    _allow("review_case", "reason", "casereason", *_REASONS, "link_disputed")
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value) VALUES ('family_life', '000000', '2026-01-01',"
        ' \'{"dispute_days": 15, "disputed_days": 30}\')'
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'family_life'")
    op.execute("DELETE FROM review_case WHERE purpose = 'link_dispute'")
    op.execute(
        "UPDATE family_link SET ended_because = 'by_member' WHERE ended_because NOT IN ('by_owner', 'by_member')"
    )
    _allow("review_case", "reason", "casereason", *_REASONS)
    _allow("review_case", "purpose", "casepurpose", *_PURPOSES)
    _allow("family_link", "ended_because", "linkend", *_ENDS)
    op.drop_table("link_dispute")


def _one_of(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=32)


def _allow(table: str, column: str, kind: str, *words: str) -> None:
    listed = ", ".join(f"'{word}'" for word in words)
    op.drop_constraint(op.f(f"ck_{table}_{kind}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{kind}"), table, f"{column} IN ({listed})")
