"""Statements: papers that anybody can ask about by their number.

Revision ID: 0018
Revises: 0017
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "statement_file",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _one_of("statementkind", "rights", "my_data"), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=False),
        sa.Column("state", _one_of("documentstate", "pending", "stored", "detached"), nullable=False),
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
            name=op.f("ck_statement_file_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "home_id"], ["home.bucket", "home.id"], name=op.f("fk_statement_file_bucket_home_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_statement_file")),
        info={"dist": "bucket"},
    )
    op.create_index("ix_statement_file_purge", "statement_file", ["purge_at"])
    op.create_table(
        "statement_number",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("number_hmac", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "number_hmac", name=op.f("pk_statement_number")),
        info={"dist": "bucket"},
    )
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value) VALUES ('statements', '000000', '2026-01-01',"
        ' \'{"file_days": 30, "valid_days": 1096}\')'
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'statements'")
    op.drop_table("statement_number")
    op.drop_table("statement_file")


def _one_of(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=32)
