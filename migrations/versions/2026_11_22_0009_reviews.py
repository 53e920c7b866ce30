"""Reviewers: claims, regions and risks of cases, what was asked for, photos seen again.

Revision ID: 0009
Revises: 0008
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_STATES = ("open", "approved", "rejected", "withdrawn")
_RULES = (
    '{"claim_minutes": 15, "more_hours": 72, "new_members": 3, "new_members_days": 30, "photo_days": 30,'
    ' "two_for": ["no_reference_portrait", "distant_adult", "many_new_members", "reused_photo"]}'
)


def upgrade() -> None:
    op.add_column("review_case", sa.Column("region", sa.Text(), nullable=True))
    op.add_column("review_case", sa.Column("risks", sa.Text(), nullable=True))
    op.add_column("review_case", sa.Column("claimed_by", sa.Uuid(), nullable=True))
    op.add_column("review_case", sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE review_case SET risks = '', region = person.region FROM person"
        " WHERE person.id = review_case.member_id"
        " AND person.bucket = get_byte(uuid_send(review_case.member_id), 0) * 256"
        " + get_byte(uuid_send(review_case.member_id), 1)"
    )
    op.alter_column("review_case", "region", existing_type=sa.Text(), nullable=False)
    op.alter_column("review_case", "risks", existing_type=sa.Text(), nullable=False)
    _allow_states(*_STATES, "asked_for_more")
    op.add_column("enrolment", sa.Column("asked_for", sa.Text(), nullable=True))
    op.create_table(
        "noted_risk",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "risk",
            sa.Enum(
                "distant_adult",
                "many_new_members",
                "reused_photo",
                name="risk",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(owner_id), 0) * 256 + get_byte(uuid_send(owner_id), 1)",
            name=op.f("ck_noted_risk_bucket_agrees"),
        ),
        sa.PrimaryKeyConstraint("bucket", "owner_id", "member_id", "risk", name=op.f("pk_noted_risk")),
        info={"dist": "bucket"},
    )
    op.create_table(
        "image_seen",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("image_hmac", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "image_hmac", "member_id", name=op.f("pk_image_seen")),
        info={"dist": "bucket"},
    )
    op.execute(f"UPDATE policy SET value = CAST(value AS jsonb) || '{_RULES}' WHERE code = 'reviews'")  # noqa: S608 - ours


def downgrade() -> None:
    op.execute("UPDATE policy SET value = '{\"due_days\": 5}' WHERE code = 'reviews'")
    op.drop_table("image_seen")
    op.drop_table("noted_risk")
    op.drop_column("enrolment", "asked_for")
    op.execute("UPDATE review_case SET state = 'withdrawn' WHERE state = 'asked_for_more'")
    _allow_states(*_STATES)
    for column in ("claimed_until", "claimed_by", "risks", "region"):
        op.drop_column("review_case", column)


def _allow_states(*states: str) -> None:
    op.drop_constraint(op.f("ck_review_case_casestate"), "review_case")
    listed = ", ".join(f"'{state}'" for state in states)
    op.create_check_constraint(op.f("ck_review_case_casestate"), "review_case", f"state IN ({listed})")
