"""Looks at rows behind the API's back."""

from sqlalchemy import func, select

from app.core.db import Database
from app.models.base import Base


async def count(db: Database, table: type[Base]) -> int:
    """Return how many rows a table has."""
    found = await db.run(lambda session: session.scalar(select(func.count()).select_from(table)))
    assert found is not None
    return found
