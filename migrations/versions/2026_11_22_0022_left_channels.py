"""Sessions that end because their holder leaves a channel.

Revision ID: 0022
Revises: 0021
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_ENDS = ("signed_out", "token_reused", "moved_home", "device_removed", "taken_over")


def upgrade() -> None:
    _allow(*_ENDS, "left_channel")


def downgrade() -> None:
    op.execute("UPDATE session SET ended_because = 'signed_out' WHERE ended_because = 'left_channel'")
    _allow(*_ENDS)


def _allow(*ends: str) -> None:
    listed = ", ".join(f"'{end}'" for end in ends)
    op.drop_constraint(op.f("ck_session_sessionend"), "session")
    op.create_check_constraint(op.f("ck_session_sessionend"), "session", f"ended_because IN ({listed})")
