"""Who has approved a case: where two are needed, they are two people.

Revision ID: 0003
Revises: 0002
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "review_approval",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(case_id), 0) * 256 + get_byte(uuid_send(case_id), 1)",
            name=op.f("ck_review_approval_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "case_id"],
            ["review_case.bucket", "review_case.id"],
            name=op.f("fk_review_approval_bucket_case_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "case_id", "operator", name=op.f("pk_review_approval")),
        info={"dist": "bucket"},
    )
    op.execute("REVOKE UPDATE, DELETE ON review_approval FROM escard_app")


def downgrade() -> None:
    op.drop_table("review_approval")
