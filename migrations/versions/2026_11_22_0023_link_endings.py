"""Members end links by a code to the phone that the register holds, without an account.

Revision ID: 0023
Revises: 0022
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "link_ending",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("seed", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("tries_left", sa.SmallInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)",
            name=op.f("ck_link_ending_bucket_agrees"),
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_link_ending")),
        info={"dist": "bucket"},
    )
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value) VALUES ('link_endings', '000000', '2026-01-01',"
        ' \'{"minutes": 10, "choosing_minutes": 15, "tries": 5, "per_number_a_day": 5, "per_address_a_day": 20}\')'
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'link_endings'")
    op.drop_table("link_ending")
