"""Consents outside of applications, and the one that the use of a lost card takes.

Revision ID: 0036
Revises: 0035
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0036"
down_revision: str | None = "0035"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_AFTER_CONSENT = '{"after_consent": {"2": ["view", "query"], "4": ["view", "query"]}}'


def upgrade() -> None:
    op.create_table(
        "agreement",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("about_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)",
            name=op.f("ck_agreement_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "person_id"], ["home.bucket", "home.id"], name=op.f("fk_agreement_bucket_person_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_agreement")),
        info={"dist": "bucket"},
    )
    op.create_index(
        "uq_agreement_in_force",
        "agreement",
        ["bucket", "about_id", "code"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_agreement_person", "agreement", ["bucket", "person_id", "given_at"])
    op.execute("REVOKE DELETE ON agreement FROM escard_app")
    op.add_column("card", sa.Column("loss_agreed_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(f"UPDATE policy SET value = CAST(value AS jsonb) || '{_AFTER_CONSENT}' WHERE code = 'card_status'")  # noqa: S608 - ours


def downgrade() -> None:
    op.execute("UPDATE policy SET value = CAST(value AS jsonb) - 'after_consent' WHERE code = 'card_status'")
    op.drop_column("card", "loss_agreed_at")
    op.drop_table("agreement")
