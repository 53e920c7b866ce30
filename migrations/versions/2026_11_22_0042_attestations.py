"""Who somebody is, attested in person at a counter; and how it was seen, with applications, links and cards.

Revision ID: 0042
Revises: 0041
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0042"
down_revision: str | None = "0041"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_RULES = '{"unlocks_a_day": 2, "offline_minutes": 1440, "offline_most": 100}'
_PURPOSES = ("notice", "identity-document", "face-check", "minor-data")
_PROVEN = ("enrolment", "family_link", "card")


def upgrade() -> None:
    op.create_table(
        "attestation",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("operator_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Text(), nullable=False),
        sa.Column("documents", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)",
            name=op.f("ck_attestation_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "enrolment_id"],
            ["enrolment.bucket", "enrolment.id"],
            name=op.f("fk_attestation_bucket_enrolment_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_attestation")),
        info={"dist": "bucket"},
    )
    op.create_index("ix_attestation_enrolment", "attestation", ["bucket", "enrolment_id"])
    op.execute("REVOKE DELETE ON attestation FROM escard_app")
    for table in _PROVEN:
        op.add_column(
            table, sa.Column("proof", _one_of("proof", "photo", "live", "in_person", "review"), nullable=True)
        )
    _allow(*_PURPOSES, "counter-check")
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value) VALUES"  # noqa: S608 - ours
        f" ('window', '000000', '2026-01-01', '{_RULES}')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'window'")
    op.execute("DELETE FROM consent WHERE purpose = 'counter-check'")
    _allow(*_PURPOSES)
    for table in _PROVEN:
        op.drop_column(table, "proof")
    op.drop_table("attestation")


def _one_of(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=32)


def _allow(*purposes: str) -> None:
    listed = ", ".join(f"'{purpose}'" for purpose in purposes)
    op.drop_constraint(op.f("ck_consent_consentpurpose"), "consent")
    op.create_check_constraint(op.f("ck_consent_consentpurpose"), "consent", f"purpose IN ({listed})")
