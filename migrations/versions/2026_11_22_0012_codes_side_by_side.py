"""Codes by SMS live side by side: one that is sent does not void another.

Revision ID: 0012
Revises: 0011
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KEY = ["bucket", "phone_hmac", "purpose"]


def upgrade() -> None:
    op.drop_constraint(op.f("pk_sms_code"), "sms_code")
    op.create_primary_key(op.f("pk_sms_code"), "sms_code", [*_KEY, "code_hmac"])


def downgrade() -> None:
    op.execute("DELETE FROM sms_code")  # they live five minutes
    op.drop_constraint(op.f("pk_sms_code"), "sms_code")
    op.create_primary_key(op.f("pk_sms_code"), "sms_code", _KEY)
