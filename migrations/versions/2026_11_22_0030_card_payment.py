"""Adding payment to a card: what its holder agrees to, and the face checks and cases about it.

Revision ID: 0030
Revises: 0029
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0030"
down_revision: str | None = "0029"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_FACE_PURPOSES = ("enrolment", "card_password_reset", "certification", "reconfirmation")
_CASE_PURPOSES = ("enrolment", "card_password_reset", "link_dispute", "certification", "reconfirmation")
_STATES = ("face_pending", "in_review", "done", "rejected", "withdrawn")


def upgrade() -> None:
    op.create_table(
        "card_upgrade",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(*_STATES, name="upgradestate", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("notice_version", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rejection", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)",
            name=op.f("ck_card_upgrade_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "person_id"],
            ["home.bucket", "home.id"],
            name=op.f("fk_card_upgrade_bucket_person_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_card_upgrade")),
        info={"dist": "bucket"},
    )
    op.create_index(
        "uq_card_upgrade_in_force",
        "card_upgrade",
        ["bucket", "person_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('face_pending', 'in_review', 'done')"),
    )
    _allow("face_check", "facepurpose", *_FACE_PURPOSES, "card_upgrade")
    _allow("review_case", "casepurpose", *_CASE_PURPOSES, "card_upgrade")
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value)"
        " VALUES ('card_payment', '000000', '2026-01-01', '{\"face_hours\": 24}')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'card_payment'")
    op.execute("DELETE FROM review_case WHERE purpose = 'card_upgrade'")
    op.execute("DELETE FROM face_check WHERE purpose = 'card_upgrade'")
    _allow("review_case", "casepurpose", *_CASE_PURPOSES)
    _allow("face_check", "facepurpose", *_FACE_PURPOSES)
    op.execute("UPDATE card SET level = 1")
    op.drop_table("card_upgrade")


def _allow(table: str, kind: str, *words: str) -> None:
    listed = ", ".join(f"'{word}'" for word in words)
    op.drop_constraint(op.f(f"ck_{table}_{kind}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{kind}"), table, f"purpose IN ({listed})")
