"""Medical account sharing: bindings on both sides, what waits for an answer, and the order of funds.

Revision ID: 0039
Revises: 0038
"""

import json
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0039"
down_revision: str | None = "0038"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_RULE = {
    "relatives": {
        "spouse": "member",
        "parent": "code",
        "child": "code",
        "sibling": "code",
        "grandparent": "code",
        "grandchild": "code",
    },
    "minor_under": 18,
    "members_per_owner": 10,
    "sharers_per_member": 5,
    "pending_hours": 72,
    "code_minutes": 30,
    "code_tries": 5,
    "codes_a_day": 5,
    "resend_seconds": 60,
    "declined_days": 30,
    "order": "binding_order",
    "orders": ["binding_order", "highest_balance", "chosen"],
}


def upgrade() -> None:
    op.create_table(
        "sharing_binding",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("relationship", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "active",
                "paused",
                "ended",
                name="sharingstate",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("place_no", sa.SmallInteger(), nullable=True),
        sa.Column(
            "way",
            sa.Enum(
                "web_page",
                "app",
                "mini_program",
                "branch_window",
                "hospital",
                name="sharingway",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column(
            "confirming",
            sa.Enum(
                "member",
                "code",
                "guardian",
                "counter",
                "nobody",
                name="confirming",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("monthly_cap", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("member_name", sa.LargeBinary(), nullable=True),
        sa.Column("member_number", sa.LargeBinary(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("active_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "ended_because",
            sa.Enum(
                "by_owner",
                "by_member",
                "declined",
                "expired",
                "by_dispute",
                "by_death",
                "account_closed",
                name="sharingend",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_sharing_binding_ended_at")),
        sa.CheckConstraint("(state = 'ended') = (place_no IS NULL)", name=op.f("ck_sharing_binding_place_no")),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)",
            name=op.f("ck_sharing_binding_bucket_agrees"),
        ),
        sa.CheckConstraint("monthly_cap >= 0", name=op.f("ck_sharing_binding_monthly_cap")),
        sa.CheckConstraint("place_no BETWEEN 1 AND 64", name=op.f("ck_sharing_binding_places")),
        sa.ForeignKeyConstraint(
            ["bucket", "owner_id"], ["home.bucket", "home.id"], name=op.f("fk_sharing_binding_bucket_owner_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_sharing_binding")),
        sa.UniqueConstraint("bucket", "owner_id", "place_no", name=op.f("uq_sharing_binding_bucket_owner_id_place_no")),
        info={"dist": "bucket"},
    )
    op.create_index(
        "ix_sharing_binding_due",
        "sharing_binding",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "uq_sharing_binding_member",
        "sharing_binding",
        ["bucket", "owner_id", "member_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_table(
        "sharer_slot",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("slot_no", sa.SmallInteger(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("binding_id", sa.Uuid(), nullable=False),
        sa.Column("relationship", sa.Text(), nullable=False),
        sa.Column("owner_name", sa.LargeBinary(), nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("monthly_cap", sa.Numeric(precision=14, scale=2), nullable=True),
        sa.Column("position", sa.SmallInteger(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(member_id), 0) * 256 + get_byte(uuid_send(member_id), 1)",
            name=op.f("ck_sharer_slot_bucket_agrees"),
        ),
        sa.CheckConstraint("slot_no BETWEEN 1 AND 64", name=op.f("ck_sharer_slot_slot_no")),
        sa.ForeignKeyConstraint(
            ["bucket", "member_id"], ["person.bucket", "person.id"], name=op.f("fk_sharer_slot_bucket_member_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "member_id", "slot_no", name=op.f("pk_sharer_slot")),
        sa.UniqueConstraint("bucket", "member_id", "owner_id", name=op.f("uq_sharer_slot_bucket_member_id_owner_id")),
        info={"dist": "bucket"},
    )
    op.create_table(
        "sharing_request",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("binding_id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("relationship", sa.Text(), nullable=False),
        sa.Column("owner_name", sa.LargeBinary(), nullable=False),
        sa.Column(
            "confirming",
            sa.Enum(
                "member",
                "code",
                "guardian",
                "counter",
                "nobody",
                name="confirming",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("seed", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("tries_left", sa.SmallInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(member_id), 0) * 256 + get_byte(uuid_send(member_id), 1)",
            name=op.f("ck_sharing_request_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "member_id"], ["person.bucket", "person.id"], name=op.f("fk_sharing_request_bucket_member_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "member_id", "binding_id", name=op.f("pk_sharing_request")),
        info={"dist": "bucket"},
    )
    op.create_table(
        "sharing_order",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "funds_order",
            sa.Enum(
                "binding_order",
                "highest_balance",
                "chosen",
                name="fundsorder",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(member_id), 0) * 256 + get_byte(uuid_send(member_id), 1)",
            name=op.f("ck_sharing_order_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "member_id"], ["person.bucket", "person.id"], name=op.f("fk_sharing_order_bucket_member_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "member_id", name=op.f("pk_sharing_order")),
        info={"dist": "bucket"},
    )
    rule = sa.text(
        "INSERT INTO policy (code, region, valid_from, value)"
        " VALUES ('sharing', '000000', '2026-01-01', CAST(:value AS jsonb))"
    )
    op.execute(rule.bindparams(value=json.dumps(_RULE)))


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'sharing'")
    for table in ("sharing_order", "sharing_request", "sharer_slot", "sharing_binding"):
        op.drop_table(table)
