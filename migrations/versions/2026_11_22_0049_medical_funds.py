"""Balances of medical personal accounts move to who keeps them; draws know whether they were settled.

Accounts keep their ids, so the entries of before stay true; they are found by the digest that stands in `identifier`.

Revision ID: 0049
Revises: 0048
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0049"
down_revision: str | None = "0048"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_AGREES = "bucket = get_byte(uuid_send({0}), 0) * 256 + get_byte(uuid_send({0}), 1)"
_BUCKET = "get_byte(uuid_send({0}), 0) * 256 + get_byte(uuid_send({0}), 1)"
_REFERENCE = "sha256(convert_to('medical-credit:' || reference, 'UTF8'))"
_MONEY = sa.Numeric(14, 2)
_MOMENT = sa.DateTime(timezone=True)
_STATES = "state IN ('pending', 'settled', 'refused')"
_MOVEMENTS = ("credit", "draw", "reversal", "return")
_UNKNOWN = """
DO $$ BEGIN
  IF EXISTS (SELECT FROM draw WHERE state = 'pending') OR EXISTS (SELECT FROM draw_reversal WHERE reversed_at IS NULL)
  THEN RAISE EXCEPTION 'some draws are not known to be settled or given back yet: let a worker ask first';
  END IF;
END $$
"""


def upgrade() -> None:
    _create_stand_ins()
    op.execute(
        "INSERT INTO funds_account (id, number_hmac, balance, opened_at)"
        " SELECT a.person_id, (SELECT i.number_hmac FROM identifier i WHERE i.person_id = a.person_id"
        "  ORDER BY i.key_version DESC LIMIT 1), a.balance, a.opened_at FROM medical_account a"
    )
    op.execute(
        "INSERT INTO funds_entry (movement_id, account_id, kind, amount, booked_at)"
        " SELECT movement_id, account_id, kind, amount, booked_at FROM ledger_entry"
    )
    op.execute(
        "INSERT INTO funds_credit (reference, movement_id, account_id, amount, credited_at)"
        " SELECT reference, movement_id, person_id, amount, credited_at FROM medical_credit"
    )
    op.execute(
        "INSERT INTO funds_settlement (order_id, office_id, filed_at, given_back_at)"
        " SELECT d.id, d.office_id, d.drawn_at, r.reversed_at FROM draw d"
        " LEFT JOIN draw_reversal r ON r.bucket = d.bucket AND r.draw_id = d.id"
    )
    op.execute("DELETE FROM ledger_entry WHERE kind IN ('credit', 'return')")
    op.drop_table("medical_credit")
    op.drop_table("medical_account")
    _add_states()


def downgrade() -> None:
    op.execute(_UNKNOWN)
    _drop_states()
    _create_accounts()
    op.execute(
        "CREATE TEMPORARY TABLE whose ON COMMIT DROP AS"
        " SELECT a.id AS account_id, coalesce(h.id, i.person_id) AS person_id"
        " FROM funds_account a LEFT JOIN home h ON h.id = a.id LEFT JOIN identifier i ON i.number_hmac = a.number_hmac"
    )
    op.execute(
        f"INSERT INTO medical_account (bucket, person_id, balance, opened_at)"  # noqa: S608 - ours
        f" SELECT {_BUCKET.format('w.person_id')}, w.person_id, a.balance, a.opened_at"
        " FROM funds_account a JOIN whose w ON w.account_id = a.id WHERE w.person_id IS NOT NULL"
    )
    op.execute("DELETE FROM ledger_entry")
    op.execute(
        f"INSERT INTO ledger_entry (bucket, account_id, movement_id, kind, amount, booked_at)"  # noqa: S608 - ours
        f" SELECT {_BUCKET.format('t.account_id')}, t.* FROM (SELECT coalesce(w.person_id, e.account_id) AS account_id,"
        " e.movement_id, e.kind, e.amount, e.booked_at FROM funds_entry e LEFT JOIN whose w USING (account_id)) t"
    )
    op.execute(
        f"INSERT INTO medical_credit (bucket, reference, movement_id, person_id, amount, credited_at)"  # noqa: S608 - ours
        f" SELECT get_byte({_REFERENCE}, 0) * 256 + get_byte({_REFERENCE}, 1), reference, movement_id,"
        " coalesce(w.person_id, account_id), amount, credited_at FROM funds_credit LEFT JOIN whose w USING (account_id)"
    )
    for table in ("funds_settlement", "funds_credit", "funds_entry", "funds_account"):
        op.drop_table(table)
    op.execute("REVOKE DELETE ON medical_account FROM escard_app")
    op.execute("REVOKE UPDATE, DELETE ON medical_credit FROM escard_app")


def _create_stand_ins() -> None:
    op.create_table(
        "funds_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number_hmac", sa.LargeBinary(), nullable=True),
        sa.Column("balance", _MONEY, nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_funds_account_never_below_zero")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_funds_account")),
        sa.UniqueConstraint("number_hmac", name=op.f("uq_funds_account_number_hmac")),
        info={"dist": "stand_in"},
    )
    op.create_table(
        "funds_entry",
        sa.Column("movement_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("kind", _words("movement", *_MOVEMENTS), nullable=False),
        sa.Column("amount", _MONEY, nullable=False),
        sa.Column("booked_at", _MOMENT, nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_funds_entry_moves_something")),
        sa.PrimaryKeyConstraint("movement_id", "account_id", name=op.f("pk_funds_entry")),
        info={"dist": "stand_in"},
    )
    op.create_index("ix_funds_entry_account", "funds_entry", ["account_id"])
    op.create_table(
        "funds_credit",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("movement_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("amount", _MONEY, nullable=False),
        sa.Column("credited_at", _MOMENT, nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_funds_credit_gives_something")),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_funds_credit")),
        info={"dist": "stand_in"},
    )
    op.create_table(
        "funds_settlement",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("office_id", sa.Text(), nullable=False),
        sa.Column("refusal", _words("fundsrefusal", "short", "no_account"), nullable=True),
        sa.Column("filed_at", _MOMENT, nullable=False),
        sa.Column("given_back_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_funds_settlement")),
        info={"dist": "stand_in"},
    )
    op.execute("REVOKE DELETE ON funds_account, funds_settlement FROM escard_app")
    op.execute("REVOKE UPDATE, DELETE ON funds_entry, funds_credit FROM escard_app")


def _add_states() -> None:
    for table in ("draw", "draw_share"):
        op.add_column(table, sa.Column("state", sa.String(length=32), nullable=True))
        op.execute(f"UPDATE {table} SET state = 'settled'")  # noqa: S608 - ours
        op.alter_column(table, "state", existing_type=sa.String(length=32), nullable=False)
        op.create_check_constraint(op.f(f"ck_{table}_drawstate"), table, _STATES)
    op.add_column("draw", sa.Column("shown_by", sa.Uuid(), nullable=True))
    op.drop_constraint(op.f("uq_draw_bucket_code_id"), "draw")
    op.create_index(
        "uq_draw_bucket_code_id",
        "draw",
        ["bucket", "code_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'refused'"),
    )
    op.add_column("draw_reversal", sa.Column("asked_at", _MOMENT, nullable=True))
    op.execute("UPDATE draw_reversal SET asked_at = reversed_at")
    op.alter_column("draw_reversal", "asked_at", existing_type=_MOMENT, nullable=False)
    op.alter_column("draw_reversal", "reversed_at", existing_type=_MOMENT, nullable=True)
    op.execute("GRANT UPDATE (state) ON draw TO escard_app")
    op.execute("GRANT UPDATE (reversed_at) ON draw_reversal TO escard_app")
    op.execute("GRANT DELETE ON draw_order TO escard_app")


def _drop_states() -> None:
    op.execute("REVOKE DELETE ON draw_order FROM escard_app")
    op.execute("REVOKE UPDATE (reversed_at) ON draw_reversal FROM escard_app")
    op.execute("DELETE FROM draw_share WHERE state = 'refused'")
    op.execute(
        "DELETE FROM draw_part p USING draw d WHERE d.bucket = p.bucket AND d.id = p.draw_id AND d.state = 'refused'"
    )
    op.execute("DELETE FROM draw WHERE state = 'refused'")
    op.drop_index("uq_draw_bucket_code_id", "draw")
    op.create_unique_constraint(op.f("uq_draw_bucket_code_id"), "draw", ["bucket", "code_id"])
    op.drop_column("draw", "shown_by")
    for table in ("draw", "draw_share"):
        op.drop_column(table, "state")
    op.alter_column("draw_reversal", "reversed_at", existing_type=_MOMENT, nullable=False)
    op.drop_column("draw_reversal", "asked_at")


def _create_accounts() -> None:
    op.create_table(
        "medical_account",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("balance", _MONEY, nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.CheckConstraint(_AGREES.format("person_id"), name=op.f("ck_medical_account_bucket_agrees")),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_medical_account_never_below_zero")),
        sa.ForeignKeyConstraint(
            ["bucket", "person_id"], ["home.bucket", "home.id"], name=op.f("fk_medical_account_bucket_person_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "person_id", name=op.f("pk_medical_account")),
        info={"dist": "bucket"},
    )
    op.create_table(
        "medical_credit",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("movement_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("amount", _MONEY, nullable=False),
        sa.Column("credited_at", _MOMENT, nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_medical_credit_gives_something")),
        sa.PrimaryKeyConstraint("bucket", "reference", name=op.f("pk_medical_credit")),
        info={"dist": "bucket"},
    )


def _words(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)
