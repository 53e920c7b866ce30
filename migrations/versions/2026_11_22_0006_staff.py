"""Staff: offices, operators with two factors, their sessions.

Revision ID: 0006
Revises: 0005
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BUCKET_OF_ID = "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)"


def upgrade() -> None:
    op.create_table(
        "office",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", _one_of("officekind", "district_branch", "hospital"), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("region ~ '^[0-9]{6}$'", name=op.f("ck_office_region")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_office")),
        info={"dist": "reference"},
    )
    _allow_homes("person", "account", "operator")
    op.create_table(
        "operator",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("role", _one_of("operatorrole", "reviewer", "clerk"), nullable=False),
        sa.Column("office_id", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(_BUCKET_OF_ID, name=op.f("ck_operator_bucket_agrees")),
        sa.ForeignKeyConstraint(["bucket", "id"], ["home.bucket", "home.id"], name=op.f("fk_operator_bucket_id")),
        sa.ForeignKeyConstraint(["office_id"], ["office.id"], name=op.f("fk_operator_office_id")),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_operator")),
        sa.UniqueConstraint("bucket", "login", name=op.f("uq_operator_bucket_login")),
        info={"dist": "bucket"},
    )
    op.create_table(
        "staff_session",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("address_hmac", sa.LargeBinary(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(_BUCKET_OF_ID, name=op.f("ck_staff_session_bucket_agrees")),
        sa.ForeignKeyConstraint(
            ["bucket", "operator_id"],
            ["operator.bucket", "operator.id"],
            name=op.f("fk_staff_session_bucket_operator_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_staff_session")),
        info={"dist": "bucket"},
    )
    op.create_index("ix_staff_session_operator", "staff_session", ["bucket", "operator_id"])
    op.execute("REVOKE DELETE ON operator, office FROM escard_app")
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value) VALUES ('staff', '000000', '2026-01-01',"
        ' \'{"tries": 5, "tries_minutes": 15, "idle_minutes": 15, "session_hours": 8}\')'
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'staff'")
    op.drop_table("staff_session")
    op.drop_table("operator")
    op.drop_table("office")
    # What they did stays in the audit; a home of theirs fits the older schema no more.
    op.execute("DELETE FROM home WHERE kind = 'operator'")
    _allow_homes("person", "account")


def _one_of(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=32)


def _allow_homes(*kinds: str) -> None:
    op.drop_constraint(op.f("ck_home_homekind"), "home")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f("ck_home_homekind"), "home", f"kind IN ({listed})")
