"""Orders of physical cards, with their photos.

Revision ID: 0033
Revises: 0032
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0033"
down_revision: str | None = "0032"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_STATES = (
    "draft",
    "submitted",
    "reviewed",
    "batched_to_bank",
    "account_opened",
    "being_made",
    "at_branch",
    "collected",
    "failed",
    "not_submitted",
)
_FAILURES = (
    "photo_refused",
    "details_differ",
    "bank_refused",
    "not_entitled",
    "not_collected",
    "other",
    "photo_gone",
)
_IS_UNDER_WAY = "state NOT IN ('draft', 'collected', 'failed', 'not_submitted')"
_AGREES = "bucket = get_byte(uuid_send(id), 0) * 256 + get_byte(uuid_send(id), 1)"
_RULES = '{"begun_a_day": 10, "look_minutes": 60, "look_minutes_at_most": 1440}'
_PHOTOS = (
    '{"width": 358, "height": 441, "least_bytes": 5120, "most_bytes": 307200, "background": 0.9,'
    ' "least_headroom": 0.01, "most_headroom": 0.3, "beside": 0.02, "off_centre": 0.1, "least_subject": 0.2,'
    ' "most_subject": 0.8, "colour": 8, "sharpness": 30}'
)


def upgrade() -> None:
    op.create_table(
        "card_order",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("filed_by", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("reason", _one_of("cardorderreason", "first", "lost", "damaged", "expired"), nullable=False),
        sa.Column("office_id", sa.Text(), nullable=True),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("state", _one_of("cardorderstate", *_STATES), nullable=False),
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
        sa.CheckConstraint(_AGREES, name=op.f("ck_card_order_bucket_agrees")),
        sa.ForeignKeyConstraint(
            ["bucket", "person_id"], ["person.bucket", "person.id"], name=op.f("fk_card_order_bucket_person_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_card_order")),
        info={"dist": "bucket"},
    )
    op.create_index(
        "uq_card_order_under_way",
        "card_order",
        ["bucket", "person_id"],
        unique=True,
        postgresql_where=sa.text(_IS_UNDER_WAY),
    )
    op.create_index("ix_card_order_person", "card_order", ["bucket", "person_id", "created_at"])
    op.create_index("ix_card_order_due", "card_order", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_table(
        "card_order_step",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("state", _one_of("cardorderstate", *_STATES), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("reason", _one_of("cardorderfailure", *_FAILURES), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        _of_order("card_order_step"),
        sa.PrimaryKeyConstraint("bucket", "order_id", "number", name=op.f("pk_card_order_step")),
        info={"dist": "bucket"},
    )
    op.create_table(
        "card_photo",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", _one_of("documentstate", "pending", "stored", "detached"), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("upload_hmac", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("purge_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(_AGREES, name=op.f("ck_card_photo_bucket_agrees")),
        _of_order("card_photo"),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f("pk_card_photo")),
        info={"dist": "bucket"},
    )
    op.create_index(
        "uq_card_photo", "card_photo", ["bucket", "order_id"], unique=True, postgresql_where=sa.text("state = 'stored'")
    )
    op.create_index("ix_card_photo_purge", "card_photo", ["purge_at"])
    op.create_table(
        "filed_card_order",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=False),
        sa.Column("is_refused", sa.Boolean(), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_filed_card_order")),
        info={"dist": "stand_in"},
    )
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value) VALUES"  # noqa: S608 - ours
        f" ('card_orders', '000000', '2026-01-01', '{_RULES}'), ('card_photos', '000000', '2026-01-01', '{_PHOTOS}')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code IN ('card_orders', 'card_photos')")
    op.execute("DELETE FROM outbox_event WHERE kind IN ('submit_card_order', 'card_collected')")
    for table in ("filed_card_order", "card_photo", "card_order_step", "card_order"):
        op.drop_table(table)


def _of_order(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["bucket", "order_id"], ["card_order.bucket", "card_order.id"], name=op.f(f"fk_{table}_bucket_order_id")
    )


def _one_of(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=32)
