"""What the server's role may do, and the first policies.

Revision ID: 0002
Revises: 0001
"""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_DATA = Path(__file__).parents[1] / "data" / "policies_0002.json"
_POLICY = sa.table(
    "policy",
    sa.column("code", sa.Text),
    sa.column("region", sa.Text),
    sa.column("valid_from", sa.Date),
    sa.column("value", sa.JSON),
)


def upgrade() -> None:
    op.execute("GRANT USAGE ON SCHEMA public TO escard_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO escard_app")
    op.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO escard_app")
    # What was done stays written, and the rules are not the server's to change.
    op.execute("REVOKE UPDATE, DELETE ON audit_event FROM escard_app")
    op.execute("REVOKE DELETE ON audit_head, consent FROM escard_app")
    op.execute("REVOKE INSERT, UPDATE, DELETE ON policy, alembic_version FROM escard_app")
    op.bulk_insert(
        _POLICY,
        [
            {"code": code, "region": "000000", "valid_from": date(2026, 1, 1), "value": value}
            for code, value in json.loads(_DATA.read_text(encoding="utf-8")).items()
        ],
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy")
    op.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM escard_app")
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM escard_app")
