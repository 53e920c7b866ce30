"""Several face providers: chosen by policy, their callbacks heard once, their costs counted; pictures worth a look.

Revision ID: 0004
Revises: 0003
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "face_event",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("check_id", sa.Uuid(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(check_id), 0) * 256 + get_byte(uuid_send(check_id), 1)",
            name=op.f("ck_face_event_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "check_id"], ["face_check.bucket", "face_check.id"], name=op.f("fk_face_event_bucket_check_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "provider", "event_id", name=op.f("pk_face_event")),
        info={"dist": "bucket"},
    )
    op.alter_column("throttle", "used", type_=sa.Integer(), existing_type=sa.SmallInteger(), existing_nullable=False)
    op.execute(
        "UPDATE policy SET value = CAST(value AS jsonb)"
        " || '{\"starts_on_device_a_day\": 20, \"starts_at_member_a_day\": 30}' WHERE code = 'faces'"
    )
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value)"
        " VALUES ('face_providers', '000000', '2026-01-01', '{\"routes\": [], \"spend\": {}}'),"
        " ('image_quality', '000000', '2026-01-01', '{\"sharpness\": 4, \"glare\": 0.12}')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code IN ('face_providers', 'image_quality')")
    op.execute(
        "UPDATE policy SET value = CAST(value AS jsonb) - 'starts_on_device_a_day' - 'starts_at_member_a_day'"
        " WHERE code = 'faces'"
    )
    op.execute("DELETE FROM throttle WHERE used > 32767")
    op.alter_column("throttle", "used", type_=sa.SmallInteger(), existing_type=sa.Integer(), existing_nullable=False)
    op.drop_table("face_event")
