"""Members come of age: the days on which their links change.

Revision ID: 0020
Revises: 0019
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_SERVICES = ("view", "show_code", "certify", "file", "pay")


def upgrade() -> None:
    op.create_table(
        "milestone",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "own_consent",
                "live_face_soon",
                "live_face",
                "adult",
                "view_only",
                name="milestonekind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "bucket = get_byte(uuid_send(member_id), 0) * 256 + get_byte(uuid_send(member_id), 1)",
            name=op.f("ck_milestone_bucket_agrees"),
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "member_id"], ["person.bucket", "person.id"], name=op.f("fk_milestone_bucket_member_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "member_id", "link_id", "kind", "due_on", name=op.f("pk_milestone")),
        info={"dist": "bucket"},
    )
    op.create_index("ix_milestone_due", "milestone", ["due_on"], postgresql_where=sa.text("done_at IS NULL"))
    op.add_column("family_link", sa.Column("agreed", sa.Text(), nullable=True))
    op.add_column("family_link", sa.Column("reconfirm_from", sa.Date(), nullable=True))
    op.add_column("family_link", sa.Column("view_only_from", sa.Date(), nullable=True))
    op.add_column("family_link", sa.Column("ages_noted", sa.Boolean(), nullable=True))
    op.add_column("family_link", sa.Column("announced_on", sa.Date(), nullable=True))
    # What was narrowed before is not known any more; birth dates are sealed, so the worker notes the days.
    listed = ", ".join(f"CASE WHEN may_{service} THEN '{service}' END" for service in _SERVICES)
    op.execute(f"UPDATE family_link SET ages_noted = false, agreed = concat_ws(' ', {listed})")  # noqa: S608 - ours
    op.alter_column("family_link", "agreed", existing_type=sa.Text(), nullable=False)
    op.alter_column("family_link", "ages_noted", existing_type=sa.Boolean(), nullable=False)
    op.create_index("ix_family_link_ages", "family_link", ["bucket"], postgresql_where=sa.text("NOT ages_noted"))
    op.execute(
        'UPDATE policy SET value = CAST(value AS jsonb) || \'{"announced_days": [90, 30, 7], "answer_days": 30}\''
        " WHERE code = 'family_life'"
    )


def downgrade() -> None:
    op.execute(
        "UPDATE policy SET value = CAST(value AS jsonb) - 'announced_days' - 'answer_days' WHERE code = 'family_life'"
    )
    op.drop_index("ix_family_link_ages", "family_link")
    for column in ("announced_on", "ages_noted", "view_only_from", "reconfirm_from", "agreed"):
        op.drop_column("family_link", column)
    op.drop_table("milestone")
