"""Transfers of social insurance, and the calendar of working days that their legs are counted in.

Revision ID: 0021
Revises: 0020
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_INSURANCES = ("pension", "medical", "unemployment", "work_injury", "maternity")
_STATES = (
    "draft",
    "submitted",
    "reviewing_at_new_place",
    "letter_sent",
    "reviewing_at_old_place",
    "funds_sent",
    "funds_received",
    "settling",
    "done",
    "rejected",
    "withdrawn",
    "not_submitted",
)
_REASONS = (
    "details_differ",
    "no_record",
    "still_paying",
    "arrears",
    "benefits_drawn",
    "temporary_account",
    "under_way_elsewhere",
    "other",
)
_IS_UNDER_WAY = "state NOT IN ('draft', 'done', 'rejected', 'withdrawn', 'not_submitted')"
_RULES = (
    '{"insurances": ["pension", "medical", "unemployment"], "legs": {"submitted": 3, "reviewing_at_new_place": 15,'
    ' "letter_sent": 5, "reviewing_at_old_place": 15, "funds_sent": 5, "funds_received": 3, "settling": 15},'
    ' "begun_a_day": 20, "look_minutes": 60, "look_minutes_at_most": 1440}'
)
_WORKDAYS = '{"off": [], "on": [], "published_through": null}'


def upgrade() -> None:
    op.create_table(
        "transfer",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("filed_by", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("insurance", _one_of("transferinsurance", *_INSURANCES), nullable=False),
        sa.Column("from_region", sa.Text(), nullable=False),
        sa.Column("from_name", sa.Text(), nullable=True),
        sa.Column("to_region", sa.Text(), nullable=False),
        sa.Column("to_name", sa.Text(), nullable=True),
        sa.Column("state", _one_of("transferstate", *_STATES), nullable=False),
        sa.Column("obstacles", sa.Text(), nullable=False),
        sa.Column("withdrawal", _one_of("withdrawal", "asked", "refused"), nullable=True),
        sa.Column(
            "not_submitted_because",
            _one_of("filingend", "link_ended", "link_frozen", "service_not_shared"),
            nullable=True,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.SmallInteger(), nullable=False),
        sa.Column("steps", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)",
            name=op.f("ck_transfer_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "person_id"], ["person.bucket", "person.id"], name=op.f("fk_transfer_bucket_person_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_transfer")),
        info={"dist": "bucket"},
    )
    op.create_index(
        "uq_transfer_under_way",
        "transfer",
        ["bucket", "person_id", "insurance"],
        unique=True,
        postgresql_where=sa.text(_IS_UNDER_WAY),
    )
    op.create_index("ix_transfer_person", "transfer", ["bucket", "person_id", "created_at"])
    op.create_index("ix_transfer_due", "transfer", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_table(
        "transfer_step",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("state", _one_of("transferstate", *_STATES), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("reason", _one_of("transferrejection", *_REASONS), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["bucket", "transfer_id"],
            ["transfer.bucket", "transfer.id"],
            name=op.f("fk_transfer_step_bucket_transfer_id"),
        ),
        sa.PrimaryKeyConstraint("bucket", "transfer_id", "number", name=op.f("pk_transfer_step")),
        info={"dist": "bucket"},
    )
    op.create_table(
        "filed_transfer",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("from_region", sa.Text(), nullable=False),
        sa.Column("to_region", sa.Text(), nullable=False),
        sa.Column("insurance", _one_of("transferinsurance", *_INSURANCES), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_filed_transfer")),
        info={"dist": "stand_in"},
    )
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value) VALUES"  # noqa: S608 - ours
        f" ('transfers', '000000', '2026-01-01', '{_RULES}'), ('workdays', '000000', '2026-01-01', '{_WORKDAYS}')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code IN ('transfers', 'workdays')")
    op.execute("DELETE FROM outbox_event WHERE kind IN ('submit_transfer', 'withdraw_transfer')")
    for table in ("filed_transfer", "transfer_step", "transfer"):
        op.drop_table(table)


def _one_of(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=32)
