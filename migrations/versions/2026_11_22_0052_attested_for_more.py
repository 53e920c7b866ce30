"""Cards read for a certification, a password reset, a reconfirmation.

Revision ID: 0052
Revises: 0051
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0052"
down_revision: str | None = "0051"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BEFORE = ("enquiry", "treatment", "sharing", "enrolment", "link_ending", "dispute", "password_unlock")
_NOW = (*_BEFORE, "certification", "password_reset", "reconfirmation")


def upgrade() -> None:
    _take(_NOW)


def downgrade() -> None:
    op.execute(f"UPDATE card_read SET purpose = 'enquiry' WHERE purpose NOT IN {_BEFORE}")  # noqa: S608 - ours
    _take(_BEFORE)


def _take(purposes: Sequence[str]) -> None:
    op.drop_constraint(op.f("ck_card_read_purpose"), "card_read")
    op.create_check_constraint(op.f("ck_card_read_purpose"), "card_read", f"purpose IN {tuple(purposes)}")
