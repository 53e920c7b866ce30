"""Who belongs to whose family: nobody handles their own relatives (domain: staff).

By the register two people belong together when one is in the other's line, or they have somebody of their lines in
common: a person's line are themselves, their parents and guardians, and those people's parents and guardians. That
holds parents, children, grandparents, grandchildren, siblings, uncles, nephews and cousins. Family links here and
medical accounts that are shared, also ended ones, tell of spouses and in-laws.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

from app.core.db import Database, Session, bucket_of
from app.models.links import FamilyLink
from app.models.sharing import SharingBinding
from app.ports.register import Register
from app.services.people import homes


async def is_related(db: Database, register: Register, person_id: UUID, others: Collection[UUID]) -> bool:
    """Say whether somebody is one of these people, or of their family; no connection is held while the register thinks.

    Raises:
        RegisterUnavailable: it cannot be said.
    """
    if person_id in others or await db.run(lambda session: _are_linked(session, person_id, others)):
        return True
    numbers = [
        (await db.run(lambda session, each=each: homes.person(session, each))).number  # type: ignore[misc]
        for each in (person_id, *others)
    ]
    own, *theirs = [await _line(register, number) for number in numbers]
    return any(not own.isdisjoint(line) for line in theirs)


async def _line(register: Register, number: str) -> frozenset[str]:
    parents = await _parents(register, number)
    grandparents = [await _parents(register, parent) for parent in sorted(parents)]
    return frozenset({number}).union(parents, *grandparents)


async def _parents(register: Register, number: str) -> frozenset[str]:
    person = await register.find(number)
    return frozenset() if person is None else person.parents | person.guardians


async def _are_linked(session: Session, person_id: UUID, others: Collection[UUID]) -> bool:
    """Say whether a family link or a sharing was ever started between somebody and one of these, from either side."""
    for table in (FamilyLink, SharingBinding):
        found = await session.scalar(
            select(table.id).where(table.active_since.is_not(None), or_(*_between(table, person_id, others))).limit(1)
        )
        if found is not None:
            return True
    return False


def _between(
    table: type[FamilyLink | SharingBinding], person_id: UUID, others: Collection[UUID]
) -> list[ColumnElement[bool]]:
    pairs = [(person_id, other) for other in others] + [(other, person_id) for other in others]
    return [
        (table.bucket == bucket_of(owner)) & (table.owner_id == owner) & (table.member_id == member)
        for owner, member in pairs
    ]
