"""Binds relatives to owners' medical accounts by the services: for tests that are about what comes afterwards."""

from app.core.db import Database
from app.models.sharing import SharingBinding, SharingWay
from app.services import audit
from app.services.people.identifiers import Population, parse_number
from app.services.people.relationships import find_relationship
from app.services.sharing import binding
from app.services.sharing.binding import Wanted
from tests.factories.make import Someone


def wanted(owner: Someone, member: Someone, relationship: str, *, has_phone: bool = True) -> Wanted:
    """Say whom an owner wants to share with."""
    return Wanted(
        owner_id=owner.id,
        number=parse_number(member.registered.number, population=Population.WITH_TEST_PEOPLE),
        registered=member.registered,
        relationship=find_relationship(relationship),
        way=SharingWay.WEB_PAGE,
        channel=None,
        language="en",
        has_phone=has_phone,
    )


async def shared(db: Database, owner: Someone, member: Someone, relationship: str = "51") -> SharingBinding:
    """Let an owner share with somebody: active, as from a counter."""
    asked = wanted(owner, member, relationship)
    return await db.run(lambda session: binding.bind_in_person(session, asked, audit.SYSTEM))
