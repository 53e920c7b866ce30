"""Links that began with a photo are confirmed at 16 by the member's own live face.

Revision ID: 0028
Revises: 0027
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_FACE_PURPOSES = ("enrolment", "card_password_reset", "certification")
_CASE_PURPOSES = ("enrolment", "card_password_reset", "link_dispute", "certification")


def upgrade() -> None:
    op.create_table(
        "reconfirmation",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "face_pending",
                "in_review",
                "passed",
                "rejected",
                "cancelled",
                name="reconfirmationstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("services", sa.Text(), nullable=False),
        sa.Column("notice_version", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)",
            name=op.f("ck_reconfirmation_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "link_id"],
            ["family_link.bucket", "family_link.id"],
            name=op.f("fk_reconfirmation_bucket_link_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_reconfirmation")),
        info={"dist": "bucket"},
    )
    op.create_index(
        "uq_reconfirmation_open",
        "reconfirmation",
        ["bucket", "link_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('face_pending', 'in_review')"),
    )
    _allow("face_check", "facepurpose", *_FACE_PURPOSES, "reconfirmation")
    _allow("review_case", "casepurpose", *_CASE_PURPOSES, "reconfirmation")


def downgrade() -> None:
    op.execute("DELETE FROM review_case WHERE purpose = 'reconfirmation'")
    op.execute("DELETE FROM face_check WHERE purpose = 'reconfirmation'")
    _allow("review_case", "casepurpose", *_CASE_PURPOSES)
    _allow("face_check", "facepurpose", *_FACE_PURPOSES)
    op.drop_table("reconfirmation")


def _allow(table: str, kind: str, *words: str) -> None:
    listed = ", ".join(f"'{word}'" for word in words)
    op.drop_constraint(op.f(f"ck_{table}_{kind}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{kind}"), table, f"purpose IN ({listed})")
