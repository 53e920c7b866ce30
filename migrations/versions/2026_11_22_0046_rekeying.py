"""How far re-keying is, and files that are moved while they are sealed anew.

Revision ID: 0046
Revises: 0045
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0046"
down_revision: str | None = "0045"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_JOBS = ("wrapping", "pepper", "suite")
_FILES = ("document", "face_frame", "card_photo", "statement_file")


def upgrade() -> None:
    op.create_table(
        "rekey_part",
        sa.Column(
            "job",
            sa.Enum(*_JOBS, name="rekeyjob", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=True),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("left", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_by", sa.Uuid(), nullable=True),
        sa.Column("taken_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("job", "target", "part", name=op.f("pk_rekey_part")),
        info={"dist": "reference"},
    )
    for table in _FILES:
        op.add_column(table, sa.Column("moving_key", sa.Text(), nullable=True))


def downgrade() -> None:
    for table in _FILES:
        op.drop_column(table, "moving_key")
    op.drop_table("rekey_part")
