"""Channels become a registry: kind, level, parent, services, keys, status; those that are in use are in it.

Revision ID: 0038
Revises: 0037
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0038"
down_revision: str | None = "0037"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_KINDS = ("app", "mini_program", "bank_app", "web_page", "counter", "hospital")
_STATUSES = ("active", "suspended", "removed")
_SERVICES = "show_code enrol rights certifications transfers card_orders sharing"
_NEW = ("kind", "level", "services", "status", "is_open")


def upgrade() -> None:
    op.add_column("channel", sa.Column("kind", sa.Text(), nullable=True))
    op.add_column("channel", sa.Column("level", sa.SmallInteger(), nullable=True))
    op.add_column("channel", sa.Column("parent", sa.Text(), nullable=True))
    op.add_column("channel", sa.Column("services", sa.Text(), nullable=True))
    op.add_column("channel", sa.Column("status", sa.Text(), nullable=True))
    op.add_column("channel", sa.Column("is_open", sa.Boolean(), nullable=True))
    op.add_column("channel", sa.Column("entry", sa.Text(), nullable=True))
    op.alter_column("channel", "url", nullable=True)
    op.alter_column("channel", "secrets", nullable=True)
    op.execute(
        f"UPDATE channel SET kind = 'app', level = 1, services = '{_SERVICES}', is_open = removed_at IS NULL,"  # noqa: S608 - ours
        " status = CASE WHEN removed_at IS NULL THEN 'active' ELSE 'removed' END"
    )
    op.execute("UPDATE channel SET url = NULL, secrets = NULL, events = '' WHERE removed_at IS NOT NULL")
    # What sessions and issue numbers name is there already, and goes on.
    op.execute(
        "INSERT INTO channel (name, id, kind, level, services, status, is_open, events, added_at)"  # noqa: S608 - ours
        f" SELECT name, gen_random_uuid(), 'app', 1, '{_SERVICES}', 'active', true, '', now() FROM"
        " (SELECT 'app' AS name UNION SELECT channel FROM session UNION SELECT channel FROM card_issue) AS known"
        " ON CONFLICT (name) DO NOTHING"
    )
    for column in _NEW:
        op.alter_column("channel", column, nullable=False)
    for column, words in (("kind", _KINDS), ("status", _STATUSES)):
        op.alter_column(
            "channel", column, type_=sa.String(32), existing_type=sa.Text(), postgresql_using=f"{column}::varchar(32)"
        )
        listed = ", ".join(f"'{word}'" for word in words)
        op.create_check_constraint(op.f(f"ck_channel_channel{column}"), "channel", f"{column} IN ({listed})")
    op.create_check_constraint(op.f("ck_channel_level"), "channel", "level BETWEEN 1 AND 3")
    op.create_foreign_key(op.f("fk_channel_parent"), "channel", "channel", ["parent"], ["name"])
    op.create_table(
        "channel_key",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("jwk", postgresql.JSONB(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["channel"], ["channel.name"], name=op.f("fk_channel_key_channel")),
        sa.PrimaryKeyConstraint("channel", "kid", name=op.f("pk_channel_key")),
        info={"dist": "reference"},
    )
    op.execute("REVOKE DELETE ON channel FROM escard_app")


def downgrade() -> None:
    op.drop_table("channel_key")
    op.drop_constraint(op.f("fk_channel_parent"), "channel", type_="foreignkey")
    op.execute("DELETE FROM channel WHERE url IS NULL")
    for column in (*_NEW, "parent", "entry"):
        op.drop_column("channel", column)
    op.alter_column("channel", "url", nullable=False)
    op.alter_column("channel", "secrets", nullable=False)
    op.execute("GRANT DELETE ON channel TO escard_app")
