"""Certification of benefits: who has to be certified until when, the certifications, and when a live face passed last.

Revision ID: 0024
Revises: 0023
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_FACE_PURPOSES = ("enrolment", "card_password_reset")
_CASE_PURPOSES = ("enrolment", "card_password_reset", "link_dispute")
_RULES = (
    '{"months": 12, "soon_days": 60, "due_days": 30, "lapse_days": 30, "remind_days": [60, 30, 7, 1],'
    ' "remind_hour": 9, "reuse_hours": 24, "elder_age": 60, "look_days": 7, "look_days_others": 30,'
    ' "fresh_minutes": 10, "again_minutes": 60}'
)


def upgrade() -> None:
    _create_recipients()
    _create_certifications()
    op.create_table(
        "face_pass",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("check_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        _agrees("face_pass", "member_id"),
        sa.PrimaryKeyConstraint("bucket", "member_id", name=op.f("pk_face_pass")),
        info={"dist": "bucket"},
    )
    op.create_table(
        "benefit_record",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number_hmac", sa.LargeBinary(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_benefit_record")),
        sa.UniqueConstraint("number_hmac", name=op.f("uq_benefit_record_number_hmac")),
        info={"dist": "stand_in"},
    )
    op.create_table(
        "benefit_report",
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_benefit_report")),
        info={"dist": "stand_in"},
    )
    _allow("face_check", "facepurpose", *_FACE_PURPOSES, "certification")
    _allow("review_case", "casepurpose", *_CASE_PURPOSES, "certification")
    op.execute(
        "INSERT INTO policy (code, region, valid_from, value) VALUES"  # noqa: S608 - ours
        f" ('certifications', '000000', '2026-01-01', '{_RULES}')"
    )


def downgrade() -> None:
    op.execute("DELETE FROM policy WHERE code = 'certifications'")
    op.execute("DELETE FROM review_case WHERE purpose = 'certification'")
    op.execute("DELETE FROM face_check WHERE purpose = 'certification'")
    _allow("review_case", "casepurpose", *_CASE_PURPOSES)
    _allow("face_check", "facepurpose", *_FACE_PURPOSES)
    for table in ("benefit_report", "benefit_record", "face_pass", "benefit_certification", "benefit_recipient"):
        op.drop_table(table)


def _create_recipients() -> None:
    op.create_table(
        "benefit_recipient",
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            _one_of(
                "standing",
                "not_due",
                "due_soon",
                "due",
                "passed",
                "face_failed",
                "in_review",
                "suspended",
                "restored",
            ),
            nullable=False,
        ),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=True),
        sa.Column("learned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("staged_on", sa.Date(), nullable=False),
        sa.Column("reminded", sa.SmallInteger(), nullable=True),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=False),
        _agrees("benefit_recipient", "person_id"),
        sa.ForeignKeyConstraint(
            ["bucket", "person_id"], ["person.bucket", "person.id"], name=op.f("fk_benefit_recipient_bucket_person_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "person_id", name=op.f("pk_benefit_recipient")),
        info={"dist": "bucket"},
    )
    op.create_index("ix_benefit_recipient_look", "benefit_recipient", ["look_at"])


def _create_certifications() -> None:
    table = "benefit_certification"
    op.create_table(
        table,
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("home_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("link_id", sa.Uuid(), nullable=True),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("way", _one_of("way", "data_match", "face", "counter", "home_visit"), nullable=False),
        sa.Column(
            "state",
            _one_of(
                "certificationstate",
                "open",
                "in_review",
                "reporting",
                "passed",
                "face_failed",
                "rejected",
                "cancelled",
                "not_needed",
            ),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("is_face_reused", sa.Boolean(), nullable=False),
        sa.Column("notice_version", sa.Text(), nullable=True),
        sa.Column("notice_language", sa.Text(), nullable=True),
        sa.Column("notice_sha256", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("certified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("certified_on", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        _agrees(table, "id"),
        sa.CheckConstraint(
            "state NOT IN ('reporting', 'passed') OR certified_on IS NOT NULL", name=op.f(f"ck_{table}_certified_on")
        ),
        sa.ForeignKeyConstraint(
            ["bucket", "person_id"], ["person.bucket", "person.id"], name=op.f(f"fk_{table}_bucket_person_id")
        ),
        sa.PrimaryKeyConstraint("bucket", "id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("bucket", "unit_id", name=op.f(f"uq_{table}_bucket_unit_id")),
        info={"dist": "bucket"},
    )
    op.create_index(f"ix_{table}_person", table, ["bucket", "person_id", "created_at"])
    _create_only_one("open", "account_id", "state = 'open'")
    _create_only_one("review", None, "state = 'in_review'")
    _create_only_one("success", "certified_on", "state IN ('reporting', 'passed')")


def _create_only_one(name: str, column: str | None, where: str) -> None:
    op.create_index(
        f"uq_benefit_certification_{name}",
        "benefit_certification",
        ["bucket", "person_id", *([] if column is None else [column])],
        unique=True,
        postgresql_where=sa.text(where),
    )


def _agrees(table: str, column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(
        f"bucket = get_byte(uuid_send({column}), 0) * 256 + get_byte(uuid_send({column}), 1)",
        name=op.f(f"ck_{table}_bucket_agrees"),
    )


def _one_of(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=32)


def _allow(table: str, kind: str, *words: str) -> None:
    listed = ", ".join(f"'{word}'" for word in words)
    op.drop_constraint(op.f(f"ck_{table}_{kind}"), table)
    op.create_check_constraint(op.f(f"ck_{table}_{kind}"), table, f"purpose IN ({listed})")
