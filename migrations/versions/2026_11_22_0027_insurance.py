"""Insurance records: what the demo's authorities keep, and copies of what authorities have said.

Revision ID: 0027
Revises: 0026
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_RULES = (
    '{"deadline_milliseconds": 4000, "fresh_seconds": 300, "stale_hours": 72, "retry_seconds": 60,'
    ' "statement_months": 120}'
)


def upgrade() -> None:
    op.create_table(
        "insurance_plan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number_hmac", sa.LargeBinary(), nullable=False),
        sa.Column(
            "authority",
            sa.Enum(
                "human_resources",
                "healthcare_security",
                name="authority",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("plan", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insurance_plan")),
        sa.UniqueConstraint("number_hmac", "authority", name=op.f("uq_insurance_plan_number_hmac_authority")),
        info={"dist": "stand_in"},
    )
    op.create_table(
        "insurance_copy",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(home_id), 0) * 256 + get_byte(uuid_send(home_id), 1)",
            name=op.f("ck_insurance_copy_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "home_id"], ["home.bucket", "home.id"], name=op.f("fk_insurance_copy_bucket_home_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "home_id", "subject", name=op.f("pk_insurance_copy")),
        info={"dist": "bucket"},
    )
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value)"  # noqa: S608 - ours
        f" VALUES ('rights', '000000', '2026-01-01', '{_RULES}')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'rights'")
    op.drop_table("insurance_copy")
    op.drop_table("insurance_plan")
