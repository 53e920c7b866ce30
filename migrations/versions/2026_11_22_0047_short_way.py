"""What a channel has proved before an enrolment is begun there, and which of it counts.

Revision ID: 0047
Revises: 0046
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0047"
down_revision: str | None = "0046"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_RULES = '{"proofs": {"1": [], "2": ["notice"], "3": ["owner", "notice", "identity_document"]}}'


def upgrade() -> None:
    op.add_column("enrolment", sa.Column("channel_proofs", sa.Text(), nullable=True))
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value)"  # noqa: S608 - ours
        f" VALUES ('channels', '000000', '2026-01-01', '{_RULES}')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'channels'")
    op.drop_column("enrolment", "channel_proofs")
