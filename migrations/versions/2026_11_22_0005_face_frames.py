"""Frames that face checks are judged by on this server.

Revision ID: 0005
Revises: 0004
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "face_frame",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("check_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "stored",
                "detached",
                name="documentstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("upload_hmac", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purge_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)",
            name=op.f("ck_face_frame_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "check_id"], ["face_check.bucket", "face_check.id"], name=op.f("fk_face_frame_bucket_check_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_face_frame")),
        info={"dist": "bucket"},
    )
    op.create_index("ix_face_frame_purge", "face_frame", ["purge_at"], unique=False)
    op.create_index(
        "uq_face_frame_number",
        "face_frame",
        ["bucket", "check_id", "number"],
        unique=True,
        postgresql_where=sa.text("state = 'stored'"),
    )


def downgrade() -> None:
    op.drop_table("face_frame")
