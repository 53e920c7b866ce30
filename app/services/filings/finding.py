"""Finds filings: as the person's whose they are, and locked."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select, tuple_

from app.core.db import Session, bucket_of
from app.core.errors import NotFound
from app.models.filings import Filing
from app.services.people import homes

F = TypeVar("F", bound=Filing)


async def of_person(session: Session, kind: type[F], person_id: UUID, filing_id: UUID) -> F:
    """Return one of a person's filings.

    Raises:
        NotFound: it is not theirs.
    """
    found = await session.get(kind, (bucket_of(filing_id), filing_id), populate_existing=True)
    if found is None or found.person_id != person_id:
        raise NotFound
    return found


async def locked(session: Session, kind: type[F], filing_id: UUID) -> F:
    """Return a filing that is there, locked; the homes are locked before it."""
    return await session.get_one(kind, (bucket_of(filing_id), filing_id), with_for_update=True, populate_existing=True)


async def locked_with_homes(session: Session, kind: type[F], filing_id: UUID) -> F:
    """Return a filing that is there, locked with the homes of whom it concerns.

    So an end or a dispute of the link comes before or after, never between. Who has filed it may have closed their
    account since; for the person it goes on.
    """
    seen = await session.get_one(kind, (bucket_of(filing_id), filing_id), populate_existing=True)
    await homes.lock_rows(session, {seen.person_id, seen.filed_by})
    return await locked(session, kind, filing_id)


async def page(
    session: Session, kind: type[F], person_id: UUID, after: tuple[datetime, UUID] | None, most: int
) -> Sequence[F]:
    """Return a person's filings, the newest first, from behind a row on."""
    statement = select(kind).where(kind.bucket == bucket_of(person_id), kind.person_id == person_id)
    if after is not None:
        statement = statement.where(tuple_(kind.created_at, kind.id) < after)
    rows = await session.scalars(statement.order_by(kind.created_at.desc(), kind.id.desc()).limit(most))
    return rows.all()
