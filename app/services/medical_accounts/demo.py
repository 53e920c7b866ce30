"""What is in the personal accounts of the demo's people on the day they are made; development alone puts it there."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from uuid import UUID

from app.core.db import Database
from app.services.medical_accounts import crediting
from app.services.medical_accounts.crediting import Credit

CREDITS: Final[Mapping[str, Decimal]] = {
    "owner": Decimal("12.30"),
    "spouse": Decimal("1860.00"),
    "parent-68": Decimal("905.40"),
    "parent-mother": Decimal("640.00"),
    "sibling": Decimal("320.75"),
    "second-owner": Decimal("88.00"),
}
"""In yuan, by labels; the owner's is small, so that a payment soon draws on somebody else's."""


async def put(db: Database, person_id: UUID, label: str) -> None:
    """Credit one of them, unless they were; people who are made anew are others, and are credited again."""
    credit = Credit(person_id, CREDITS[label], f"demo/{label}/{person_id.hex[:16]}")
    await db.run(lambda session: crediting.credit(session, credit))
