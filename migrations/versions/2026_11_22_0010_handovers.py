"""Handovers: the face step on the member's own phone.

Revision ID: 0010
Revises: 0009
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_IS_OPEN = "state IN ('waiting', 'opened')"


def upgrade() -> None:
    op.create_table(
        "handover",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            _one_of("handoverstate", "waiting", "opened", "done", "refused", "disputed", "ended"),
            nullable=False,
        ),
        sa.Column(
            "ended_because",
            _one_of("handoverend", "taken_back", "replaced", "expired", "wrong_codes", "enrolment_changed"),
            nullable=True,
        ),
        sa.Column("seed", sa.LargeBinary(), nullable=False),
        sa.Column("tries_left", sa.SmallInteger(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=True),
        sa.Column("device_name", sa.LargeBinary(), nullable=True),
        sa.Column("platform", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)",
            name=op.f("ck_handover_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "enrolment_id"],
            ["enrolment.bucket", "enrolment.id"],
            name=op.f("fk_handover_bucket_enrolment_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_handover")),
        info={"dist": "bucket"},
    )
    op.create_index(
        "uq_handover_open",
        "handover",
        ["bucket", "enrolment_id"],
        unique=True,
        postgresql_where=sa.text(_IS_OPEN),
    )
    op.create_index("ix_handover_enrolment", "handover", ["bucket", "enrolment_id"])
    op.create_index(
        "ix_handover_disputed", "handover", ["bucket", "home_id"], postgresql_where=sa.text("state = 'disputed'")
    )
    op.create_index("ix_handover_due", "handover", ["expires_at"], postgresql_where=sa.text(_IS_OPEN))
    op.add_column("consent", sa.Column("handover_id", sa.Uuid(), nullable=True))
    op.add_column("face_check", sa.Column("handover_id", sa.Uuid(), nullable=True))
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value) VALUES ('handovers', '000000', '2026-01-01',"
        ' \'{"link_minutes": 15, "step_minutes": 15, "tries": 5, "a_day": 20, "disputed_days": 30}\')'
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'handovers'")
    op.drop_column("face_check", "handover_id")
    op.drop_column("consent", "handover_id")
    op.drop_table("handover")


def _one_of(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=32)
