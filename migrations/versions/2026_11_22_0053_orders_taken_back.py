"""Card orders are taken back; filings say that a card or a death kept them here.

Revision ID: 0053
Revises: 0052
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0053"
down_revision: str | None = "0052"
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
_FAILURES = ("photo_refused", "details_differ", "bank_refused", "not_entitled", "not_collected", "other", "photo_gone")
_ENDS = ("link_ended", "link_frozen", "service_not_shared")
_OVER = ("draft", "collected", "failed", "not_submitted")


def upgrade() -> None:
    _allow((*_STATES, "withdrawn"), (*_FAILURES, "already_under_way"), (*_ENDS, "card_not_in_order", "holder_died"))
    _one_under_way(*_OVER, "withdrawn")


def downgrade() -> None:
    op.execute("UPDATE card_order SET state = 'not_submitted' WHERE state = 'withdrawn'")
    op.execute("UPDATE card_order_step SET state = 'not_submitted' WHERE state = 'withdrawn'")
    op.execute("UPDATE card_order_step SET reason = 'other' WHERE reason = 'already_under_way'")
    for table in ("card_order", "transfer"):
        op.execute(
            f"UPDATE {table} SET not_submitted_because = 'service_not_shared'"  # noqa: S608 - ours
            " WHERE not_submitted_because IN ('card_not_in_order', 'holder_died')"
        )
    _allow(_STATES, _FAILURES, _ENDS)
    _one_under_way(*_OVER)


def _allow(states: Sequence[str], failures: Sequence[str], ends: Sequence[str]) -> None:
    for table, column, name, words in (
        ("card_order", "state", "cardorderstate", states),
        ("card_order_step", "state", "cardorderstate", states),
        ("card_order_step", "reason", "cardorderfailure", failures),
        ("card_order", "not_submitted_because", "filingend", ends),
        ("transfer", "not_submitted_because", "filingend", ends),
    ):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({_listed(words)})")


def _one_under_way(*others: str) -> None:
    op.drop_index("uq_card_order_under_way", "card_order")
    op.create_index(
        "uq_card_order_under_way",
        "card_order",
        ["bucket", "person_id"],
        unique=True,
        postgresql_where=sa.text(f"state NOT IN ({_listed(others)})"),
    )


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
