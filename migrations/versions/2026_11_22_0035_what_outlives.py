"""Certifications and photos of orders hang on the home, which stays; persons and orders may go before them.

Revision ID: 0035
Revises: 0034
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0035"
down_revision: str | None = "0034"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_CERTIFICATION, _PHOTO = "benefit_certification", "card_photo"
_PERSON_KEY = "fk_benefit_certification_bucket_person_id"
_ORDER_KEY, _HOME_KEY = "fk_card_photo_bucket_order_id", "fk_card_photo_bucket_home_id"


def upgrade() -> None:
    op.drop_constraint(op.f(_PERSON_KEY), _CERTIFICATION, type_="foreignkey")
    op.create_foreign_key(op.f(_PERSON_KEY), _CERTIFICATION, "home", ["bucket", "person_id"], ["bucket", "id"])
    op.drop_constraint(op.f(_ORDER_KEY), _PHOTO, type_="foreignkey")
    op.create_foreign_key(op.f(_HOME_KEY), _PHOTO, "home", ["bucket", "home_id"], ["bucket", "id"])


def downgrade() -> None:
    op.drop_constraint(op.f(_HOME_KEY), _PHOTO, type_="foreignkey")
    op.create_foreign_key(op.f(_ORDER_KEY), _PHOTO, "card_order", ["bucket", "order_id"], ["bucket", "id"])
    op.drop_constraint(op.f(_PERSON_KEY), _CERTIFICATION, type_="foreignkey")
    op.create_foreign_key(op.f(_PERSON_KEY), _CERTIFICATION, "person", ["bucket", "person_id"], ["bucket", "id"])
